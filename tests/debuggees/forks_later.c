/* SPDX-License-Identifier: BSD-2-Clause
 *
 * forks_later FILE: a thread waits for released, and then makes a child, which makes FILE.  The
 * main thread counts until the child has ended, for a minute at most.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "debuggee.h"

static volatile int released, ended;
volatile uint64_t counted;
static const char *made;

static void *forks(void *arg)
{
	pid_t pid;

	while (!released)
		;
	pid = fork();
	if (pid == 0)
		_exit(creat(made, 0600) < 0);
	waitpid(pid, NULL, 0);
	ended = 1;
	return arg;
}

__attribute__((noinline)) void count(void)
{
	counted++;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	made = argc > 1 ? argv[1] : "/dev/null";
	alarm(60);
	pthread_create(&thread, NULL, forks, NULL);
	while (!ended)
		count();
	return 0;
}
