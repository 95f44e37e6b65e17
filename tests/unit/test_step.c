/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Steps by lines: which ways lead out of a line's code, and GDB's rules about where a
 * step ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/audit.h>
#include <string.h>

#include "host/engine/step_line.c"

enum { CODE = 0x401000, PAGES = 16 };

/* ---- the ways out of a line -------------------------------------------------------- */

struct code {
	struct he_target t;
	struct sym_regs regs;
};

static void put_code(struct code *c, uint64_t addr, const void *bytes, size_t n)
{
	if (!c->t.mem) {
		c->t.arch_id = AUDIT_ARCH_X86_64;
		c->t.mem = memcache_new(PAGES, 0);
		assert_non_null(c->t.mem);
	}
	memcache_put(c->t.mem, addr, bytes, n);
}

/* Of the n bytes at CODE, from its beginning. */
static struct code_ways ways_of(const void *bytes, size_t n)
{
	struct code c = {.regs = {.pc = CODE, .reg = {0x500000}, .valid = 1}};
	struct code_ways w;

	put_code(&c, CODE, bytes, n);
	assert_null(step_code(&c.t, &c.regs, CODE, CODE + n, &w));
	memcache_free(c.t.mem);
	return w;
}

#define WAYS(...) ways_of((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void code_without_jumps_is_left_at_its_end(void **state)
{
	struct code_ways w = WAYS(0x90, 0x48, 0x89, 0xe5, 0x90); /* nop; mov; nop */

	(void)state;
	assert_true(w.known);
	assert_false(w.loops || w.returns || w.computed_now);
	assert_int_equal(w.n_exits, 1);
	assert_int_equal(w.exits[0], CODE + 5);
	assert_int_equal(w.n_calls, 0);
}

static void a_branch_may_leave_and_a_jump_back_is_a_loop(void **state)
{
	/* je +0x10; dec %eax; jne CODE; */
	struct code_ways w = WAYS(0x74, 0x10, 0xff, 0xc8, 0x75, 0xfa);

	(void)state;
	assert_true(w.known && w.loops);
	assert_int_equal(w.n_exits, 2);
	assert_int_equal(w.exits[0] + w.exits[1], CODE + 0x12 + CODE + 6);
}

static void a_call_is_known_with_where_it_returns_to(void **state)
{
	struct code_ways w = WAYS(0x90, 0xe8, 0x00, 0x01, 0x00, 0x00, 0x90);

	(void)state;
	assert_true(w.known);
	assert_int_equal(w.n_calls, 1);
	assert_int_equal(w.calls[0].at, CODE + 1);
	assert_int_equal(w.calls[0].next, CODE + 6);
	assert_int_equal(w.calls[0].target, CODE + 6 + 0x100);
}

static void a_call_through_a_register_is_known_only_where_the_thread_stands(void **state)
{
	struct code_ways now = WAYS(0xff, 0xd0), later = WAYS(0x90, 0xff, 0xd0); /* call *%rax */

	(void)state;
	assert_int_equal(now.calls[0].target, 0x500000);
	assert_int_equal(later.calls[0].target, 0);
}

static void a_call_of_the_next_instruction_is_none(void **state)
{
	struct code_ways w = WAYS(0xe8, 0, 0, 0, 0, 0x58); /* call +0; pop %rax */

	(void)state;
	assert_int_equal(w.n_calls, 0);
}

static void a_return_and_what_never_goes_on_have_no_next(void **state)
{
	struct code_ways ret = WAYS(0xc3, 0x90), ud2 = WAYS(0x0f, 0x0b, 0x90);

	(void)state;
	assert_true(ret.known && ret.returns && ud2.known);
	assert_int_equal(ret.n_exits, 0);
	assert_int_equal(ud2.n_exits, 0);
	assert_false(ud2.returns);
}

