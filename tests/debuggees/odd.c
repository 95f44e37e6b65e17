/* SPDX-License-Identifier: BSD-2-Clause
 *
 * odd leaderless|ending|stuck|vfork|clone: what threads and processes seldom do.
 *  leaderless  the first thread ends, three others live on
 *  ending      the same, but the first thread ends at SIGUSR1
 *  stuck       like leaderless, and one of the others is uninterruptible for 3.5 s
 *  vfork [MS]  the first thread waits so long (1500) for a child that borrows its memory
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

static int in_child(void *ms)
{
	usleep((useconds_t)(uintptr_t)ms * 1000);
	_exit(0);
}

static int make_child(int flags, uintptr_t ms)
{
	static char stack[64 * 1024] __attribute__((aligned(16)));

	return clone(in_child, stack + sizeof(stack), flags, (void *)ms);
}

static void *stuck(void *arg)
{
	make_child(CLONE_VFORK | CLONE_VM | SIGCHLD, 3500);
	return idle(arg);
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "";
	uintptr_t ms = argc > 2 ? strtoul(argv[2], NULL, 10) : 1500;
	sigset_t set;
	int sig;

	debuggee_start();
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; i < 3; i++) {
		pthread_t t;

		pthread_create(&t, NULL, i == 0 && strcmp(kind, "stuck") == 0 ? stuck : idle, NULL);
	}
	debuggee_say("child", (unsigned long)&child);
	debuggee_say("ticks", (unsigned long)&ticks);
	debuggee_ready();
	if (strcmp(kind, "ending") == 0)
		sigwait(&set, &sig);
	if (strcmp(kind, "vfork") != 0 && strcmp(kind, "clone") != 0)
		pthread_exit(NULL);
	while (sigwait(&set, &sig) == 0)
		if (strcmp(kind, "vfork") == 0)
			child = (uint64_t)make_child(CLONE_VFORK | CLONE_VM | SIGCHLD, ms);
		else
			child = (uint64_t)make_child(0, 1500);
	return 0;
}
