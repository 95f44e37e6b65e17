/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/buf.h"

static void integers_are_little_endian(void **state)
{
	static const uint8_t want[] = {1, 3, 2, 7, 6, 5, 4, 15, 14, 13, 12, 11, 10, 9, 8};
	struct buf b;
	struct rd r;

	(void)state;
	buf_init(&b, 64);
	buf_u8(&b, 0x01);
	buf_u16(&b, 0x0203);
	buf_u32(&b, 0x04050607);
	buf_u64(&b, 0x08090a0b0c0d0e0f);
	assert_int_equal(b.len, sizeof(want));
	assert_memory_equal(b.p, want, sizeof(want));
	r = rd_init(b.p, b.len);
	assert_int_equal(rd_u8(&r), 0x01);
	assert_int_equal(rd_u16(&r), 0x0203);
	assert_int_equal(rd_u32(&r), 0x04050607);
	assert_true(rd_u64(&r) == 0x08090a0b0c0d0e0f);
	assert_true(rd_done(&r));
	buf_free(&b);
}

static void a_buffer_never_exceeds_its_maximum(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 5);
	buf_u32(&b, 1);
	assert_false(b.bad);
	buf_u16(&b, 1);
	assert_true(b.bad);
	assert_int_equal(b.len, 4);
	assert_true(b.cap <= 5);
	/* Sticky: what would fit is not put either, or the text would have a hole. */
	buf_u8(&b, 1);
	assert_int_equal(b.len, 4);
	assert_null(buf_grow(&b, SIZE_MAX));
	buf_reset(&b);
	buf_u8(&b, 9);
	assert_false(b.bad);
	assert_int_equal(b.len, 1);
	buf_free(&b);
	assert_int_equal(b.max, 5);
}

static void a_length_that_overflows_is_refused(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, SIZE_MAX);
	buf_u8(&b, 1);
	assert_null(buf_grow(&b, SIZE_MAX));
	assert_true(b.bad);
	buf_free(&b);
}

static void a_reader_stops_at_the_first_byte_too_many(void **state)
{
	static const uint8_t bytes[] = {1, 2, 3};
	struct rd r = rd_init(bytes, sizeof(bytes));

	(void)state;
	assert_int_equal(rd_u16(&r), 0x0201);
	assert_int_equal(rd_u32(&r), 0);
	assert_true(r.bad);
	assert_int_equal(rd_u8(&r), 0);
	assert_false(rd_done(&r));
}

static void bytes_left_over_are_not_done(void **state)
{
	static const uint8_t bytes[] = {1, 2};
	struct rd r = rd_init(bytes, sizeof(bytes));

	(void)state;
	rd_u8(&r);
	assert_false(rd_done(&r));
	rd_u8(&r);
	assert_true(rd_done(&r));
}

static void reading_raw_bytes_too_few_yields_zeros(void **state)
{
	static const uint8_t bytes[] = {1, 2};
	uint8_t got[4] = {9, 9, 9, 9}, zeros[4] = {0};
	struct rd r = rd_init(bytes, sizeof(bytes));

	(void)state;
	rd_raw(&r, got, sizeof(got));
	assert_true(r.bad);
	assert_memory_equal(got, zeros, sizeof(got));
}

static void texts_and_blobs_keep_their_bounds(void **state)
{
	struct buf b;
	struct rd r;
	struct span s;

	(void)state;
	buf_init(&b, 100);
	buf_str(&b, span_str("abc"));
	buf_blob(&b, span_str("defg"));
	r = rd_init(b.p, b.len);
	s = rd_str(&r, 3);
	assert_int_equal(s.n, 3);
	assert_memory_equal(s.p, "abc", 3);
	s = rd_blob(&r, 3);
	assert_true(r.bad);
	assert_int_equal(s.n, 0);
	r = rd_init(b.p, b.len - 1);
	rd_str(&r, 10);
	assert_false(r.bad);
	rd_blob(&r, 10);
	assert_true(r.bad);
	buf_free(&b);
}

