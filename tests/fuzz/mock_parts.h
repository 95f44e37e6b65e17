/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Between mock_kernel.c, where threads are and things happen to them, and mock_ptrace.c.
 */
#ifndef TESTS_FUZZ_MOCK_PARTS_H
#define TESTS_FUZZ_MOCK_PARTS_H

#include <signal.h>
#include <sys/user.h>

#include "mock_kernel.h"

enum {
	ALL = MOCK_THREADS + 1,
	FORKED = MOCK_THREADS, /* the only thread of the second process */
	DEBUG_REGS = 8,
	CONTROL = 7,
	FLAG_TF = 0x100,
	QUEUE = 4,
};

enum state { RUNS, STANDS, LISTENS, DEAD };

struct mock_thread {
	pid_t tid;
	enum state state;
	bool traced, there, waited, busy, steps, calls;
	bool interrupted; /* and has not reported it */
	int status;
	siginfo_t si, queue[QUEUE];
	unsigned queued;
	unsigned long message, options;
	struct user_regs_struct regs;
	uint64_t mask, dr[DEBUG_REGS];
};

/* One of them by its number; NULL: there is none. */
struct mock_thread *mock_find(pid_t tid);
/* What it was asked for and can do now. */
void mock_get_on(struct mock_thread *t);
/* A call is made: it may be the one before which the process is killed. */
void mock_count_down(void);
/* -1 and errno. */
long mock_fail(int err);

#endif
