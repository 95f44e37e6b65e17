/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Conditions and commands in bytecode: what every instruction does, what is refused, what goes
 * wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/audit.h>
#include <stdio.h>
#include <string.h>

#include "common/bytecode.h"
#include "common/gdb_reg.h"

enum { MEMORY = 0x1000 };

static const uint8_t memory[] = {0x80, 0xff, 0x01, 0x02, 0x03, 0x04, 0x05, 0x86};
static uint8_t prstatus[216];
static uint64_t asked;

static bool read_memory(void *arg, uint64_t addr, void *to, size_t n)
{
	(void)arg;
	asked = addr;
	if (addr < MEMORY || addr > MEMORY + sizeof(memory) - n)
		return false;
	memcpy(to, memory + (addr - MEMORY), n);
	return true;
}

static const struct bytecode_env env = {
    .arch = AUDIT_ARCH_X86_64,
    .regs = prstatus,
    .nregs = sizeof(prstatus),
    .read = read_memory,
};

static int eval_on(const struct bytecode_env *e, struct span code, uint64_t *value, uint64_t *addr)
{
	struct bytecode *b;
	int err = bytecode_new(code, e->arch, &b);

	if (err == E_OK) {
		assert_int_equal(bytecode_code(b).n, code.n);
		err = bytecode_eval(b, e, value, addr);
		bytecode_free(b);
	}
	return err;
}

#define CODE(...) ((struct span){(const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__})})
#define C8(v) 0x22, (v)
#define C16(v) 0x23, (v) >> 8, (v)&0xff
#define C64(v)                                                                                     \
	0x25, (uint64_t)(v) >> 56 & 0xff, (uint64_t)(v) >> 48 & 0xff, (uint64_t)(v) >> 40 & 0xff,  \
	    (uint64_t)(v) >> 32 & 0xff, (uint64_t)(v) >> 24 & 0xff, (uint64_t)(v) >> 16 & 0xff,    \
	    (uint64_t)(v) >> 8 & 0xff, (uint64_t)(v)&0xff
#define END 0x27

static uint64_t value_of(struct span code)
{
	uint64_t v = 0, addr;

	assert_int_equal(eval_on(&env, code, &v, &addr), E_OK);
	return v;
}

static int error_of(struct span code)
{
	uint64_t v, addr;

	return eval_on(&env, code, &v, &addr);
}

#define IS(expected, ...) assert_true(value_of(CODE(__VA_ARGS__, END)) == (uint64_t)(expected))
#define REFUSED(...) assert_int_equal(error_of(CODE(__VA_ARGS__)), E_BAD_CONDITION)

static void arithmetic_is_that_of_64_bits(void **state)
{
	(void)state;
	IS(7, C8(3), C8(4), 0x02);
	IS(-1, C8(3), C8(4), 0x03);
	IS(0, C64(UINT64_MAX), C8(1), 0x02);
	IS(-12, C64(-3), C8(4), 0x04);
	IS(-3, C64(-7), C8(2), 0x05);
	IS(-1, C64(-7), C8(2), 0x07);
	IS(0x7ffffffffffffffc, C64(-7), C8(2), 0x06);
	IS(1, C64(-7), C8(2), 0x08);
	IS(INT64_MIN, C64(INT64_MIN), C64(-1), 0x05);
	IS(0, C64(INT64_MIN), C64(-1), 0x07);
	IS(5, C64(-5), C64(-1), 0x05);
}

static void shifts_have_an_answer_for_every_count(void **state)
{
	(void)state;
	IS(0x50, C8(5), C8(4), 0x09);
	IS(0, C8(5), C8(64), 0x09);
	IS(0, C8(5), C64(-1), 0x09);
	IS(-2, C64(-7), C8(2), 0x0a);
	IS(-7, C64(-7), C8(0), 0x0a);
	IS(-1, C64(-7), C8(63), 0x0a);
	IS(-1, C64(-7), C8(64), 0x0a);
	IS(0, C8(7), C8(200), 0x0a);
	IS(1, C64(-7), C8(63), 0x0b);
	IS(0, C64(-7), C8(64), 0x0b);
}

