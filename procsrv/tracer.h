/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the units of the tracer share: the session and its targets.
 */
#ifndef PROCSRV_TRACER_H
#define PROCSRV_TRACER_H

#include <event2/event.h>
#include <stdint.h>

#include "ipc.h"
#include "journal.h"

struct serve;
struct target;
struct tracee;
struct snapshot;
struct launch_text;

enum { TIDS_HASH = 4096 }; /* chains; 10,000 threads are a chain of three */

enum { TRACER_RECORDED = 16 };

/* A file of which the record says that it was fetched or stored. */
struct recorded {
	int event; /* enum ipc_event */
	pid_t pid;
	uint64_t start, dev, ino;
};

struct tracer {
	struct event_base *base;
	struct ipc_session session;
	struct ipc_bounds bounds; /* of all its user's processes, those it may touch */
	struct serve *serve;
	struct journal *journal;
	int journal_fd;     /* -1: nobody else can see it */
	struct event *beat; /* says that we get on, as long as there are targets */
	struct target *targets;
	unsigned ntargets;
	unsigned snapshots;                        /* in memory */
	struct tracee *tids[TIDS_HASH];            /* all tracees by tid */
	struct recorded recorded[TRACER_RECORDED]; /* the newest, in turn */
	unsigned nrecorded;
	struct launch_text *launch_texts;
	struct reading *reading; /* NULL: nothing was asked for so far */
	struct touching *touching; /* the same of touch.c */
	bool unrecorded;   /* nothing may be done that has to be recorded first */
	uint32_t children; /* handles given to those that were followed */
	uint32_t launches; /* numbers given to those that were started */
	uint8_t *scratch; /* of SCRATCH bytes, for a handler's own use */
};

/* To be recorded before it is done: E_OK, or E_UNRECORDED, and it must not be done.  What has
 * happened already, or failed, is told in any case. */
int tracer_record(const struct ipc_audit *a);

enum {
	TRACER_MAX_READ = 1024 * 1024, /* bytes one mem_read or file_read may ask */
	TRACER_SCRATCH = TRACER_MAX_READ,
	TRACER_TARGETS = 64, /* at once */
};

#endif
