/* SPDX-License-Identifier: BSD-2-Clause */
#include "burst.h"

#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

uint64_t burst_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void on_alarm(int sig)
{
	(void)sig; /* it breaks off waitpid(2), that is all */
}

/* Again and again, for the first alarm may come right before waitpid(2) is entered. */
static void alarm_every(suseconds_t us)
{
	const struct itimerval timer = {{0, us}, {0, us}};

	setitimer(ITIMER_REAL, &timer, NULL);
}

struct burst burst_begin(void)
{
	const struct sigaction sa = {.sa_handler = on_alarm}; /* without SA_RESTART */

	sigaction(SIGALRM, &sa, NULL);
	alarm_every(BURST_US);
	return (struct burst){burst_now_ns() + 1000ULL * BURST_US};
}

bool burst_wait(const struct burst *b, pid_t tid, int *status)
{
	return burst_now_ns() < b->end_ns && waitpid(tid, status, __WALL) == tid;
}

void burst_end(void)
{
	alarm_every(0);
}
