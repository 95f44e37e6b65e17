/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The engine under a front end that is a debugger itself, over a made-up agent: what goes
 * when, what is told, and what comes along.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <signal.h>
#include <string.h>

#include "common/err.h"
#include "raw_agent.h"

/* ---- patches ---------------------------------------------------------------------------- */

static void patches_go_in_one_flight_with_what_lets_it_run(void **state)
{
	unsigned before;

	(void)state;
	attach();
	patch(HE_PATCH_SOFT, CODE, 0);
	patch(HE_PATCH_HARD, CODE + 16, 0);
	assert_int_equal(seen.sets, 0);
	before = fake.flights;
	run_on();
	/* The instruction there was read, being known from nowhere. */
	assert_int_equal(fake.flights, before + 2);
	assert_int_equal(seen.n_set, 2);
	assert_int_equal(seen.goes, 1);
	assert_true(seen.set[0].flags & WIRE_PATCH_NEEDED);
	assert_int_equal(seen.signals, ~UINT64_C(0));
}

static void what_is_cleared_and_set_again_before_it_runs_has_never_left(void **state)
{
	uint32_t id;

	(void)state;
	attach();
	id = patch(HE_PATCH_SOFT, CODE, 0);
	run_on();
	STOP(0x1f, {0, WIRE_STOP_SIGNAL, SIGUSR1, 0, 0, 0});
	told(0, HE_R_SIGNAL);
	assert_true(he_unpatch_at(target, HE_PATCH_SOFT, CODE, 1));
	assert_false(he_unpatch_at(target, HE_PATCH_SOFT, CODE, 1));
	assert_int_equal(patch(HE_PATCH_SOFT, CODE, 0), id);
	seen.n_set = 0;
	run_on();
	assert_int_equal(seen.n_set, 0);
	assert_int_equal(seen.n_cleared, 0);
	assert_int_equal(seen.goes, 2);
}

static void what_is_cleared_goes_with_the_next_flight(void **state)
{
	(void)state;
	attach();
	he_unpatch(target, patch(HE_PATCH_SOFT, CODE + 64, 0));
	he_unpatch(target, 4711);
	he_unpatch(target, patch(HE_PATCH_WRITE, 0x7000, 8));
	patch(HE_PATCH_SOFT, CODE, 0);
	run_on();
	assert_int_equal(seen.n_set, 1);
	STOP(0x1f, {0, WIRE_STOP_SIGNAL, SIGUSR1, 0, 0, 0});
	told(0, HE_R_SIGNAL);
	assert_true(he_unpatch_at(target, HE_PATCH_SOFT, CODE, 0));
	assert_int_equal(seen.n_cleared, 0);
	run_on();
	assert_int_equal(seen.n_cleared, 1);
	assert_int_equal(seen.cleared[0], seen.set[0].id);
}

static void each_condition_is_a_patch_of_the_agents_and_one_is_hit(void **state)
{
	static const uint8_t yes[] = {0x22, 1, 0x27}, no[] = {0x22, 0, 0x27};
	const struct he_code code[] = {{no, sizeof(no)}, {yes, sizeof(yes)}};
	struct he_patch q = {.addr = CODE, .conditions = code, .n_conditions = 2};
	struct he_event ev;
	uint32_t id;

	(void)state;
	attach();
	assert_null(he_patch(target, &q, &id));
	run_on();
	assert_int_equal(seen.n_set, 2);
	assert_int_equal(seen.set[0].condition.n, sizeof(no));
	STOP(0x1f, {1, WIRE_STOP_PATCH, 0, seen.set[1].id, 0, 0});
	ev = told(1, HE_R_BREAKPOINT);
	assert_int_equal(ev.n_patches, 1);
	assert_int_equal(ev.patches[0], id);
	/* Without one it is another. */
	seen.n_set = 0;
	assert_int_equal(patch(HE_PATCH_SOFT, CODE, 0), id);
	run_on();
	assert_int_equal(seen.n_set, 1);
	assert_int_equal(seen.n_cleared, 1);
}