static void a_computed_jump_is_a_place_to_look_again(void **state)
{
	struct code_ways w = WAYS(0x90, 0xff, 0xe0), now = WAYS(0xff, 0xe0); /* jmp *%rax */

	(void)state;
	assert_int_equal(w.n_computed, 1);
	assert_int_equal(w.computed[0], CODE + 1);
	assert_true(now.computed_now);
	assert_int_equal(now.n_computed, 0);
}

static void code_that_is_no_code_is_not_known(void **state)
{
	struct code_ways w = WAYS(0x90, 0x06, 0x90); /* push %es is none in 64-bit code */

	(void)state;
	assert_false(w.known);
}

static void a_pc_outside_of_the_line_has_no_ways(void **state)
{
	struct code c = {.regs = {.pc = CODE + 9}};
	struct code_ways w;

	(void)state;
	put_code(&c, CODE, "\x90", 1);
	assert_null(step_code(&c.t, &c.regs, CODE, CODE + 1, &w));
	assert_false(w.known);
	memcache_free(c.t.mem);
}

static void what_an_unbound_slot_holds_is_told_from_a_function(void **state)
{
	static const uint8_t lazy[16] = {0x68, 9, 0, 0, 0, 0xe9, 0x50, 0xff, 0xff, 0xff};
	static const uint8_t marked[16] = {
	    0xf3, 0x0f, 0x1e, 0xfa, 0x68, 9, 0, 0, 0, 0xf2, 0xe9, 0x50, 0xff, 0xff, 0xff};
	static const uint8_t function[16] = {0x55, 0x48, 0x89, 0xe5};
	struct code c = {.regs = {.pc = 0}};

	(void)state;
	put_code(&c, CODE, lazy, sizeof(lazy));
	put_code(&c, CODE + 0x100, marked, sizeof(marked));
	put_code(&c, CODE + 0x200, function, sizeof(function));
	assert_true(step_unbound(&c.t, CODE));
	assert_true(step_unbound(&c.t, CODE + 0x100));
	assert_false(step_unbound(&c.t, CODE + 0x200));
	memcache_free(c.t.mem);
}

static void a_stub_tells_its_slot_and_a_function_that_only_returns_is_one(void **state)
{
	static const uint8_t stub[32] = {0xf3, 0x0f, 0x1e, 0xfa, 0xff, 0x25, 0x10, 0, 0, 0};
	static const uint8_t empty[32] = {0xf3, 0x0f, 0x1e, 0xfa, 0xc3};
	struct code c = {.regs = {.pc = 0}};
	uint64_t slot;
	bool returns;

	(void)state;
	put_code(&c, CODE, stub, sizeof(stub));
	put_code(&c, CODE + 0x100, empty, sizeof(empty));
	assert_null(step_slot(&c.t, CODE, &slot));
	assert_int_equal(slot, CODE + 10 + 0x10);
	assert_null(step_returns_at_once(&c.t, CODE + 0x100, &returns));
	assert_true(returns);
	assert_null(step_returns_at_once(&c.t, CODE, &returns));
	assert_false(returns);
	memcache_free(c.t.mem);
}

/* ---- GDB's rules ---------------------------------------------------------------------- */

/* A step of line 10 at [0x1000, 0x1010) of a function, and its thread elsewhere in it. */
struct scene {
	struct he_target t;
	struct step st;
	struct standing now;
};

static void set(struct scene *s)
{
	memset(s, 0, sizeof(*s));
	s->t.arch_id = AUDIT_ARCH_X86_64;
	s->t.mem = memcache_new(PAGES, 0);
	s->st = (struct step){.target = &s->t,
	    .how = HE_STEP_OVER,
	    .id = {.cfa = 0x7000, .function = 0xf00},
	    .file = "a.c",
	    .line = 10,
	    .lo = 0x1000,
	    .hi = 0x1010};
	s->now = (struct standing){.regs = {.pc = 0x1010},
	    .cfa = 0x7000,
	    .id = s->st.id,
	    .has_caller = true,
	    .caller_cfa = 0x7100,
	    .file = "a.c",
	    .line = 11,
	    .spot = {.function = 0xf00,
		.name = "f",
		.file = "a.c",
		.line = 11,
		.lo = 0x1010,
		.hi = 0x1020,
		.statement = true}};
}

