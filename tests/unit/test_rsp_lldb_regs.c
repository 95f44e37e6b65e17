/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "host/rsp/rsp_lldb_regs.h"

static struct he_register wide[] = {
    {.name = "rax", .bits = 64, .value = {0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11}},
    {.name = "rbp", .bits = 64},
    {.name = "rsp", .bits = 64},
    {.name = "r8", .bits = 64},
    {.name = "r15", .bits = 64},
    {.name = "rip", .bits = 64},
    {.name = "eflags", .bits = 32, .value = {0x46, 0x02}},
    {.name = "cs", .bits = 32, .value = {0x33}},
    {.name = "st3", .bits = 80},
    {.name = "fctrl", .bits = 16},
    {.name = "xmm1", .bits = 128},
    {.name = "ymm1", .bits = 256},
};
static struct he_register narrow[] = {
    {.name = "eax", .bits = 32},
    {.name = "ebp", .bits = 32},
    {.name = "esp", .bits = 32},
    {.name = "eip", .bits = 32},
    {.name = "eflags", .bits = 32},
    {.name = "xmm0", .bits = 128},
};
static const struct he_registers have = {wide, sizeof(wide) / sizeof(wide[0])};
static const struct he_registers have32 = {narrow, sizeof(narrow) / sizeof(narrow[0])};

static unsigned number(const struct lldb_regs *regs, const char *name)
{
	for (unsigned i = 0; i < regs->n; i++)
		if (strcmp(regs->v[i].name, name) == 0)
			return i;
	fail_msg("no register %s", name);
	return 0;
}

static const char *text(struct buf *b)
{
	buf_u8(b, 0);
	assert_false(b->bad);
	return (const char *)b->p;
}

static void only_what_the_target_has_is_listed(void **state)
{
	struct lldb_regs regs;

	(void)state;
	lldb_regs_build(&regs, &have);
	assert_true(regs.wide);
	assert_string_equal(regs.v[0].name, "rax");
	for (unsigned i = 0; i < regs.n; i++) {
		assert_string_not_equal(regs.v[i].name, "rbx");
		assert_string_not_equal(regs.v[i].name, "ebx");
	}
	assert_int_equal(regs.v[number(&regs, "eax")].whole, 0);
	assert_int_equal(regs.v[number(&regs, "r15d")].whole, number(&regs, "r15"));
	assert_int_equal(regs.v[number(&regs, "mm3")].whole, number(&regs, "st3"));
	assert_int_equal(regs.pc, number(&regs, "rip"));
	assert_int_equal(regs.sp, number(&regs, "rsp"));
	assert_int_equal(regs.fp, number(&regs, "rbp"));
}

static void general_registers_come_first_and_whole(void **state)
{
	struct lldb_regs regs;

	(void)state;
	lldb_regs_build(&regs, &have);
	assert_int_equal(regs.general, 8);
	for (unsigned i = 0; i < regs.general; i++)
		assert_int_equal(regs.v[i].whole, LLDB_REG_NONE);
}

static void whole_registers_do_not_overlap_in_g(void **state)
{
	struct lldb_regs regs;
	unsigned end = 0;

	(void)state;
	lldb_regs_build(&regs, &have);
	for (unsigned i = 0; i < regs.n; i++) {
		const struct lldb_reg *r = &regs.v[i];

		if (r->whole != LLDB_REG_NONE) {
			assert_in_range(r->offset, regs.v[r->whole].offset,
			    regs.v[r->whole].offset + regs.v[r->whole].bytes - r->bytes);
			continue;
		}
		assert_int_equal(r->offset, end);
		end += r->bytes;
	}
	assert_int_equal(regs.size, end);
}

static void a_description_has_what_lldb_reads(void **state)
{
	struct lldb_regs regs;
	struct buf b;

	(void)state;
	lldb_regs_build(&regs, &have);
	buf_init(&b, 4096);
	lldb_reg_info(&b, &regs, number(&regs, "rip"));
	assert_string_equal(text(&b), "name:rip;bitsize:64;offset:40;encoding:uint;format:hex;"
				      "set:General Purpose Registers;ehframe:16;dwarf:16;"
				      "generic:pc;");
	buf_reset(&b);
	lldb_reg_info(&b, &regs, number(&regs, "ah"));
	assert_string_equal(text(&b), "name:ah;bitsize:8;offset:1;encoding:uint;format:hex;"
				      "set:General Purpose Registers;container-regs:0;"
				      "invalidate-regs:0,8,d,13;");
	buf_reset(&b);
	lldb_reg_info(&b, &regs, number(&regs, "ymm1"));
	assert_non_null(strstr(text(&b), "set:Advanced Vector Extensions;"));
	buf_free(&b);
}

static void a_write_to_xmm_makes_ymm_stale(void **state)
{
	struct lldb_regs regs;
	char want[32];
	struct buf b;

	(void)state;
	lldb_regs_build(&regs, &have);
	buf_init(&b, 4096);
	lldb_reg_info(&b, &regs, number(&regs, "xmm1"));
	snprintf(want, sizeof(want), "invalidate-regs:%x;", number(&regs, "ymm1"));
	assert_non_null(strstr(text(&b), want));
	buf_free(&b);
}

