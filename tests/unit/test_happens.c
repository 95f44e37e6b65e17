/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What becomes of breakpoints and watchpoints when libraries come and go, another program is
 * executed, the process forks, or the debug registers are used up.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <linux/audit.h>
#include <string.h>

#include "common/err.h"
#include "person.h"

enum { LINKER = 0x7f0000, THERE = CODE + 0x80 };

/* ---- libraries --------------------------------------------------------------------------- */

static unsigned named(const char *name, bool pending, int code)
{
	struct he_break q = {.where = name, .pending = pending};
	unsigned number = 0;

	assert_int_equal(code_of(he_break(engine, target, &q, &number)), code);
	return number;
}

static struct he_breakpoint look(unsigned number)
{
	struct he_breakpoints *list;
	struct he_breakpoint one;

	assert_null(he_breakpoints(engine, number, &list));
	assert_int_equal(list->n, 1);
	one = list->v[0];
	he_breakpoints_free(list);
	return one; /* but its texts and locations */
}

static void with_linker(void)
{
	known.linker = LINKER;
	seen.base = LINKER & ~0xfff;
	attach();
}

/* The dynamic linker's list has changed. */
static void list_changed(void)
{
	hit(ALL, 0, seen.set[0].id);
	nothing_told();
}

static void what_nobody_has_is_an_error_and_takes_no_number(void **state)
{
	(void)state;
	with_linker();
	named("later", false, E_NO_FILE);
	go_on(0);
	assert_int_equal(seen.n_set, 0);
	assert_int_equal(breakpoint(CODE), 1);
}

static void what_is_pending_is_planted_with_going_on_from_the_library_that_has_it(void **state)
{
	unsigned n, flights;

	(void)state;
	with_linker();
	n = named("later", true, 0);
	assert_true(look(n).pending);
	go_on(0);
	assert_int_equal(seen.n_set, 1);
	assert_int_equal(seen.set[0].addr, LINKER);
	/* One that does not have it, then one that does: what is mapped is asked for once each. */
	list_changed();
	assert_int_equal(seen.n_set, 1);
	assert_int_equal(seen.goes, 2);
	known.function = "later";
	known.addr = THERE;
	seen.n_set = 1;
	flights = fake.flights;
	memset(fake.requests, 0, sizeof(fake.requests));
	list_changed();
	assert_int_equal(seen.goes, 3);
	assert_int_equal(fake.requests[WIRE_maps], 1);
	assert_int_equal(fake.flights - flights, 2);
	assert_int_equal(seen.n_set, 2);
	assert_int_equal(seen.set[1].addr, THERE);
	assert_false(look(n).pending);
	hit(ALL, 1, seen.set[1].id);
	assert_int_equal(told(1, HE_R_BREAKPOINT).breakpoints[0], n);
}

static void what_goes_with_its_library_is_pending_again(void **state)
{
	uint32_t id;
	unsigned n;

	(void)state;
	with_linker();
	n = named("later", true, 0);
	known.function = "later";
	known.addr = THERE;
	go_on(0);
	list_changed();
	id = seen.set[1].id;
	known.function = NULL;
	list_changed();
	assert_int_equal(seen.n_cleared, 1);
	assert_int_equal(seen.cleared[0], id);
	assert_true(look(n).pending);
	/* Back, elsewhere. */
	known.function = "later";
	known.addr = THERE + 16;
	list_changed();
	assert_int_equal(seen.n_set, 3);
	assert_int_equal(seen.set[2].addr, THERE + 16);
}

static void who_waits_for_nothing_is_not_told_of_libraries(void **state)
{
	unsigned n;

	(void)state;
	with_linker();
	n = named("later", true, 0);
	assert_null(he_break_enable(engine, n, 0, HE_DISABLE, 0));
	breakpoint(CODE);
	go_on(0);
	assert_int_equal(seen.n_set, 2);
	assert_int_equal(seen.set[1].addr, CODE);
	assert_int_equal(seen.n_cleared, 1);
	assert_int_equal(seen.cleared[0], seen.set[0].id);
}

/* ---- exec ----------------------------------------------------------------------------------- */

static void execute(void)
{
	struct wire_executed e = {.pid = FAKE_PID,
	    .arch = AUDIT_ARCH_X86_64,
	    .former = tid(0),
	    .exe = span_str("/bin/other")};
	struct buf body;

	buf_init(&body, WIRE_PIECE);
	wire_encode_executed(&body, &e);
	fake_event(WIRE_executed, 1, 0, 0, &body);
	buf_free(&body);
	fake.threads = 1;
	seen.n_set = seen.n_cleared = 0;
	assert_int_equal(next().kind, HE_E_EXECUTED);
}

