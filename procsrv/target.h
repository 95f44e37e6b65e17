/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A target: a process pinned by proc_open, and its threads as ptrace shows them.
 *
 * A tracee stands (it was waited for and nothing moves it), runs, or listens: it is
 * in a group stop and takes part in job control.  Whether it has to stand follows
 * from three wishes: the host's (held), a snapshot's, and a detach that needs it
 * standing.  halt() asks all that have to stand, collect() waits for them, and when
 * none is missing, or the time is up, whoever wished is served in that order.
 */
#ifndef PROCSRV_TARGET_H
#define PROCSRV_TARGET_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/user.h>

#include "caught.h"
#include "debugreg.h"
#include "common/wire.h"
#include "fault.h"
#include "kin.h"
#include "proc.h"

struct patches;
struct site;
struct call;
struct tracer;
struct reply;
struct snapshot;
struct launch;

enum {
	STOP_BOUND_MS = 100, /* for threads to stand, then the stop is reported without the rest */
	DETACH_BOUND_MS = 2000, /* then a detach is answered with BUSY (and goes on) */
	PREORDER_RECIPES = 73,  /* recipes and notes, at most: what a message holds */
	PREORDER_NOTES = 64,
};

enum tracee_state { TRACEE_RUNS, TRACEE_STANDS, TRACEE_LISTENS, TRACEE_DEAD };

/* How a thread is passing a patch.  In a slot it finds its way by itself: nobody waits. */
enum tracee_pass {
	PASS_NONE,
	PASS_JUMP,  /* it has been moved behind a jump, and stands there when it reports next */
	PASS_ENTRY, /* goes on to the entry of the system call it is about to make */
	PASS_FRAME, /* gets a signal amid a call that the kernel may repeat: its frame will tell */
	PASS_ALONE, /* steps with the byte lifted, all others standing */
};

/* It has come to pc with that sp, and was counted there; the instruction has not run. */
struct arrival {
	uint64_t pc, sp;
};

enum { ARRIVALS = 4 }; /* one, and as many more as handlers of signals interrupt each other */

/* Bytes of a thread's name with its newline, as the kernel shows it (TASK_COMM_LEN). */
enum { COMM = 16 };

struct tracee {
	pid_t tid;
	enum tracee_state state;
	int status; /* of the wait that found it standing */
	struct target *target;
	struct tracee *next, *prev; /* of the target */
	struct tracee *chain;       /* of the hash */
	char name[COMM];            /* read on the way to the stop; empty = not */
	bool held;                  /* the host wants it to stand */
	bool asked;                 /* PTRACE_INTERRUPT is under way */
	bool cause;                 /* of the stop about to be reported */
	bool reported;              /* stands, and the host knows */
	bool born;                  /* new, has not run yet */
	bool listed;                /* by the kernel, after it was seized */
	bool in_job;                /* takes part in a group stop, listening or standing */
	bool unannounced;           /* the host has not heard of it yet */
	bool foreign;               /* no thread of this target but a child of it: see kin.h */
	bool launched;              /* at the first instruction of a program we started */
	/* run.c */
	uint8_t action;     /* enum wire_action: what it was told to do */
	uint8_t step_scope; /* enum wire_stop_scope: who stands when that is done */
	uint8_t deliver;    /* when it goes on: 0 the signal it came with, else one more than it */
	uint8_t reason;     /* enum wire_reason of its stop; REQUEST = its status says it */
	uint8_t scope;      /* enum wire_stop_scope of that */
	uint8_t pass;       /* enum tracee_pass */
	bool stepped;       /* resumed for one instruction */
	bool steps_itself;  /* it had the processor's flag for that already */
	bool brisk;         /* it went on quietly, and is likely to be back soon */
	uint8_t given;      /* a signal of the host's that has yet to come, 0 = none: not told */
	bool rejoin;        /* taken out of a group stop for a moment */
	bool chosen;        /* by the request in hand */
	bool regs_known;    /* regs, while it stands */
	uint32_t debugregs; /* their generation that it has; 0 = none is set */
	struct user_regs_struct regs;
	uint64_t lo, hi;  /* RANGE */
	uint64_t went_ns; /* when it went on quietly */
	uint64_t ticket;  /* its turn to step alone; 0 = does not want one */
	uint64_t since;   /* target.moment when it stood */
	struct arrival arrivals[ARRIVALS];
	struct arrival from; /* where the step it was resumed for begins */
	/* caught.c, kin.c */
	struct caught_thread caught;
	struct kin_thread kin;
};

struct preorder {
	unsigned nrecipes, nnotes;
	struct wire_rec_recipe recipes[PREORDER_RECIPES];
	uint32_t notes[PREORDER_NOTES];
};

