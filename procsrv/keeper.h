/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The guard's hand over what the tracer does to processes: it has the journal, notices
 * when the tracer dies or gets no further, and puts right what it left.
 *
 * The guard traces the tracer, to be told of its end before it is one: the kernel holds
 * it at its last moment (PTRACE_EVENT_EXIT, after SIGKILL, too), while all its tracees are
 * still its own and those that stand do stand.  By then the text can be put back; once
 * they are let go of it would be too late for who stands at a breakpoint.
 */
#ifndef PROCSRV_KEEPER_H
#define PROCSRV_KEEPER_H

#include <stdbool.h>
#include <sys/types.h>

#include "ipc.h"
#include "repair.h"

struct keeper {
	struct journal *journal;
	pid_t tracer;
	bool begun;    /* it has become its program */
	bool restored; /* and there is no text to put back any more */
	/* whether it gets on */
	uint64_t beats, stale_ms, looked_ms;
	unsigned stage;
	struct repair repair;
};

/* The journal's file, -1 = none: then one without a name is made for FD_JOURNAL.  0, or an
 * errno value. */
int keeper_journal(struct keeper *k, int fd);

/* In the child that is about to become the tracer. */
void keeper_offer(void);
void keeper_begin(struct keeper *k, pid_t tracer);

/* It has told of a process; the descriptors are ours from now on. */
void keeper_told(struct keeper *k, const struct ipc_target *t, const int fds[IPC_FDS]);

/* waitpid(2) says that the tracer has stopped: it goes on. */
void keeper_stopped(struct keeper *k, int status);

/* It has ended.  How many processes it left that had to be seen to. */
unsigned keeper_ended(struct keeper *k);

/* To be asked again after so many ms at most, -1 = no need. */
int keeper_patience(const struct keeper *k);
/* Does the tracer get on?  If not it is ended, more and more firmly. */
void keeper_look(struct keeper *k);

/* By itself: put right what the journal behind fd says.  True: nothing is left of it. */
bool keeper_mend(struct keeper *k, int fd);

#endif
