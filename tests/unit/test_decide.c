/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the engine tells a person of the stops an agent reports, whom it lets run, and what
 * it asks for; over a made-up agent, an honest one and a liar.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <signal.h>

#include "common/err.h"
#include "person.h"

/* ---- all stop ----------------------------------------------------------------------------------
 */

static void a_breakpoint_goes_when_it_is_set_and_is_told_by_its_number(void **state)
{
	unsigned n;
	struct he_event ev;

	(void)state;
	attach();
	n = breakpoint(CODE);
	go_on(0);
	assert_int_equal(seen.n_set, 1);
	assert_int_equal(seen.set[0].stop, WIRE_STOPS_ALL);
	assert_true(went_alone(0));
	hit(ALL, 2, seen.set[0].id);
	ev = told(2, HE_R_BREAKPOINT);
	assert_int_equal(ev.n_breakpoints, 1);
	assert_int_equal(ev.breakpoints[0], n);
	nothing_told();
	assert_int_equal(seen.goes, 1);
}

static void nothing_goes(void)
{
	assert_int_equal(code_of(he_continue(target, 0)), E_LIMIT);
	assert_int_equal(seen.goes, 0);
}

/* What cannot be sent would be missed: nothing runs without it, and it goes the next time. */
static void without_memory_for_what_it_is_to_stop_at_nothing_runs(void **state)
{
	struct he_break here = {.where = "*0", .addr = CODE};
	struct he_break fork = {.kind = HE_BREAK_CATCH, .catch = HE_CATCH_FORK};
	unsigned n;

	(void)state;
	attach();
	fake.unsendable = WIRE_patch_set;
	assert_int_equal(code_of(he_break(engine, target, &here, &n)), E_LIMIT);
	fake.unsendable = WIRE_catch;
	assert_int_equal(code_of(he_break(engine, target, &fork, &n)), E_LIMIT);
	fake.unsendable = 0;
	n = breakpoint(CODE);
	fake.unsendable = WIRE_go_after;
	nothing_goes();
	fake.unsendable = WIRE_patch_clear;
	assert_int_equal(code_of(he_break_delete(engine, n)), E_LIMIT);
	nothing_goes();
	fake.unsendable = 0;
	seen.n_cleared = 0;
	go_on(0);
	assert_int_equal(seen.goes, 1);
	assert_int_equal(seen.n_cleared, 1);
}

static void an_ignore_count_and_a_condition_in_bytecode_are_the_agents(void **state)
{
	(void)state;
	attach();
	at(CODE, "1 == 1", 7, false);
	go_on(0);
	assert_int_equal(seen.set[0].ignore, 7);
	assert_true(seen.set[0].condition.n > 0);
}

static void a_false_condition_of_the_hosts_lets_all_go_on(void **state)
{
	(void)state;
	attach();
	false_here(CODE);
	go_on(0);
	assert_int_equal(seen.set[0].condition.n, 0);
	for (unsigned i = 2; i < 5; i++) {
		hit(ALL, 1, seen.set[0].id);
		nothing_told();
		assert_int_equal(seen.goes, i);
		assert_true(went_alone(0));
	}
}

static void a_temporary_breakpoint_is_cleared_with_the_next_go(void **state)
{
	uint32_t id;

	(void)state;
	attach();
	at(CODE, NULL, 0, true);
	go_on(0);
	id = seen.set[0].id;
	hit(ALL, 0, id);
	assert_true(told(0, HE_R_BREAKPOINT).temporary);
	go_on(0);
	assert_int_equal(seen.n_cleared, 1);
	assert_int_equal(seen.cleared[0], id);
}

static void of_two_that_hit_something_the_second_is_told_before_anything_runs(void **state)
{
	(void)state;
	attach();
	breakpoint(CODE);
	go_on(0);
	STOP(ALL, {1, WIRE_STOP_PATCH, 0, seen.set[0].id, 0, 0},
	    {3, WIRE_STOP_PATCH, 0, seen.set[0].id, 0, 0});
	told(1, HE_R_BREAKPOINT);
	nothing_told();
	go_on(0);
	assert_int_equal(seen.goes, 1);
	told(3, HE_R_BREAKPOINT);
	go_on(0);
	assert_int_equal(seen.goes, 2);
}

static void one_let_run_alone_goes_on_alone(void **state)
{
	(void)state;
	attach();
	false_here(CODE);
	go_on(tid(2));
	hit(ALL, 2, seen.set[0].id);
	nothing_told();
	assert_int_equal(seen.goes, 2);
	assert_true(went_alone(tid(2)));
}

