/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <elf.h>
#include <linux/audit.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/arch.h"

static const struct arch_reg *named_in(const struct arch *a, const char *name)
{
	for (unsigned i = 0; i < a->n_regs; i++)
		if (strcmp(a->regs[i].name, name) == 0)
			return &a->regs[i];
	return NULL;
}

static const struct arch_reg *named(const char *name)
{
	return named_in(&arch_x86_64, name);
}

static uint64_t u64(const uint8_t v[64])
{
	struct rd r = rd_init(v, 8);

	return rd_u64(&r);
}

static void general_registers_stand_where_user_regs_struct_has_them(void **state)
{
	struct user_regs_struct u = {.rax = 0xa,
	    .r8 = 8,
	    .rip = 0x1234,
	    .eflags = 0x246,
	    .rsp = 0x7fff0000,
	    .fs_base = 0xf5,
	    .gs_base = 0x65,
	    .gs = 7,
	    .orig_rax = 35,
	    .rbx = 0xb,
	    .cs = 0x33};
	const struct {
		const char *name;
		uint64_t value;
	} want[] = {{"rax", 0xa}, {"r8", 8}, {"rip", 0x1234}, {"eflags", 0x246},
	    {"rsp", 0x7fff0000}, {"fs_base", 0xf5}, {"gs_base", 0x65}, {"gs", 7}, {"orig_rax", 35},
	    {"rbx", 0xb}, {"cs", 0x33}};
	struct arch_regsets s = {.v = {{(const uint8_t *)&u, sizeof(u)}}};

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++) {
		uint8_t v[64] = {0};

		assert_true(arch_get(&arch_x86_64, named(want[i].name), &s, v));
		assert_int_equal(u64(v), want[i].value);
	}
}

static void a_short_regset_yields_no_register_rather_than_bytes_beyond_it(void **state)
{
	static const uint8_t bytes[20];

	(void)state;
	for (unsigned i = 0; i < arch_x86_64.n_regs; i++)
		for (uint32_t n = 0; n < sizeof(bytes); n++) {
			struct arch_regsets s = {.v = {{bytes, n}, {bytes, n}, {bytes, n}}};
			uint8_t v[64];
			bool got = arch_get(&arch_x86_64, &arch_x86_64.regs[i], &s, v);

			assert_true(!got || n >= 8);
		}
}

static void set64(uint8_t *p, uint64_t v)
{
	for (unsigned i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

/* An XSAVE area of that size in which each 16 bytes hold their own number. */
static struct arch_regsets xsave(uint8_t *area, uint32_t size, uint64_t xcr0)
{
	for (uint32_t i = 0; i < size; i++)
		area[i] = (uint8_t)(i / 16);
	set64(area + 464, xcr0);
	return (struct arch_regsets){.v = {{0}, {area, size}}};
}

static void vector_registers_follow_the_layout_of_the_maker_of_the_cpu(void **state)
{
	static uint8_t area[4096];
	const struct {
		uint32_t size;
		uint64_t xcr0;
		uint32_t k0, zmm_hi, zmm16;
	} layouts[] = {{2432, 0xe7, 832, 896, 1408}, {2440, 0x2e7, 832, 896, 1408},
	    {2696, 0x2ff, 1088, 1152, 1664}};

	(void)state;
	for (size_t i = 0; i < sizeof(layouts) / sizeof(*layouts); i++) {
		struct arch_regsets s = xsave(area, layouts[i].size, layouts[i].xcr0);
		uint8_t v[64];

		assert_true(arch_get(&arch_x86_64, named("k0"), &s, v));
		assert_int_equal(v[0], (uint8_t)(layouts[i].k0 / 16));
		assert_true(arch_get(&arch_x86_64, named("ymm1"), &s, v));
		assert_int_equal(v[0], (160 + 16) / 16);
		assert_int_equal(v[16], (576 + 16) / 16);
		assert_true(arch_get(&arch_x86_64, named("zmm0"), &s, v));
		assert_int_equal(v[32], (uint8_t)(layouts[i].zmm_hi / 16));
		assert_true(arch_get(&arch_x86_64, named("zmm16"), &s, v));
		assert_int_equal(v[0], (uint8_t)(layouts[i].zmm16 / 16));
	}
}

static void a_cpu_without_avx512_has_no_mask_registers_whatever_the_size(void **state)
{
	static uint8_t area[4096];
	struct arch_regsets s = xsave(area, 2696, 0x21f);
	uint8_t v[64];

	(void)state;
	assert_false(arch_get(&arch_x86_64, named("k0"), &s, v));
	assert_false(arch_get(&arch_x86_64, named("zmm0"), &s, v));
	assert_true(arch_get(&arch_x86_64, named("ymm0"), &s, v));
	assert_true(arch_get(&arch_x86_64, named("pkru"), &s, v));
	s = xsave(area, 832, 0x3);
	assert_false(arch_get(&arch_x86_64, named("ymm0"), &s, v));
	assert_true(arch_get(&arch_x86_64, named("xmm0"), &s, v));
}

static void dwarf_numbers_are_those_of_the_psabi_and_used_once(void **state)
{
	static const char *const want[] = {"rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp",
	    "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rip", "xmm0"};
	unsigned seen[128] = {0};

	(void)state;
	for (unsigned i = 0; i < sizeof(want) / sizeof(*want); i++)
		assert_string_equal(arch_by_dwarf(&arch_x86_64, i)->name, want[i]);
	assert_null(arch_by_dwarf(&arch_x86_64, 1000));
	for (unsigned i = 0; i < arch_x86_64.n_regs; i++)
		if (arch_x86_64.regs[i].dwarf >= 0)
			assert_int_equal(seen[arch_x86_64.regs[i].dwarf]++, 0);
}

/* The child puts known values into xmm7 and ymm9 and stops. */
static void child(void)
{
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	__asm__ volatile(
	    "movq %0, %%xmm7\n\t"
	    "movq %%rsp, %%r12\n\t"
	    "mov %1, %%rax\n\t"
	    "mov %2, %%rdi\n\t"
	    "mov %3, %%rsi\n\t"
	    "syscall"
	    :
	    : "r"(UINT64_C(0x1122334455667788)), "i"(62), "r"((uint64_t)getpid()), "i"(SIGSTOP)
	    : "rax", "rdi", "rsi", "rcx", "r11", "r12", "xmm7", "memory");
	_exit(0);
}

static uint32_t regset(pid_t pid, uint32_t note, uint8_t *to, size_t size)
{
	struct iovec v = {to, size};

	assert_int_equal(ptrace(PTRACE_GETREGSET, pid, (void *)(uintptr_t)note, &v), 0);
	return (uint32_t)v.iov_len;
}

static void what_ptrace_gives_of_a_real_thread_is_taken_apart_right(void **state)
{
	static uint8_t gpr[512], xstate[16384], fx[1024];
	struct arch_regsets s;
	uint8_t v[64], w[64];
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		child();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status));
	s.v[0] = (struct span){gpr, regset(pid, NT_PRSTATUS, gpr, sizeof(gpr))};
	s.v[1] = (struct span){xstate, regset(pid, NT_X86_XSTATE, xstate, sizeof(xstate))};
	s.v[2] = (struct span){fx, regset(pid, NT_PRFPREG, fx, sizeof(fx))};
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	assert_true(arch_get(&arch_x86_64, named("xmm7"), &s, v));
	assert_int_equal(u64(v), 0x1122334455667788);
	assert_true(arch_get(&arch_x86_64, named("rsp"), &s, v));
	assert_true(arch_get(&arch_x86_64, named("r12"), &s, w));
	assert_int_equal(u64(v), u64(w));
	/* Without XSAVE the same values come from the older regset. */
	s.v[1] = (struct span){0};
	assert_true(arch_get(&arch_x86_64, named("xmm7"), &s, v));
	assert_int_equal(u64(v), 0x1122334455667788);
	assert_false(arch_get(&arch_x86_64, named("ymm7"), &s, v));
}

