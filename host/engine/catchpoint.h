/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Catchpoints: events of the process that are no place in its code.
 */
#ifndef HOST_CATCHPOINT_H
#define HOST_CATCHPOINT_H

#include "host/engine/breakpoint.h"

/* What the agent has to report for them, as message catch has it; its numbers go to
 * list. */
void catch_wanted(const struct he_target *t, struct wire_catch *ret, struct buf *list);
/* Signals that some catch: bit n-1 = signal n. */
uint64_t catch_signals(const struct he_target *t);
enum run_verdict catch_on_cause(struct he_target *t, const struct cause *c, struct he_event *ev);
/* A library came (or went). */
enum run_verdict catch_library(
    struct he_target *t, const char *name, bool loaded, struct he_event *ev);

#endif