static enum judgement judged(struct scene *s, enum he_step how)
{
	enum judgement j;

	s->st.how = how;
	j = judge(&s->st, &s->now);
	memcache_free(s->t.mem);
	s->t.mem = NULL;
	return j;
}

static void the_beginning_of_another_line_is_the_end(void **state)
{
	struct scene s;

	(void)state;
	set(&s);
	assert_int_equal(judged(&s, HE_STEP_OVER), JUDGE_DONE);
}

static void amid_another_line_it_goes_on_to_the_end_of_that(void **state)
{
	struct scene s;

	(void)state;
	set(&s);
	s.now.regs.pc = 0x1014;
	assert_int_equal(judged(&s, HE_STEP_OVER), JUDGE_REFRESH);
}

static void where_no_statement_begins_it_depends_on_the_frame(void **state)
{
	struct scene s;

	(void)state;
	set(&s);
	s.now.spot.statement = false;
	assert_int_equal(judged(&s, HE_STEP_OVER), JUDGE_KEEP);
	set(&s);
	s.now.spot.statement = false;
	s.now.cfa = s.now.id.cfa = 0x7100;
	assert_int_equal(judged(&s, HE_STEP_OVER), JUDGE_AMID);
}

static void within_its_line_it_goes_on_but_not_in_another_frame(void **state)
{
	struct scene s;

	(void)state;
	set(&s);
	s.now.regs.pc = 0x1004;
	assert_int_equal(judged(&s, HE_STEP_OVER), JUDGE_KEEP);
	/* The same code, called by itself. */
	set(&s);
	s.now.regs.pc = 0x1004;
	s.now.cfa = s.now.id.cfa = 0x6f00;
	s.now.caller_cfa = 0x7000;
	assert_int_equal(judged(&s, HE_STEP_OVER), JUDGE_OUT);
}

static void a_called_function_is_entered_only_with_lines_and_only_by_step(void **state)
{
	struct scene s;

	(void)state;
	for (int lines = 0; lines < 2; lines++) {
		set(&s);
		s.now.cfa = s.now.id.cfa = 0x6f00;
		s.now.caller_cfa = 0x7000;
		s.now.spot.line = lines ? 99 : 0;
		memcache_put(s.t.mem, s.now.regs.pc,
		    "\xc3\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90", 16);
		assert_int_equal(judged(&s, HE_STEP_INTO), lines ? JUDGE_IN : JUDGE_OUT);
	}
}

static void code_without_lines_that_nobody_here_called_is_the_end(void **state)
{
	struct scene s;

	(void)state;
	set(&s);
	s.now.cfa = s.now.id.cfa = 0x7100;
	s.now.caller_cfa = 0x7200;
	s.now.spot.line = 0;
	assert_int_equal(judged(&s, HE_STEP_OVER), JUDGE_DONE);
}

static void a_signals_handler_runs_by_itself_unless_it_was_waited_for(void **state)
{
	struct scene s;

	(void)state;
	set(&s);
	s.now.cfa = s.now.id.cfa = 0x6000;
	s.now.handler = true;
	s.now.interrupted_cfa = 0x7000;
	assert_int_equal(judged(&s, HE_STEP_INTO), JUDGE_HANDLER);
	set(&s);
	s.now.cfa = s.now.id.cfa = 0x6000;
	s.now.handler = true;
	s.now.interrupted_cfa = 0x7000;
	s.st.enters = true;
	assert_int_equal(judged(&s, HE_STEP_OVER), JUDGE_DONE);
	set(&s);
	s.now.trampoline = true;
	assert_int_equal(judged(&s, HE_STEP_OVER), JUDGE_RETURNED);
}