static void data_of_any_size_is_cut_into_what_the_processor_watches(void **state)
{
	struct he_patch many = {.kind = HE_PATCH_ACCESS, .addr = 0x9001, .len = 7};
	struct he_event ev;
	uint32_t id;

	(void)state;
	attach();
	id = patch(HE_PATCH_WRITE, 0x8004, 12);
	/* One, two and four bytes would be five registers in all. */
	assert_int_equal(code_of(he_patch(target, &many, &id)), E_NO_DEBUG_REGISTER);
	run_on();
	assert_int_equal(seen.n_set, 2);
	assert_true(seen.set[0].addr == 0x8004 && seen.set[0].len == 4);
	assert_true(seen.set[1].addr == 0x8008 && seen.set[1].len == 8);
	STOP(0x1f, {2, WIRE_STOP_PATCH, 0, seen.set[1].id, 0x8008, 0});
	ev = told(2, HE_R_WATCH);
	assert_int_equal(ev.data_addr, 0x8008);
	assert_int_equal(ev.break_kind, HE_BREAK_WATCH);
}

static void a_patch_where_nothing_is_mapped_is_refused_at_once(void **state)
{
	struct he_patch q = {.addr = 0x10};
	uint32_t id;

	(void)state;
	attach();
	assert_int_equal(code_of(he_patch(target, &q, &id)), E_FAULT);
	run_on();
	assert_int_equal(seen.n_set, 0);
}

static void where_no_code_is_nothing_is_needed(void **state)
{
	(void)state;
	attach();
	seen.refused = FAKE_MEM + 64;
	seen.refused_as = E_NO_CODE;
	seen.refusals = 99;
	patch(HE_PATCH_SOFT, FAKE_MEM + 64, 0);
	run_on();
	assert_int_equal(seen.goes, 1);
	assert_false(seen.set[0].flags & WIRE_PATCH_NEEDED);
	STOP(0x1f, {0, WIRE_STOP_SIGNAL, SIGSEGV, 0, 0, 0});
	told(0, HE_R_SIGNAL);
	/* There may be some by now. */
	run_on();
	assert_int_equal(seen.n_set, 2);
}

static void nothing_runs_without_a_patch_that_cannot_be_planted(void **state)
{
	struct he_target_info info;
	struct he_error *err;

	(void)state;
	attach();
	seen.refused = CODE;
	seen.refused_as = E_INSIDE;
	seen.refusals = 99;
	patch(HE_PATCH_SOFT, CODE, 0);
	err = go(0, HE_GO_CONT, 0);
	assert_non_null(err);
	assert_int_equal(err->addr, CODE);
	assert_int_equal(code_of(err), E_INSIDE);
	assert_int_equal(seen.goes, 0);
	he_target_info(target, &info);
	assert_int_equal(info.state, HE_STOPPED);
	seen.refusals = 0;
	run_on();
	assert_int_equal(seen.goes, 1);
}

static void conditions_the_agent_cannot_read_are_left_to_the_front_end(void **state)
{
	static const uint8_t odd[] = {0xff};
	const struct he_code code = {odd, sizeof(odd)};
	struct he_patch q = {.addr = CODE, .conditions = &code, .n_conditions = 1};
	uint32_t id;

	(void)state;
	attach();
	seen.refused = CODE;
	seen.refused_as = E_BAD_CONDITION;
	seen.refusals = 1;
	assert_null(he_patch(target, &q, &id));
	run_on();
	assert_int_equal(seen.goes, 1);
	assert_int_equal(seen.n_set, 2);
	assert_int_equal(seen.set[0].condition.n, 1);
	assert_int_equal(seen.set[1].condition.n, 0);
}

static void without_the_right_to_write_patches_are_refused(void **state)
{
	struct he_patch q = {.addr = CODE};
	uint32_t id;

	(void)state;
	he_disconnect(server);
	fake.rights = HE_RIGHT_LOOK | HE_RIGHT_STOP;
	assert_null(he_connect(engine, "box", &server));
	attach();
	assert_int_equal(code_of(he_patch(target, &q, &id)), E_RIGHT);
	fake.rights |= HE_RIGHT_WRITE;
}

/* ---- several at once ------------------------------------------------------------------------ */

