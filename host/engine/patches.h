/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The patches a target should have, and which of them the agent has.  Wanting and
 * dropping only notes it; the next flight (run_go, run_sync) carries the changes.
 */
#ifndef HOST_PATCHES_H
#define HOST_PATCHES_H

#include "host/engine/target.h"

/* Whose it is: hits of it go there. */
enum patch_owner {
	PATCH_BREAKPOINT,  /* breakpoint.c: of is a struct site */
	PATCH_STEP,        /* the step under way */
	PATCH_RENDEZVOUS,  /* rendezvous.c */
	PATCH_WATCH_SCOPE, /* watchpoint.c: of is a struct breakpoint */
	PATCH_RAW,         /* raw_patch.c: of is a struct raw_patch */
	PATCH_CHOSEN,      /* ifunc.c */
};

struct patch_want {
	enum patch_owner owner;
	void *of; /* the owner's */
	enum wire_patch kind;
	uint64_t addr;
	uint32_t len; /* of data */
	uint64_t tid; /* 0 = all */
	bool once;
	bool needed; /* without it nothing may be let run */
	enum wire_stop_scope stop;
	uint64_t ignore;
	struct span condition; /* copied; empty = none */
};

struct patch {
	struct patch *next;
	uint32_t id;
	struct patch_want want; /* its condition is ours */
	bool planted;           /* at the agent, as wanted */
	bool sent;              /* at the agent in some form */
	bool flying;            /* under way, not answered yet */
	bool dropped;           /* to be cleared there */
	int err;                /* enum err: why it was refused */
	int os_errno;
	uint32_t other;    /* the patch in its way */
	uint64_t hits;     /* as last told */
	uint8_t bytes[16]; /* the instruction there, as sent */
	uint8_t n_bytes;
	bool file; /* these are from the module's file, not from memory */
};

struct patches;

/* Its id (not 0), or 0 without memory.  Sent with the next flight. */
uint32_t patches_want(struct he_target *t, const struct patch_want *want);
/* Other details for one that is there; it keeps its hits. False without memory. */
bool patches_change(struct he_target *t, uint32_t id, const struct patch_want *want);
/* Not wanted any more; an unknown id is fine. */
void patches_drop(struct he_target *t, uint32_t id);
/* NULL: not known, or dropped. */
struct patch *patches_find(const struct he_target *t, uint32_t id);
/* The first (NULL) or next that is wanted. */
struct patch *patches_next(const struct he_target *t, const struct patch *after);
/* Something has to be sent. */
bool patches_waiting(const struct he_target *t);

/* ---- for the flight (run.c) ---------------------------------------------------- */

struct patches *patches_new(void); /* NULL without memory */
void patches_free(struct patches *p);
/* The records that have to go: into set (wire_rec_patch) and clear (wire_rec_patch_id),
 * with the instructions that stand there.  Without an error they are noted as under way until
 * patches_flown.  go: something is let run then. */
struct he_error *patches_encode(
    struct he_target *t, struct buf *set, struct buf *clear, bool go);
/* The agent's word on each of what was sent. */
void patches_result(struct he_target *t, const struct wire_rec_patch_result *r);
/* None of what was sent was taken: why (enum err). */
void patches_refused(struct he_target *t, int err);
/* All that was under way was sent.  False: perhaps not; it goes with the next flight again. */
void patches_flown(struct he_target *t, bool sent);
/* Some were refused because their instructions, from a file, are not those that run:
 * true, and they will be sent again with what runs. */
bool patches_other_code(struct he_target *t);
/* The target has another program: all is gone, sent or not. */
void patches_forget(struct he_target *t);
/* A followed child has what its parent had, under the same ids. */
bool patches_copy(struct he_target *child, const struct he_target *parent);

#endif
