/* SPDX-License-Identifier: BSD-2-Clause
 *
 * DWARF expressions, and those that a damaged file may hold.
 */
#include <dwarf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "host/sym/cfi_expr.h"

static const uint64_t memory[] = {0x1122334455667788, 42};
enum { MEMORY = 0x1000, CFA = 0x7000 };

static size_t read_memory(void *arg, uint64_t addr, void *buf, size_t len)
{
	(void)arg;
	if (addr < MEMORY || addr - MEMORY > sizeof(memory) - len)
		return 0;
	memcpy(buf, (const uint8_t *)memory + (addr - MEMORY), len);
	return len;
}

static const struct sym_source source = {.read = read_memory};
static const struct sym_regs regs = {.reg = {[6] = 0x600, [7] = 0x700}, .valid = 1 << 6 | 1 << 7};

static unsigned width = 8;

static enum cfi_result eval(
    const Dwarf_Op *ops, size_t n, uint64_t *value, bool *is_value, uint64_t *fault)
{
	struct expr e = {
	    .src = &source, .regs = &regs, .width = width, .cfa = CFA, .bias = 0x10000};
	enum cfi_result result = expr_eval(&e, ops, n, value, is_value);

	*fault = e.fault;
	return result;
}

static void value_is(uint64_t want, const Dwarf_Op *ops, size_t n)
{
	uint64_t value = 0, fault;
	bool is_value;

	assert_int_equal(eval(ops, n, &value, &is_value, &fault), CFI_OK);
	assert_int_equal(value, want);
}

static void is_bad(const Dwarf_Op *ops, size_t n)
{
	uint64_t value, fault;
	bool is_value;

	assert_int_equal(eval(ops, n, &value, &is_value, &fault), CFI_BAD);
}

/* An array and the number of its elements. */
#define OPS(...)                                                                                   \
	(const Dwarf_Op[]){__VA_ARGS__}, sizeof((const Dwarf_Op[]){__VA_ARGS__}) / sizeof(Dwarf_Op)
#define OP(a)                                                                                      \
	{                                                                                          \
		.atom = DW_OP_##a                                                                  \
	}
#define OPN(a, n)                                                                                  \
	{                                                                                          \
		.atom = DW_OP_##a, .number = (Dwarf_Word)(n)                                       \
	}

static void addresses_are_computed(void **state)
{
	(void)state;
	value_is(CFA - 16, OPS(OP(call_frame_cfa), OPN(plus_uconst, -16)));
	value_is(0x708, OPS(OPN(breg7, 8)));
	value_is(0x5f8, OPS(OPN(breg6, -8)));
	value_is(0x10005, OPS(OPN(addr, 5)));
	value_is(3, OPS(OP(lit7), OP(lit4), OP(minus)));
	value_is(4, OPS(OP(lit7), OP(lit4), OP(swap), OP(drop)));
	value_is(1, OPS(OP(lit1), OP(lit2), OP(lit3), OP(rot), OP(drop)));
	value_is(2, OPS(OP(lit1), OP(lit2), OP(lit3), OP(rot)));
	value_is(1, OPS(OP(lit1), OP(lit2), OP(lit3), OPN(pick, 2)));
	value_is((uint64_t)-2, OPS(OPN(consts, -7), OP(lit3), OP(div)));
	value_is(UINT64_MAX, OPS(OPN(consts, -1), OPN(constu, 70), OP(shra)));
	value_is(0, OPS(OP(lit1), OPN(constu, 64), OP(shl)));
	value_is(1, OPS(OPN(consts, -5), OP(lit3), OP(lt)));
	value_is(42, OPS(OPN(constu, MEMORY + 8), OP(deref)));
	value_is(0x7788, OPS(OPN(constu, MEMORY), OPN(deref_size, 2)));
}