static uint32_t two_hit_at_once(void)
{
	uint32_t id;

	attach();
	id = patch(HE_PATCH_SOFT, CODE, 0);
	run_on();
	STOP(0x1f, {1, WIRE_STOP_PATCH, 0, seen.set[0].id, 0, 0},
	    {3, WIRE_STOP_PATCH, 0, seen.set[0].id, 0, 0});
	told(1, HE_R_BREAKPOINT);
	nothing_told();
	return id;
}

static void one_is_told_and_the_other_when_it_would_run(void **state)
{
	(void)state;
	two_hit_at_once();
	/* One that stays where it is has no say. */
	assert_null(go(FAKE_PID + 1, HE_GO_STEP, 0));
	assert_int_equal(seen.goes, 2);
	STOP(0x1f, {1, WIRE_STOP_STEP, 0, 0, 0, 0});
	told(1, HE_R_STEP);
	run_on();
	assert_int_equal(seen.goes, 2);
	told(3, HE_R_BREAKPOINT);
	nothing_told();
	run_on();
	assert_int_equal(seen.goes, 3);
}

static void who_goes_past_is_not_hit_again_and_the_other_is_told_first(void **state)
{
	const struct he_go all = {.action = HE_GO_CONT};

	(void)state;
	two_hit_at_once();
	assert_true(seen.hits);
	assert_null(he_go_past(target, &all, 1, false));
	assert_int_equal(seen.goes, 1);
	told(3, HE_R_BREAKPOINT);
	assert_null(he_go_past(target, &all, 1, false));
	assert_int_equal(seen.goes, 2);
	assert_false(seen.hits);
	STOP(0x1f, {1, WIRE_STOP_PATCH, 0, seen.set[0].id, 0, 0});
	told(1, HE_R_BREAKPOINT);
	run_on();
	assert_true(seen.hits);
}

static void what_waits_is_dropped_when_its_patch_is_gone(void **state)
{
	(void)state;
	he_unpatch(target, two_hit_at_once());
	run_on();
	assert_int_equal(seen.goes, 2);
	nothing_told();
}

static void what_waits_is_dropped_when_its_thread_was_moved(void **state)
{
	const struct he_register pc = {.name = "rip", .bits = 64, .value = {0x50}};
	const struct he_register ax = {.name = "rax", .bits = 64, .value = {1}};

	(void)state;
	two_hit_at_once();
	assert_null(he_write_registers(target, FAKE_PID + 3, &ax, 1));
	run_on();
	told(3, HE_R_BREAKPOINT);
	teardown(state);
	setup(state);
	two_hit_at_once();
	assert_null(he_write_registers(target, FAKE_PID + 3, &pc, 1));
	run_on();
	assert_int_equal(seen.goes, 2);
	nothing_told();
}

static void signals_of_a_go_that_told_something_instead_are_kept(void **state)
{
	(void)state;
	two_hit_at_once();
	assert_null(go(0, HE_GO_CONT, 0));
	told(3, HE_R_BREAKPOINT);
	teardown(state);
	setup(state);
	two_hit_at_once();
	{
		const struct he_go v[] = {
		    {.tid = FAKE_PID + 1, .signal = SIGUSR1}, {.tid = 0, .signal = 0}};

		assert_null(he_go(target, v, 2, false));
	}
	told(3, HE_R_BREAKPOINT);
	run_on();
	assert_int_equal(seen.n_go, 2);
	assert_int_equal(seen.go[0].tid, FAKE_PID + 1);
	assert_int_equal(seen.go[0].signal, SIGUSR1);
	assert_int_equal(seen.go[1].tid, 0);
}

static void those_that_want_all_get_all(void **state)
{
	struct he_event ev;

	(void)state;
	two_hit_at_once();
	assert_true(he_also_stopped(target, &ev));
	assert_int_equal(ev.tid, FAKE_PID + 3);
	assert_false(he_also_stopped(target, &ev));
	run_on();
	assert_int_equal(seen.goes, 2);
}

static void a_hit_of_what_was_cleared_is_not_told_and_it_runs_on(void **state)
{
	(void)state;
	attach();
	assert_null(go(FAKE_PID, HE_GO_CONT, 0));
	STOP(0x1f, {0, WIRE_STOP_PATCH, 0, 77, 0, 0});
	nothing_told();
	assert_int_equal(seen.goes, 2);
	assert_int_equal(seen.go[0].tid, FAKE_PID);
	assert_int_equal(seen.go[0].signal, -1);
}

