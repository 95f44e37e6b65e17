/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The times of a session without a link.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "procsrv/lease.h"

enum { T = 5000 }; /* the loss */

static struct lease lost(uint32_t grace_ms)
{
	struct lease l = {.grace_ms = grace_ms};

	lease_lost(&l, T);
	return l;
}

static void nothing_is_due_while_there_is_a_link(void **state)
{
	struct lease l = {.grace_ms = 30000};

	(void)state;
	assert_int_equal(lease_due(&l, UINT64_MAX / 2), LEASE_NOTHING);
	assert_int_equal(lease_wait(&l, T), -1);
}

static void targets_are_let_go_two_seconds_after_the_loss_and_the_session_ends_with_its_grace(
    void **state)
{
	struct lease l = lost(30000);

	(void)state;
	assert_int_equal(lease_wait(&l, T), LEASE_LIFT_MS);
	assert_int_equal(lease_due(&l, T + LEASE_LIFT_MS - 1), LEASE_NOTHING);
	assert_int_equal(lease_due(&l, T + LEASE_LIFT_MS), LEASE_LIFT);
	assert_int_equal(lease_due(&l, T + LEASE_LIFT_MS + 1), LEASE_NOTHING);
	assert_int_equal(lease_wait(&l, T + LEASE_LIFT_MS), 30000 - LEASE_LIFT_MS);
	assert_int_equal(lease_due(&l, T + 29999), LEASE_NOTHING);
	assert_int_equal(lease_due(&l, T + 30000), LEASE_OVER);
	assert_int_equal(lease_wait(&l, T + 40000), 0);
}

static void a_grace_shorter_than_that_ends_it_all_at_once(void **state)
{
	struct lease l = lost(1000);

	(void)state;
	assert_int_equal(lease_due(&l, T + 999), LEASE_NOTHING);
	assert_int_equal(lease_due(&l, T + 1000), LEASE_OVER);
}

static void a_loss_told_twice_begins_once_and_the_next_one_begins_anew(void **state)
{
	struct lease l = lost(30000);

	(void)state;
	lease_lost(&l, T + 10000);
	assert_int_equal(lease_due(&l, T + LEASE_LIFT_MS), LEASE_LIFT);
	lease_resumed(&l);
	assert_int_equal(lease_due(&l, T + 60000), LEASE_NOTHING);
	lease_lost(&l, T + 70000);
	assert_int_equal(lease_due(&l, T + 70000 + LEASE_LIFT_MS), LEASE_LIFT);
	assert_int_equal(lease_due(&l, T + 99999), LEASE_NOTHING);
}

static void the_grace_is_what_the_host_asks_within_what_the_row_says(void **state)
{
	(void)state;
	assert_int_equal(lease_grace(0, false, 0), LEASE_GRACE_MS);
	assert_int_equal(lease_grace(120000, false, 0), 120000);
	assert_int_equal(lease_grace(UINT32_MAX, false, 0), LEASE_GRACE_MOST);
	assert_int_equal(lease_grace(0, true, 7000), 7000);
	assert_int_equal(lease_grace(60000, true, 7000), 7000);
	assert_int_equal(lease_grace(500, true, 7000), 500);
	assert_int_equal(lease_grace(60000, true, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_is_due_while_there_is_a_link),
	    cmocka_unit_test(
		targets_are_let_go_two_seconds_after_the_loss_and_the_session_ends_with_its_grace),
	    cmocka_unit_test(a_grace_shorter_than_that_ends_it_all_at_once),
	    cmocka_unit_test(a_loss_told_twice_begins_once_and_the_next_one_begins_anew),
	    cmocka_unit_test(the_grace_is_what_the_host_asks_within_what_the_row_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
