/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What run.c and flight.c know of how a target runs.
 */
#ifndef HOST_RUN_PARTS_H
#define HOST_RUN_PARTS_H

#include "host/engine/run.h"

struct note {
	uint64_t tid;
	struct cause_hit hit;
};

struct tids {
	uint64_t *v; /* sorted */
	size_t n, cap;
};

struct run {
	struct cause *cause; /* in the order they were told */
	size_t n, cap;
	struct note *note; /* of the stop with generation noted, before it comes */
	size_t n_notes;
	uint64_t noted;
	uint64_t decided; /* generation of the last stop that was */
	uint64_t after;   /* of the one that the last go came after */
	/* What the person wants to stand goes on only when he says so: */
	bool stands;          /* all of it */
	struct tids held;     /* these threads */
	struct tids came;     /* those that stand, by stops of their own since they went last */
	bool interrupting;    /* he asked for a stop that has not been told yet ... */
	uint64_t interrupted; /* ... of this thread, 0 = of all */
	uint64_t signals[3];  /* as the agent has them: stop, report, ignore */
	struct buf caught;    /* the last message catch; empty = none was sent */
	struct buf ordered;   /* the recipes beyond those of attach_order */
	bool unsure;          /* the last flight was held: the agent may not have all of these */
	/* A thread is stepped for the sake of watchpoints; what it was asked to do: */
	uint64_t stepped; /* 0 = none */
	struct wire_rec_go asked;
};

/* A cause out of the list: its hits are the caller's to free. */
void run_take(struct run *r, size_t i, struct cause *ret);

/* ---- who stands, and who is held (held.c) ---------------------------------------- */

/* Everybody who stands but for those that plan (NULL: nobody) lets run, and those whose
 * stop nobody has heard of yet. */
void held_take(struct he_target *t, const struct run_plan *plan);
void held_add(struct run *r, uint64_t tid);
/* It stands, and is to go on when nothing was told. */
bool held_not(const struct he_target *t, uint64_t tid);
/* The next such thread with a number beyond after; 0 = there is none. */
uint64_t held_next_not(const struct he_target *t, uint64_t after);

/* All who stand and are not held go on, each as it did. (decide.c) */
struct he_error *run_go_each(struct he_target *t);
/* The newest stop was that of threads that were late for the one before, and have nothing to
 * tell: it is over. (decide.c) */
bool run_was_late(struct he_target *t);

/* ---- one flight (flight.c) ------------------------------------------------------ */

/* What waits to be changed, and then go (NULL: nothing is let run, and nothing sent when
 * nothing has changed). */
struct he_error *flight_go(struct he_target *t, const struct run_plan *plan);
/* The same with records of message go; empty: as NULL above. */
struct he_error *flight_send(struct he_target *t, struct span go, uint8_t stop);
/* The agent has refused it, and so nothing runs. */
bool flight_refused(const struct he_error *err);
/* It was, for a stop that was newer than the newest here, and which has been taken up now. */
bool flight_overtaken(const struct he_error *err);

#endif