static void bits_and_comparisons(void **state)
{
	(void)state;
	IS(1, C8(0), 0x0e);
	IS(0, C8(9), 0x0e);
	IS(8, C8(12), C8(10), 0x0f);
	IS(14, C8(12), C8(10), 0x10);
	IS(6, C8(12), C8(10), 0x11);
	IS(-13, C8(12), 0x12);
	IS(1, C8(4), C8(4), 0x13);
	IS(0, C8(4), C8(5), 0x13);
	IS(1, C64(-1), C8(1), 0x14);
	IS(0, C64(-1), C8(1), 0x15);
	IS(1, C8(1), C64(-1), 0x15);
	IS(0, C8(4), C8(4), 0x14);
}

static void values_are_extended(void **state)
{
	(void)state;
	IS(-128, C16(0x1280), 0x16, 8);
	IS(0x7f, C16(0xff7f), 0x16, 8);
	IS(-1, C8(1), 0x16, 1);
	IS(0x80, C16(0x1280), 0x2a, 8);
	IS(1, C8(3), 0x2a, 1);
	IS(INT64_MIN, C64(INT64_MIN), 0x16, 64);
	IS(UINT64_MAX, C64(-1), 0x2a, 64);
	IS(UINT64_MAX, C64(-1), 0x16, 255);
	IS(0x7fffffffffffffff, C64(-1), 0x2a, 63);
}

static void constants_are_big_endian_and_unsigned(void **state)
{
	(void)state;
	IS(0xff, 0x22, 0xff);
	IS(0x8001, 0x23, 0x80, 0x01);
	IS(0x80000001, 0x24, 0x80, 0, 0, 0x01);
	IS(0x8000000000000001, 0x25, 0x80, 0, 0, 0, 0, 0, 0, 0x01);
}

static void the_stack_can_be_rearranged(void **state)
{
	(void)state;
	IS(6, C8(3), 0x28, 0x02);
	IS(3, C8(3), C8(4), 0x29);
	IS(1, C8(3), C8(4), 0x2b, 0x03);
	IS(5, C8(5), C8(4), C8(3), 0x32, 2);
	IS(3, C8(5), C8(4), C8(3), 0x32, 0);
	/* 1 2 3 => 3 1 2 */
	IS(2, C8(1), C8(2), C8(3), 0x33);
	IS(1, C8(1), C8(2), C8(3), 0x33, 0x29);
	IS(3, C8(1), C8(2), C8(3), 0x33, 0x29, 0x29);
}

static void memory_is_read_in_every_width(void **state)
{
	(void)state;
	IS(0x80, C16(MEMORY), 0x17);
	IS(0xff80, C16(MEMORY), 0x18);
	IS(0x0201ff80, C16(MEMORY), 0x19);
	IS((int64_t)0x860504030201ff80, C16(MEMORY), 0x1a);
	IS(-1, C16(MEMORY + 1), 0x17, 0x16, 8);
}

static void registers_go_by_gdbs_numbers(void **state)
{
	static const struct {
		uint8_t number;
		const char *name;
		unsigned offset;
	} regs[] = {{0, "rax", 80}, {7, "rsp", 152}, {15, "r15", 0}, {16, "rip", 128},
	    {57, "orig_rax", 120}, {59, "gs_base", 176}};

	(void)state;
	for (size_t i = 0; i < sizeof(regs) / sizeof(regs[0]); i++) {
		memset(prstatus, 0, sizeof(prstatus));
		memset(prstatus + regs[i].offset, 0xa5, 8);
		IS(0xa5a5a5a5a5a5a5a5, 0x26, 0, regs[i].number);
		assert_int_equal(gdb_reg_number(AUDIT_ARCH_X86_64, regs[i].name), regs[i].number);
	}
	memset(prstatus, 0xff, sizeof(prstatus));
	IS(0xffffffff, 0x26, 0, 17); /* eflags has 32 bits */
	assert_int_equal(gdb_reg_number(AUDIT_ARCH_X86_64, "eax"), -1);
	assert_int_equal(gdb_reg_number(AUDIT_ARCH_I386, "orig_eax"), 41);
	REFUSED(0x26, 0, 24, END); /* st0 */
	REFUSED(0x26, 0, 60, END);
	REFUSED(0x26, 0xff, 0xff, END);
}

