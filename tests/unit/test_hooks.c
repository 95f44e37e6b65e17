/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where the functions are looked for that leave frames otherwise than by returning.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/audit.h>
#include <string.h>

#include "host/engine/step_hook.c"

enum { CODE = 0x401000, EMPTY = 0x401800, LONGJMP = 0x402000, STEPS = 100 };

/* What the symbols say, and how far one comes until something breaks off. */
static uint64_t stamp;
static unsigned asked, breaks_at;
static struct he_target *below; /* it breaks off below the symbols, in that target */

uint64_t symbols_stamp(const struct symbols *s)
{
	(void)s;
	return stamp;
}

struct he_error *symbols_each_named(struct symbols *s, const char *name,
    void (*each)(void *arg, const struct spot_symbol *sym), void *arg)
{
	(void)s;
	if (++asked == breaks_at && !below)
		return he_error_new(E_CANCELLED, "cancelled.");
	if (asked == breaks_at) {
		below->trouble = he_error_new(E_CANCELLED, "cancelled.");
		return NULL;
	}
	if (strcmp(name, "_Unwind_RaiseException") == 0)
		each(arg, &(struct spot_symbol){CODE, 8, false});
	if (strcmp(name, "longjmp") == 0)
		each(arg, &(struct spot_symbol){LONGJMP, 8, false});
	return NULL;
}

static struct he_error *no_memory_comes(
    struct he_target *t, const struct mem_range *v, size_t n, chunk_sink *sink, void *arg)
{
	(void)t;
	(void)v;
	(void)n;
	(void)sink;
	(void)arg;
	return he_error_new(E_CANCELLED, "cancelled.");
}

static const struct target_ops without_memory = {.mem_read = no_memory_comes};

static void put(struct he_target *t)
{
	static const uint8_t code[16] = {0xe8, 0xfb, 0x07, 0, 0}, empty[16] = {0xc3};

	memcache_put(t->mem, CODE, code, sizeof(code));
	memcache_put(t->mem, EMPTY, empty, sizeof(empty));
}

static void begin(struct he_target *t)
{
	*t = (struct he_target){.arch_id = AUDIT_ARCH_X86_64, .ops = &without_memory};
	t->mem = memcache_new(16, 0);
	assert_non_null(t->mem);
	stamp = 1;
	asked = breaks_at = 0;
	below = NULL;
}

static void found(struct he_target *t)
{
	assert_null(find(t, &t->hooks));
	assert_int_equal(t->hooks.n_throws, 1);
	assert_int_equal(t->hooks.throws[0], EMPTY);
	assert_int_equal(t->hooks.n_jumps, 1);
	assert_int_equal(t->hooks.jumps[0], LONGJMP);
}

static void they_are_looked_for_once_for_the_same_modules(void **state)
{
	struct he_target t;
	unsigned before;

	(void)state;
	begin(&t);
	put(&t);
	found(&t);
	before = asked;
	found(&t);
	assert_int_equal(asked, before);
	stamp++;
	found(&t);
	assert_int_equal(asked, 2 * before);
	memcache_free(t.mem);
}

static void breaks_off_anywhere(bool in_target)
{
	struct he_target t;
	struct he_error *e;

	for (unsigned at = 1; at < STEPS; at++) {
		begin(&t);
		put(&t);
		breaks_at = at;
		below = in_target ? &t : NULL;
		e = find(&t, &t.hooks);
		if (e)
			assert_int_equal(e->code, E_CANCELLED);
		found(&t);
		memcache_free(t.mem);
		if (!e)
			break;
		he_error_free(e);
		assert_true(at + 1 < STEPS);
	}
}

static void a_search_that_broke_off_is_begun_anew(void **state)
{
	(void)state;
	breaks_off_anywhere(false);
	breaks_off_anywhere(true);
}

static void code_that_does_not_come_breaks_it_off(void **state)
{
	struct he_target t;
	struct he_error *e;

	(void)state;
	begin(&t);
	e = find(&t, &t.hooks);
	assert_non_null(e);
	assert_int_equal(e->code, E_CANCELLED);
	he_error_free(e);
	put(&t);
	found(&t);
	memcache_free(t.mem);
}

static void another_program_has_its_own(void **state)
{
	struct he_target t;

	(void)state;
	begin(&t);
	put(&t);
	found(&t);
	/* Its modules may be counted from the beginning, too. */
	target_forget(&t);
	assert_int_equal(t.hooks.n_throws + t.hooks.n_jumps, 0);
	put(&t);
	asked = 0;
	found(&t);
	assert_true(asked > 0);
	memcache_free(t.mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(they_are_looked_for_once_for_the_same_modules),
	    cmocka_unit_test(a_search_that_broke_off_is_begun_anew),
	    cmocka_unit_test(code_that_does_not_come_breaks_it_off),
	    cmocka_unit_test(another_program_has_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
