/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Watchpoints: what an expression depends on, in debug registers where it fits, else its
 * value compared after every single step.
 */
#ifndef HOST_WATCHPOINT_H
#define HOST_WATCHPOINT_H

#include "host/engine/breakpoint.h"

/* A new watchpoint b in t: its first value, and its patches wanted. */
struct he_error *watch_begin(struct breakpoint *b, struct he_target *t);
/* What was wanted was sent: what did not fit the debug registers becomes software. */
struct he_error *watch_planted(struct breakpoint *b);
struct he_error *watch_plant(struct site *p);
void watch_free(struct watch *w); /* NULL is fine */
/* Its target may be another program now, or another target. */
struct he_error *watch_again(struct breakpoint *b, struct he_target *t);
/* t is gone. False: so is what was watched. */
bool watch_lost(struct watch *w, const struct he_target *t);
bool watch_is_software(const struct watch *w);
/* The followed child takes its parent's place; its patches are there. */
void watch_follow(struct breakpoint *b, struct he_target *child, const struct he_target *parent);
/* Is that patch in t the end of a watched frame? */
bool watch_is_scope(const struct he_target *t, const struct patch *p);

enum run_verdict watch_hit(struct he_target *t, struct site *p, const struct cause *c,
    const struct cause_hit *hit, struct he_event *ev);
/* The frame of a watched local was left. */
enum run_verdict watch_scope_hit(struct he_target *t, const struct patch *p, struct he_event *ev);

/* ---- by single steps -------------------------------------------------------- */

/* Some watchpoint of t has to be looked at after every instruction. */
bool watch_steps(const struct he_target *t);
/* Such a step is done. */
enum run_verdict watch_stepped(struct he_target *t, const struct cause *c, struct he_event *ev);

/* Memory that the next stop should bring, as recipes. */
void watch_order(const struct he_target *t, struct buf *recipes);

#endif