/* One call inlined there; begun: it only begins. */
static void inline_one(struct scene *s, unsigned call_line, bool begun)
{
	s->now.spot.n_inlined = 1;
	s->now.spot.inlined[0].die = 77;
	s->now.spot.inlined[0].line = call_line;
	s->now.spot.inlined[0].file = "a.c";
	s->now.spot.inlined[0].begins = begun;
	s->now.hidden = begun;
	s->now.id.depth = !begun;
	s->now.id.die = begun ? 0 : 77;
	s->now.line = begun ? call_line : 11;
}

static void an_inlined_call_of_the_line_is_entered_by_step_and_passed_by_next(void **state)
{
	struct scene s;

	(void)state;
	set(&s);
	inline_one(&s, 10, true);
	assert_int_equal(judged(&s, HE_STEP_INTO), JUDGE_DONE);
	set(&s);
	inline_one(&s, 10, true);
	assert_int_equal(judged(&s, HE_STEP_OVER), JUDGE_KEEP);
	/* One of another line is where that line begins. */
	set(&s);
	inline_one(&s, 12, true);
	assert_int_equal(judged(&s, HE_STEP_OVER), JUDGE_DONE);
}

static void amid_an_inlined_call_next_goes_on_and_step_ends(void **state)
{
	struct scene s;

	(void)state;
	set(&s);
	inline_one(&s, 10, false);
	assert_int_equal(judged(&s, HE_STEP_OVER), JUDGE_KEEP);
	set(&s);
	inline_one(&s, 10, false);
	assert_int_equal(judged(&s, HE_STEP_INTO), JUDGE_DONE);
}

static void calls_that_begin_where_a_thread_stands_are_hidden_until_entered(void **state)
{
	struct thread h = {.entered = 0};
	struct spot p = {
	    .n_inlined = 3, .inlined = {{.begins = true}, {.begins = true}, {.begins = false}}};

	(void)state;
	assert_int_equal(step_hidden(&h, &p), 2);
	h.entered = 1;
	assert_int_equal(step_hidden(&h, &p), 1);
	h.entered = 9;
	assert_int_equal(step_hidden(&h, &p), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(code_without_jumps_is_left_at_its_end),
	    cmocka_unit_test(a_branch_may_leave_and_a_jump_back_is_a_loop),
	    cmocka_unit_test(a_call_is_known_with_where_it_returns_to),
	    cmocka_unit_test(a_call_through_a_register_is_known_only_where_the_thread_stands),
	    cmocka_unit_test(a_call_of_the_next_instruction_is_none),
	    cmocka_unit_test(a_return_and_what_never_goes_on_have_no_next),
	    cmocka_unit_test(a_computed_jump_is_a_place_to_look_again),
	    cmocka_unit_test(code_that_is_no_code_is_not_known),
	    cmocka_unit_test(a_pc_outside_of_the_line_has_no_ways),
	    cmocka_unit_test(what_an_unbound_slot_holds_is_told_from_a_function),
	    cmocka_unit_test(a_stub_tells_its_slot_and_a_function_that_only_returns_is_one),
	    cmocka_unit_test(the_beginning_of_another_line_is_the_end),
	    cmocka_unit_test(amid_another_line_it_goes_on_to_the_end_of_that),
	    cmocka_unit_test(where_no_statement_begins_it_depends_on_the_frame),
	    cmocka_unit_test(within_its_line_it_goes_on_but_not_in_another_frame),
	    cmocka_unit_test(a_called_function_is_entered_only_with_lines_and_only_by_step),
	    cmocka_unit_test(code_without_lines_that_nobody_here_called_is_the_end),
	    cmocka_unit_test(a_signals_handler_runs_by_itself_unless_it_was_waited_for),
	    cmocka_unit_test(an_inlined_call_of_the_line_is_entered_by_step_and_passed_by_next),
	    cmocka_unit_test(amid_an_inlined_call_next_goes_on_and_step_ends),
	    cmocka_unit_test(calls_that_begin_where_a_thread_stands_are_hidden_until_entered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