static void executed(void)
{
	STOP(1, {0, WIRE_STOP_EXEC, 0, 0, 0, 0});
}

static void after_exec_a_function_is_looked_for_anew(void **state)
{
	unsigned n;

	(void)state;
	known.function = "f";
	known.addr = THERE;
	attach();
	n = named("f", false, 0);
	go_on(0);
	assert_int_equal(seen.set[0].addr, THERE);
	assert_true(seen.caught.events & WIRE_CATCH_EXEC);
	known.addr = CODE + 0x40;
	execute();
	executed();
	nothing_told();
	/* Nothing is lifted: nothing of it is there.  It runs, with the new one in the same flight.
	 */
	assert_int_equal(seen.n_cleared, 0);
	assert_int_equal(seen.n_set, 1);
	assert_int_equal(seen.set[0].addr, CODE + 0x40);
	assert_int_equal(seen.goes, 2);
	hit(1, 0, seen.set[0].id);
	assert_int_equal(told(0, HE_R_BREAKPOINT).breakpoints[0], n);
}

static void after_exec_an_address_is_planted_anew(void **state)
{
	unsigned n;

	(void)state;
	attach();
	n = breakpoint(CODE);
	go_on(0);
	assert_true(seen.caught.events & WIRE_CATCH_EXEC);
	execute();
	executed();
	nothing_told();
	assert_int_equal(seen.n_set, 1);
	assert_int_equal(seen.set[0].addr, CODE);
	hit(1, 0, seen.set[0].id);
	assert_int_equal(told(0, HE_R_BREAKPOINT).breakpoints[0], n);
}

static void a_function_the_new_program_does_not_have_is_pending(void **state)
{
	unsigned n;

	(void)state;
	known.function = "f";
	known.addr = THERE;
	attach();
	n = named("f", false, 0);
	go_on(0);
	known.function = NULL;
	execute();
	executed();
	nothing_told();
	assert_int_equal(seen.n_set, 0);
	assert_int_equal(seen.goes, 2);
	assert_true(look(n).pending);
	assert_int_equal(look(n).hits, 0);
}

static void a_caught_exec_is_told_with_everything_ready(void **state)
{
	struct he_break q = {.kind = HE_BREAK_CATCH, .catch = HE_CATCH_EXEC};
	struct he_event ev;
	unsigned number;

	(void)state;
	known.function = "f";
	known.addr = THERE;
	attach();
	named("f", false, 0);
	assert_null(he_break(engine, target, &q, &number));
	go_on(0);
	execute();
	executed();
	ev = told(0, HE_R_CATCH);
	assert_int_equal(ev.caught, HE_CATCH_EXEC);
	assert_string_equal(ev.text, "/bin/other");
	assert_int_equal(seen.goes, 1);
	go_on(0);
	assert_int_equal(seen.n_set, 1);
	assert_int_equal(seen.set[0].addr, THERE);
}

static void a_step_does_not_go_on_in_another_program(void **state)
{
	(void)state;
	known.function = "f";
	known.addr = THERE;
	attach();
	named("f", false, 0);
	assert_null(he_finish(target, tid(0), 0));
	execute();
	executed();
	nothing_told();
	assert_true(went_alone(0));
	assert_int_equal(seen.n_set, 1);
	assert_int_equal(seen.set[0].addr, THERE);
}

static void data_is_watched_in_the_next_program_from_what_it_is_there(void **state)
{
	struct he_break q = {.kind = HE_BREAK_WATCH, .where = "*(long *) 0x10000000"};
	unsigned n;

	(void)state;
	attach();
	assert_null(he_break(engine, target, &q, &n));
	go_on(0);
	assert_true(seen.caught.events & WIRE_CATCH_EXEC);
	execute();
	executed();
	nothing_told();
	assert_int_equal(seen.n_set, 1);
	assert_int_equal(seen.set[0].kind, WIRE_PATCH_WRITE);
	assert_int_equal(seen.goes, 2);
	hit(1, 0, seen.set[0].id);
	assert_int_equal(told(0, HE_R_WATCH).breakpoints[0], n);
}

/* ---- counts ---------------------------------------------------------------------------------- */