static void a_32_bit_program_has_32_bit_addresses(void **state)
{
	uint8_t set[68] = {0}, wide[216] = {0};
	struct bytecode_env e = {
	    .arch = AUDIT_ARCH_I386, .regs = set, .nregs = sizeof(set), .read = read_memory};
	uint64_t v, addr;

	(void)state;
	memset(set + 60, 0xf0, 4);
	assert_int_equal(eval_on(&e, CODE(0x26, 0, 4, END), &v, &addr), E_OK);
	assert_int_equal(v, 0xf0f0f0f0);
	/* The same thread, in a 64-bit debugger's form. */
	e.regs = wide;
	e.nregs = sizeof(wide);
	memset(wide + 152, 0xe1, 8);
	assert_int_equal(eval_on(&e, CODE(0x26, 0, 4, END), &v, &addr), E_OK);
	assert_int_equal(v, 0xe1e1e1e1);
	assert_int_equal(eval_on(&e, CODE(C64(0x100001000), 0x17, END), &v, &addr), E_OK);
	assert_int_equal(asked, 0x1000);
	assert_int_equal(eval_on(&e, CODE(C8(8), C8(16), 0x03, 0x17, END), &v, &addr), E_FAULT);
	assert_int_equal(addr, 0xfffffff8);
}

static void a_thread_of_another_architecture_has_no_such_registers(void **state)
{
	uint8_t set[68] = {0};
	struct bytecode_env e = {.arch = AUDIT_ARCH_I386, .regs = set, .nregs = 68};
	struct bytecode *b;
	uint64_t v, addr;

	(void)state;
	assert_int_equal(bytecode_new(CODE(0x26, 0, 58, END), AUDIT_ARCH_X86_64, &b), E_OK);
	assert_int_equal(bytecode_eval(b, &e, &v, &addr), E_BAD_CONDITION);
	e.arch = AUDIT_ARCH_X86_64;
	assert_int_equal(bytecode_eval(b, &e, &v, &addr), E_BAD_CONDITION);
	bytecode_free(b);
	assert_int_equal(
	    bytecode_new(CODE(0x26, 0, 58, END), AUDIT_ARCH_I386, &b), E_BAD_CONDITION);
}

static void jumps_choose(void **state)
{
	(void)state;
	/* v ? 5 : 9 */
	IS(5, C8(1), 0x20, 0, 10, C8(9), 0x21, 0, 12, C8(5));
	IS(9, C8(0), 0x20, 0, 10, C8(9), 0x21, 0, 12, C8(5));
	/* n = 10, sum = 0; while (n) sum += n, n -= 1 */
	IS(55, C8(0), C8(10),                     /* 0: sum n */
	    0x28, 0x20, 0, 12, 0x29, 0x21, 0, 22, /* 4: leave when n is 0 */
	    0x28, 0x33, 0x02, 0x2b,               /* 12: sum n => n n+sum => n+sum n */
	    C8(1), 0x03, 0x21, 0, 4);             /* 16: n - 1 */
}

static void an_endless_loop_is_cut_off(void **state)
{
	(void)state;
	assert_int_equal(error_of(CODE(0x21, 0, 0)), E_TOO_LONG);
	assert_int_equal(error_of(CODE(C8(1), 0x20, 0, 0, C8(0), END)), E_TOO_LONG);
}

static void division_by_zero_and_faults_have_their_own_errors(void **state)
{
	uint64_t v, addr = 0;

	(void)state;
	for (uint8_t op = 0x05; op <= 0x08; op++)
		assert_int_equal(error_of(CODE(C8(1), C8(0), op, END)), E_DIVIDED);
	assert_int_equal(eval_on(&env, CODE(C16(MEMORY + 5), 0x19, END), &v, &addr), E_FAULT);
	assert_int_equal(addr, MEMORY + 5);
	assert_int_equal(eval_on(&env, CODE(C64(-1), 0x1a, END), &v, &addr), E_FAULT);
	assert_true(addr == UINT64_MAX);
}

static void what_makes_no_sense_in_a_condition_is_refused(void **state)
{
	static const uint8_t senseless[] = {0x00, 0x01, 0x0c, 0x0d, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f,
	    0x2c, 0x2d, 0x2e, 0x2f, 0x30, 0x31, 0x34, 0x35, 0x80, 0xff};

	(void)state;
	for (size_t i = 0; i < sizeof(senseless); i++)
		REFUSED(C8(1), C8(1), senseless[i], 0x22, 0x22, 1, END);
}

