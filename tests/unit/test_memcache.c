/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/engine/memcache.h"

static int setup(void **state)
{
	*state = memcache_new(64, 0);
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	memcache_free(*state);
	return 0;
}

static void what_was_put_comes_back_across_pages_and_nothing_more(void **state)
{
	struct memcache *m = *state;
	uint8_t in[10000], out[10000];
	int why = -1;

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 7);
	memcache_put(m, 0x10ff3, in, sizeof(in));
	assert_int_equal(memcache_get(m, 0x10ff3, out, sizeof(out), &why), sizeof(out));
	assert_int_equal(why, -1);
	assert_memory_equal(in, out, sizeof(in));
	assert_int_equal(memcache_get(m, 0x10ff2, out, 1, &why), 0);
	assert_int_equal(why, 0);
	assert_int_equal(memcache_get(m, 0x10ff3 + 9990, out, 100, &why), 10);
	assert_int_equal(why, 0);
	assert_memory_equal(out, in + 9990, 10);
}

static void after_a_flush_nothing_is_served(void **state)
{
	struct memcache *m = *state;
	uint8_t byte = 1;
	int why = -1;

	memcache_put(m, 0x5000, &byte, 1);
	memcache_put_unreadable(m, 0x6000, 4096, EIO);
	memcache_flush(m);
	assert_int_equal(memcache_get(m, 0x5000, &byte, 1, &why), 0);
	assert_int_equal(why, 0);
	assert_int_equal(memcache_missing(m, 0x6000, 4096).len, 4096);
	assert_int_equal(memcache_pages(m), 0);
}

static void an_unreadable_part_ends_the_prefix_with_its_errno(void **state)
{
	struct memcache *m = *state;
	uint8_t out[64];
	int why = 0;

	memcache_put_zeros(m, 0x1ff0, 16);
	memcache_put_unreadable(m, 0x2000, 4096, EIO);
	memset(out, 0xff, sizeof(out));
	assert_int_equal(memcache_get(m, 0x1ff0, out, sizeof(out), &why), 16);
	assert_int_equal(why, EIO);
	assert_int_equal(out[15], 0);
	assert_int_equal(out[16], 0xff);
}

static void later_knowledge_replaces_earlier(void **state)
{
	struct memcache *m = *state;
	uint8_t data[8] = {1, 2, 3, 4, 5, 6, 7, 8}, out[8];
	int why = 0;

	memcache_put_unreadable(m, 0x1000, 4096, EIO);
	memcache_put(m, 0x1004, data, 4);
	assert_int_equal(memcache_get(m, 0x1004, out, 8, &why), 4);
	assert_int_equal(why, EIO);
	memcache_put_unreadable(m, 0x1006, 2, EFAULT);
	assert_int_equal(memcache_get(m, 0x1004, out, 8, &why), 2);
	assert_int_equal(why, EFAULT);
}

static void missing_names_the_first_gap_and_its_exact_length(void **state)
{
	struct memcache *m = *state;
	uint8_t data[4096] = {0};
	struct mem_range r;

	r = memcache_missing(m, 0x1000, 0x3000);
	assert_int_equal(r.addr, 0x1000);
	assert_int_equal(r.len, 0x3000);
	memcache_put(m, 0x1000, data, 100);
	memcache_put_unreadable(m, 0x1064, 50, EIO);
	memcache_put(m, 0x2ffe, data, 2);
	r = memcache_missing(m, 0x1000, 0x3000);
	assert_int_equal(r.addr, 0x1000 + 150);
	assert_int_equal(r.addr + r.len, 0x2ffe);
	r = memcache_missing(m, 0x1000, 150);
	assert_int_equal(r.len, 0);
}

static void the_end_of_the_address_space_is_no_wraparound(void **state)
{
	struct memcache *m = *state;
	uint8_t data[64] = {9}, out[64];
	uint64_t top = UINT64_MAX - 15;
	int why = 0;

	memcache_put(m, top, data, sizeof(data));
	assert_int_equal(memcache_get(m, top, out, sizeof(out), &why), 16);
	assert_int_equal(why, EFAULT);
	assert_int_equal(memcache_get(m, 0, out, 1, &why), 0);
	assert_int_equal(memcache_missing(m, top, 64).len, 0);
	memcache_put_zeros(m, 0x1000, UINT64_MAX);
	assert_true(memcache_pages(m) <= 64);
}

static void a_live_cache_starts_anew_when_it_is_full(void **state)
{
	struct memcache *m = *state;
	uint8_t byte = 7;
	int why = 0;

	for (uint64_t i = 0; i < 1000; i++)
		memcache_put(m, i * 4096, &byte, 1);
	assert_true(memcache_pages(m) <= 64);
	assert_int_equal(memcache_get(m, 999 * 4096, &byte, 1, &why), 1);
}

static void a_snapshots_cache_keeps_what_it_has(void **state)
{
	struct memcache *m = memcache_new(64, 1);
	uint8_t byte = 7;
	int why = 0;

	(void)state;
	for (uint64_t i = 0; i < 1000; i++)
		memcache_put(m, i * 4096, &byte, 1);
	assert_int_equal(memcache_pages(m), 64);
	assert_int_equal(memcache_get(m, 0, &byte, 1, &why), 1);
	assert_int_equal(memcache_get(m, 999 * 4096, &byte, 1, &why), 0);
	memcache_free(m);
}

/* Against a plain array: thousands of random pieces. */
static void it_agrees_with_a_plain_array_of_bytes(void **state)
{
	enum { SIZE = 5 * 4096, BASE = 0x7000 };
	static uint8_t value[SIZE], known[SIZE]; /* 0 unknown, 1 known, 2 unreadable */
	uint8_t data[6000], out[6000];
	struct memcache *m = *state;

	srandom(42);
	for (int round = 0; round < 5000; round++) {
		size_t at = (size_t)random() % SIZE, n = (size_t)random() % 6000;
		size_t good = 0;
		int why = -1;

		n = n < SIZE - at ? n : SIZE - at;
		if (random() % 3 == 0) {
			memset(data, (int)random(), n);
			memcache_put(m, BASE + at, data, n);
			memcpy(value + at, data, n);
			memset(known + at, 1, n);
		} else if (random() % 5 == 0) {
			memcache_put_unreadable(m, BASE + at, n, EIO);
			memset(known + at, 2, n);
		} else if (random() % 200 == 0) {
			memcache_flush(m);
			memset(known, 0, SIZE);
		}
		while (good < n && known[at + good] == 1)
			good++;
		assert_int_equal(memcache_get(m, BASE + at, out, n, &why), good);
		assert_memory_equal(out, value + at, good);
		if (good < n)
			assert_int_equal(why, known[at + good] == 2 ? EIO : 0);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(what_was_put_comes_back_across_pages_and_nothing_more),
	    T(after_a_flush_nothing_is_served),
	    T(an_unreadable_part_ends_the_prefix_with_its_errno),
	    T(later_knowledge_replaces_earlier),
	    T(missing_names_the_first_gap_and_its_exact_length),
	    T(the_end_of_the_address_space_is_no_wraparound),
	    T(a_live_cache_starts_anew_when_it_is_full),
	    T(a_snapshots_cache_keeps_what_it_has),
	    T(it_agrees_with_a_plain_array_of_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