static struct why late; /* a thread's, that was late for the stop before */

static void stops_late(void)
{
	STOP(0x1f, late);
}

static void one_that_is_late_and_has_nothing_to_tell_goes_with_the_others(void **state)
{
	(void)state;
	attach();
	patch(HE_PATCH_SOFT, CODE, 0);
	run_on();
	STOP(0x01, {0, WIRE_STOP_PATCH, 0, seen.set[0].id, 0, 0});
	told(0, HE_R_BREAKPOINT);
	late = (struct why){.thread = 1, .reason = WIRE_STOP_REQUEST};
	seen.meanwhile = stops_late;
	run_on();
	assert_int_equal(seen.goes, 2);
	nothing_told();
}

static void what_one_that_is_late_has_hit_is_told_in_place_of_going(void **state)
{
	(void)state;
	attach();
	patch(HE_PATCH_SOFT, CODE, 0);
	run_on();
	STOP(0x01, {0, WIRE_STOP_PATCH, 0, seen.set[0].id, 0, 0});
	told(0, HE_R_BREAKPOINT);
	late = (struct why){.thread = 1, .reason = WIRE_STOP_PATCH, .patch = seen.set[0].id};
	seen.meanwhile = stops_late;
	run_on();
	assert_int_equal(seen.goes, 1);
	told(1, HE_R_BREAKPOINT);
	nothing_told();
	run_on();
	assert_int_equal(seen.goes, 2);
}

static void a_stop_that_was_asked_for_is_told_once(void **state)
{
	(void)state;
	attach();
	run_on();
	assert_null(he_interrupt(target, 0));
	told(0, HE_R_REQUEST);
	/* One that was late. */
	STOP(0x1f, {2, WIRE_STOP_REQUEST, 0, 0, 0, 0});
	nothing_told();
	assert_int_equal(seen.goes, 1);
}

/* ---- alone ---------------------------------------------------------------------------------- */

static void alone_each_is_told_and_only_the_told_run_on(void **state)
{
	const struct he_go all = {.signal = 0};

	(void)state;
	attach();
	patch(HE_PATCH_SOFT, CODE, 0);
	assert_null(he_go(target, &all, 1, true));
	assert_int_equal(seen.stop, WIRE_STOPS_THREAD);
	assert_int_equal(seen.set[0].stop, WIRE_STOPS_THREAD);
	STOP(0x0a, {1, WIRE_STOP_PATCH, 0, seen.set[0].id, 0, 0},
	    {3, WIRE_STOP_SIGNAL, SIGUSR1, 0, 0, 0});
	told(1, HE_R_BREAKPOINT);
	told(3, HE_R_SIGNAL);
	nothing_told();
	/* Another has stopped meanwhile, which nobody was told. */
	STOP(0x1a, {4, WIRE_STOP_SIGNAL, SIGUSR1, 0, 0, 0});
	assert_null(he_go(target, &all, 1, true));
	assert_int_equal(seen.n_go, 2);
	assert_int_equal(seen.go[0].tid + seen.go[1].tid, 2 * FAKE_PID + 4);
	told(4, HE_R_SIGNAL);
}

static void alone_threads_that_are_asked_to_stand_are_told_one_by_one(void **state)
{
	const struct he_go all = {.signal = 0};

	(void)state;
	attach();
	assert_null(he_go(target, &all, 1, true));
	seen.quiet = true;
	assert_null(he_interrupt(target, 0));
	STOP(0x05, {2, WIRE_STOP_REQUEST, 0, 0, 0, 0});
	told(0, HE_R_REQUEST);
	told(2, HE_R_REQUEST);
	STOP(0x07, {1, WIRE_STOP_REQUEST, 0, 0, 0, 0});
	told(1, HE_R_REQUEST);
	nothing_told();
}

/* ---- events ------------------------------------------------------------------------------------
 */

