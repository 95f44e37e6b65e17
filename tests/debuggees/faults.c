/* SPDX-License-Identifier: BSD-2-Clause
 *
 * faults: at each SIGUSR1 it does ROUNDS of instructions that fail (a division, a load, an
 * undefined one, a breakpoint of its own), and notes what its handler was told: the address
 * in siginfo, and where the frame says it was.  SIGUSR2: it reads a pipe, which the test
 * fills; the handler of SIGALRM restarts that, the one of SIGVTALRM breaks it off.
 */
#include <errno.h>
#include <stdint.h>
#include <sys/time.h>
#include <ucontext.h>

#include "debuggee.h"

enum { ROUNDS = 20, KINDS = 4 };

extern char at_div[], at_load[], at_ud2[], at_int3[], at_read[];
static volatile uint64_t counts[KINDS], wrong_addr, wrong_pc, done, reads, broken, alarms;
static int fds[2];

static const struct kind {
	int sig;
	char *at;
	unsigned len, behind; /* where the kernel shows it, from at */
	uintptr_t addr;       /* in siginfo; 1 = the instruction's */
} kinds[KINDS] = {
    {SIGFPE, at_div, 2, 0, 1},
    {SIGSEGV, at_load, 3, 0, 8},
    {SIGILL, at_ud2, 2, 0, 1},
    {SIGTRAP, at_int3, 1, 1, 0},
};

static void on_fault(int sig, siginfo_t *si, void *context)
{
	ucontext_t *uc = context;
	greg_t *pc = &uc->uc_mcontext.gregs[REG_RIP];

	for (int i = 0; i < KINDS; i++) {
		const struct kind *k = &kinds[i];
		uintptr_t addr = k->addr == 1 ? (uintptr_t)k->at : k->addr;

		if (k->sig != sig)
			continue;
		counts[i]++;
		wrong_addr += (uintptr_t)si->si_addr != addr;
		wrong_pc += (uintptr_t)*pc != (uintptr_t)k->at + k->behind;
		*pc = (greg_t)(k->at + k->len);
	}
}

static void fail(void)
{
	__asm__ volatile("xor %%ecx, %%ecx\n"
			 "at_div: div %%ecx\n"
			 "mov $8, %%ecx\n"
			 "at_load: mov (%%rcx), %%rdx\n"
			 "at_ud2: ud2\n"
			 "at_int3: int3\n"
			 :
			 :
			 : "rax", "rcx", "rdx", "memory");
}

static long read_one(void)
{
	char c;
	long n = SYS_read;

	__asm__ volatile("at_read: syscall\n"
			 : "+a"(n)
			 : "D"((long)fds[0]), "S"(&c), "d"(1L)
			 : "rcx", "r11", "memory");
	return n;
}

static volatile sig_atomic_t to_fail, to_read;

static void on_order(int sig)
{
	if (sig == SIGUSR1)
		to_fail = 1;
	else
		to_read = 1;
}

static void on_alarm(int sig)
{
	(void)sig;
	alarms++;
}

static void catch(int sig, int flags)
{
	struct sigaction sa = {.sa_handler = sig == SIGALRM || sig == SIGVTALRM ? on_alarm : on_order,
			       .sa_flags = flags};

	sigaction(sig, &sa, NULL);
}

int main(void)
{
	debuggee_start();
	alarm(0);
	if (pipe(fds) != 0)
		return 1;
	for (int i = 0; i < KINDS; i++) {
		struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};

		sigaction(kinds[i].sig, &sa, NULL);
	}
	catch(SIGUSR1, SA_RESTART);
	catch(SIGUSR2, SA_RESTART);
	catch(SIGALRM, SA_RESTART);
	catch(SIGVTALRM, 0);
	debuggee_say("div", (unsigned long)at_div);
	debuggee_say("load", (unsigned long)at_load);
	debuggee_say("ud2", (unsigned long)at_ud2);
	debuggee_say("int3", (unsigned long)at_int3);
	debuggee_say("read", (unsigned long)at_read);
	debuggee_say("counts", (unsigned long)counts);
	debuggee_say("wrong_addr", (unsigned long)&wrong_addr);
	debuggee_say("wrong_pc", (unsigned long)&wrong_pc);
	debuggee_say("done", (unsigned long)&done);
	debuggee_say("reads", (unsigned long)&reads);
	debuggee_say("broken", (unsigned long)&broken);
	debuggee_say("alarms", (unsigned long)&alarms);
	debuggee_say("pipe", (unsigned long)fds[1]);
	debuggee_ready();
	for (;;) {
		sigset_t none, orders;

		sigemptyset(&none);
		sigemptyset(&orders);
		sigaddset(&orders, SIGUSR1);
		sigaddset(&orders, SIGUSR2);
		sigprocmask(SIG_BLOCK, &orders, NULL);
		while (!to_fail && !to_read)
			sigsuspend(&none);
		sigprocmask(SIG_UNBLOCK, &orders, NULL);
		for (int i = 0; to_fail && i < ROUNDS; i++)
			fail();
		if (to_read) {
			long n = read_one();

			reads += n == 1;
			broken += n == -EINTR;
		}
		to_fail = to_read = 0;
		done++;
	}
}
