/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How a target runs: what its threads stopped for, the decision what a stop means (told
 * to a person, or swallowed and the target let run on), and letting it run.
 *
 * A stop is taken up when it arrives (event_apply.c) and decided when he_wait comes to
 * it, never inside another call.  Each cause of it is shown in turn to the breakpoints,
 * then to the step under way; the first that wants to be told ends that.  Causes that
 * were not come to are kept: the next he_continue comes back to them before it lets
 * anything run, so that of two threads that hit something at once none is missed.  In
 * non-stop, where others run meanwhile, the next he_wait comes back to them.
 *
 * After a stop that was swallowed only those go on whom the person does not hold.
 */
#ifndef HOST_RUN_H
#define HOST_RUN_H

#include "host/engine/target.h"

struct rpc_call;

/* ---- what a thread stands for ------------------------------------------------- */

enum { CAUSES_MAX = 1 << 18 };

/* A patch that was hit (record cause of the wire). */
struct cause_hit {
	uint32_t patch; /* 0: the other fields only */
	int err;        /* of its condition, E_OK = none */
	uint64_t addr, hits;
	int64_t value;
};

struct cause {
	uint64_t tid;
	enum wire_reason reason;
	uint32_t signal;
	struct cause_hit *hit;
	size_t n_hits;
	bool moved; /* raw: its pc was written since */
	bool waits; /* raw: its thread was not let run when others were */
};

/* ---- deciding ------------------------------------------------------------------- */

enum run_verdict {
	RUN_NOT_MINE, /* somebody else may know */
	RUN_ON,       /* mine, and nobody needs to know: it may go on */
	RUN_TELL,     /* *ev was filled in beside kind, target, server and tid */
};

enum { PLAN_MAX = 256 };

/* How threads go on: records as message go has them; n 0 = all of them CONT. */
struct run_plan {
	struct wire_rec_go v[PLAN_MAX];
	unsigned n;
	uint8_t stop; /* enum wire_stop_scope of its steps */
};

/* The steps under way, as the decision sees them (step.c).  Valid while target.stepper
 * points to it. */
struct stepper {
	/* A cause no breakpoint wanted.  RUN_ON: plan is asked next.  It may read the
	 * target (within he_wait), want and drop patches; it never lets anything run. */
	enum run_verdict (*on_cause)(
	    struct he_target *t, const struct cause *c, struct he_event *ev);
	/* The target goes on although nothing was told: how, for the step's sake. */
	void (*plan)(struct he_target *t, struct run_plan *plan);
	/* The same of one thread, of which (non-stop) several may step; false: it does not. */
	bool (*go)(const struct he_target *t, uint64_t tid, struct wire_rec_go *ret);
	/* It has been let run, or (runs false) the agent refused that: was all that the step
	 * needs planted? */
	struct he_error *(*flown)(struct he_target *t, bool runs);
	/* Something else is told, or the person lets it run in another way: drop what the
	 * step of that thread (0 = all) has planted; without any, set target.stepper to
	 * NULL. */
	void (*cancel)(struct he_target *t, uint64_t tid);
};

/* ---- letting it run --------------------------------------------------------------- */

/* One flight: changes of patches, catches, signals and recipes that wait, then go; the
 * answers are waited for together.  What was read of the target is forgotten.  E_STATE
 * when it cannot be run. */
struct he_error *run_go(struct he_target *t, const struct run_plan *plan);
/* The same flight without go, when something waits to be changed. */
struct he_error *run_sync(struct he_target *t);

/* The plan of `continue` for one thread (with the scheduler's lock) or all (0). */
void run_plan_continue(struct he_target *t, uint64_t tid, struct run_plan *plan);

/* For he_step and its like, before they begin, between target_enter and target_leave:
 * stops met, causes not yet told decided (in non-stop those of thread tid, 0 = all).
 * *told: one of them was queued as an event instead, do not run. */
struct he_error *run_ready(struct he_target *t, uint64_t tid, bool *told);

/* run_go by the person's word: who stands after it is held. */
struct he_error *run_let(struct he_target *t, const struct run_plan *plan);
/* He lets threads run in another way than they step. */
void run_end_step(struct he_target *t, const struct run_plan *plan);
/* He was answered that it (a thread, 0 = all) will stand. */
void run_asked(struct he_target *t, uint64_t tid);
/* What he was shown, attached or launched, stands. */
void run_shown(struct he_target *t);

/* What is done with one thread lets only that run: the others are to stand, or (non-stop) are
 * none of its concern. */
bool run_alone(const struct he_target *t);
/* Who stands at a hit. */
enum wire_stop_scope run_scope(const struct he_target *t);

/* It can be let run, and what stop it was asked for has come. */
struct he_error *run_met(struct he_target *t);

/* A stop to be decided: true and *ev to be told.  False: the target runs again, or there
 * is nothing to tell. (engine_events.c calls it) */
bool run_decide(struct he_target *t, struct he_event *ev);

/* ---- taking up (event_apply.c) ------------------------------------------------------- */

struct run *run_new(void); /* NULL without memory */
void run_free(struct run *r);
/* The agent treats a followed child as its parent: what was asked for holds for it, too. */
void run_copy(struct he_target *child, const struct he_target *parent);
/* Event causes of a stop that follows. */
void run_note_hits(struct he_target *t, const struct wire_causes *q);
/* All pieces of a stop have come: who stands by it.  A thread goes (0 = all), or ends. (held.c) */
void came_in_stop(struct he_target *t);
void came_left(struct he_target *t, uint64_t tid);
/* The stop itself, piece by piece. */
void run_note_stops(struct he_target *t, struct span stops);
/* A thread runs again, or is gone (0 = all): it stands for nothing any more. */
void run_forget(struct he_target *t, uint64_t tid);
/* Another program: nothing planted is there any more. */
void run_executed(struct he_target *t);

#endif
