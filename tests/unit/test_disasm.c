/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>

#include "host/engine/disasm.h"

struct row {
	const char *name; /* in AT&T syntax, perhaps without its letter for a size */
	uint8_t n, bytes[INSN_ROOM];
	uint64_t target; /* 0 = it has none */
};

static void check(uint32_t arch, const struct row *rows, size_t n)
{
	struct disassembler *att = disassembler_new(arch, false),
			    *intel = disassembler_new(arch, true);

	assert_non_null(att);
	assert_non_null(intel);
	for (size_t i = 0; i < n; i++) {
		const struct row *r = &rows[i];
		struct disasm a, b;

		disasm(att, 0x401000, r->bytes, sizeof(r->bytes), &a);
		disasm(intel, 0x401000, r->bytes, sizeof(r->bytes), &b);
		if (a.len != r->n || strncmp(a.text, r->name, strlen(r->name)) != 0)
			fail_msg("%s: %s, %u bytes", r->name, a.text, a.len);
		if (b.len != r->n || strchr(b.text, '%'))
			fail_msg("%s: %s in Intel's syntax", r->name, b.text);
		assert_int_equal(a.has_target, r->target != 0);
		assert_int_equal(a.target, r->target);
		assert_int_equal(b.target, r->target);
	}
	disassembler_free(att);
	disassembler_free(intel);
}

static void instructions_have_names_lengths_and_targets(void **state)
{
	static const struct row rows[] = {
	    {"push", 1, {0x55}, 0},
	    {"mov", 3, {0x48, 0x89, 0xe5}, 0},
	    {"ret", 1, {0xc3}, 0},
	    {"endbr64", 4, {0xf3, 0x0f, 0x1e, 0xfa}, 0},
	    {"call", 5, {0xe8, 0, 1, 0, 0}, 0x401105},
	    {"jmp", 2, {0xeb, 0xfe}, 0x401000},
	    {"jne", 2, {0x75, 5}, 0x401007},
	    {"lea", 7, {0x48, 0x8d, 0x05, 0xf9, 0xff, 0xff, 0xff}, 0x401000},
	    {"mov", 10, {0xc7, 0x05, 8, 0, 0, 0, 1, 0, 0, 0}, 0x401012},
	    {"jmp", 6, {0xff, 0x25, 8, 0, 0, 0}, 0x40100e},
	    {"call", 2, {0xff, 0xd0}, 0},
	    {"int", 2, {0xcd, 0x80}, 0},
	};

	(void)state;
	check(AUDIT_ARCH_X86_64, rows, sizeof(rows) / sizeof(*rows));
}

static void those_of_i386_as_well(void **state)
{
	static const struct row rows[] = {
	    {"inc", 1, {0x40}, 0},
	    {"mov", 6, {0x8b, 0x05, 8, 0, 0, 0}, 0},
	    /* Addresses wrap at 32 bits. */
	    {"call", 5, {0xe8, 0xfa, 0xef, 0xbf, 0xff}, 0xffffffff},
	    {"jmp", 2, {0xeb, 0}, 0x401002},
	};

	(void)state;
	check(AUDIT_ARCH_I386, rows, sizeof(rows) / sizeof(*rows));
}

static void operands_beside_the_pc_say_where_they_are(void **state)
{
	static const uint8_t lea[] = {0x48, 0x8d, 0x05, 0xf9, 0xff, 0xff, 0xff}, jump[] = {0xeb, 0};
	struct disassembler *d = disassembler_new(AUDIT_ARCH_X86_64, false);
	struct disasm i;

	(void)state;
	disasm(d, 0x401000, lea, sizeof(lea), &i);
	assert_non_null(strstr(i.text, "        # 0x401000"));
	disasm(d, 0x401000, jump, sizeof(jump), &i);
	assert_null(strchr(i.text, '#'));
	assert_non_null(strstr(i.text, "0x401002"));
	disassembler_free(d);
}

static void what_is_no_instruction_has_no_length(void **state)
{
	static const uint8_t cut[] = {0x48, 0x8b}, bad[] = {0x06, 0x06};
	struct disassembler *d = disassembler_new(AUDIT_ARCH_X86_64, false);
	struct disasm i;

	(void)state;
	assert_null(disassembler_new(0, false));
	disasm(d, 0, cut, sizeof(cut), &i);
	assert_int_equal(i.len, 0);
	disasm(d, 0, bad, sizeof(bad), &i);
	assert_int_equal(i.len, 0);
	disassembler_free(d);
}

/* Whatever the bytes are: printable, ended, and no longer than what was there. */
static void any_bytes_are_safe(void **state)
{
	struct disassembler *d[] = {disassembler_new(AUDIT_ARCH_X86_64, false),
	    disassembler_new(AUDIT_ARCH_X86_64, true), disassembler_new(AUDIT_ARCH_I386, false)};
	uint32_t seed = 1;

	(void)state;
	for (unsigned n = 0; n < 30000; n++) {
		uint8_t bytes[INSN_ROOM];
		struct disasm i;

		for (size_t k = 0; k < sizeof(bytes); k++) {
			seed = seed * 1664525 + 1013904223;
			bytes[k] = (uint8_t)(seed >> 24);
		}
		disasm(d[n % 3], 0x401000, bytes, 1 + n % sizeof(bytes), &i);
		assert_true(i.len <= 1 + n % sizeof(bytes));
		assert_true(strlen(i.text) < sizeof(i.text));
		for (const char *p = i.text; *p; p++)
			assert_true(*p >= ' ' && *p < 0x7f);
	}
	for (size_t k = 0; k < 3; k++)
		disassembler_free(d[k]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(instructions_have_names_lengths_and_targets),
	    cmocka_unit_test(those_of_i386_as_well),
	    cmocka_unit_test(operands_beside_the_pc_say_where_they_are),
	    cmocka_unit_test(what_is_no_instruction_has_no_length),
	    cmocka_unit_test(any_bytes_are_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