/* In the order of struct user_regs_struct of a 32-bit build of sys/user.h. */
static void registers_of_i386_stand_where_its_user_regs_struct_has_them(void **state)
{
	static const char *const order[] = {"ebx", "ecx", "edx", "esi", "edi", "ebp", "eax", "ds",
	    "es", "fs", "gs", "orig_eax", "eip", "cs", "eflags", "esp", "ss"};
	uint8_t set[68], v[64];
	struct arch_regsets s = {.v = {{set, sizeof(set)}}};

	(void)state;
	for (uint32_t i = 0; i < sizeof(set); i++)
		set[i] = (uint8_t)(i / 4);
	for (unsigned i = 0; i < sizeof(order) / sizeof(*order); i++) {
		const struct arch_reg *r = named_in(&arch_i386, order[i]);

		assert_non_null(r);
		assert_int_equal(r->bits, 32);
		assert_true(arch_get(&arch_i386, r, &s, v));
		assert_int_equal(v[0], i);
	}
}

static void dwarf_numbers_of_i386_are_those_of_its_psabi(void **state)
{
	static const char *const want[] = {
	    "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "eip", "eflags"};

	(void)state;
	for (unsigned i = 0; i < sizeof(want) / sizeof(*want); i++)
		assert_string_equal(arch_by_dwarf(&arch_i386, i)->name, want[i]);
	assert_string_equal(arch_by_dwarf(&arch_i386, 11)->name, "st0");
	assert_string_equal(arch_by_dwarf(&arch_i386, 28)->name, "xmm7");
	assert_int_equal(arch_i386.dwarf_pc, 8);
	assert_int_equal(arch_i386.dwarf_sp, 4);
}

static void a_32_bit_program_has_the_vector_registers_that_it_can_name(void **state)
{
	static uint8_t area[4096];
	struct arch_regsets s = xsave(area, 2440, 0x2e7);
	uint8_t v[64];

	(void)state;
	assert_true(arch_get(&arch_i386, named_in(&arch_i386, "zmm7"), &s, v));
	assert_int_equal(v[16], (576 + 7 * 16) / 16);
	assert_null(named_in(&arch_i386, "xmm8"));
	assert_null(named_in(&arch_i386, "ymm8"));
}

static void an_architecture_nobody_knows_is_not_found(void **state)
{
	(void)state;
	assert_ptr_equal(arch_find(AUDIT_ARCH_X86_64), &arch_x86_64);
	assert_ptr_equal(arch_find(AUDIT_ARCH_I386), &arch_i386);
	assert_null(arch_find(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(general_registers_stand_where_user_regs_struct_has_them),
	    cmocka_unit_test(a_short_regset_yields_no_register_rather_than_bytes_beyond_it),
	    cmocka_unit_test(vector_registers_follow_the_layout_of_the_maker_of_the_cpu),
	    cmocka_unit_test(a_cpu_without_avx512_has_no_mask_registers_whatever_the_size),
	    cmocka_unit_test(dwarf_numbers_are_those_of_the_psabi_and_used_once),
	    cmocka_unit_test(what_ptrace_gives_of_a_real_thread_is_taken_apart_right),
	    cmocka_unit_test(registers_of_i386_stand_where_its_user_regs_struct_has_them),
	    cmocka_unit_test(dwarf_numbers_of_i386_are_those_of_its_psabi),
	    cmocka_unit_test(a_32_bit_program_has_the_vector_registers_that_it_can_name),
	    cmocka_unit_test(an_architecture_nobody_knows_is_not_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
