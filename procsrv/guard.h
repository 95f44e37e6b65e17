/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Between guard.c (the process: its tracer, its signals, its end), guard_link.c (what it
 * is told and passes on) and guard_record.c (what of that is for the record).
 */
#ifndef PROCSRV_GUARD_H
#define PROCSRV_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "ipc.h"
#include "keeper.h"
#include "lease.h"

enum { GUARD_SENT = 128 };

/* What a monitor has been sent for the record, and has not answered yet: it may die with it. */
struct guard_sent {
	int pipe; /* to be heard for its answers; -1 = nobody is */
	unsigned first, n;
	struct ipc_audit of[GUARD_SENT];
};

struct guard {
	struct ipc_session session;
	struct ipc_bounds bounds; /* if that has any */
	bool stdio, repairs;
	int monitor; /* pipes; -1 = none (stdio), or gone */
	int tracer;
	int signals;
	pid_t child;   /* the tracer; 0 = it has ended */
	bool stopping; /* it was told to end */
	struct ipc_state from_tracer;
	/* read from the tracer, to be given to the monitor */
	union {
		struct ipc_audit audit;
		struct ipc_resumed resumed;
		struct ipc_target target;
		struct ipc_none none;
	} body;
	enum ipc_type type;
	size_t size;
	bool carrying;            /* there is one */
	struct guard_sent sent;   /* by the monitor's pipe */
	struct guard_sent before; /* by that of the one it replaced */
	struct lease lease;
	unsigned handing; /* channels given to the tracer that it has not answered */
	int caller;       /* a monitor that has not said what it wants; -1 = none */
	struct keeper keeper;
};

/* ---- guard.c -------------------------------------------------------------- */

/* It detaches everything and ends; in a few seconds it is killed. */
void guard_stop_tracer(struct guard *g);
void guard_end_soon(struct guard *g);

/* ---- guard_link.c --------------------------------------------------------- */

/* There is something to be read, or was when somebody looked. */
void guard_hear_tracer(struct guard *g);
void guard_hear_monitor(struct guard *g);
void guard_hear_socket(struct guard *g);
/* Where that is, -1 = nowhere. */
int guard_socket(const struct guard *g);

/* All that the tracer has said so far, as far as the monitor takes what is for it. */
void guard_hear_out_tracer(struct guard *g);

/* The packet that waits for the monitor. */
void guard_carry(struct guard *g);

/* The monitor goes with its connection; gone: it has, already. */
void guard_drop_monitor(struct guard *g, bool gone);

void guard_keep_lease(struct guard *g);

/* ---- guard_record.c ------------------------------------------------------- */

/* Something that happened: by way of the monitor, or kept in the session's spool for a later
 * one. */
void guard_record(struct guard *g, const struct ipc_audit *a);
/* By way of the monitor or not at all: 0, or an errno value (EAGAIN: not now). */
int guard_send_record(struct guard *g, const struct ipc_audit *a);
/* For a later one. */
void guard_keep_record(struct guard *g, const struct ipc_audit *a);

/* What to poll the monitor's pipe for: to write as well when the packet that waits may go. */
short guard_monitor_events(const struct guard *g);
/* Its answer. */
void guard_recorded(struct guard *g);
/* It is to be sent nothing more, but may have to answer; gone: it will not. */
void guard_leave_records(struct guard *g, bool gone);
/* The one before has something to be read. */
void guard_hear_before(struct guard *g);
/* The tracer has ended: all it said goes its way, and what is not answered in a moment is kept. */
void guard_settle_records(struct guard *g);

#endif