/* What the agent has let pass so far. */
static void passed(uint32_t patch, uint64_t hits)
{
	struct wire_rec_cause c = {.patch = patch, .hits = hits};
	struct wire_causes q = {.generation = fake.generation};
	struct buf body, list;

	buf_init(&body, WIRE_PIECE);
	buf_init(&list, WIRE_PIECE);
	wire_put_cause(&list, &c);
	q.causes = span_buf(&list);
	wire_encode_causes(&body, &q);
	fake_event(WIRE_causes, 1, 0, 0, &body);
	buf_free(&body);
	buf_free(&list);
}

static void hits_that_were_ignored_are_known_after_the_end(void **state)
{
	struct wire_exited e = {.status = 0};
	struct buf body;
	unsigned n;

	(void)state;
	attach();
	n = at(CODE, NULL, 1000, false);
	go_on(0);
	passed(seen.set[0].id, 12);
	passed(4711, 5);
	buf_init(&body, WIRE_PIECE);
	wire_encode_exited(&body, &e);
	fake_event(WIRE_exited, 1, 0, 0, &body);
	buf_free(&body);
	assert_int_equal(next().kind, HE_E_EXITED);
	assert_int_equal(look(n).hits, 12);
	assert_int_equal(look(n).ignore, 988);
}

static void hits_of_the_program_before_count_on_in_the_next(void **state)
{
	struct he_break q = {.where = "f", .ignore = 1000};
	unsigned n;

	(void)state;
	known.function = "f";
	known.addr = THERE;
	attach();
	assert_null(he_break(engine, target, &q, &n));
	go_on(0);
	passed(seen.set[0].id, 12);
	execute();
	executed();
	nothing_told();
	assert_int_equal(look(n).hits, 12);
	/* What is left of them goes along. */
	assert_int_equal(seen.set[0].ignore, 988);
}

/* ---- fork ----------------------------------------------------------------------------------- */

enum { CHILD = 5555 };
#define CHILD_HANDLE 0x80000001u

static void follow(bool child, bool detach)
{
	struct he_settings s;

	he_settings(engine, &s);
	s.follow_child = child;
	s.detach_on_fork = detach;
	assert_null(he_set_settings(engine, &s));
}

/* handle 0: the child was let go. */
static struct he_event forks(uint32_t handle)
{
	struct wire_forked e = {.tid = tid(0), .pid = CHILD, .start = 1, .handle = handle};
	struct he_event ev;
	struct buf body;

	buf_init(&body, WIRE_PIECE);
	wire_encode_forked(&body, &e);
	fake_event(WIRE_forked, 1, 0, 0, &body);
	buf_free(&body);
	ev = next();
	assert_int_equal(ev.kind, HE_E_FORKED);
	assert_int_equal(ev.number, CHILD);
	return ev;
}

static void child_stands(void)
{
	struct wire_rec_stop s = {.tid = CHILD, .reason = WIRE_STOP_BORN};
	struct wire_rec_thread h = {.tid = CHILD, .state = WIRE_T_STOPPED, .name = span_str("x")};
	struct wire_stopped q = {.generation = 1, .all = 1};
	struct buf body, stops, threads;

	buf_init(&body, WIRE_PIECE);
	buf_init(&stops, WIRE_PIECE);
	buf_init(&threads, WIRE_PIECE);
	wire_put_stop(&stops, &s);
	wire_put_thread(&threads, &h);
	q.stops = span_buf(&stops);
	q.threads = span_buf(&threads);
	wire_encode_stopped(&body, &q);
	fake_event(WIRE_stopped, CHILD_HANDLE, 0, 0, &body);
	buf_free(&body);
	buf_free(&stops);
	buf_free(&threads);
}

static void the_parent_is_stayed_with_and_the_child_is_nobodys(void **state)
{
	(void)state;
	attach();
	breakpoint(CODE);
	go_on(0);
	assert_int_equal(seen.caught.follow, WIRE_FOLLOW_PARENT);
	assert_null(forks(0).child);
	nothing_told();
	assert_null(he_target_next(engine, target));
	hit(ALL, 0, seen.set[0].id);
	told(0, HE_R_BREAKPOINT);
	assert_int_equal(seen.goes, 1);
}

