/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What all debuggees do: allow anybody of their user to trace them (Yama), end
 * by themselves after DEBUGGEE_SECONDS (default 120) and when their stdin
 * closes, and print "ready" when everything is in place.
 */
#ifndef DEBUGGEE_H
#define DEBUGGEE_H

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#ifndef __cplusplus
#include <stdatomic.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Started by the debugger, which closes our stdin when its own has ended. */
static inline int debuggee_launched(void)
{
	char text[4096];
	int fd = open("/proc/self/status", O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	const char *tracer;

	close(fd);
	text[n > 0 ? n : 0] = 0;
	tracer = strstr(text, "TracerPid:");
	return tracer && atoi(tracer + 10) != 0;
}

static inline void debuggee_start(void)
{
	const char *seconds = getenv("DEBUGGEE_SECONDS");

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	alarm(seconds ? (unsigned)atoi(seconds) : 120);
	/* The last writer of our stdin's pipe going away raises SIGIO, which ends us:
	 * no thread has to wait for it. */
	if (!debuggee_launched()) {
		fcntl(0, F_SETOWN, getpid());
		fcntl(0, F_SETFL, fcntl(0, F_GETFL) | O_ASYNC);
	}
}

/* A fact for the test to read: "name value". */
static inline void debuggee_say(const char *name, unsigned long value)
{
	printf("%s %#lx\n", name, value);
}

static inline void debuggee_ready(void)
{
	puts("ready");
	fflush(stdout);
}

static volatile int debuggee_awake;

/* Asleep for good; but the compiler must not know, or calls become jumps. */
static inline void debuggee_sleep(void)
{
	while (!debuggee_awake)
		pause();
}

#endif