static void a_claimed_length_is_never_believed(void **state)
{
	static const uint8_t huge[] = {0xff, 0xff, 0xff, 0xff, 1};
	struct rd r = rd_init(huge, sizeof(huge));
	struct span s = rd_blob(&r, UINT32_MAX);

	(void)state;
	assert_true(r.bad);
	assert_null(s.p);
}

static void a_text_beyond_sixteen_bits_is_refused(void **state)
{
	static const uint8_t big[65536];
	struct buf b;

	(void)state;
	buf_init(&b, 200000);
	buf_str(&b, (struct span){big, 65536});
	assert_true(b.bad);
	assert_int_equal(b.len, 0);
	buf_reset(&b);
	buf_str(&b, (struct span){big, 65535});
	assert_false(b.bad);
	assert_int_equal(b.len, 65537);
	buf_free(&b);
}

static void four_bytes_can_be_set_later(void **state)
{
	struct buf b;
	struct rd r;

	(void)state;
	buf_init(&b, 100);
	buf_u32(&b, 0);
	buf_u8(&b, 7);
	buf_set32(&b, 0, 0x01020304);
	r = rd_init(b.p, b.len);
	assert_int_equal(rd_u32(&r), 0x01020304);
	assert_int_equal(rd_u8(&r), 7);
	buf_free(&b);
}

static void a_copy_of_a_span_ends_at_its_first_nul(void **state)
{
	char *s = span_dup((struct span){(const uint8_t *)"ab\0cd", 5});
	char *none = span_dup((struct span){NULL, 0});

	(void)state;
	assert_string_equal(s, "ab");
	assert_string_equal(none, "");
	free(s);
	free(none);
}

static void nothing_is_made_of_what_is_not_whole(void **state)
{
	struct buf list, body;
	struct rd r;

	(void)state;
	buf_init(&list, 6);
	buf_u32(&list, 1);
	buf_u32(&list, 2);
	assert_int_equal(span_buf(&list).n, 4);
	assert_true(span_bad(span_whole(&list)));
	assert_null(span_dup(span_whole(&list)));
	assert_false(span_eq(span_whole(&list), span_whole(&list)));
	buf_init(&body, 100);
	buf_blob(&body, span_whole(&list));
	assert_true(body.bad);
	buf_reset(&body);
	buf_str(&body, span_whole(&list));
	assert_true(body.bad);
	r = rd_init(span_whole(&list).p, span_whole(&list).n);
	assert_int_equal(rd_u32(&r), 0);
	assert_true(r.bad);
	buf_reset(&list);
	assert_false(span_bad(span_whole(&list)));
	buf_free(&list);
	buf_free(&body);
}

static void spans_compare_by_contents(void **state)
{
	(void)state;
	assert_true(span_eq(span_str("abc"), (struct span){(const uint8_t *)"abcd", 3}));
	assert_false(span_eq(span_str("abc"), span_str("abd")));
	assert_false(span_eq(span_str("abc"), span_str("ab")));
	assert_true(span_eq(span_str(""), (struct span){NULL, 0}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(integers_are_little_endian),
	    cmocka_unit_test(a_buffer_never_exceeds_its_maximum),
	    cmocka_unit_test(a_length_that_overflows_is_refused),
	    cmocka_unit_test(a_reader_stops_at_the_first_byte_too_many),
	    cmocka_unit_test(bytes_left_over_are_not_done),
	    cmocka_unit_test(reading_raw_bytes_too_few_yields_zeros),
	    cmocka_unit_test(texts_and_blobs_keep_their_bounds),
	    cmocka_unit_test(a_claimed_length_is_never_believed),
	    cmocka_unit_test(a_text_beyond_sixteen_bits_is_refused),
	    cmocka_unit_test(four_bytes_can_be_set_later),
	    cmocka_unit_test(a_copy_of_a_span_ends_at_its_first_nul),
	    cmocka_unit_test(nothing_is_made_of_what_is_not_whole),
	    cmocka_unit_test(spans_compare_by_contents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