static void the_child_is_followed_and_its_parent_let_go(void **state)
{
	struct wire_released r = {.why = E_OK};
	struct he_target_info info;
	struct he_target *child;
	struct he_event ev;
	struct buf body;

	(void)state;
	attach();
	follow(true, true);
	breakpoint(CODE);
	go_on(0);
	assert_int_equal(seen.caught.follow, WIRE_FOLLOW_CHILD);
	child = forks(CHILD_HANDLE).child;
	assert_non_null(child);
	buf_init(&body, WIRE_PIECE);
	wire_encode_released(&body, &r);
	fake_event(WIRE_released, 1, 0, 0, &body);
	buf_free(&body);
	ev = next();
	assert_int_equal(ev.kind, HE_E_RELEASED);
	assert_ptr_equal(ev.target, target);
	he_target_info(target, &info);
	assert_int_equal(info.state, HE_GONE);
	child_stands();
	nothing_told();
	assert_int_equal(seen.goes, 2);
	/* What its parent had it has, under the same ids: nothing is planted again. */
	assert_int_equal(seen.n_set, 1);
	assert_int_equal(seen.n_cleared, 0);
	he_target_info(child, &info);
	assert_int_equal(info.pid, CHILD);
}

static void of_both_that_are_kept_the_child_waits_where_it_was_born(void **state)
{
	struct he_target_info info;
	struct he_target *child;

	(void)state;
	attach();
	follow(false, false);
	breakpoint(CODE);
	go_on(0);
	assert_int_equal(seen.caught.follow, WIRE_FOLLOW_BOTH);
	child = forks(CHILD_HANDLE).child;
	assert_non_null(child);
	child_stands();
	assert_int_equal(next().reason, HE_R_BORN);
	assert_int_equal(seen.goes, 1);
	he_target_info(child, &info);
	assert_int_equal(info.state, HE_STOPPED);
	assert_null(he_continue(child, 0));
	assert_int_equal(seen.goes, 2);
}

static void of_both_that_are_kept_the_child_goes_on_where_it_is_followed(void **state)
{
	(void)state;
	attach();
	follow(true, false);
	breakpoint(CODE);
	go_on(0);
	assert_int_equal(seen.caught.follow, WIRE_FOLLOW_BOTH);
	assert_non_null(forks(CHILD_HANDLE).child);
	child_stands();
	nothing_told();
	assert_int_equal(seen.goes, 2);
	assert_int_equal(seen.n_set, 1);
}

static void a_handle_that_is_none_of_the_agents_is_no_child(void **state)
{
	struct wire_forked e = {.tid = tid(0), .pid = CHILD, .start = 1, .handle = 7};
	struct buf body;

	(void)state;
	attach();
	follow(true, true);
	go_on(0);
	buf_init(&body, WIRE_PIECE);
	wire_encode_forked(&body, &e);
	fake_event(WIRE_forked, 1, 0, 0, &body);
	buf_free(&body);
	nothing_told();
	assert_null(he_target_next(engine, target));
}

/* ---- debug registers
 * ----------------------------------------------------------------------------- */

/* Of the first thread's stack: words that change with each go, and one that does not. */
#define CHANGES "*(long *) 0x10000000"

static unsigned watch(enum he_break_kind kind, const char *what, int code)
{
	struct he_break q = {.kind = kind, .where = what};
	unsigned number = 0;

	assert_int_equal(code_of(he_break(engine, target, &q, &number)), code);
	return number;
}

static const char *constant(void)
{
	static char text[64];

	snprintf(text, sizeof(text), "*(long *) %#llx", (unsigned long long)fake_sp(0));
	return text;
}

static void a_watched_word_is_a_debug_register(void **state)
{
	struct he_event ev;
	unsigned n;

	(void)state;
	attach();
	n = watch(HE_BREAK_WATCH, CHANGES, 0);
	assert_int_equal(seen.n_set, 1);
	assert_int_equal(seen.set[0].kind, WIRE_PATCH_WRITE);
	assert_int_equal(seen.set[0].len, 8);
	assert_false(look(n).software);
	go_on(0);
	assert_true(went_alone(0));
	hit(ALL, 2, seen.set[0].id);
	ev = told(2, HE_R_WATCH);
	assert_int_equal(ev.breakpoints[0], n);
	assert_true(ev.hardware);
	assert_string_equal(ev.old_value, "0");
	assert_string_equal(ev.value, "72340172838076673"); /* eight ones */
}

