/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which memory a stop brings, and which part of a stack a snapshot takes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "procsrv/recipe.h"
#include "procsrv/snapshot_plan.h"

static const struct recipe_thread threads[] = {
    {{0, 0x401000, 0x7000, 0x7100}, false},
    {{0, 0x402000, 0x9000, 0x9100}, true},
};

static size_t ranges_of(struct wire_rec_recipe r, struct recipe_range *out, size_t max)
{
	return recipe_ranges(&r, 1, threads, 2, out, max);
}

static void recipes_follow_the_registers(void **state)
{
	struct recipe_range out[4];

	(void)state;
	assert_int_equal(
	    ranges_of((struct wire_rec_recipe){WIRE_SCOPE_ALL, WIRE_BASE_SP, -128, 4096}, out, 4),
	    2);
	assert_int_equal(out[0].addr, 0x7000 - 128);
	assert_int_equal(out[1].addr, 0x9000 - 128);
	assert_int_equal(out[1].len, 4096);
	assert_int_equal(
	    ranges_of((struct wire_rec_recipe){WIRE_SCOPE_CAUSE, WIRE_BASE_PC, 0, 64}, out, 4), 1);
	assert_int_equal(out[0].addr, 0x402000);
	assert_int_equal(
	    ranges_of((struct wire_rec_recipe){WIRE_SCOPE_ALL, WIRE_BASE_FP, 16, 8}, out, 4), 2);
	assert_int_equal(out[0].addr, 0x7110);
}

static void an_absolute_recipe_counts_once(void **state)
{
	struct recipe_range out[4];

	(void)state;
	assert_int_equal(
	    ranges_of((struct wire_rec_recipe){WIRE_SCOPE_ALL, WIRE_BASE_ZERO, 0x5000, 8}, out, 4),
	    1);
	assert_int_equal(out[0].addr, 0x5000);
}

static void ranges_do_not_wrap_around(void **state)
{
	static const struct recipe_thread edge[] = {{{0, UINT64_MAX - 3, 16, 0}, true}};
	struct wire_rec_recipe r = {WIRE_SCOPE_ALL, WIRE_BASE_PC, 0, UINT32_MAX};
	struct recipe_range out[2];

	(void)state;
	assert_int_equal(recipe_ranges(&r, 1, edge, 1, out, 2), 1);
	assert_true(out[0].addr == UINT64_MAX - 3);
	assert_int_equal(out[0].len, 3);
	r.offset = 8;
	assert_int_equal(recipe_ranges(&r, 1, edge, 1, out, 2), 0);
	r = (struct wire_rec_recipe){WIRE_SCOPE_ALL, WIRE_BASE_SP, -24, 32};
	assert_int_equal(recipe_ranges(&r, 1, edge, 1, out, 2), 1);
	assert_int_equal(out[0].addr, 0);
	assert_int_equal(out[0].len, 24);
	r = (struct wire_rec_recipe){WIRE_SCOPE_ALL, WIRE_BASE_SP, INT64_MIN, 32};
	assert_int_equal(recipe_ranges(&r, 1, edge, 1, out, 2), 0);
}

static void there_are_never_more_ranges_than_room(void **state)
{
	struct recipe_range out[1];

	(void)state;
	assert_int_equal(
	    ranges_of((struct wire_rec_recipe){WIRE_SCOPE_ALL, WIRE_BASE_SP, 0, 1}, out, 1), 1);
	assert_int_equal(
	    ranges_of((struct wire_rec_recipe){WIRE_SCOPE_ALL, WIRE_BASE_SP, 0, 0}, out, 1), 0);
}

static void ranges_that_overlap_or_touch_become_one(void **state)
{
	struct recipe_range r[] = {{300, 10}, {100, 50}, {150, 10}, {120, 10}, {305, 100}};

	(void)state;
	assert_int_equal(recipe_merge(r, 5, 1000), 2);
	assert_int_equal(r[0].addr, 100);
	assert_int_equal(r[0].len, 60);
	assert_int_equal(r[1].addr, 300);
	assert_int_equal(r[1].len, 105);
}