static void a_thread_interrupted_alone_stays_when_a_false_condition_stopped_all(void **state)
{
	(void)state;
	attach();
	false_here(CODE);
	go_on(0);
	seen.quiet = true;
	assert_null(he_interrupt(target, tid(1)));
	STOP(2, {1, WIRE_STOP_REQUEST, 0, 0, 0, 0});
	told(1, HE_R_REQUEST);
	hit(ALL, 3, seen.set[0].id);
	nothing_told();
	assert_int_equal(seen.goes, 2);
	assert_int_equal(seen.n_go, 4);
	assert_false(went(tid(1), WIRE_RESUME_CONT));
	assert_true(went(tid(3), WIRE_RESUME_CONT));
}

static void a_thread_that_is_late_does_not_let_go_what_was_told(void **state)
{
	(void)state;
	attach();
	breakpoint(CODE);
	go_on(0);
	hit(ALL, 0, seen.set[0].id);
	told(0, HE_R_BREAKPOINT);
	STOP(ALL, {4, WIRE_STOP_BORN, 0, 0, 0, 0});
	nothing_told();
	assert_int_equal(seen.goes, 1);
}

/* ---- steps
 * ---------------------------------------------------------------------------------------- */

static void an_instruction_is_stepped_and_the_others_run(void **state)
{
	(void)state;
	attach();
	assert_null(he_step(target, tid(1), HE_STEP_INSN, 1));
	assert_true(went(tid(1), WIRE_RESUME_STEP));
	assert_true(went(0, WIRE_RESUME_CONT));
	stepped(1, HERE + 256 + 2);
	told(1, HE_R_STEP);
}

static void so_many_steps_are_so_many_flights_and_one_stop(void **state)
{
	(void)state;
	attach();
	assert_null(he_step(target, tid(0), HE_STEP_INSN, 3));
	for (unsigned i = 1; i < 3; i++) {
		stepped(0, HERE + i);
		nothing_told();
		assert_int_equal(seen.goes, i + 1);
	}
	stepped(0, HERE + 3);
	told(0, HE_R_STEP);
}

static void a_line_that_cannot_be_read_is_stepped_as_a_range_at_the_target(void **state)
{
	(void)state;
	attach();
	assert_null(he_step(target, tid(0), HE_STEP_OVER, 1));
	assert_true(went(tid(0), WIRE_RESUME_RANGE));
	assert_int_equal(seen.go[0].lo, HERE);
	assert_int_equal(seen.go[0].hi, HERE + 16);
	/* Amid the next line: to the end of that. */
	stepped(0, HERE + 20);
	nothing_told();
	assert_int_equal(seen.go[0].lo, HERE + 16);
	stepped(0, HERE + 32);
	told(0, HE_R_STEP);
	assert_int_equal(seen.goes, 2);
}

static void a_locked_scheduler_steps_one_alone(void **state)
{
	struct he_settings s;

	(void)state;
	attach();
	he_settings(engine, &s);
	s.scheduler = HE_LOCK_STEP;
	assert_null(he_set_settings(engine, &s));
	assert_null(he_step(target, tid(0), HE_STEP_INSN, 1));
	assert_int_equal(seen.n_go, 1);
	assert_true(went(tid(0), WIRE_RESUME_STEP));
}

static void finish_is_a_patch_where_the_frame_returns_to_for_its_thread(void **state)
{
	(void)state;
	attach();
	assert_null(he_finish(target, tid(1), 0));
	assert_int_equal(seen.n_set, 1);
	assert_int_equal(seen.set[0].addr, HERE + 256 + 1);
	assert_int_equal(seen.set[0].tid, tid(1));
	assert_true(seen.set[0].flags & WIRE_PATCH_NEEDED);
	/* Not deeper calls of the same function. */
	assert_true(seen.set[0].condition.n > 0);
	seen.pc = HERE + 256 + 1;
	hit(ALL, 1, seen.set[0].id);
	told(1, HE_R_STEP);
	seen.pc = 0;
	go_on(0);
	assert_int_equal(seen.n_cleared, 1);
}

static void advance_stops_at_the_place_or_where_the_frame_returns_to(void **state)
{
	const uint64_t place = HERE + 0x80;

	(void)state;
	attach();
	assert_null(he_until(target, tid(0), 0, &place, 1, true));
	assert_int_equal(seen.n_set, 2);
	assert_int_equal(seen.set[0].addr, place);
	assert_int_equal(seen.set[0].condition.n, 0);
	assert_int_equal(seen.set[1].addr, HERE + 1);
}

