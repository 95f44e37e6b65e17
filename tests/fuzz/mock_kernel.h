/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ptrace(2) and waitpid(2) of a kernel that does what a fuzzer wants: threads that trap, fork,
 * execute, end and are killed when the input says so, to a tracer that is compiled against
 * mock_* (fuzz.mk).  What else the tracer looks at is real: the memory and /proc texts of two
 * processes of ours, which do nothing but wait.
 *
 * What has to hold of every tracer is checked here, too: no thread is let go with a debug
 * register set or in the middle of a step, and in the end none is traced and no text changed.
 */
#ifndef TESTS_FUZZ_MOCK_KERNEL_H
#define TESTS_FUZZ_MOCK_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "procsrv/machine.h"

enum {
	MOCK_TEXT = 0x10000000, /* where both processes have their code ... */
	MOCK_DATA = MOCK_TEXT + 0x1000,
	MOCK_PAGE = 4096,
	MOCK_THREADS = 3, /* of the first; the second is what it forks, and has one */
};

/* An instruction of theirs, and its address. */
struct mock_place {
	uint64_t addr;
	struct insn insn;
};
extern const struct mock_place mock_places[];
extern const unsigned mock_nplaces;

enum mock_event {
	MOCK_TRAPS,   /* comes to place arg: and traps, if there is a trap */
	MOCK_WATCHES, /* debug register arg fires, if it is set */
	MOCK_SIGNAL,  /* arg */
	MOCK_QUEUES,  /* a trap in its queue */
	MOCK_CALLS,   /* comes to a system call's entry or return, if it is asked to stop there */
	MOCK_FORKS,   /* arg: 0 fork, 1 vfork, 2 vfork done, 3 clone of what is not there */
	MOCK_EXECS,
	MOCK_EXITS,  /* the thread */
	MOCK_KILLED, /* the process */
	MOCK_JOB,    /* a group stop, by signal arg; 0: its end */
	MOCK_BUSY,   /* does not report, or does again */
	MOCK_EVENTS,
};

/* Both processes anew, their memory as it was.  The pid of the first. */
pid_t mock_begin(void);
pid_t mock_tid(unsigned thread);

/* Something happens to a thread (of both processes: 0 to MOCK_THREADS). */
void mock_happens(enum mock_event e, unsigned thread, unsigned arg);

/* The first process is killed right before the nth call from now on. */
void mock_kill_at(unsigned n);
/* The tracer may find its memory as it wants: somebody wrote to it on purpose. */
void mock_excuse_text(void);

/* Nothing may be left of the tracer. */
void mock_check(void);

uint64_t mock_now_ms(void);
void mock_pass(uint64_t ms);

#endif
