/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Asks for the time without end: stopped, it is mostly inside the vDSO.
 */
#include <time.h>

#include "debuggee.h"

volatile long sink;

static __attribute__((noinline)) void ask_the_time(void)
{
	struct timespec t;

	for (;;) {
		clock_gettime(CLOCK_MONOTONIC, &t);
		sink += t.tv_nsec;
	}
}

int main(void)
{
	debuggee_start();
	debuggee_ready();
	ask_the_time();
	return 0;
}
