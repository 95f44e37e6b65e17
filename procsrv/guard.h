/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Between guard.c (the process: its tracer, its signals, its end) and guard_link.c (what
 * it is told and passes on).
 */
#ifndef PROCSRV_GUARD_H
#define PROCSRV_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "ipc.h"
#include "keeper.h"
#include "lease.h"

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
	bool carrying; /* there is one */
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

/* Something that happened: by way of the monitor, or kept for a later one. */
void guard_record(const struct guard *g, const struct ipc_audit *a);

void guard_keep_lease(struct guard *g);

#endif