static void branches_are_taken(void **state)
{
	(void)state;
	/* 0: lit1, 1: bra +1, 4: lit7, 5: lit9 */
	value_is(
	    9, OPS({.atom = DW_OP_lit1, .offset = 0}, {.atom = DW_OP_bra, .number = 1, .offset = 1},
		   {.atom = DW_OP_lit7, .offset = 4}, {.atom = DW_OP_lit9, .offset = 5}));
	value_is(7, OPS({.atom = DW_OP_lit7, .offset = 0}, {.atom = DW_OP_lit0, .offset = 1},
			{.atom = DW_OP_bra, .number = 1, .offset = 2},
			{.atom = DW_OP_nop, .offset = 5}, {.atom = DW_OP_nop, .offset = 6}));
}

static void what_is_the_value_itself_is_told(void **state)
{
	const Dwarf_Op ops[] = {OP(lit5), OP(stack_value)};
	uint64_t value, fault;
	bool is_value;

	(void)state;
	assert_int_equal(eval(ops, 2, &value, &is_value, &fault), CFI_OK);
	assert_true(is_value);
	assert_int_equal(value, 5);
}

static void memory_that_cannot_be_read_is_named(void **state)
{
	const Dwarf_Op ops[] = {OPN(constu, 0x5000), OP(deref)};
	uint64_t value, fault;
	bool is_value;

	(void)state;
	assert_int_equal(eval(ops, 2, &value, &is_value, &fault), CFI_FAULT);
	assert_int_equal(fault, 0x5000);
}

static void nonsense_is_refused(void **state)
{
	Dwarf_Op many[100];

	(void)state;
	is_bad(OPS(OP(nop)));
	is_bad(OPS(OP(plus)));
	is_bad(OPS(OP(lit1), OP(plus)));
	is_bad(OPS(OP(lit1), OP(lit0), OP(div)));
	is_bad(OPS(OP(lit1), OP(lit0), OP(mod)));
	is_bad(OPS(OPN(consts, INT64_MIN), OPN(consts, -1), OP(div)));
	is_bad(OPS(OP(breg0)));
	is_bad(OPS(OP(breg31)));
	is_bad(OPS({.atom = DW_OP_bregx, .number = UINT64_MAX}));
	is_bad(OPS(OP(lit1), OPN(pick, 1)));
	is_bad(OPS(OPN(constu, MEMORY), OPN(deref_size, 9)));
	is_bad(OPS(OP(lit1), {.atom = 0xff}));
	is_bad(OPS({.atom = DW_OP_skip, .number = (Dwarf_Word)-3, .offset = 0})); /* for ever */
	is_bad(OPS({.atom = DW_OP_lit1, .offset = 0},
	    {.atom = DW_OP_skip, .number = (Dwarf_Word)-2, .offset = 4},
	    {.atom = DW_OP_nop, .offset = 7}));
	for (size_t i = 0; i < 100; i++)
		many[i] = (Dwarf_Op){.atom = DW_OP_lit1, .offset = i};
	is_bad(many, 100);
}

static void arithmetic_has_the_bits_of_an_address(void **state)
{
	(void)state;
	width = 4;
	value_is(0x5f8, OPS(OPN(breg6, -8)));
	value_is(0xfffffff8, OPS(OP(lit0), OPN(const1s, -8), OP(plus)));
	value_is(0xfffffffc, OPS(OPN(const1s, -8), OP(lit2), OP(div)));
	value_is(0xfffffffe, OPS(OPN(const1s, -8), OP(lit2), OP(shra)));
	value_is(0x3ffffffe, OPS(OPN(const1s, -8), OP(lit2), OP(shr)));
	value_is(1, OPS(OPN(const1s, -8), OP(lit2), OP(lt)));
	value_is(8, OPS(OPN(const1s, -8), OP(abs)));
	value_is(0x55667788, OPS(OPN(const2u, MEMORY), OP(deref)));
	width = 8;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(addresses_are_computed),
	    cmocka_unit_test(branches_are_taken),
	    cmocka_unit_test(what_is_the_value_itself_is_told),
	    cmocka_unit_test(memory_that_cannot_be_read_is_named),
	    cmocka_unit_test(arithmetic_has_the_bits_of_an_address),
	    cmocka_unit_test(nonsense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
