/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is to be told about a thread or a process that stopped, and how it is written.
 */
#ifndef HOST_RSP_STOP_H
#define HOST_RSP_STOP_H

#include "host/rsp/rsp.h"

enum rsp_stop_kind {
	RSP_STOP_THREAD,   /* T */
	RSP_STOP_ENDED,    /* w: a thread did */
	RSP_STOP_EXITED,   /* W or X: the process did */
	RSP_STOP_NONE_RUN, /* N: what was resumed has ended, other threads stand */
};

struct rsp_stop {
	struct rsp_stop *next;
	enum rsp_stop_kind kind;
	uint32_t pid;
	uint64_t tid;
	uint64_t generation; /* of he_event; 0 = it was no event */
	uint64_t pc;         /* where it stood then; 0 = not known */
	uint32_t signal;     /* Linux's, 0 = none */
	int status;          /* wait status; of a thread or a process that ended */
	enum he_reason reason;
	enum he_catch caught;
	bool hardware, returned;
	uint64_t data_addr;
	int64_t number; /* see he_event */
	uint32_t child; /* pid of a child that is ours, too; 0 = none */
	char text[256]; /* program that was executed */
};

/* From an event of the engine about p; NULL without memory. */
struct rsp_stop *rsp_stop_of(struct rsp_process *p, const struct he_event *ev);
/* One of our own: a thread stands, with a signal (Linux's) as its reason. */
struct rsp_stop *rsp_stop_plain(struct rsp_process *p, uint64_t tid, uint32_t signal);
/* The reply, as it goes between $ and #. */
void rsp_stop_put(struct rsp *r, const struct rsp_stop *s, struct buf *b);

/* A signal's number for this debugger: GDB's own, LLDB wants the system's; and back. */
unsigned rsp_signal_out(const struct rsp *r, uint32_t linux_signal);
uint32_t rsp_signal_in(const struct rsp *r, uint64_t number);

#endif
