/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whom the listener lets in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "procsrv/ipc.h"
#include "procsrv/limits.h"

enum { LUCKY = 99 }; /* a random number that is never dropped below the last limit */

static struct limit_source v4(uint32_t address)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};

	return limits_source((struct sockaddr *)&in);
}

static struct limit_source v6(const char *address)
{
	struct sockaddr_in6 in = {.sin6_family = AF_INET6};

	assert_int_equal(inet_pton(AF_INET6, address, &in.sin6_addr), 1);
	return limits_source((struct sockaddr *)&in);
}

static int set_up(void **state)
{
	*state = limits_new();
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	limits_free(*state);
	return 0;
}

static void a_source_may_have_three_unproven_connections(void **state)
{
	struct limits *l = *state;

	for (int i = 0; i < LIMIT_SOURCE; i++)
		assert_int_equal(limits_admit(l, v4(1), 0, LUCKY), LIMIT_ADMIT);
	assert_int_equal(limits_admit(l, v4(1), 0, LUCKY), LIMIT_BUSY_SOURCE);
	assert_int_equal(limits_admit(l, v4(2), 0, LUCKY), LIMIT_ADMIT);
	limits_proven(l, v4(1));
	assert_int_equal(limits_admit(l, v4(1), 0, LUCKY), LIMIT_ADMIT);
	assert_int_equal(limits_admit(l, v4(1), 0, LUCKY), LIMIT_BUSY_SOURCE);
	limits_gone(l, v4(1), false, 0, 0);
	assert_int_equal(limits_admit(l, v4(1), 0, LUCKY), LIMIT_ADMIT);
	limits_gone(l, v4(1), true, 0, 0);
	assert_int_equal(limits_admit(l, v4(1), 0, LUCKY), LIMIT_BUSY_SOURCE);
}

static void a_source_is_an_ipv4_address_or_a_64_of_ipv6(void **state)
{
	struct limit_source a = v6("2001:db8::1"), b = v6("2001:db8::ffff:1"),
			    c = v6("2001:db8:0:1::1"), mapped = v6("::ffff:0.0.0.7"), plain = v4(7);

	(void)state;
	assert_memory_equal(&a, &b, sizeof(a));
	assert_memory_not_equal(&a, &c, sizeof(a));
	assert_memory_equal(&mapped, &plain, sizeof(mapped));
}

static void dropping_begins_at_ten_and_is_certain_at_a_hundred(void **state)
{
	struct limits *l = *state;
	uint32_t n = 0;

	for (; n < LIMIT_EARLY_FROM; n++)
		assert_int_equal(limits_admit(l, v4(n), 0, 0), LIMIT_ADMIT);
	assert_int_equal(limits_admit(l, v4(n), 0, LIMIT_EARLY_PERCENT - 1), LIMIT_EARLY);
	assert_int_equal(limits_admit(l, v4(n++), 0, LIMIT_EARLY_PERCENT), LIMIT_ADMIT);
	while (n < 55)
		assert_int_equal(limits_admit(l, v4(n++), 0, LUCKY), LIMIT_ADMIT);
	assert_int_equal(limits_admit(l, v4(n), 0, 64), LIMIT_EARLY);
	assert_int_equal(limits_admit(l, v4(n++), 0, 65), LIMIT_ADMIT);
	while (n < LIMIT_EARLY_ALL)
		assert_int_equal(limits_admit(l, v4(n++), 0, LUCKY), LIMIT_ADMIT);
	assert_int_equal(limits_admit(l, v4(n), 0, LUCKY), LIMIT_EARLY);
	limits_proven(l, v4(0));
	assert_int_equal(limits_admit(l, v4(n), 0, LUCKY), LIMIT_ADMIT);
}

static void proven_connections_count_towards_the_whole(void **state)
{
	struct limits *l = *state;

	for (uint32_t n = 0; n < LIMIT_CONNECTIONS; n++) {
		assert_int_equal(limits_admit(l, v4(1), 0, LUCKY), LIMIT_ADMIT);
		limits_proven(l, v4(1));
	}
	assert_int_equal(limits_admit(l, v4(2), 0, LUCKY), LIMIT_FULL);
	limits_gone(l, v4(1), true, 0, 0);
	assert_int_equal(limits_admit(l, v4(2), 0, LUCKY), LIMIT_ADMIT);
}

static void a_penalty_ends_and_the_longer_one_counts(void **state)
{
	struct limits *l = *state;

	assert_int_equal(limits_admit(l, v4(1), 1000, LUCKY), LIMIT_ADMIT);
	assert_int_equal(limits_admit(l, v4(1), 1000, LUCKY), LIMIT_ADMIT);
	limits_gone(l, v4(1), false, 1000, PENALTY_BAD_PROOF_MS);
	limits_gone(l, v4(1), false, 1000, PENALTY_SILENT_MS);
	assert_int_equal(limits_admit(l, v4(2), 1000, LUCKY), LIMIT_ADMIT);
	assert_int_equal(limits_admit(l, v4(1), 10999, LUCKY), LIMIT_PENALTY);
	assert_int_equal(limits_admit(l, v4(1), 11000, LUCKY), LIMIT_ADMIT);
}

static void more_sources_than_are_remembered_do_no_harm(void **state)
{
	struct limits *l = *state;

	for (uint32_t n = 0; n < 2 * LIMIT_SOURCES; n++) {
		assert_int_equal(limits_admit(l, v4(n), n, LUCKY), LIMIT_ADMIT);
		limits_gone(l, v4(n), false, n, PENALTY_CRASH_MS);
	}
	/* the newest are still remembered */
	assert_int_equal(limits_admit(l, v4(2 * LIMIT_SOURCES - 1), 0, LUCKY), LIMIT_PENALTY);
}

static void a_monitors_end_says_the_penalty(void **state)
{
	(void)state;
	assert_int_equal(limits_penalty(MONITOR_DONE << 8), 0);
	assert_int_equal(limits_penalty(MONITOR_REFUSED << 8), 0);
	assert_int_equal(limits_penalty(MONITOR_BAD_PROOF << 8), PENALTY_BAD_PROOF_MS);
	assert_int_equal(limits_penalty(MONITOR_SILENT << 8), PENALTY_SILENT_MS);
	assert_int_equal(limits_penalty(MONITOR_CRASH << 8), PENALTY_CRASH_MS);
	assert_int_equal(limits_penalty(11 /* SIGSEGV */), PENALTY_CRASH_MS);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(a_source_may_have_three_unproven_connections),
	    TEST(a_source_is_an_ipv4_address_or_a_64_of_ipv6),
	    TEST(dropping_begins_at_ten_and_is_certain_at_a_hundred),
	    TEST(proven_connections_count_towards_the_whole),
	    TEST(a_penalty_ends_and_the_longer_one_counts),
	    TEST(more_sources_than_are_remembered_do_no_harm),
	    TEST(a_monitors_end_says_the_penalty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
