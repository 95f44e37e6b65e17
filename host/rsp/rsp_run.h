/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Who runs, and which stops are still to be told.
 *
 * All-stop: a resume gets its reply when something stops; by then everything stands.  What
 * other processes stopped for meanwhile waits in the queue until they shall run again.
 * Non-stop: each stop is told once by a notification, which vStopped acknowledges.
 */
#ifndef HOST_RSP_RUN_H
#define HOST_RSP_RUN_H

#include "host/rsp/rsp.h"
#include "host/rsp/rsp_stop.h"

struct rsp_run {
	bool waiting;           /* all-stop: a stop reply is due */
	bool notified;          /* non-stop: the queue's first was told, vStopped is due */
	bool some;              /* single threads were resumed: they may all end */
	uint64_t look_ms;       /* CLOCK_MONOTONIC: that is looked at then; 0 = it is not */
	bool thread_events;     /* QThreadEvents */
	uint64_t pass, program; /* QPassSignals, QProgramSignals; Linux's, bit n-1 */
	struct rsp_stop *queue; /* the oldest first */
	struct rsp_stop *last;  /* told last; NULL = nothing yet */
};

/* Of one process. */
struct rsp_stops {
	bool hushed;       /* it was made to stand because another stopped: not worth telling */
	bool break_asked;  /* by the debugger's Ctrl-C */
	bool moved;        /* it ran on, and the debugger was not told of where it stands now */
	uint64_t passing;  /* signals that do not stop it now */
	bool syscalls;     /* QCatchSyscalls */
	uint32_t *numbers; /* none = all */
	size_t n_numbers;
	/* What it was resumed with last; non-stop: of its threads that run, what each of those does
	 * that step. */
	struct he_go *went;
	size_t n_went;
	/* All-stop: where threads have had commands run for them (rsp_pass.c). */
	struct rsp_ran *ran;
	size_t n_ran;
	uint64_t generation, went_at; /* of its last stop; of that from which the debugger let it go */
	uint64_t *told; /* non-stop: threads that the debugger knows to stand */
	size_t n_told;
};

/* What one thread, or many, shall do. */
enum rsp_todo { RSP_DO_STOP = -1 /* else enum he_action */ };
struct rsp_action {
	struct rsp_id id; /* pid 0: any */
	int todo;
	int32_t signal; /* Linux's */
	uint64_t lo, hi;
};

struct rsp_run *rsp_run_new(void);
void rsp_run_free(struct rsp_run *run);
/* A debugger comes: what another asked for holds no more. */
void rsp_run_reset(struct rsp *r);

/* An event of the engine about a process. */
void rsp_run_event(struct rsp *r, const struct he_event *ev);
/* Tell what is due. */
void rsp_run_settle(struct rsp *r);
/* See rsp_part.tick. */
int rsp_run_tick(struct rsp *r);
/* Ctrl-C. */
void rsp_run_break(struct rsp *r);
/* Let threads run, or stop them; the first action that names a thread holds for it. */
void rsp_run_resume(struct rsp *r, const struct rsp_action *v, size_t n);
/* p cannot run, by e, which is freed: a stop is to be told, and the person why. */
void rsp_run_refused(struct rsp *r, struct rsp_process *p, struct he_error *e);
/* A new process: what the debugger asked for holds for it, too. */
void rsp_run_adopt(struct rsp *r, struct rsp_process *p);
/* The reply to what made p stand where it is: vAttach, vRun. */
void rsp_run_stands(struct rsp *r, struct rsp_process *p);
/* Non-stop: threads that stand are to be told (again), one by one; rsp_run_next replies with
 * the first, "OK" when there is none; rsp_run_acknowledge with what follows. */
void rsp_run_forget(struct rsp *r);
void rsp_run_again(struct rsp *r, struct rsp_process *p, uint64_t tid);
void rsp_run_next(struct rsp *r);
void rsp_run_acknowledge(struct rsp *r);
/* All-stop: the reply to ?, while everything stands. */
void rsp_run_why(struct rsp *r);
/* Nothing of p is told any more. */
void rsp_run_drop(struct rsp *r, struct rsp_process *p);
/* Everything stands when this returns; what else stopped meanwhile is in the queue. */
void rsp_run_quiet(struct rsp *r);
/* What has happened by now is in the queue. */
void rsp_run_take_in(struct rsp *r);
/* Catches and signals as they are asked for now. */
void rsp_run_catch(struct rsp *r, struct rsp_process *p);

#endif
