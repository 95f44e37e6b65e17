/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the tracer does in an instruction's stead, against the processor: each is executed
 * by a child in its place, and then by its slot or by emulation, with the same registers.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "procsrv/machine.h"

enum { PAGE = 4096, CODE = 512, CS_64 = 0x33, CS_32 = 0x23, FLAGS = 0x8d5 /* O S Z A P C */ };

static struct {
	uint8_t *room; /* shared with the child: code, slots, data, stack */
	pid_t child;
	struct user_regs_struct start;
} self;

/* Addresses of the child's are ours, too. */
static uint64_t address(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

static uint8_t *code(void)
{
	return self.room + CODE;
}

static uint8_t *slot(void)
{
	return self.room + PAGE;
}

static uint8_t *stack(void)
{
	return self.room + 4 * PAGE - 256;
}

static int set_up(void **state)
{
	int status;

	(void)state;
	self.room = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (self.room == MAP_FAILED)
		return -1;
	self.child = fork();
	if (self.child == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		_exit(1);
	}
	return waitpid(self.child, &status, 0) == self.child &&
		       machine_get(self.child, &self.start) == 0
		   ? 0
		   : -1;
}

static int tear_down(void **state)
{
	(void)state;
	kill(self.child, SIGKILL);
	waitpid(self.child, NULL, 0);
	munmap(self.room, 4 * PAGE);
	return 0;
}

/* ---- helpers ---------------------------------------------------------------------- */

static uint64_t seed = 0x9e3779b97f4a7c15;

static uint64_t any(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Registers to begin with: rax is where a jump may go, rdx and the stack may be used. */
static struct user_regs_struct begin(unsigned cs)
{
	struct user_regs_struct r = self.start;

	r.cs = cs;
	if (cs == CS_32)
		r.ds = r.es = r.ss;
	r.rip = address(code());
	r.rsp = address(stack());
	r.orig_rax = UINT64_MAX;
	r.eflags = (r.eflags & ~(uint64_t)FLAGS) | (any() & FLAGS);
	r.rax = address(self.room) + 64;
	r.rbx = any();
	r.rcx = any() % 3;
	r.rdx = address(self.room) + 2 * PAGE;
	return r;
}

static void step(struct user_regs_struct *r)
{
	int status;

	assert_int_equal(machine_set(self.child, r), 0);
	assert_int_equal(ptrace(PTRACE_SINGLESTEP, self.child, 0, 0), 0);
	assert_int_equal(waitpid(self.child, &status, 0), self.child);
	assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
	assert_int_equal(machine_get(self.child, r), 0);
}

static void fresh_memory(void)
{
	uint64_t target = address(self.room) + 96;

	memset(self.room + 2 * PAGE, 0x5a, 2 * PAGE);
	memcpy(stack(), &target, sizeof(target)); /* for ret */
}

static void assert_same(const struct user_regs_struct *a, const struct user_regs_struct *b)
{
	assert_int_equal(a->rip, b->rip);
	assert_int_equal(a->rsp, b->rsp);
	assert_int_equal(a->rax, b->rax);
	assert_int_equal(a->rbx, b->rbx);
	assert_int_equal(a->rcx, b->rcx);
	assert_int_equal(a->rdx, b->rdx);
	assert_int_equal(a->eflags, b->eflags);
}

static struct insn insn_of(uint8_t kind, const char *bytes, unsigned len, unsigned fix)
{
	struct insn i = {.kind = kind, .len = (uint8_t)len, .fix = (uint8_t)fix};

	memcpy(i.bytes, bytes, len);
	return i;
}

/* ---- jumps ------------------------------------------------------------------------- */

static bool read_here(void *arg, uint64_t addr, void *to, size_t n)
{
	(void)arg;
	if (addr < address(self.room) || addr + n > address(self.room) + 4 * PAGE)
		return false;
	memcpy(to, (const void *)(uintptr_t)addr, n);
	return true;
}

static void check_jump(unsigned cs, const struct insn *i)
{
	struct user_regs_struct there = begin(cs), here = there;
	unsigned width = cs == CS_64 ? 8 : 4;
	uint64_t push, pushed = 0;

	memcpy(code(), i->bytes, i->len);
	fresh_memory();
	step(&there);
	assert_true(machine_jump(&here, address(code()), i, read_here, NULL, &push));
	assert_same(&here, &there);
	if (push) {
		memcpy(&pushed, stack() - width, width);
		assert_int_equal(push, pushed);
	}
}

static void often(unsigned cs, const char *bytes, unsigned len)
{
	struct insn i = insn_of(WIRE_INSN_JUMP, bytes, len, 0);

	for (unsigned n = 0; n < 24; n++)
		check_jump(cs, &i);
}

static void check_jumps(unsigned cs)
{
	for (unsigned cc = 0; cc < 16; cc++) {
		char near[6] = {0x0f, (char)(0x80 + cc), 0x40, 0x01, 0, 0};
		char back[2] = {(char)(0x70 + cc), (char)0x90};

		often(cs, near, 6);
		often(cs, back, 2);
	}
	for (unsigned op = 0xe0; op < 0xe4; op++) {
		char loop[2] = {(char)op, 0x20};

		often(cs, loop, 2);
	}
	often(cs, "\xeb\x7f", 2);
	often(cs, "\xe9\x00\xff\xff\xff", 5);
	often(cs, "\xe8\x10\x01\x00\x00", 5);
	often(cs, "\x2e\x75\x10", 3);
	often(cs, "\xf2\xe8\x10\x01\x00\x00", 6);
	often(cs, "\x3e\x0f\x84\x10\x01\x00\x00", 7);
}

static void jumps_and_calls_do_what_the_processor_does(void **state)
{
	(void)state;
	check_jumps(CS_64);
	often(CS_64, "\x48\xe9\x10\x01\x00\x00", 6);
}

static void so_they_do_in_a_32_bit_program(void **state)
{
	(void)state;
	check_jumps(CS_32);
}

/* Each address in the data is one to go to. */
static void check_call(unsigned cs, const char *bytes, unsigned len)
{
	struct insn i = insn_of(WIRE_INSN_CALL, bytes, len, 0);
	struct user_regs_struct there = begin(cs), here;
	unsigned width = cs == CS_64 ? 8 : 4;
	uint64_t target = address(self.room) + 96, push, pushed = 0;

	there.rcx = 8;
	there.rbp = address(self.room) + 2 * PAGE;
	there.r12 = there.r13 = there.rdx;
	there.r9 = 16;
	there.fs_base = there.rdx;
	there.gs_base = there.rdx + 64;
	here = there;
	memcpy(code(), i.bytes, i.len);
	fresh_memory();
	for (unsigned at = 0; at < PAGE; at += width)
		memcpy(self.room + 2 * PAGE + at, &target, width);
	step(&there);
	memcpy(&pushed, stack() - width, width);
	assert_true(machine_jump(&here, address(code()), &i, read_here, NULL, &push));
	assert_same(&here, &there);
	assert_int_equal(push, pushed);
}

static void check_calls(unsigned cs)
{
	check_call(cs, "\xff\xd0", 2);                 /* call *%eax */
	check_call(cs, "\x3e\xff\xd0", 3);             /* notrack */
	check_call(cs, "\xff\x12", 2);                 /* call *(%edx) */
	check_call(cs, "\xff\x52\x10", 3);             /* call *16(%edx) */
	check_call(cs, "\xff\x92\x00\x01\x00\x00", 6); /* call *256(%edx) */
	check_call(cs, "\xff\x14\x8a", 3);             /* call *(%edx,%ecx,4) */
	check_call(cs, "\xff\x55\x00", 3);             /* call *(%ebp) */
	check_call(cs, "\xff\x54\xcd\x08", 4);         /* call *8(%ebp,%ecx,8) */
	check_call(cs, "\xff\x14\x24", 3);             /* call *(%esp) */
	check_call(cs, "\xf2\xff\x54\x22\x08", 5);     /* bnd call *8(%edx), no index */
}

static void indirect_calls_do_what_the_processor_does(void **state)
{
	(void)state;
	check_calls(CS_64);
	check_calls(CS_32);
	check_call(CS_64, "\xff\x15\x00\x1f\x00\x00", 6);         /* call *2 pages up(%rip) */
	check_call(CS_64, "\x41\xff\x14\x24", 4);                 /* call *(%r12) */
	check_call(CS_64, "\x41\xff\x55\x08", 4);                 /* call *8(%r13) */
	check_call(CS_64, "\x42\xff\x14\x0a", 4);                 /* call *(%rdx,%r9) */
	check_call(CS_64, "\x43\xff\x54\xcd\x08", 5);             /* call *8(%r13,%r9,8) */
	check_call(CS_64, "\x64\xff\x14\x25\x10\x00\x00\x00", 8); /* call *%fs:16 */
	check_call(CS_64, "\x64\xff\x51\x08", 4);                 /* call *%fs:8(%rcx) */
	check_call(CS_64, "\x65\xff\x11", 3);                     /* call *%gs:(%rcx) */
}

/* The processor would need a descriptor for that. */
static void segments_of_a_32_bit_program_begin_where_the_kernel_says(void **state)
{
	const struct insn i = insn_of(WIRE_INSN_CALL, "\x65\xff\x15\xf0\xff\xff\xff", 7, 0);
	struct user_regs_struct r = begin(CS_32);
	uint32_t target = 0x8048000;
	uint64_t push;

	(void)state;
	r.gs_base = r.rdx + 16;
	r.fs_base = UINT64_MAX;
	memcpy(self.room + 2 * PAGE, &target, sizeof(target));
	assert_true(machine_jump(&r, address(code()), &i, read_here, NULL, &push)); /* %gs:-16 */
	assert_int_equal(r.rip, target);
	assert_int_equal(push, address(code()) + 7);
}

static void what_a_call_goes_through_and_is_not_there_is_left_to_the_processor(void **state)
{
	struct insn i = insn_of(WIRE_INSN_CALL, "\xff\x12", 2, 0);
	struct insn by_gs = insn_of(WIRE_INSN_CALL, "\x65\xff\x12", 3, 0);
	struct user_regs_struct r = begin(CS_64), before;
	uint64_t push;

	(void)state;
	r.rdx = 16;
	before = r;
	assert_false(machine_jump(&r, address(code()), &i, read_here, NULL, &push));
	assert_memory_equal(&r, &before, sizeof(r));
	r = begin(CS_32);
	r.gs_base = 4ull * PAGE; /* beyond it */
	assert_false(machine_jump(&r, address(code()), &by_gs, read_here, NULL, &push));
}

static void what_is_no_direct_jump_is_not_done(void **state)
{
	static const char *const others[] = {"\xff\xe0", "\xc3\x90", "\x66\xe9", "\x67\xe3",
	    "\xff\x14", "\xff\xd8", "\xcd\x80", "\xcc\xcc"};
	struct user_regs_struct r = begin(CS_64), before = r;
	uint64_t push;

	(void)state;
	for (size_t n = 0; n < sizeof(others) / sizeof(others[0]); n++)
		for (unsigned len = 1; len <= 2; len++) {
			struct insn i = insn_of(WIRE_INSN_JUMP, others[n], len, 0);

			assert_false(machine_jump(&r, address(code()), &i, read_here, NULL, &push));
			assert_memory_equal(&r, &before, sizeof(r));
		}
}

/* ---- slots ------------------------------------------------------------------------- */

static void check_slot(unsigned cs, const struct insn *i)
{
	struct user_regs_struct there = begin(cs), here = there;
	const struct machine *m = machine_of(&there);
	uint8_t after[2 * PAGE];
	size_t len;

	memcpy(code(), i->bytes, i->len);
	fresh_memory();
	step(&there);
	memcpy(after, self.room + 2 * PAGE, sizeof(after));
	len = m->slot(slot(), address(slot()), address(code()), i);
	assert_int_equal(len, i->len);
	fresh_memory();
	here.rip = address(slot());
	step(&here);
	if (here.rip == address(slot()) + len)
		step(&here);
	assert_same(&here, &there);
	assert_memory_equal(after, self.room + 2 * PAGE, sizeof(after));
}

static void check_plain(unsigned cs)
{
	static const struct {
		uint8_t kind;
		const char *bytes;
		unsigned len;
	} table[] = {
	    {WIRE_INSN_PLAIN, "\x01\xd8", 2},                     /* add %ebx, %eax */
	    {WIRE_INSN_PLAIN, "\x50", 1},                         /* push */
	    {WIRE_INSN_PLAIN, "\x5b", 1},                         /* pop */
	    {WIRE_INSN_PLAIN, "\x89\x1a", 2},                     /* mov %ebx, (%edx) */
	    {WIRE_INSN_PLAIN, "\xc7\x42\x08\x01\x02\x03\x04", 7}, /* movl $, 8(%edx) */
	    {WIRE_INSN_PLAIN, "\x66\x66\x2e\x0f\x1f\x84\x00\x00\x00\x00\x00", 11}, /* nopw */
	    {WIRE_INSN_PLAIN, "\x0f\xb6\x1a", 3}, /* movzbl (%edx), %ebx */
	    {WIRE_INSN_LEAVES, "\xc3", 1},        /* ret */
	    {WIRE_INSN_LEAVES, "\xff\xe0", 2},    /* jmp *%eax */
	};

	for (size_t n = 0; n < sizeof(table) / sizeof(table[0]); n++) {
		struct insn i = insn_of(table[n].kind, table[n].bytes, table[n].len, 0);

		check_slot(cs, &i);
	}
}

static void instructions_do_the_same_in_their_slots(void **state)
{
	(void)state;
	check_plain(CS_64);
	check_plain(CS_32);
}

static void displacements_are_put_right(void **state)
{
	/* lea, mov from, mov to, add to, cmpl $: each 2 pages up, in the data */
	static const struct {
		const char *bytes;
		unsigned len, fix;
	} table[] = {
	    {"\x48\x8d\x1d\x00\x1f\x00\x00", 7, 3},
	    {"\x48\x8b\x1d\x00\x1f\x00\x00", 7, 3},
	    {"\x89\x1d\x00\x1f\x00\x00", 6, 2},
	    {"\x48\x01\x1d\x00\x1f\x00\x00", 7, 3},
	    {"\x81\x3d\x00\x1f\x00\x00\x5a\x5a\x5a\x5a", 10, 2},
	    {"\xff\x35\x00\x1f\x00\x00", 6, 2},
	};

	(void)state;
	for (size_t n = 0; n < sizeof(table) / sizeof(table[0]); n++) {
		struct insn i =
		    insn_of(WIRE_INSN_RELATIVE, table[n].bytes, table[n].len, table[n].fix);

		check_slot(CS_64, &i);
	}
}

static void what_does_not_go_there_is_refused(void **state)
{
	const struct machine *m64 = machine_find(0xc000003e), *m32 = machine_find(0x40000003);
	struct insn far = insn_of(WIRE_INSN_RELATIVE, "\x48\x8b\x1d\x00\x00\x00\x70", 7, 3);
	struct insn bad = insn_of(WIRE_INSN_RELATIVE, "\x48\x8b\x1d\x00\x00\x00\x00", 7, 4);
	struct insn other = insn_of(WIRE_INSN_OTHER, "\x0f\xa2", 2, 0);
	struct insn unknown = {.kind = WIRE_INSN_PLAIN};
	uint8_t to[SLOT_BYTES];

	(void)state;
	assert_non_null(m64);
	assert_non_null(m32);
	assert_int_equal(m64->slot(to, 0x10000000, 0x7f000000, &far), 0);
	assert_int_equal(m64->slot(to, 0x10000000, 0x10000000, &far), 7);
	assert_int_equal(m64->slot(to, 0x10000000, 0x7f00000000, &far), 0);
	assert_int_equal(m64->slot(to, 0x10000000, 0x10000000, &bad), 0);
	assert_int_equal(m64->slot(to, 0x10000000, 0x10000000, &other), 0);
	assert_int_equal(m64->slot(to, 0x10000000, 0x10000000, &unknown), 0);
	assert_int_equal(m32->slot(to, 0x10000000, 0x10000000, &far), 0);
}

static void prefixes_that_repeat_are_seen(void **state)
{
	(void)state;
	assert_true(machine_repeats((const uint8_t *)"\xf3\xaa", 2));
	assert_true(machine_repeats((const uint8_t *)"\x66\xf3\x48\xab", 4));
	assert_false(machine_repeats((const uint8_t *)"\x48\x89\xc3", 3));
	assert_false(machine_repeats((const uint8_t *)"\x90\xf3\xaa", 3));
	assert_false(machine_repeats((const uint8_t *)"", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(jumps_and_calls_do_what_the_processor_does),
	    cmocka_unit_test(so_they_do_in_a_32_bit_program),
	    cmocka_unit_test(indirect_calls_do_what_the_processor_does),
	    cmocka_unit_test(segments_of_a_32_bit_program_begin_where_the_kernel_says),
	    cmocka_unit_test(what_a_call_goes_through_and_is_not_there_is_left_to_the_processor),
	    cmocka_unit_test(what_is_no_direct_jump_is_not_done),
	    cmocka_unit_test(instructions_do_the_same_in_their_slots),
	    cmocka_unit_test(displacements_are_put_right),
	    cmocka_unit_test(what_does_not_go_there_is_refused),
	    cmocka_unit_test(prefixes_that_repeat_are_seen),
	};

	return cmocka_run_group_tests_name("machine", tests, set_up, tear_down);
}