struct target {
	struct target *next;
	struct tracer *tracer;
	uint32_t handle; /* 0: a snapshot's own, not known to the host */
	struct proc_id id;
	struct journal_target *journal; /* NULL: it is not traced */
	enum wire_how how;
	uint32_t arch;
	int mem, pagemap; /* of /proc/PID, -1 = not needed so far */
	struct tracee *first, *last;
	unsigned count;      /* of threads */
	uint64_t generation; /* of the newest stop */
	uint64_t stop_signals, report_signals, ignore_signals;
	struct preorder preorder;
	unsigned in_job; /* threads in a group stop */
	bool job_stopped;
	bool leader_dead; /* ended, and listed as such, or not listed; others live */
	bool killed;      /* by the host: nothing holds it up any more */
	bool abandoned;   /* detached, but left stopped */
	bool slots_left;  /* and pages of slots stayed mapped in it */
	/* the three wishes */
	bool push;                 /* a stop is to be reported */
	bool hold_all;             /* new threads too */
	uint8_t stop_scope;        /* enum wire_stop_scope: who stands at a signal or event */
	bool leaving;              /* to be detached */
	struct snapshot *snapshot; /* wants all to stand for a moment */
	struct reply *leave_reply; /* NULL: nobody waits, or it was answered */
	uint64_t since_ms;         /* when the wait for threads began; 0 = none */
	struct event *timer;
	struct event *death;   /* of one we do not trace, by pidfd */
	struct launch *launch; /* of a program we started, or its streams; NULL = none */
	uint32_t streams;      /* the same number for all that we started at once; 0 = others */
	/* run.c */
	struct patches *patches; /* NULL: it never had any */
	struct debugregs debugregs;
	uint64_t moment;         /* grows with what has to be told apart by its order */
	int missing_patch;       /* why the next go is refused; E_OK = it is not */
	uint64_t missing_at;
	struct tracee *alone;    /* steps in place (or is about to): nobody else runs */
	struct site *alone_at;   /* while it does */
	uint64_t alone_ms;       /* since when the others are to stand for it */
	struct buf causes;       /* records for the next stop */
	/* caught.c, kin.c, change.c */
	struct caught caught;
	struct kin kin;
	uint64_t mem_writes, regs_writes; /* requests done, for the record */
	/* loss.c */
	uint8_t loss;         /* enum wire_loss, never DEFAULT */
	uint32_t grace_ms;    /* of its own; 0 = the session's */
	uint32_t max_stop_ms; /* 0 = no bound */
	struct event *budget; /* while threads of it stand */
	struct event *grace;  /* while there is no link */
	uint16_t why;         /* enum err: it is let go without the host's asking */
};

/* ---- target.c: the list, coming and going ---------------------------------------- */

struct target *target_by_handle(struct tracer *t, uint32_t handle);
/* By identity; NULL when this session does not have it. */
struct target *target_by_pid(struct tracer *t, pid_t pid);

/* Pin the process and put it on the list, untraced.  E_OK and *out, or the code
 * with *f set; BOUNDS when the session may not touch it, which target_add does not ask. */
int target_new(struct tracer *t, uint32_t handle, uint32_t pid, uint64_t start, struct target **out,
    struct fault *f);
int target_add(struct tracer *t, uint32_t handle, uint32_t pid, uint64_t start, struct target **out,
    struct fault *f);
/* Forget it and its threads; nothing is done to the process. */
void target_free(struct target *tg);

/* The process has ended with that wait status (-1 = not known): tell the host, end
 * what waits for it, free it. */
void target_exited(struct target *tg, int status);

/* It is about to be traced: the journal and the guard are to know.  E_OK or LIMIT. */
int target_journal(struct target *tg);
/* Its descriptors are new: those who may have to put it right get them. */
void target_hand_over(struct target *tg);

/* Message attached, into body.  E_OK or NOMEM. */
int target_attached(const struct target *tg, struct buf *body);

/* Tell guard, for the audit record.  E_OK, or LIMIT when the pipe is full. */
int target_audit(int event, const struct proc_id *id, const char *name, uint64_t size, int result);

/* ---- trace_thread.c: ptrace -------------------------------------------------------- */

/* Seize every thread.  E_OK, or the reason with *f set (nothing is left traced). */
int trace_seize(struct target *tg, struct fault *f);

/* All threads that have to stand and do not: ask them; start the clock. */
void trace_halt(struct target *tg);
/* Take what has been reported; serve the wishes when due. */
void trace_collect(struct target *tg);
/* SIGCHLD: something has changed somewhere. */
void trace_changed(struct tracer *t);

/* Stand still all of it (or only one tracee), report it. */
void trace_hold(struct target *tg, struct tracee *only);

/* One that runs stands for a moment: what can only be said to it then is said when it goes
 * on (trace_run). */
void trace_nudge(struct tracee *t);

/* Let a standing thread go on as without us: its signal is passed, a group stop is
 * obeyed.  signal: -1 as it came, 0 none, else that one. */
void trace_go(struct tracee *t, int signal);
/* The same for one that has only just stopped: as the masks of signals want it. */
void trace_pass(struct tracee *t);

/* Detach; the target is freed when the last thread is, and reply (may be NULL) gets
 * its ok. */
void trace_leave(struct target *tg, struct reply *reply);

/* Undo an attach that failed half way. */
void trace_abandon(struct target *tg);
/* Forget the threads; nothing is done to them. */
void trace_forget(struct target *tg);

/* The tracer ends: detach everything within a second; what does not stand by then is
 * detached by the kernel when we exit. */
void trace_leave_all(struct tracer *t);

struct tracee *tracee_by_tid(struct tracer *t, pid_t tid);
/* One of a request's target, and traced; NULL with the error's facts. */
struct tracee *tracee_named(struct call *c, uint64_t tid);
/* The signal it stopped with and has not got yet; 0 = none. */
int tracee_signal(const struct tracee *t);
/* In a group stop. */
bool tracee_in_group_stop(const struct tracee *t);
bool tracee_has_to_stand(const struct tracee *t);
/* Neither the host nor anything that concerns the whole target wants it to stand. */
bool tracee_may_go(const struct tracee *t);

/* ---- trace_stop.c: what the host is told about threads ------------------------------- */

/* Event stopped: the stop's bundle. */
void trace_push(struct target *tg);
/* Read the names of threads that have been asked to stand, while they obey: a thousand
 * of them take as long as the stop itself. */
void trace_name(struct target *tg);

/* Put recipes and notes of a message away; E_OK, LIMIT or MALFORMED. */
int preorder_set(struct preorder *p, struct span recipes, struct span notes);

#endif
