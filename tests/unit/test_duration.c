/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How long something lasts, as people write it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/duration.h"

enum { HOUR_MS = 3600000, BEFORE = 77 };

static uint32_t ms(const char *text)
{
	uint32_t v = BEFORE;

	return duration_ms(span_str(text), HOUR_MS, &v) ? v : BEFORE;
}

static uint32_t s(const char *text)
{
	uint32_t v = BEFORE;

	return duration_s(span_str(text), &v) ? v : BEFORE;
}

static void a_wait_has_a_unit_or_is_in_seconds(void **state)
{
	(void)state;
	assert_int_equal(ms("500ms"), 500);
	assert_int_equal(ms("30s"), 30000);
	assert_int_equal(ms("30"), 30000);
	assert_int_equal(ms("5m"), 300000);
	assert_int_equal(ms("1h"), HOUR_MS);
	assert_int_equal(ms("0"), 0);
	assert_int_equal(ms("0s"), 0);
	assert_int_equal(ms("007s"), 7000);
}

static void a_wait_has_an_upper_bound(void **state)
{
	uint32_t v = BEFORE;

	(void)state;
	assert_int_equal(ms("3600000ms"), HOUR_MS);
	assert_int_equal(ms("3600001ms"), BEFORE);
	assert_int_equal(ms("61m"), BEFORE);
	assert_int_equal(ms("2h"), BEFORE);
	/* Whatever it is multiplied with, it stays more than that. */
	assert_int_equal(ms("999999999h"), BEFORE);
	assert_int_equal(ms("4294967296ms"), BEFORE);
	assert_int_equal(ms("18446744073709551616s"), BEFORE);
	assert_false(duration_ms(span_str("2s"), 1999, &v));
	assert_int_equal(v, BEFORE);
}

static void a_term_has_a_unit_and_is_not_nothing(void **state)
{
	(void)state;
	assert_int_equal(s("90s"), 90);
	assert_int_equal(s("30m"), 1800);
	assert_int_equal(s("8h"), 28800);
	assert_int_equal(s("7d"), 604800);
	assert_int_equal(s("2w"), 1209600);
	assert_int_equal(s("2026"), BEFORE);
	assert_int_equal(s("500ms"), BEFORE);
	assert_int_equal(s("0s"), BEFORE);
	assert_int_equal(s("7101w"), 4294684800);
	assert_int_equal(s("7102w"), BEFORE);
}

static void what_is_no_time_is_refused(void **state)
{
	static const char *const texts[] = {
	    "", "s", "ms", "h1", "1x", "1 s", " 1s", "1s ", "-1s", "+1s", "1.5s", "1ss", "1S"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(ms(texts[i]), BEFORE);
		assert_int_equal(s(texts[i]), BEFORE);
	}
	assert_int_equal(duration_ms((struct span){NULL, 0}, HOUR_MS, &(uint32_t){0}), false);
}

/* Its text is a piece of a line of the map. */
static void nothing_behind_the_text_is_read(void **state)
{
	uint32_t v;

	(void)state;
	assert_true(duration_ms((struct span){(const uint8_t *)"12ms", 2}, HOUR_MS, &v));
	assert_int_equal(v, 12000);
	assert_true(duration_ms((struct span){(const uint8_t *)"1234m", 2}, HOUR_MS, &v));
	assert_int_equal(v, 12000);
	assert_true(duration_s((struct span){(const uint8_t *)"1d1", 2}, &v));
	assert_int_equal(v, 86400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_wait_has_a_unit_or_is_in_seconds),
	    cmocka_unit_test(a_wait_has_an_upper_bound),
	    cmocka_unit_test(a_term_has_a_unit_and_is_not_nothing),
	    cmocka_unit_test(what_is_no_time_is_refused),
	    cmocka_unit_test(nothing_behind_the_text_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
