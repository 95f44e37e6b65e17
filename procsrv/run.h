/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What each thread is doing while nobody is told: going on, stepping (through a range),
 * passing a patch; and what its traps mean.
 *
 * A thread that comes to a patch is counted there once, whatever happens to it before
 * the instruction runs (a signal, somebody's stop): its arrival (pc and sp) is remembered
 * until then.  When several come at once and the first one stops the others, those that
 * had trapped too are evaluated and reported with it, as further causes of the same stop;
 * none is put back to hit again.
 *
 * A thread is shown at its own addresses only: when it stands, a pc in a slot has been
 * put back, and a trap of ours that the kernel still had queued has been taken.
 */
#ifndef PROCSRV_RUN_H
#define PROCSRV_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/wire.h"

struct target;
struct tracee;

enum run_verdict {
	RUN_AS_IT_IS, /* nothing of ours: a signal, an event */
	RUN_QUIET,    /* nothing for the host: it goes on, unless somebody wants it to stand */
	RUN_AGAIN,    /* it was resumed, and will stand at once as it was asked to */
	RUN_STOPS,    /* the host hears of it: reason, scope and causes are set */
};

/* A thread stands with t->status: see to what is ours.  A status that was only ours is
 * made that of a thread which stands by request. */
enum run_verdict run_stopped(struct tracee *t);

/* Let a standing thread go on with what it was told to do; sig: to be delivered, 0 none. */
void run_on(struct tracee *t, int sig);

/* Something more to tell about the stop to come, and telling it (event causes). */
void run_cause(struct target *tg, const struct wire_rec_cause *cause);
void run_tell_causes(struct target *tg);
/* What was counted and never told, before the patches are forgotten. */
void run_tell_counts(struct target *tg);

/* Registers of a standing thread are about to be written, and were: with another pc it
 * arrives there anew. */
void run_writes(struct tracee *t);
void run_written(struct tracee *t);

/* A thread has ended. */
void run_ended(struct tracee *t);
/* A new program: nothing of ours is in it. */
void run_executed(struct target *tg);

/* All stand, or as good as: the one whose turn it is steps. */
void run_alone(struct target *tg);

/* The target is being let go, or forgotten: nothing of ours stays planted.  Threads that
 * come to stand are seen to by run_stopped, and by run_detach before they are detached. */
void run_leave(struct target *tg);
void run_detach(struct tracee *t);

/* The last to be detached stands in a system call, where it cannot unmap the slots: it goes on,
 * and stands again at the end of the call, or where a call that waits is broken off as for any
 * stop.  False: it need not; or it is in vfork(2), which nothing breaks off. */
bool run_leaves_call(struct tracee *t);
void run_free(struct target *tg);

#endif
