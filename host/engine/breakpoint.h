/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Breakpoints, watchpoints and catchpoints as a person knows them, and their places in
 * targets.  They are the engine's; one belongs to a family of targets: one that was
 * attached to or launched, and what it forks.  Without any left it waits for the next.
 */
#ifndef HOST_BREAKPOINT_H
#define HOST_BREAKPOINT_H

#include "host/engine/patches.h"
#include "host/engine/run.h"

struct breakpoint;
struct watch; /* watchpoint.c */

/* Where one is, in one target. */
struct site {
	struct site *next;
	struct breakpoint *of;
	struct he_target *target;
	uint64_t addr;
	uint32_t len; /* of watched data; 0 = code */
	bool enabled;
	bool keep;                      /* site_update's mark */
	bool chooses;                   /* see he_place; ifunc.c has its hits */
	uint32_t patch;                 /* 0: nothing is planted for it */
	uint64_t hits;                  /* as the agent counts those of the patch */
	char *function, *file, *module; /* NULL = not known */
	unsigned line;
};

struct breakpoint {
	struct breakpoint *next;
	unsigned number;
	struct he_break spec; /* its texts and numbers are ours */
	unsigned family;      /* 0: waits for a target */
	bool enabled;
	bool disable_hit, delete_hit;
	uint64_t countdown;
	uint64_t ignore;    /* left */
	uint64_t hits;      /* told or ignored here */
	uint64_t hits_past; /* of places that are no more */
	bool on_host;       /* the condition cannot be evaluated by the agent */
	bool doomed;        /* to be deleted once it was told */
	struct site *sites;
	struct watch *watch; /* NULL: it is none */
};

struct breakpoints {
	struct breakpoint *first; /* by number */
	unsigned last_number;
};

/* ---- the list (breakpoint.c) --------------------------------------------------- */

void breakpoints_free(struct he_engine *e);
struct breakpoint *breakpoint_find(const struct he_engine *e, unsigned number);
void breakpoint_delete(struct he_engine *e, struct breakpoint *b);
/* Does it concern t? */
bool breakpoint_is_of(const struct breakpoint *b, const struct he_target *t);

/* ---- places (breakpoint_place.c) -------------------------------------------------- */

/* Find its places in t anew and want their patches.  *expected: there are none, but a
 * library will have it.  None is no error. */
struct he_error *breakpoint_resolve(struct breakpoint *b, struct he_target *t, bool *expected);
/* All of t's: after its libraries or its program changed. */
struct he_error *breakpoints_resolve(struct he_target *t);
/* The patch of a place as it should be, or none. */
struct he_error *site_plant(struct site *p);
/* Nothing is planted for it any more. */
void site_lift(struct site *p);
/* Bring the list of t's sites up to date: mark, keep those that shall be there (made when
 * they are not; NULL without memory), sweep the others. */
void sites_mark(struct breakpoint *b, const struct he_target *t);
struct site *site_keep(struct breakpoint *b, struct he_target *t, uint64_t addr, uint32_t len);
void sites_sweep(struct breakpoint *b, const struct he_target *t);
/* Those of t (NULL = all) are no more; the agent need not be told. */
void sites_drop(struct breakpoint *b, const struct he_target *t, bool tell);
/* What of where is not found, in GDB's words. */
struct he_error *breakpoint_not_found(const struct breakpoint *b, struct he_target *t);
/* Is it found by name, so that further libraries may have it? */
bool breakpoint_is_named(const struct breakpoint *b);

/* ---- targets that come and go ------------------------------------------------------ */

/* Attached to or launched, and standing: those that wait are its now. */
struct he_error *breakpoints_adopt(struct he_target *t);
/* A followed child has what its parent had, planted by the agent. */
void breakpoints_forked(struct he_target *child, const struct he_target *parent);
/* It is gone, or has another program. */
void breakpoints_lost(struct he_target *t);
/* It will be freed. */
void breakpoints_orphan(struct he_target *t);

/* ---- stops (breakpoint_stop.c) -------------------------------------------------------- */

enum run_verdict breakpoints_on_cause(
    struct he_target *t, const struct cause *c, struct he_event *ev);

/* The agent has let hits of a patch pass: there were so many. */
void breakpoints_counted(struct he_target *t, uint32_t patch, uint64_t hits);
/* It is told with this stop (the first of them is shown). */
void breakpoint_tell(struct he_engine *e, struct breakpoint *b, struct he_event *ev);
/* A hit of one that the agent only reports (a watched value, a caught event): its condition is
 * looked at here, and how often it is to be passed.  True: it is to be told. */
bool breakpoint_counts(
    struct he_target *t, struct breakpoint *b, uint64_t tid, struct he_event *ev);

/* ---- conditions (condition.c) ----------------------------------------------------------- */

/* Can it be understood where b is?  An error says why not. */
struct he_error *condition_check(
    struct he_target *t, const struct he_break *q, uint64_t addr, const char *text);
/* To bytecode for code that runs at addr: true and *code (its owner frees it). */
bool condition_compile(struct he_target *t, uint64_t addr, const char *text, struct buf *code);
struct he_error *condition_true(struct he_target *t, uint64_t tid, const char *text, bool *ret);

#endif