static void what_is_asked_for_is_told_with_its_number(void **state)
{
	const uint32_t numbers[] = {39};
	const struct he_catches q = {.events = 1u << HE_CATCH_CLONE | 1u << HE_CATCH_EXIT,
	    .follow = HE_FOLLOW_BOTH,
	    .syscalls = true,
	    .numbers = numbers,
	    .n_numbers = 1};
	struct he_event ev;

	(void)state;
	attach();
	assert_null(he_catch_events(target, &q));
	run_on();
	assert_int_equal(
	    seen.caught.events, WIRE_CATCH_CLONE | WIRE_CATCH_EXIT | WIRE_CATCH_SYSCALL);
	assert_int_equal(seen.caught.follow, WIRE_FOLLOW_BOTH);
	STOP(0x1f, {1, WIRE_STOP_SYSRET, 0, 0, 0, 39});
	ev = told(1, HE_R_CATCH);
	assert_int_equal(ev.caught, HE_CATCH_SYSCALL);
	assert_true(ev.returned && ev.number == 39);
	run_on();
	STOP(0x1f, {1, WIRE_STOP_CLONE, 0, 0, 0, FAKE_PID + 9});
	ev = told(1, HE_R_CATCH);
	assert_true(ev.caught == HE_CATCH_CLONE && ev.number == FAKE_PID + 9);
}

static void signals_that_pass_are_not_asked_for(void **state)
{
	(void)state;
	attach();
	assert_null(he_pass_signals(target, 1u << (SIGALRM - 1), 1u << (SIGTRAP - 1)));
	run_on();
	assert_int_equal(seen.signals, ~(UINT64_C(1) << (SIGALRM - 1)));
}

static void what_came_with_a_signal_can_be_read_and_written(void **state)
{
	uint8_t info[200] = {0};
	size_t len = sizeof(info);

	(void)state;
	attach();
	assert_int_equal(code_of(he_siginfo(target, FAKE_PID, info, &len)), E_STATE);
	run_on();
	STOP(0x1f, {0, WIRE_STOP_SIGNAL, SIGUSR1, 0, 0, 0});
	told(0, HE_R_SIGNAL);
	assert_null(he_siginfo(target, FAKE_PID, info, &len));
	assert_int_equal(len, 128);
	assert_int_equal(info[0], SIGUSR1);
	info[0] = SIGUSR2;
	assert_null(he_set_siginfo(target, FAKE_PID, info, len));
	assert_int_equal(seen.siginfo[0], SIGUSR2);
	assert_int_equal(code_of(he_set_siginfo(target, FAKE_PID, info, 12)), E_MALFORMED);
	run_on();
	assert_int_equal(code_of(he_siginfo(target, FAKE_PID, info, &len)), E_STATE);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(patches_go_in_one_flight_with_what_lets_it_run),
	    T(what_is_cleared_and_set_again_before_it_runs_has_never_left),
	    T(what_is_cleared_goes_with_the_next_flight),
	    T(each_condition_is_a_patch_of_the_agents_and_one_is_hit),
	    T(data_of_any_size_is_cut_into_what_the_processor_watches),
	    T(a_patch_where_nothing_is_mapped_is_refused_at_once),
	    T(where_no_code_is_nothing_is_needed),
	    T(nothing_runs_without_a_patch_that_cannot_be_planted),
	    T(conditions_the_agent_cannot_read_are_left_to_the_front_end),
	    T(without_the_right_to_write_patches_are_refused),
	    T(one_is_told_and_the_other_when_it_would_run),
	    T(who_goes_past_is_not_hit_again_and_the_other_is_told_first),
	    T(what_waits_is_dropped_when_its_patch_is_gone),
	    T(what_waits_is_dropped_when_its_thread_was_moved),
	    T(signals_of_a_go_that_told_something_instead_are_kept),
	    T(those_that_want_all_get_all),
	    T(a_hit_of_what_was_cleared_is_not_told_and_it_runs_on),
	    T(one_that_is_late_and_has_nothing_to_tell_goes_with_the_others),
	    T(what_one_that_is_late_has_hit_is_told_in_place_of_going),
	    T(a_stop_that_was_asked_for_is_told_once),
	    T(alone_each_is_told_and_only_the_told_run_on),
	    T(alone_threads_that_are_asked_to_stand_are_told_one_by_one),
	    T(what_is_asked_for_is_told_with_its_number),
	    T(signals_that_pass_are_not_asked_for),
	    T(what_came_with_a_signal_can_be_read_and_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
