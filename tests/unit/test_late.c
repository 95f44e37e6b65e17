/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Threads that are late for a stop, and so have one of their own: while the target is let go,
 * or when the person has been told already.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <signal.h>

#include "common/err.h"
#include "person.h"

static struct why late;

/* A thread stands at a patch, and the others do not yet. */
static void hit_early(unsigned thread, uint32_t patch)
{
	seen.early = true;
	hit(UINT64_C(1) << thread, thread, patch);
	seen.early = false;
}

/* With the next go a stop of that thread is on its way, that being its reason. */
static void stops_late(void)
{
	stop(ALL, &late, 1);
}

static void crosses(unsigned thread, enum wire_reason reason, uint32_t patch)
{
	late = (struct why){.thread = thread, .reason = reason, .patch = patch};
	seen.meanwhile = stops_late;
}

/* ---- a stop crosses what follows one that is not told ------------------------------------- */

static void who_only_stands_later_goes_with_the_others(void **state)
{
	(void)state;
	attach();
	false_here(CODE);
	go_on(0);
	crosses(1, WIRE_STOP_REQUEST, 0);
	hit_early(0, seen.set[0].id);
	nothing_told();
	assert_int_equal(seen.goes, 2);
	assert_true(went_alone(0));
	nothing_told();
}

static void what_he_has_hit_is_told_and_nothing_goes(void **state)
{
	(void)state;
	attach();
	false_here(CODE);
	breakpoint(CODE + 64);
	go_on(0);
	crosses(1, WIRE_STOP_PATCH, seen.set[1].id);
	hit_early(0, seen.set[0].id);
	told(1, HE_R_BREAKPOINT);
	nothing_told();
	assert_int_equal(seen.goes, 1);
}

static void what_he_has_hit_for_nothing_is_judged_and_all_go(void **state)
{
	(void)state;
	attach();
	false_here(CODE);
	go_on(0);
	crosses(1, WIRE_STOP_PATCH, seen.set[0].id);
	hit_early(0, seen.set[0].id);
	nothing_told();
	assert_int_equal(seen.goes, 2);
	assert_true(went_alone(0));
}

static void a_step_goes_on_as_it_was(void **state)
{
	(void)state;
	attach();
	false_here(CODE);
	assert_null(he_step(target, tid(0), HE_STEP_OVER, 1));
	crosses(1, WIRE_STOP_REQUEST, 0);
	hit_early(2, seen.set[0].id);
	nothing_told();
	assert_int_equal(seen.goes, 2);
	assert_true(went(tid(0), WIRE_RESUME_RANGE));
}

/* ---- a stop crosses what the person says ---------------------------------------------------- */

static void his_word_is_repeated_for_who_only_stands_later(void **state)
{
	(void)state;
	attach();
	crosses(1, WIRE_STOP_REQUEST, 0);
	assert_null(he_continue_with(target, tid(0), SIGUSR2, true));
	assert_int_equal(seen.goes, 1);
	assert_int_equal(seen.go[0].signal, SIGUSR2);
	nothing_told();
}

static void what_he_has_hit_is_told_in_place_of_going(void **state)
{
	(void)state;
	attach();
	breakpoint(CODE);
	go_on(0);
	hit_early(0, seen.set[0].id);
	told(0, HE_R_BREAKPOINT);
	crosses(1, WIRE_STOP_PATCH, seen.set[0].id);
	go_on(0);
	assert_int_equal(seen.goes, 1);
	told(1, HE_R_BREAKPOINT);
	nothing_told();
	go_on(0);
	assert_int_equal(seen.goes, 2);
}

static void what_he_has_hit_ends_a_step_that_begins(void **state)
{
	(void)state;
	attach();
	breakpoint(CODE);
	go_on(0);
	hit_early(0, seen.set[0].id);
	told(0, HE_R_BREAKPOINT);
	crosses(1, WIRE_STOP_PATCH, seen.set[0].id);
	assert_null(he_step(target, tid(0), HE_STEP_OVER, 1));
	told(1, HE_R_BREAKPOINT);
	go_on(0);
	assert_true(went_alone(0));
}

static void ends(void)
{
	struct wire_exited e = {.status = 0};
	struct buf body;

	fake.generation++;
	buf_init(&body, WIRE_PIECE);
	wire_encode_exited(&body, &e);
	fake_event(WIRE_exited, 1, 0, 0, &body);
	buf_free(&body);
}

static void of_one_that_ends_meanwhile_its_end_is_told(void **state)
{
	(void)state;
	attach();
	seen.meanwhile = ends;
	assert_int_equal(code_of(he_continue(target, 0)), E_GONE);
	assert_int_equal(next().kind, HE_E_EXITED);
	nothing_told();
}

static void stops_unheard(void)
{
	struct buf body;

	fake.generation++;
	buf_init(&body, WIRE_PIECE);
	wire_encode_events_lost(&body, &(struct wire_events_lost){.count = 1});
	fake_event(WIRE_events_lost, 0, 0, 0, &body);
	buf_free(&body);
}

static void a_stop_that_was_lost_is_not_waited_for(void **state)
{
	(void)state;
	attach();
	seen.meanwhile = stops_unheard;
	go_on(0);
	assert_int_equal(seen.goes, 1);
	hit(ALL, 0, 0);
	nothing_told();
	assert_int_equal(seen.goes, 2);
}

/* ---- a stop comes after the person was told -------------------------------------------------- */

static void who_only_stands_later_is_not_told_of(void **state)
{
	(void)state;
	attach();
	breakpoint(CODE);
	go_on(0);
	hit_early(0, seen.set[0].id);
	told(0, HE_R_BREAKPOINT);
	STOP(ALL, {1, WIRE_STOP_REQUEST, 0, 0, 0, 0});
	nothing_told();
	STOP(ALL, {2, WIRE_STOP_BORN, 0, 0, 0, 0});
	nothing_told();
	assert_int_equal(seen.goes, 1);
}

static void what_he_has_hit_waits_for_the_next_word(void **state)
{
	(void)state;
	attach();
	breakpoint(CODE);
	go_on(0);
	hit_early(0, seen.set[0].id);
	told(0, HE_R_BREAKPOINT);
	hit(ALL, 1, seen.set[0].id);
	nothing_told();
	go_on(0);
	assert_int_equal(seen.goes, 1);
	told(1, HE_R_BREAKPOINT);
}

static void a_stop_that_is_asked_for_meanwhile_is_told(void **state)
{
	(void)state;
	attach();
	breakpoint(CODE);
	go_on(0);
	hit_early(0, seen.set[0].id);
	told(0, HE_R_BREAKPOINT);
	seen.quiet = true;
	assert_null(he_interrupt(target, 0));
	STOP(ALL, {1, WIRE_STOP_REQUEST, 0, 0, 0, 0});
	told(1, HE_R_REQUEST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup_person, person_end)
	    T(who_only_stands_later_goes_with_the_others),
	    T(what_he_has_hit_is_told_and_nothing_goes),
	    T(what_he_has_hit_for_nothing_is_judged_and_all_go),
	    T(a_step_goes_on_as_it_was),
	    T(his_word_is_repeated_for_who_only_stands_later),
	    T(what_he_has_hit_is_told_in_place_of_going),
	    T(what_he_has_hit_ends_a_step_that_begins),
	    T(of_one_that_ends_meanwhile_its_end_is_told),
	    T(a_stop_that_was_lost_is_not_waited_for),
	    T(who_only_stands_later_is_not_told_of),
	    T(what_he_has_hit_waits_for_the_next_word),
	    T(a_stop_that_is_asked_for_meanwhile_is_told),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
