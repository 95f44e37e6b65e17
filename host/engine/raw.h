/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Targets of an engine whose front end is a debugger itself (he_config.raw): nothing is
 * planted or stepped on the engine's own account, and every stop is told.  What such a
 * front end has asked for is kept here; flights and stops of the other files ask it.
 */
#ifndef HOST_RAW_H
#define HOST_RAW_H

#include "host/engine/target.h"

struct raw;
struct rpc_call;

struct raw *raw_new(void); /* NULL without memory */
void raw_free(struct raw *r);
/* A followed child: what was asked for of its parent, and the same patches; shares: it is
 * in its parent's memory, where nothing may be planted. */
void raw_forked(struct he_target *child, const struct he_target *parent, bool shares);
/* The same process, attached to once more: what was asked for of old, which has nothing then. */
void raw_succeed(struct he_target *t, struct he_target *old);
/* Another program. */
void raw_executed(struct he_target *t);
/* It stands by he_attach or he_launch, which told that. */
void raw_attached(struct he_target *t);

/* For the flight: does who goes pass what it has hit where it stands? */
bool raw_goes_past(const struct raw *r);
/* For the flight: masks of message signals, message catch, recipes beyond the usual ones. */
void raw_masks(const struct he_target *t, uint64_t ret[3]);
void raw_catch(const struct he_target *t, struct wire_catch *ret, struct buf *list);
void raw_order(const struct he_target *t, struct buf *recipes);

/* A record of a stop; a thread that runs again (0 = all), or is gone. */
void raw_note_stop(struct he_target *t, const struct wire_rec_stop *s);
void raw_forget(struct he_target *t, uint64_t tid);
/* A stop, or a list of threads, is there whole: those that it shows standing but does not tell of,
 * and that were let run since they were told of, have gone on when it was on its way, or tell
 * of themselves next. */
void raw_correct(struct he_target *t);
/* A child that was made and let go. */
void raw_let_go(struct he_target *t, uint32_t pid);
/* As run_decide. */
bool raw_decide(struct he_target *t, struct he_event *ev);

/* Code seen at an earlier stop: most of it is still there, which the agent checks. */
size_t raw_code(const struct he_target *t, uint64_t addr, void *buf, size_t len);
void raw_note_code(struct he_target *t, const struct wire_rec_chunk *c);

/* Registers were written by that request: its answer is waited for when something is let run,
 * or there are too many of them.  An error of an earlier one. */
struct he_error *raw_write_behind(struct he_target *t, struct rpc_call *c);
/* All of those have been taken, when this returns; the first error. */
struct he_error *raw_written(struct he_target *t);

/* What to fetch for a small read: a page, or a window of a stack. */
struct mem_range raw_surroundings(struct he_target *t, uint64_t addr, size_t len);
/* Extended registers of a thread are missing: those of a batch are fetched, with the
 * windows of their stacks. */
struct he_error *raw_bring(struct he_target *t, uint64_t tid, const uint32_t *notes);

#endif
