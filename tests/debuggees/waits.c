/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Waits in a system call for SIGUSR1, while its caller keeps values in a register and in memory.
 */
#include "debuggee.h"

static __attribute__((noinline, used)) void elsewhere(void)
{
	debuggee_say("elsewhere", 1);
	fflush(stdout);
	_exit(7);
}

static __attribute__((noinline)) int inner(int x)
{
	return x + pause();
}

static void nothing(int sig)
{
	(void)sig;
}

static __attribute__((noinline)) int outer(int n)
{
	volatile int local = n;
	long kept = n * 2;
	int r;

	__asm__ volatile("" : "+b"(kept));
	r = inner((int)kept);
	__asm__ volatile("" : "+b"(kept));
	return r + local + (int)kept;
}

int main(int argc, char **argv)
{
	debuggee_start();
	signal(SIGUSR1, nothing);
	debuggee_ready();
	debuggee_say("result", (unsigned long)outer(argc + 4));
	if (argc > 5)
		elsewhere();
	return argv == NULL;
}
