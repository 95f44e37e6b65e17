/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A call that never returns is the last instruction of its function: the return
 * address lies in the function behind it.
 */
#include "debuggee.h"

static __attribute__((noinline, noreturn)) void never_returns(int n)
{
	(void)n;
	debuggee_ready();
	debuggee_sleep();
	abort();
}

__attribute__((noinline, noreturn)) void last_call(int n)
{
	never_returns(n + 1);
}

__attribute__((noinline)) int behind(int n)
{
	return n + 2;
}

int main(int argc, char **argv)
{
	(void)argv;
	debuggee_start();
	if (argc < 100)
		last_call(argc);
	return behind(argc);
}