static void one_too_many_is_watched_by_single_steps(void **state)
{
	unsigned n;
	struct he_event ev;

	(void)state;
	attach();
	seen.refused = FAKE_MEM;
	seen.refused_as = E_NO_DEBUG_REGISTER;
	seen.refusals = 9;
	n = watch(HE_BREAK_WATCH, CHANGES, 0);
	assert_true(look(n).software);
	go_on(0);
	/* One thread does one step, the others run. */
	assert_int_equal(seen.n_go, 2);
	assert_true(went(tid(0), WIRE_RESUME_STEP));
	assert_true(went(0, WIRE_RESUME_CONT));
	stepped(0, HERE + 1);
	ev = told(0, HE_R_WATCH);
	assert_int_equal(ev.breakpoints[0], n);
	assert_false(ev.hardware);
	assert_string_equal(ev.expression, CHANGES);
	assert_int_equal(seen.goes, 1);
	/* Once it is deleted it runs as ever. */
	assert_null(he_break_delete(engine, n));
	go_on(0);
	assert_true(went_alone(0));
}

static void steps_on_which_nothing_changes_are_not_told(void **state)
{
	unsigned n;

	(void)state;
	attach();
	seen.refused = fake_sp(0);
	seen.refused_as = E_NO_DEBUG_REGISTER;
	seen.refusals = 9;
	n = watch(HE_BREAK_WATCH, constant(), 0);
	assert_true(look(n).software);
	go_on(0);
	for (unsigned i = 2; i < 5; i++) {
		stepped(0, HERE + i);
		nothing_told();
		assert_int_equal(seen.goes, i);
		assert_true(went(tid(0), WIRE_RESUME_STEP));
	}
}

static void what_is_read_cannot_be_watched_by_steps(void **state)
{
	(void)state;
	attach();
	seen.refused = FAKE_MEM;
	seen.refused_as = E_NO_DEBUG_REGISTER;
	seen.refusals = 9;
	watch(HE_BREAK_RWATCH, CHANGES, E_NO_DEBUG_REGISTER);
	go_on(0);
	assert_true(went_alone(0));
	assert_int_equal(breakpoint(CODE), 1);
}

static void a_step_by_line_goes_on_while_watching_by_steps(void **state)
{
	(void)state;
	attach();
	seen.refused = fake_sp(0);
	seen.refused_as = E_NO_DEBUG_REGISTER;
	seen.refusals = 9;
	watch(HE_BREAK_WATCH, constant(), 0);
	assert_null(he_step(target, tid(0), HE_STEP_OVER, 1));
	assert_true(went(tid(0), WIRE_RESUME_STEP));
	/* Within the line, at its end. */
	stepped(0, HERE + 4);
	nothing_told();
	assert_true(went(tid(0), WIRE_RESUME_STEP));
	stepped(0, HERE + 16);
	told(0, HE_R_STEP);
	assert_int_equal(seen.goes, 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_person, person_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_nobody_has_is_an_error_and_takes_no_number),
	    TEST(what_is_pending_is_planted_with_going_on_from_the_library_that_has_it),
	    TEST(what_goes_with_its_library_is_pending_again),
	    TEST(who_waits_for_nothing_is_not_told_of_libraries),
	    TEST(after_exec_a_function_is_looked_for_anew),
	    TEST(after_exec_an_address_is_planted_anew),
	    TEST(a_function_the_new_program_does_not_have_is_pending),
	    TEST(a_caught_exec_is_told_with_everything_ready),
	    TEST(a_step_does_not_go_on_in_another_program),
	    TEST(data_is_watched_in_the_next_program_from_what_it_is_there),
	    TEST(hits_that_were_ignored_are_known_after_the_end),
	    TEST(hits_of_the_program_before_count_on_in_the_next),
	    TEST(the_parent_is_stayed_with_and_the_child_is_nobodys),
	    TEST(the_child_is_followed_and_its_parent_let_go),
	    TEST(of_both_that_are_kept_the_child_waits_where_it_was_born),
	    TEST(of_both_that_are_kept_the_child_goes_on_where_it_is_followed),
	    TEST(a_handle_that_is_none_of_the_agents_is_no_child),
	    TEST(a_watched_word_is_a_debug_register),
	    TEST(one_too_many_is_watched_by_single_steps),
	    TEST(steps_on_which_nothing_changes_are_not_told),
	    TEST(what_is_read_cannot_be_watched_by_steps),
	    TEST(a_step_by_line_goes_on_while_watching_by_steps),
	};

	return cmocka_run_group_tests_name("happens", tests, NULL, NULL);
}