static void a_breakpoint_amid_a_step_ends_it(void **state)
{
	(void)state;
	attach();
	breakpoint(CODE);
	assert_null(he_finish(target, tid(0), 0));
	hit(ALL, 3, seen.set[0].id);
	told(3, HE_R_BREAKPOINT);
	go_on(0);
	assert_true(went_alone(0));
	assert_int_equal(seen.n_cleared, 1);
}

static void a_false_condition_amid_a_step_lets_the_step_go_on(void **state)
{
	(void)state;
	attach();
	false_here(CODE);
	assert_null(he_step(target, tid(0), HE_STEP_OVER, 1));
	hit(ALL, 3, seen.set[0].id);
	nothing_told();
	assert_int_equal(seen.goes, 2);
	assert_true(went(tid(0), WIRE_RESUME_RANGE));
	assert_true(went(0, WIRE_RESUME_CONT));
}

static void a_signal_amid_a_step_ends_it(void **state)
{
	(void)state;
	attach();
	assert_null(he_step(target, tid(0), HE_STEP_OVER, 1));
	STOP(ALL, {0, WIRE_STOP_SIGNAL, SIGUSR1, 0, 0, 0});
	assert_int_equal(told(0, HE_R_SIGNAL).signal, SIGUSR1);
	go_on(0);
	assert_true(went_alone(0));
}

static void a_step_that_is_refused_is_none(void **state)
{
	(void)state;
	attach();
	fake.refuse = WIRE_go_after;
	fake.refuse_as = E_RUNNING;
	assert_int_equal(code_of(he_step(target, tid(0), HE_STEP_INSN, 1)), E_RUNNING);
	fake.refuse = 0;
	go_on(0);
	assert_true(went_alone(0));
}

static void a_step_without_its_patch_does_not_run_away(void **state)
{
	(void)state;
	attach();
	seen.refused = HERE + 1;
	seen.refused_as = E_NO_CODE;
	seen.refusals = 9;
	assert_int_equal(code_of(he_finish(target, tid(0), 0)), E_NO_CODE);
	assert_int_equal(seen.goes, 0);
}

static void when_the_thread_that_steps_ends_the_others_stop(void **state)
{
	struct wire_thread_exited e = {.tid = tid(1), .status = 0};
	struct buf body;

	(void)state;
	attach();
	assert_null(he_step(target, tid(1), HE_STEP_OVER, 1));
	buf_init(&body, WIRE_PIECE);
	wire_encode_thread_exited(&body, &e);
	fake_event(WIRE_thread_exited, 1, 0, 0, &body);
	buf_free(&body);
	assert_int_equal(next().kind, HE_E_THREAD_EXITED);
	assert_int_equal(fake.requests[WIRE_interrupt], 1);
}

/* ---- signals
 * --------------------------------------------------------------------------------------- */

static void how_signals_are_handled_goes_when_it_has_changed(void **state)
{
	struct he_handling quiet = {.stop = false, .print = false, .pass = false};

	(void)state;
	attach();
	go_on(0);
	assert_true(seen.signals & UINT64_C(1) << (SIGUSR1 - 1));
	assert_int_equal(fake.requests[WIRE_signals], 1);
	assert_null(he_handle(engine, SIGUSR1, &quiet));
	assert_int_equal(fake.requests[WIRE_signals], 2);
	assert_false(seen.signals & UINT64_C(1) << (SIGUSR1 - 1));
}

static void a_signal_is_for_its_thread_and_the_others_go_as_the_settings_say(void **state)
{
	struct he_settings s;

	(void)state;
	attach();
	assert_null(he_continue_with(target, tid(1), SIGUSR2, true));
	assert_int_equal(seen.n_go, 2);
	assert_int_equal(seen.go[0].signal, SIGUSR2);
	for (int locked = 0; locked < 2; locked++) {
		STOP(ALL, {1, WIRE_STOP_SIGNAL, SIGUSR1, 0, 0, 0});
		told(1, HE_R_SIGNAL);
		he_settings(engine, &s);
		s.non_stop = !locked;
		s.scheduler = locked ? HE_LOCK_ON : HE_LOCK_OFF;
		assert_null(he_set_settings(engine, &s));
		assert_null(he_continue_with(target, tid(1), 0, true));
		assert_true(went_alone(tid(1)));
	}
}

/* ---- non-stop
 * ---------------------------------------------------------------------------------------- */

