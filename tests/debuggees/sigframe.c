/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Asleep inside a handler (SA_SIGINFO) on an alternate stack, above a signal
 * frame, above a frame that was interrupted between two instructions of its own.
 */
#include "debuggee.h"

static char alternate[64 * 1024];

static __attribute__((noinline)) void below_handler(void)
{
	debuggee_ready();
	debuggee_sleep();
}

static void handler(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)info;
	(void)context;
	below_handler();
}

volatile int *nowhere;

static __attribute__((noinline)) int interrupted(int n)
{
	return *nowhere + n;
}

static __attribute__((noinline)) int caller(int n)
{
	return interrupted(n + 1) + 1;
}

int main(void)
{
	stack_t stack = {.ss_sp = alternate, .ss_size = sizeof(alternate)};
	struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	debuggee_start();
	sigaltstack(&stack, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	return caller(1);
}
