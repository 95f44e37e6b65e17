/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a session has changed in processes, written down before it is done: the tracer
 * writes, and whoever comes after it (its own last handler, the guard, procsrv -repair)
 * puts it right from here.  One mapping of fixed size without a pointer in it, in a file
 * of the session's directory; behind a pipe a file without a name.
 *
 * A writer that dies between any two of its stores leaves a journal that says at least
 * what has been done.  A reader trusts no number in it: repair.h.
 */
#ifndef PROCSRV_JOURNAL_H
#define PROCSRV_JOURNAL_H

#define JOURNAL_NAME "journal" /* in the session's directory */

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#include "ipc.h"
#include "machine.h"

enum {
	JOURNAL_TARGETS = 64,
	/* Of a target: as many as may be planted, and some that threads are on their way
	 * from. */
	JOURNAL_SITES = 1280,
	JOURNAL_SIGNALS = 8,   /* of a target: threads that stand at one */
	JOURNAL_RECORDS = 256, /* on their way to the record */
	/* The same, and there is no more room: letting go of all targets is refused to nobody. */
	JOURNAL_PAST = 3 * JOURNAL_TARGETS,
	JOURNAL_KEPT = JOURNAL_RECORDS + JOURNAL_PAST,
};

enum journal_state {
	JOURNAL_FREE,
	JOURNAL_INTENT,  /* it may stand there already */
	JOURNAL_PLANTED, /* it stands there, unless a thread is stepping */
	JOURNAL_LIFTED,  /* it does not, but a thread can have met it */
};

/* The byte of a file that is mapped at an address; all 0 for anonymous memory. */
struct journal_place {
	uint64_t dev, ino, offset;
};

struct journal_site {
	uint64_t addr;
	struct journal_place place;
	uint32_t generation; /* of the target's writings, which one made it as it is */
	uint8_t state;       /* enum journal_state; the last to be set, the first to go */
	uint8_t insn_len;    /* of the instruction that stands there; 0 = not known */
	uint8_t saved[TRAP_MAX];
};

/* A system call that a thread is made to do: what it has to have back. */
struct journal_call {
	int32_t tid; /* 0 = none */
	uint64_t mask;
	struct user_regs_struct regs;
};

/* A signal that a thread stands with.  The kernel has given it to the tracer, and it is
 * nowhere else (ptrace(2)). */
struct journal_signal {
	int32_t tid; /* 0 = none; the last to be set, the first to go */
	siginfo_t info;
};

struct journal_target {
	int32_t pid; /* 0 = free; the last to be set, the first to go */
	uint32_t arch;
	uint64_t start;  /* clock ticks since boot */
	uint32_t image;  /* rises with each program that it executes */
	uint32_t nsites; /* of its table that were ever in use */
	uint32_t generation;
	uint8_t debugregs; /* some have been set */
	uint8_t stepped;   /* a thread may still have the processor's flag for that */
	uint8_t in_job;    /* job control has stopped it: it stays so */
	uint8_t killed;    /* it goes with the session, whatever ends that */
	struct journal_call call;
	struct journal_signal signals[JOURNAL_SIGNALS];
};

struct journal_head {
	char magic[8];
	uint32_t version, size;
};

/* Of messages, over all links of the session; for procsrv -status. */
struct journal_bytes {
	uint64_t received, sent;
};

/* What the tracer has said for the record, and when (time(2)). */
struct journal_record {
	int64_t at;
	struct ipc_audit audit;
};

/* Round and round.  audit.kept is the last to be set and, by the guard, the first to go, once it
 * has got there or waits in a file of the session's: until then it is in neither when they are
 * killed.  They do not go in the order they came: a monitor may be stopped while a later one has
 * the session. */
struct journal_records {
	uint64_t next; /* to be said at next % JOURNAL_RECORDS, or behind */
	struct journal_record of[JOURNAL_KEPT];
};

struct journal {
	struct journal_head head;
	int32_t tracer; /* its pid; 0 = it has not begun */
	int32_t waited; /* a thread whose report has been taken and is being seen to */
	uint64_t beats; /* rises as long as the tracer gets on */
	struct journal_bytes bytes;
	struct journal_records records;
	uint32_t targets_used;
	struct journal_target targets[JOURNAL_TARGETS];
	struct journal_site sites[JOURNAL_TARGETS][JOURNAL_SITES];
};

/* ---- the mapping ----------------------------------------------------------------- */

/* Make an empty one of a file that is open for writing; fd -1: one that nobody else sees,
 * children apart.  NULL and errno. */
struct journal *journal_make(int fd);

/* Map one that was made.  NULL: it is none, or of another version. */
struct journal *journal_open(int fd);

/* What one that was made says of its target of that index; the file is only read.  False:
 * it is none, or of another version. */
bool journal_peek(int fd, unsigned index, struct journal_target *t);
/* The same of what has been carried. */
bool journal_peek_bytes(int fd, struct journal_bytes *b);

/* The next record, from number *n (0 .. JOURNAL_KEPT - 1) on, mostly in the order they were said,
 * in one whose tracer and guard have ended, and its number.  False: there is none. */
bool journal_peek_record(int fd, unsigned *n, struct journal_record *r);
/* It has got there.  0, or an errno value. */
int journal_drop_record(int fd, unsigned n);

/* ---- for the record ----------------------------------------------------------------- */

/* The tracer is about to say that.  What that is from now on (ipc_audit.kept); 0: there is no room,
 * so much of it has not got there.  past: it is done already, or will be in any case. */
uint32_t journal_say(struct journal *j, const struct ipc_audit *a, bool past);
/* It could not; or, says the guard, it has got there. */
void journal_recorded(struct journal *j, uint32_t kept);

/* ---- the tracer's part -------------------------------------------------------------- */

/* A process is about to be traced.  NULL: no room.  fd: the file behind it, -1 = none. */
struct journal_target *journal_begin(struct journal *j, int fd, pid_t pid, uint64_t start);
/* Nothing of ours is in it any more. */
void journal_end(struct journal *j, struct journal_target *t);
/* It has other memory, where nothing was written. */
void journal_executed(struct journal *j, struct journal_target *t);

/* These bytes are about to be written over.  NULL: no room. */
struct journal_site *journal_intend(
    struct journal *j, struct journal_target *t, const struct journal_site *what);
/* Again, at one that is known. */
void journal_renew(struct journal_target *t, struct journal_site *s, const uint8_t *saved);
void journal_state(struct journal_site *s, enum journal_state now);

/* All of it goes back into a thread when we do not come to that. */
void journal_call(
    struct journal_target *t, pid_t tid, const struct user_regs_struct *regs, uint64_t mask);
void journal_called(struct journal_target *t);

/* A thread stands with a signal; it has it, or is to have it no more. */
void journal_signal(struct journal_target *t, pid_t tid, const siginfo_t *info);
void journal_signal_over(struct journal_target *t, pid_t tid);

#endif
