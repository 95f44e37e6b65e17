/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Three functions inlined into one frame, twice, on top of one another.
 */
#include "debuggee.h"

volatile int sink;

static inline __attribute__((always_inline)) void innermost(int n)
{
	sink = n;
	debuggee_ready();
	debuggee_sleep();
	sink = n + 1;
}

static inline __attribute__((always_inline)) void middle(int n)
{
	sink = n;
	innermost(n + 1);
	sink = n;
}

static __attribute__((noinline)) void outer(int n)
{
	sink = n;
	middle(n + 1);
	sink = n;
}

static inline __attribute__((always_inline)) void again(int n)
{
	sink = n;
	outer(n + 1);
	sink = n;
}

static __attribute__((noinline)) void outermost(int n)
{
	sink = n;
	again(n * 2);
	sink = n;
}

int main(void)
{
	debuggee_start();
	outermost(3);
	return 0;
}
