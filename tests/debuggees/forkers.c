/* SPDX-License-Identifier: BSD-2-Clause
 *
 * forkers THREADS TIMES: each thread makes so many children, which end at once, while the main
 * thread comes by busy() again and again.  Its status is how many children did not end well.
 */
#include <stdlib.h>
#include <sys/wait.h>

#include "debuggee.h"

static volatile int failed, left, times;

static void *makes(void *arg)
{
	for (int i = 0; i < times; i++) {
		int status = -1;
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
			__sync_fetch_and_add(&failed, 1);
	}
	__sync_fetch_and_sub(&left, 1);
	return arg;
}

__attribute__((noinline)) void busy(int n)
{
	__asm__ volatile("" : : "r"(n));
}

int main(int argc, char **argv)
{
	pthread_t made;

	if (argc < 3)
		return 1;
	left = atoi(argv[1]);
	times = atoi(argv[2]);
	for (int i = left; i > 0; i--)
		pthread_create(&made, NULL, makes, NULL);
	for (int n = 0; left; n++) {
		busy(n);
		usleep(1000);
	}
	return failed;
}
