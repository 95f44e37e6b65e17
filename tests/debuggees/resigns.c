/* SPDX-License-Identifier: BSD-2-Clause
 *
 * resigns: its main thread ends before the other does, which ends the process with status 5.
 */
#include "debuggee.h"

static volatile int left;

static void *stays(void *arg)
{
	while (!left)
		usleep(1000);
	exit(5);
	return arg;
}

static __attribute__((noinline)) void resign(void)
{
	left = 1;
	pthread_exit(NULL);
}

int main(void)
{
	pthread_t other;

	debuggee_start();
	if (pthread_create(&other, NULL, stays, NULL) != 0)
		return 1;
	resign();
	return 2;
}