static void code_that_is_cut_or_runs_off_is_refused(void **state)
{
	uint8_t most[BYTECODE_BYTES + 1];

	(void)state;
	assert_int_equal(error_of((struct span){0}), E_BAD_CONDITION);
	REFUSED(C8(1));
	REFUSED(0x22);
	REFUSED(0x25, 1, 2, 3, 4, 5, 6, 7);
	REFUSED(C8(1), END, 0x20, 0);
	REFUSED(C8(1), 0x20, 0, 5); /* behind the end */
	REFUSED(C8(1), 0x20, 0xff, 0xff, END);
	REFUSED(C8(0x27), 0x21, 0, 1); /* into an operand */
	REFUSED(C8(1), 0x16, 0, END);  /* no bits at all */
	REFUSED(C8(1), 0x2a, 0, END);
	memset(most, 0x28, sizeof(most));
	assert_int_equal(error_of((struct span){most, sizeof(most)}), E_BAD_CONDITION);
	/* As long as can be, through in one go: c c add, again and again. */
	for (size_t i = 0; i + 3 <= BYTECODE_BYTES; i += 3)
		memcpy(most + i, (uint8_t[]){0x22, 1, i ? 0x02 : 0x28}, 3);
	most[BYTECODE_BYTES - 1] =
END
;
assert_int_equal(error_of((struct span){most, BYTECODE_BYTES}), E_OK);
}

static void the_stack_never_leaves_its_bounds(void **state)
{
	uint8_t deep[BYTECODE_STACK + 4] = {C8(1)};

	(void)state;
	REFUSED(END);
	REFUSED(0x29, C8(1), END);
	REFUSED(C8(1), 0x02, END);
	REFUSED(C8(1), 0x2b, END);
	REFUSED(C8(1), C8(1), 0x33, END);
	REFUSED(C8(1), 0x32, 1, END);
	REFUSED(0x32, 0, END);
	memset(deep + 2, 0x28, BYTECODE_STACK - 1);
	deep[BYTECODE_STACK + 1] =
END
;
assert_int_equal(error_of((struct span){deep, BYTECODE_STACK + 2}), E_OK);
deep[BYTECODE_STACK + 1] = 0x28;
deep[BYTECODE_STACK + 2] =
END
;
assert_int_equal(error_of((struct span){deep, BYTECODE_STACK + 3}), E_BAD_CONDITION);
/* A loop that pushes, and paths of different height that meet. */
REFUSED(C8(1), 0x21, 0, 0);
REFUSED(C8(1), 0x20, 0, 7, C8(1), C8(1), END);
}

/* ---- commands -------------------------------------------------------------------------- */

static char printed[128];

static bool allows(struct span format, unsigned n)
{
	return n < 3 && !memchr(format.p, '!', format.n);
}

static int print(void *arg, struct span format, const uint64_t *args, unsigned n, uint64_t *addr)
{
	size_t at = strlen(printed);

	(void)arg;
	at += (size_t)snprintf(
	    printed + at, sizeof(printed) - at, "%.*s(", (int)format.n, (const char *)format.p);
	for (unsigned i = 0; i < n; i++)
		at += (size_t)snprintf(
		    printed + at, sizeof(printed) - at, "%llu ", (unsigned long long)args[i]);
	snprintf(printed + at, sizeof(printed) - at, ")");
	*addr = 77;
	return n && args[0] == 99 ? E_FAULT : E_OK;
}

static bool one_register(void *arg, unsigned number, uint64_t *value)
{
	(void)arg;
	*value = 500 + number;
	return number != 1;
}

static int run_command(struct span code, uint64_t *addr)
{
	const struct bytecode_env e = {
	    .arch = AUDIT_ARCH_X86_64, .read = read_memory, .reg = one_register, .print = print};
	struct bytecode *b;
	int err = bytecode_new_command(code, e.arch, allows, &b);

	*printed = 0;
	if (err == E_OK) {
		err = bytecode_run(b, &e, addr);
		bytecode_free(b);
	}
	return err;
}

#define RUNS(...) run_command(CODE(__VA_ARGS__), &addr)
/* Nowhere, by no function. */
#define NOWHERE C8(0), C8(0)

