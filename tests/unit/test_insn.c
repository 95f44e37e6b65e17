/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/audit.h>

#include "host/engine/insn.h"

struct row {
	const char *text;
	uint8_t n, bytes[INSN_MAX];
	enum wire_insn class;
	uint8_t fix;
};

static void check(uint32_t arch, const struct row *r)
{
	struct insn i = insn_look(arch, 0x401000, r->bytes, r->n);

	if (i.len != r->n || i.class != r->class || i.fix != r->fix)
		fail_msg("%s: length %u, class %d, fix %u", r->text, i.len, i.class, i.fix);
}

static void each_kind_of_instruction_has_its_class(void **state)
{
	static const struct row rows[] = {
	    {"push %rbp", 1, {0x55}, WIRE_INSN_PLAIN, 0},
	    {"mov %rsp,%rbp", 3, {0x48, 0x89, 0xe5}, WIRE_INSN_PLAIN, 0},
	    {"endbr64", 4, {0xf3, 0x0f, 0x1e, 0xfa}, WIRE_INSN_PLAIN, 0},
	    {"mov 8(%rip),%eax", 6, {0x8b, 0x05, 8, 0, 0, 0}, WIRE_INSN_RELATIVE, 2},
	    {"movl $1,8(%rip)", 10, {0xc7, 0x05, 8, 0, 0, 0, 1, 0, 0, 0}, WIRE_INSN_RELATIVE, 2},
	    {"ret", 1, {0xc3}, WIRE_INSN_LEAVES, 0},
	    {"jmp *%rax", 2, {0xff, 0xe0}, WIRE_INSN_LEAVES, 0},
	    {"jmp *8(%rip)", 6, {0xff, 0x25, 8, 0, 0, 0}, WIRE_INSN_RELATIVE, 2},
	    {"bnd jmp *8(%rip)", 7, {0xf2, 0xff, 0x25, 8, 0, 0, 0}, WIRE_INSN_RELATIVE, 3},
	    {"notrack jmp *%rax", 3, {0x3e, 0xff, 0xe0}, WIRE_INSN_LEAVES, 0},
	    {"notrack jmp *(%r8,%rax,8)", 5, {0x3e, 0x41, 0xff, 0x24, 0xc0}, WIRE_INSN_LEAVES, 0},
	    {"jmp +5", 2, {0xeb, 5}, WIRE_INSN_JUMP, 0},
	    {"jne +5", 2, {0x75, 5}, WIRE_INSN_JUMP, 0},
	    {"jne far", 6, {0x0f, 0x85, 0, 1, 0, 0}, WIRE_INSN_JUMP, 0},
	    {"jrcxz +5", 2, {0xe3, 5}, WIRE_INSN_OTHER, 0},
	    {"loop +5", 2, {0xe2, 5}, WIRE_INSN_OTHER, 0},
	    {"call", 5, {0xe8, 0, 1, 0, 0}, WIRE_INSN_CALL, 0},
	    {"call *%rax", 2, {0xff, 0xd0}, WIRE_INSN_CALL, 0},
	    {"call *%r12", 3, {0x41, 0xff, 0xd4}, WIRE_INSN_CALL, 0},
	    {"call *8(%rip)", 6, {0xff, 0x15, 8, 0, 0, 0}, WIRE_INSN_CALL, 0},
	    {"call *16(%rsp)", 4, {0xff, 0x54, 0x24, 16}, WIRE_INSN_CALL, 0},
	    {"notrack call *%rax", 3, {0x3e, 0xff, 0xd0}, WIRE_INSN_CALL, 0},
	    {"call *%fs:(%rax)", 3, {0x64, 0xff, 0x10}, WIRE_INSN_CALL, 0},
	    {"lcall *(%rax)", 2, {0xff, 0x18}, WIRE_INSN_OTHER, 0},
	    {"syscall", 2, {0x0f, 0x05}, WIRE_INSN_OTHER, 0},
	    {"int3", 1, {0xcc}, WIRE_INSN_OTHER, 0},
	    {"hlt", 1, {0xf4}, WIRE_INSN_OTHER, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		check(AUDIT_ARCH_X86_64, &rows[i]);
}

static void in_32_bit_code_nothing_is_relative(void **state)
{
	static const struct row rows[] = {
	    {"mov 8,%eax", 6, {0x8b, 0x05, 8, 0, 0, 0}, WIRE_INSN_PLAIN, 0},
	    {"inc %eax", 1, {0x40}, WIRE_INSN_PLAIN, 0},
	    {"call *(%eax,%ecx,4)", 3, {0xff, 0x14, 0x88}, WIRE_INSN_CALL, 0},
	    {"call *%gs:16", 7, {0x65, 0xff, 0x15, 16, 0, 0, 0}, WIRE_INSN_CALL, 0},
	    {"jmp *8", 6, {0xff, 0x25, 8, 0, 0, 0}, WIRE_INSN_LEAVES, 0},
	    {"int $0x80", 2, {0xcd, 0x80}, WIRE_INSN_OTHER, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		check(AUDIT_ARCH_I386, &rows[i]);
}

static void what_is_no_instruction_has_no_length(void **state)
{
	static const uint8_t cut[] = {0x48, 0x8b}, bad[] = {0x06, 0x06};

	(void)state;
	assert_int_equal(insn_look(AUDIT_ARCH_X86_64, 0, cut, sizeof(cut)).len, 0);
	assert_int_equal(insn_look(AUDIT_ARCH_X86_64, 0, bad, sizeof(bad)).len, 0);
	assert_int_equal(insn_look(AUDIT_ARCH_X86_64, 0, NULL, 0).len, 0);
	assert_int_equal(insn_look(0, 0, bad, sizeof(bad)).len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_kind_of_instruction_has_its_class),
	    cmocka_unit_test(in_32_bit_code_nothing_is_relative),
	    cmocka_unit_test(what_is_no_instruction_has_no_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
