/* SPDX-License-Identifier: BSD-2-Clause
 *
 * odd leaderless|vfork|clone: what threads and processes seldom do.
 *  leaderless  the first thread ends, three others live on
 *  vfork       the first thread waits 1.5 s for a child that borrows its memory
 *              (uninterruptible for a tracer), after each SIGUSR1
 *  clone       each SIGUSR1 makes a process that tells nobody of its end, which the
 *              kernel hands to a tracer like a thread; "child" in memory is its pid
 */
#include "debuggee.h"
#include <sched.h>
#include <stdint.h>

static volatile uint64_t child;
static volatile uint64_t ticks;

static void *idle(void *arg)
{
	for (;;) {
		usleep(1000);
		ticks++;
	}
	return arg;
}

static int in_child(void *arg)
{
	(void)arg;
	usleep(1500 * 1000);
	_exit(0);
}

static int make_child(int flags)
{
	static char stack[64 * 1024] __attribute__((aligned(16)));

	return clone(in_child, stack + sizeof(stack), flags, NULL);
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "";
	sigset_t set;
	int sig;

	debuggee_start();
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; i < 3; i++) {
		pthread_t t;

		pthread_create(&t, NULL, idle, NULL);
	}
	debuggee_say("child", (unsigned long)&child);
	debuggee_say("ticks", (unsigned long)&ticks);
	debuggee_ready();
	if (strcmp(kind, "leaderless") == 0)
		pthread_exit(NULL);
	while (sigwait(&set, &sig) == 0)
		if (strcmp(kind, "vfork") == 0)
			child = (uint64_t)make_child(CLONE_VFORK | CLONE_VM | SIGCHLD);
		else
			child = (uint64_t)make_child(0);
	return 0;
}
