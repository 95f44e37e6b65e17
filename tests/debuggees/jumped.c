/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Asleep after a longjmp over several frames, in others.
 */
#include <setjmp.h>

#include "debuggee.h"

static jmp_buf back;

static __attribute__((noinline)) void jump(int n)
{
	if (n)
		jump(n - 1);
	if (!debuggee_awake)
		longjmp(back, 5);
}

static __attribute__((noinline)) void landed(int n)
{
	(void)n;
	debuggee_ready();
	debuggee_sleep();
}

int main(void)
{
	int n;

	debuggee_start();
	n = setjmp(back);
	if (!n)
		jump(6);
	landed(n);
	return 0;
}