static void in_non_stop_only_who_was_swallowed_goes_on(void **state)
{
	(void)state;
	attach();
	non_stop();
	breakpoint(CODE);
	false_here(CODE + 64);
	go_on(0);
	assert_int_equal(seen.set[0].stop, WIRE_STOPS_THREAD);
	hit(1, 0, seen.set[0].id);
	told(0, HE_R_BREAKPOINT);
	hit(3, 1, seen.set[1].id);
	nothing_told();
	assert_int_equal(seen.goes, 2);
	assert_true(went_alone(tid(1)));
}

static void in_non_stop_each_of_two_that_hit_something_is_told(void **state)
{
	(void)state;
	attach();
	non_stop();
	breakpoint(CODE);
	false_here(CODE + 64);
	go_on(0);
	STOP(7, {2, WIRE_STOP_PATCH, 0, seen.set[1].id, 0, 0},
	    {0, WIRE_STOP_PATCH, 0, seen.set[0].id, 0, 0},
	    {1, WIRE_STOP_PATCH, 0, seen.set[0].id, 0, 0});
	told(0, HE_R_BREAKPOINT);
	assert_true(went_alone(tid(2)));
	told(1, HE_R_BREAKPOINT);
	nothing_told();
	assert_int_equal(seen.goes, 2);
}

static void in_non_stop_two_threads_step_at_once(void **state)
{
	(void)state;
	attach();
	non_stop();
	assert_null(he_step(target, tid(0), HE_STEP_OVER, 1));
	assert_null(he_step(target, tid(1), HE_STEP_INSN, 2));
	seen.crossed = true;
	STOP(3, {1, WIRE_STOP_STEP, 0, 0, 0, 0});
	nothing_told();
	assert_int_equal(seen.n_go, 1);
	assert_true(went(tid(1), WIRE_RESUME_STEP));
	STOP(2, {1, WIRE_STOP_STEP, 0, 0, 0, 0});
	told(1, HE_R_STEP);
	seen.pc = HERE + 16;
	STOP(3, {0, WIRE_STOP_STEP, 0, 0, 0, 0});
	told(0, HE_R_STEP);
	assert_int_equal(seen.goes, 3);
}

static void in_non_stop_anothers_breakpoint_leaves_a_step_alone(void **state)
{
	(void)state;
	attach();
	non_stop();
	breakpoint(CODE);
	assert_null(he_finish(target, tid(0), 0));
	go_on(tid(1));
	hit(2, 1, seen.set[0].id);
	told(1, HE_R_BREAKPOINT);
	go_on(tid(1));
	assert_int_equal(seen.n_cleared, 0);
	hit(1, 0, seen.set[1].id);
	told(0, HE_R_STEP);
}

static void a_stop_that_has_crossed_a_go_does_not_let_its_thread_go_twice(void **state)
{
	(void)state;
	attach();
	non_stop();
	false_here(CODE);
	go_on(tid(1));
	assert_null(he_step(target, tid(0), HE_STEP_INSN, 1));
	/* Sent before it stepped: it names it as standing. */
	seen.crossed = true;
	hit(3, 1, seen.set[0].id);
	nothing_told();
	assert_true(went_alone(tid(1)));
	assert_int_equal(seen.goes, 3);
}

static void in_non_stop_nothing_goes_on_once_all_are_asked_to_stop(void **state)
{
	(void)state;
	attach();
	non_stop();
	false_here(CODE);
	go_on(0);
	seen.quiet = true;
	assert_null(he_interrupt(target, 0));
	hit(2, 1, seen.set[0].id);
	told(1, HE_R_REQUEST);
	STOP(ALL, {0, WIRE_STOP_REQUEST, 0, 0, 0, 0});
	told(0, HE_R_REQUEST);
	assert_int_equal(seen.goes, 1);
}

static void in_non_stop_continue_names_whoever_stands(void **state)
{
	(void)state;
	attach();
	non_stop();
	breakpoint(CODE);
	go_on(0);
	STOP(5, {0, WIRE_STOP_PATCH, 0, seen.set[0].id, 0, 0});
	told(0, HE_R_BREAKPOINT);
	go_on(0);
	assert_false(went(0, WIRE_RESUME_CONT));
	assert_true(went(tid(0), WIRE_RESUME_CONT));
}

/* ---- lies
 * ------------------------------------------------------------------------------------------------
 */

static void a_hit_of_a_patch_that_was_never_set_lets_it_run_on(void **state)
{
	(void)state;
	attach();
	breakpoint(CODE);
	go_on(0);
	hit(ALL, 0, 4711);
	nothing_told();
	assert_int_equal(seen.goes, 2);
}