static void the_xml_numbers_registers_as_the_packets_do(void **state)
{
	struct lldb_regs regs;
	struct buf b;
	char want[64];
	const char *t;

	(void)state;
	lldb_regs_build(&regs, &have);
	buf_init(&b, 1 << 16);
	lldb_regs_xml(&b, &regs);
	t = text(&b);
	assert_non_null(strstr(t, "<architecture>x86_64</architecture>"));
	for (unsigned i = 0; i < regs.n; i++) {
		snprintf(want, sizeof(want), "<reg name=\"%s\" bitsize=\"%u\" regnum=\"%u\" ",
		    regs.v[i].name, regs.v[i].bytes * 8U, i);
		assert_non_null(strstr(t, want));
	}
	buf_free(&b);
}

static void values_are_cut_out_and_widened(void **state)
{
	struct lldb_regs regs;
	uint8_t v[64];

	(void)state;
	lldb_regs_build(&regs, &have);
	assert_true(lldb_reg_get(&regs.v[number(&regs, "ah")], &have, v));
	assert_int_equal(v[0], 0x77);
	assert_true(lldb_reg_get(&regs.v[number(&regs, "ax")], &have, v));
	assert_memory_equal(v, "\x88\x77", 2);
	assert_true(lldb_reg_get(&regs.v[number(&regs, "rflags")], &have, v));
	assert_memory_equal(v, "\x46\x02\0\0\0\0\0\0", 8);
	assert_true(lldb_reg_get(&regs.v[number(&regs, "cs")], &have, v));
	assert_memory_equal(v, "\x33\0\0\0\0\0\0\0", 8);
}

static void a_part_is_written_into_its_whole(void **state)
{
	struct he_register reg;
	struct lldb_regs regs;

	(void)state;
	lldb_regs_build(&regs, &have);
	assert_true(
	    lldb_reg_set(&regs.v[number(&regs, "ah")], &have, (const uint8_t *)"\xee", &reg));
	assert_string_equal(reg.name, "rax");
	assert_int_equal(reg.bits, 64);
	assert_memory_equal(reg.value, "\x88\xee\x66\x55\x44\x33\x22\x11", 8);
	assert_true(lldb_reg_set(
	    &regs.v[number(&regs, "rflags")], &have, (const uint8_t *)"\1\2\3\4\5\6\7\10", &reg));
	assert_int_equal(reg.bits, 32);
	assert_memory_equal(reg.value, "\1\2\3\4\0\0\0\0", 8);
}

static void a_program_of_32_bits_has_its_own_list(void **state)
{
	struct lldb_regs regs;
	struct buf b;

	(void)state;
	lldb_regs_build(&regs, &have32);
	assert_false(regs.wide);
	assert_int_equal(regs.v[number(&regs, "eax")].bytes, 4);
	assert_int_equal(regs.v[number(&regs, "eip")].dwarf, 8);
	assert_int_equal(regs.v[number(&regs, "xmm0")].dwarf, 21);
	assert_int_equal(regs.pc, number(&regs, "eip"));
	buf_init(&b, 1 << 16);
	lldb_regs_xml(&b, &regs);
	assert_non_null(strstr(text(&b), "<architecture>i386</architecture>"));
	buf_free(&b);
}

static void every_register_of_the_cpu_finds_room(void **state)
{
	static struct he_register all[256];
	static char names[256][16];
	struct he_registers full = {all, 0};
	static struct lldb_regs regs;
	const struct {
		const char *name;
		unsigned n, bits;
	} kinds[] = {{"r", 16, 64}, {"st", 8, 80}, {"xmm", 16, 128}, {"ymm", 16, 256},
	    {"zmm", 32, 512}, {"k", 8, 64}};
	const char *const general[] = {"rax", "rbx", "rcx", "rdx", "rdi", "rsi", "rbp", "rsp",
	    "rip", "eflags", "cs", "fs", "gs", "ss", "ds", "es", "fs_base", "gs_base", "fctrl",
	    "fstat", "ftag", "fop", "fiseg", "fioff", "foseg", "fooff", "mxcsr", "pkru"};

	(void)state;
	for (size_t i = 0; i < sizeof(general) / sizeof(general[0]); i++)
		all[full.n++] = (struct he_register){.name = general[i], .bits = 64};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		for (unsigned n = 0; n < kinds[i].n; n++) {
			snprintf(names[full.n], 16, "%s%u", kinds[i].name, n);
			all[full.n] =
			    (struct he_register){.name = names[full.n], .bits = kinds[i].bits};
			full.n++;
		}
	lldb_regs_build(&regs, &full);
	assert_true(regs.n < LLDB_REGS);
	assert_string_equal(regs.v[regs.n - 1].name, "pkru");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_what_the_target_has_is_listed),
	    cmocka_unit_test(general_registers_come_first_and_whole),
	    cmocka_unit_test(whole_registers_do_not_overlap_in_g),
	    cmocka_unit_test(a_description_has_what_lldb_reads),
	    cmocka_unit_test(a_write_to_xmm_makes_ymm_stale),
	    cmocka_unit_test(the_xml_numbers_registers_as_the_packets_do),
	    cmocka_unit_test(values_are_cut_out_and_widened),
	    cmocka_unit_test(a_part_is_written_into_its_whole),
	    cmocka_unit_test(a_program_of_32_bits_has_its_own_list),
	    cmocka_unit_test(every_register_of_the_cpu_finds_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
