/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Children of targets (fork, vfork, clone without CLONE_THREAD).  The kernel attaches
 * them to us.  One is on its maker's list as a foreign tracee until it stands and its
 * maker has told of it, in either order.  Then it is cleaned of our bytes and let go; or,
 * when it is followed, it becomes a target of its own with the same patches.
 *
 * A child that shares its maker's memory (vfork) cannot be cleaned.  While it lives there,
 * until it executes a program, nothing is planted: its maker's other threads run without
 * software patches for so long.  It has none itself, even if it is followed.
 */
#ifndef PROCSRV_KIN_H
#define PROCSRV_KIN_H

#include <stdbool.h>
#include <sys/types.h>

struct kin_sharer;
struct target;
struct tracee;
struct tracer;

/* Of a target. */
struct kin {
	unsigned sharing; /* children that run in our memory: nothing is planted */
	struct kin_sharer *sharers;
	bool leave; /* its child was followed instead: to be let go as soon as can be */
};

/* Of a thread, or of a foreign tracee. */
struct kin_thread {
	bool vforking; /* its child runs in our memory */
	bool waits;    /* for its child, that will be followed instead of it */
	bool made;     /* foreign: its maker has told of it */
	bool vforked;  /* foreign */
	pid_t maker;   /* foreign: thread */
};

/* What has become of a foreign tracee. */
enum kin_fate { KIN_WAITS, KIN_LEFT, KIN_LAST /* its target is freed, too */ };

/* A thread that stands at that event has made a process.  True: it is off the list. */
bool kin_made(struct tracee *maker, pid_t pid, bool vfork);

/* A foreign one stands. */
enum kin_fate kin_stands(struct tracee *t);

/* The child of a vfork is out of its maker's memory, or the maker has ended. */
void kin_vfork_done(struct tracee *maker);

/* A process that nobody knows stands with that status: is it the child of a target whose
 * maker has not told of it yet?  Then it is on that target's list. */
bool kin_stranger(struct tracer *t, pid_t pid, int status);

/* A foreign one is going to be detached: leave nothing of ours in it. */
void kin_let_go(struct tracee *t);

/* The target is about to be forgotten: let go of its children. */
void kin_orphans(struct target *tg);
/* It has other memory than its children so far. */
void kin_executed(struct target *tg);
void kin_free(struct target *tg);

#endif