static void a_stop_of_a_thread_that_is_not_there_is_survived(void **state)
{
	(void)state;
	attach();
	breakpoint(CODE);
	go_on(0);
	STOP(ALL, {77, WIRE_STOP_STEP, 0, 0, 0, 0}, {78, WIRE_STOP_PATCH, 0, 4711, 0, 0});
	(void)next();
	nothing_told();
	go_on(0);
	hit(ALL, 1, seen.set[0].id);
	told(1, HE_R_BREAKPOINT);
}

static void two_stops_of_one_thread_are_two_at_most(void **state)
{
	(void)state;
	attach();
	breakpoint(CODE);
	go_on(0);
	STOP(ALL, {1, WIRE_STOP_PATCH, 0, seen.set[0].id, 0, 0},
	    {1, WIRE_STOP_PATCH, 0, seen.set[0].id, 0, 0});
	told(1, HE_R_BREAKPOINT);
	go_on(0);
	told(1, HE_R_BREAKPOINT);
	go_on(0);
	nothing_told();
	assert_int_equal(seen.goes, 2);
}

static void a_step_to_where_no_code_is_ends(void **state)
{
	(void)state;
	attach();
	assert_null(he_step(target, tid(0), HE_STEP_OVER, 1));
	stepped(0, UINT64_MAX - 15);
	(void)told(0, HE_R_STEP);
}

static void an_unknown_reason_lets_it_run_on(void **state)
{
	(void)state;
	attach();
	go_on(0);
	STOP(ALL, {0, (enum wire_reason)200, 0, 0, 0, 0});
	nothing_told();
	assert_int_equal(seen.goes, 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_person, person_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_breakpoint_goes_when_it_is_set_and_is_told_by_its_number),
	    TEST(without_memory_for_what_it_is_to_stop_at_nothing_runs),
	    TEST(an_ignore_count_and_a_condition_in_bytecode_are_the_agents),
	    TEST(a_false_condition_of_the_hosts_lets_all_go_on),
	    TEST(a_temporary_breakpoint_is_cleared_with_the_next_go),
	    TEST(of_two_that_hit_something_the_second_is_told_before_anything_runs),
	    TEST(one_let_run_alone_goes_on_alone),
	    TEST(a_thread_interrupted_alone_stays_when_a_false_condition_stopped_all),
	    TEST(a_thread_that_is_late_does_not_let_go_what_was_told),
	    TEST(an_instruction_is_stepped_and_the_others_run),
	    TEST(so_many_steps_are_so_many_flights_and_one_stop),
	    TEST(a_line_that_cannot_be_read_is_stepped_as_a_range_at_the_target),
	    TEST(a_locked_scheduler_steps_one_alone),
	    TEST(finish_is_a_patch_where_the_frame_returns_to_for_its_thread),
	    TEST(advance_stops_at_the_place_or_where_the_frame_returns_to),
	    TEST(a_breakpoint_amid_a_step_ends_it),
	    TEST(a_false_condition_amid_a_step_lets_the_step_go_on),
	    TEST(a_signal_amid_a_step_ends_it),
	    TEST(a_step_that_is_refused_is_none),
	    TEST(a_step_without_its_patch_does_not_run_away),
	    TEST(when_the_thread_that_steps_ends_the_others_stop),
	    TEST(how_signals_are_handled_goes_when_it_has_changed),
	    TEST(a_signal_is_for_its_thread_and_the_others_go_as_the_settings_say),
	    TEST(in_non_stop_only_who_was_swallowed_goes_on),
	    TEST(in_non_stop_each_of_two_that_hit_something_is_told),
	    TEST(in_non_stop_two_threads_step_at_once),
	    TEST(in_non_stop_anothers_breakpoint_leaves_a_step_alone),
	    TEST(a_stop_that_has_crossed_a_go_does_not_let_its_thread_go_twice),
	    TEST(in_non_stop_nothing_goes_on_once_all_are_asked_to_stop),
	    TEST(in_non_stop_continue_names_whoever_stands),
	    TEST(a_hit_of_a_patch_that_was_never_set_lets_it_run_on),
	    TEST(a_stop_of_a_thread_that_is_not_there_is_survived),
	    TEST(two_stops_of_one_thread_are_two_at_most),
	    TEST(a_step_to_where_no_code_is_ends),
	    TEST(an_unknown_reason_lets_it_run_on),
	};

	return cmocka_run_group_tests_name("decide", tests, NULL, NULL);
}