static void merged_ranges_keep_the_total(void **state)
{
	struct recipe_range r[] = {{100, 50}, {200, 50}, {300, 50}};

	(void)state;
	assert_int_equal(recipe_merge(r, 3, 70), 2);
	assert_int_equal(r[0].len, 50);
	assert_int_equal(r[1].len, 20);
	assert_int_equal(recipe_merge(r, 2, 0), 0);
}

static const char maps[] = "1000-2000 r--p 0 0:0 0 a\n"
			   "2000-3000 rw-p 0 0:0 0 b\n"
			   "3000-4000 ---p 0 0:0 0 guard\n"
			   "5000-6000 rw-p 0 0:0 0 c\n"
			   "6000-7000 --xp 0 0:0 0 d\n";

static void ranges_are_clipped_to_what_is_readable(void **state)
{
	struct recipe_range in[] = {{0x800, 0x1000}, {0x1f00, 0x1200}, {0x3800, 0x100},
	    {0x4f00, 0x3000}},
			    out[8];

	(void)state;
	assert_int_equal(recipe_clip(span_str(maps), in, 4, out, 8), 3);
	assert_int_equal(out[0].addr, 0x1000);
	assert_int_equal(out[0].len, 0x800);
	assert_int_equal(out[1].addr, 0x1f00); /* two mappings that touch are one */
	assert_int_equal(out[1].len, 0x1100);
	assert_int_equal(out[2].addr, 0x5000);
	assert_int_equal(out[2].len, 0x1000);
	assert_int_equal(recipe_clip(span_str(maps), in, 4, out, 2), 2);
	assert_int_equal(recipe_clip(span_str(""), in, 4, out, 8), 0);
	assert_int_equal(recipe_clip(span_str(maps), in, 0, out, 8), 0);
}

static void a_range_over_several_mappings_falls_apart(void **state)
{
	struct recipe_range in[] = {{0x0, 0x10000}}, out[8];

	(void)state;
	assert_int_equal(recipe_clip(span_str(maps), in, 1, out, 8), 2);
	assert_int_equal(out[0].addr, 0x1000);
	assert_int_equal(out[0].len, 0x2000);
	assert_int_equal(out[1].addr, 0x5000);
}

/* ---- windows ------------------------------------------------------------------ */

static void a_window_stays_in_its_mapping(void **state)
{
	struct plan_map *m;
	size_t n = plan_maps(span_str(maps), &m);
	struct plan_window w;

	(void)state;
	assert_int_equal(n, 3);
	w = plan_window(m, n, 0x5f00, 128, 4096, 1 << 20);
	assert_int_equal(w.addr, 0x5f00 - 128);
	assert_int_equal(w.len, 0x100 + 128);
	assert_int_equal(w.want, 0x100);
	w = plan_window(m, n, 0x5010, 128, 0x100, 1 << 20);
	assert_int_equal(w.addr, 0x5000);
	assert_int_equal(w.len, 0x110);
	assert_int_equal(w.want, 0xff0);
	w = plan_window(m, n, 0x5800, 0, 4096, 16);
	assert_int_equal(w.len, 16);
	free(m);
}

static void a_stack_pointer_nowhere_gets_a_window_all_the_same(void **state)
{
	struct plan_window w = plan_window(NULL, 0, UINT64_MAX - 10, 128, 4096, 1 << 20);

	(void)state;
	assert_int_equal(w.want, 4096);
	assert_int_equal(w.len, 128 + 10);
	w = plan_window(NULL, 0, 5, 128, 16, 1 << 20);
	assert_int_equal(w.addr, 0);
	assert_int_equal(w.len, 21);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(recipes_follow_the_registers),
	    cmocka_unit_test(an_absolute_recipe_counts_once),
	    cmocka_unit_test(ranges_do_not_wrap_around),
	    cmocka_unit_test(there_are_never_more_ranges_than_room),
	    cmocka_unit_test(ranges_that_overlap_or_touch_become_one),
	    cmocka_unit_test(merged_ranges_keep_the_total),
	    cmocka_unit_test(ranges_are_clipped_to_what_is_readable),
	    cmocka_unit_test(a_range_over_several_mappings_falls_apart),
	    cmocka_unit_test(a_window_stays_in_its_mapping),
	    cmocka_unit_test(a_stack_pointer_nowhere_gets_a_window_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
