/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Debug registers: who gets which, and a child that runs into them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "procsrv/debugreg.h"

/* ---- who gets which ------------------------------------------------------------- */

static void four_can_be_had(void **state)
{
	struct debugregs d = {0};
	unsigned slot;

	(void)state;
	assert_false(debugreg_any(&d));
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(debugreg_take(&d, i % 2 ? WIRE_PATCH_HARD : WIRE_PATCH_WRITE,
				     0x1000 + 8 * i, 4, &slot),
		    E_OK);
		assert_int_equal(slot, i);
	}
	assert_true(debugreg_any(&d));
	assert_int_equal(debugreg_take(&d, WIRE_PATCH_HARD, 0x5000, 0, &slot), E_NO_DEBUG_REGISTER);
	debugreg_give(&d, 2);
	assert_int_equal(debugreg_take(&d, WIRE_PATCH_HARD, 0x5000, 0, &slot), E_OK);
	assert_int_equal(slot, 2);
}

static void the_same_is_shared(void **state)
{
	struct debugregs d = {0};
	unsigned a, b, c;
	uint32_t generation;

	(void)state;
	assert_int_equal(debugreg_take(&d, WIRE_PATCH_WRITE, 0x1000, 8, &c), E_OK);
	assert_int_equal(debugreg_take(&d, WIRE_PATCH_WRITE, 0x2000, 8, &a), E_OK);
	generation = d.generation;
	debugreg_give(&d, c);
	assert_int_not_equal(d.generation, generation);
	generation = d.generation;
	assert_int_equal(debugreg_take(&d, WIRE_PATCH_WRITE, 0x2000, 8, &b), E_OK);
	assert_int_equal(a, b);
	assert_int_equal(d.generation, generation);
	/* Another size, another kind: another slot. */
	assert_int_equal(debugreg_take(&d, WIRE_PATCH_WRITE, 0x2000, 4, &c), E_OK);
	assert_int_not_equal(c, a);
	assert_int_equal(debugreg_take(&d, WIRE_PATCH_ACCESS, 0x2000, 8, &c), E_OK);
	assert_int_not_equal(c, a);
	debugreg_give(&d, a);
	assert_true(d.slot[a].users);
	debugreg_give(&d, b);
	assert_false(d.slot[a].users);
}

static void only_aligned_powers_of_two_can_be_watched(void **state)
{
	static const struct {
		uint64_t addr;
		uint32_t len;
	} bad[] = {{0x1000, 0}, {0x1000, 3}, {0x1000, 16}, {0x1000, 4096}, {0x1001, 2}, {0x1002, 4},
	    {0x1004, 8}, {0x1000, UINT32_MAX}};
	struct debugregs d = {0};
	unsigned slot;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
		    debugreg_take(&d, WIRE_PATCH_WRITE, bad[i].addr, bad[i].len, &slot),
		    E_WATCH_SIZE);
	assert_false(debugreg_any(&d));
	assert_int_equal(debugreg_take(&d, WIRE_PATCH_ACCESS, 0x1001, 1, &slot), E_OK);
}

/* ---- a child that runs into them --------------------------------------------------- */

static volatile uint64_t written, read_only = 7;
static volatile uint64_t sink;

static __attribute__((noinline)) void called(void)
{
	sink += 1;
}

static void child(void)
{
	alarm(60);
	ptrace(PTRACE_TRACEME, 0, 0, 0);
	raise(SIGSTOP);
	for (;;) {
		written += 1;
		sink += read_only;
		called();
	}
}

static pid_t start(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		child();
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status));
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Let it run into something: which slots. */
static uint32_t next_hit(pid_t pid)
{
	uint32_t slots = 0;
	siginfo_t si;
	int status;

	assert_int_equal(ptrace(PTRACE_CONT, pid, 0, 0), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
	assert_int_equal(ptrace(PTRACE_GETSIGINFO, pid, 0, &si), 0);
	assert_int_equal(si.si_code, TRAP_HWBKPT);
	assert_int_equal(debugreg_fired(pid, &slots), 0);
	return slots;
}

static uint64_t control(pid_t pid)
{
	return (uint64_t)ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user, u_debugreg[7]), 0);
}

static void hits_say_which(void **state)
{
	struct debugregs d = {0};
	unsigned write, access, exec;
	uint32_t slots;
	pid_t pid = start();

	(void)state;
	debugreg_take(&d, WIRE_PATCH_WRITE, (uintptr_t)&written, 8, &write);
	debugreg_take(&d, WIRE_PATCH_ACCESS, (uintptr_t)&read_only, 8, &access);
	debugreg_take(&d, WIRE_PATCH_HARD, (uintptr_t)called, 0, &exec);
	assert_int_equal(debugreg_load(pid, &d), 0);
	for (unsigned i = 0; i < 3; i++) {
		struct user_regs_struct regs;

		/* written += 1 on the way writes once, even where it also reads */
		assert_int_equal(next_hit(pid), 1u << write);
		assert_int_equal(next_hit(pid), 1u << access);
		assert_int_equal(next_hit(pid), 1u << exec);
		ptrace(PTRACE_GETREGS, pid, 0, &regs);
		assert_int_equal(regs.rip, (uintptr_t)called);
		assert_int_equal(debugreg_fired(pid, &slots), 0);
		assert_int_equal(slots, 0);
	}
	end(pid);
}

static void what_was_given_back_is_gone(void **state)
{
	struct debugregs d = {0};
	unsigned write, exec;
	pid_t pid = start();

	(void)state;
	debugreg_take(&d, WIRE_PATCH_WRITE, (uintptr_t)&written, 8, &write);
	debugreg_take(&d, WIRE_PATCH_HARD, (uintptr_t)called, 0, &exec);
	assert_int_equal(debugreg_load(pid, &d), 0);
	assert_int_equal(next_hit(pid), 1u << write);
	debugreg_give(&d, write);
	assert_int_equal(debugreg_load(pid, &d), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(next_hit(pid), 1u << exec);
	/* The slot of eight aligned bytes takes an odd address for execution. */
	assert_int_equal(
	    debugreg_take(&d, WIRE_PATCH_HARD, ((uintptr_t)called | 7) + 2, 0, &write), E_OK);
	assert_int_equal(debugreg_load(pid, &d), 0);
	debugreg_give(&d, exec);
	debugreg_give(&d, write);
	assert_int_equal(debugreg_load(pid, &d), 0);
	assert_int_equal(control(pid), 0);
	end(pid);
}

static void an_address_of_the_kernel_is_refused_and_nothing_set(void **state)
{
	struct debugregs d = {0};
	unsigned slot;
	pid_t pid = start();

	(void)state;
	debugreg_take(&d, WIRE_PATCH_WRITE, (uintptr_t)&written, 8, &slot);
	debugreg_take(&d, WIRE_PATCH_WRITE, 0xffffffff81000000, 8, &slot);
	assert_int_equal(debugreg_load(pid, &d), EINVAL);
	assert_int_equal(control(pid), 0);
	end(pid);
	assert_int_equal(debugreg_load(pid, &d), ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(four_can_be_had),
	    cmocka_unit_test(the_same_is_shared),
	    cmocka_unit_test(only_aligned_powers_of_two_can_be_watched),
	    cmocka_unit_test(hits_say_which),
	    cmocka_unit_test(what_was_given_back_is_gone),
	    cmocka_unit_test(an_address_of_the_kernel_is_refused_and_nothing_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