static void a_command_prints_its_arguments_in_order(void **state)
{
	uint64_t addr = 0;

	(void)state;
	assert_int_equal(
	    RUNS(C8(2), C8(1), NOWHERE, 0x34, 2, 0, 2, 'a', 0, NOWHERE, 0x34, 0, 0, 1, 0, END),
	    E_OK);
	assert_string_equal(printed, "a(1 2 )()");
	/* What is left on the stack is nobody's; registers come by name. */
	assert_int_equal(RUNS(C8(7), 0x26, 0, 3, NOWHERE, 0x34, 1, 0, 2, 'r', 0, END), E_OK);
	assert_string_equal(printed, "r(503 )");
	assert_int_equal(RUNS(C8(7), END), E_OK);
	assert_string_equal(printed, "");
}

static void a_command_ends_where_something_goes_wrong(void **state)
{
	uint64_t addr = 0;

	(void)state;
	assert_int_equal(
	    RUNS(C8(99), NOWHERE, 0x34, 1, 0, 1, 0, NOWHERE, 0x34, 0, 0, 1, 0, END), E_FAULT);
	assert_int_equal(addr, 77);
	assert_string_equal(printed, "(99 )");
	assert_int_equal(RUNS(0x26, 0, 1, END), E_BAD_CONDITION);
	assert_int_equal(RUNS(C8(1), C8(0), 0x05, END), E_DIVIDED);
	assert_int_equal(RUNS(NOWHERE, 0x34, 0, 0, 1, 0, 0x21, 0, 0), E_TOO_LONG);
}

static void printf_has_to_be_allowed_and_whole(void **state)
{
	uint64_t addr = 0;

	(void)state;
	assert_int_equal(RUNS(NOWHERE, 0x34, 0, 0, 2, '!', 0, END), E_BAD_CONDITION);
	assert_int_equal(RUNS(NOWHERE, 0x34, 0, 0, 0, END), E_BAD_CONDITION);
	assert_int_equal(RUNS(NOWHERE, 0x34, 0, 0, 2, 'a', 'b', END), E_BAD_CONDITION);
	assert_int_equal(RUNS(NOWHERE, 0x34, 0, 0, 3, 'a', 0, 0, END), E_BAD_CONDITION);
	assert_int_equal(RUNS(NOWHERE, 0x34, 0, 0xff, 0xff, 'a', 0), E_BAD_CONDITION);
	assert_int_equal(RUNS(NOWHERE, 0x34, 0, 0), E_BAD_CONDITION);
	assert_int_equal(
	    RUNS(NOWHERE, 0x34, 1, 0, 1, 0, END), E_BAD_CONDITION); /* no such argument */
	assert_int_equal(RUNS(C8(0), 0x34, 0, 0, 1, 0, END), E_BAD_CONDITION);
	assert_int_equal(RUNS(C8(1), 0x20, 0, 10, NOWHERE, 0x34, 0, 0, 2, END, 0, END),
	    E_BAD_CONDITION); /* into the text */
	/* A condition has none. */
	assert_int_equal(error_of(CODE(NOWHERE, 0x34, 0, 0, 1, 0, C8(1), END)), E_BAD_CONDITION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(arithmetic_is_that_of_64_bits),
	    cmocka_unit_test(shifts_have_an_answer_for_every_count),
	    cmocka_unit_test(bits_and_comparisons),
	    cmocka_unit_test(values_are_extended),
	    cmocka_unit_test(constants_are_big_endian_and_unsigned),
	    cmocka_unit_test(the_stack_can_be_rearranged),
	    cmocka_unit_test(memory_is_read_in_every_width),
	    cmocka_unit_test(registers_go_by_gdbs_numbers),
	    cmocka_unit_test(a_32_bit_program_has_32_bit_addresses),
	    cmocka_unit_test(a_thread_of_another_architecture_has_no_such_registers),
	    cmocka_unit_test(jumps_choose),
	    cmocka_unit_test(an_endless_loop_is_cut_off),
	    cmocka_unit_test(division_by_zero_and_faults_have_their_own_errors),
	    cmocka_unit_test(what_makes_no_sense_in_a_condition_is_refused),
	    cmocka_unit_test(code_that_is_cut_or_runs_off_is_refused),
	    cmocka_unit_test(the_stack_never_leaves_its_bounds),
	    cmocka_unit_test(a_command_prints_its_arguments_in_order),
	    cmocka_unit_test(a_command_ends_where_something_goes_wrong),
	    cmocka_unit_test(printf_has_to_be_allowed_and_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
