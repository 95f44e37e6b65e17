/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is watched in a parent changes in its child: a global, and a local of the function that
 * forked.
 */
#include <sys/wait.h>

#include "debuggee.h"

static volatile int value;

static __attribute__((noinline)) void change(int n)
{
	value = n;
	value += n;
}

static __attribute__((noinline)) int forks(void)
{
	volatile int local = 1;
	pid_t pid = fork();

	if (pid == 0) {
		change(5);
		local = 2;
		change(6);
	}
	return pid == 0 ? local : waitpid(pid, NULL, 0) == pid ? 0 : 70;
}

int main(void)
{
	int r;

	debuggee_start();
	r = forks();
	return r + value;
}
