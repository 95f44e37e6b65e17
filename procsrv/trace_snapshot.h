/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Registers and stacks of all threads in one go, with the process standing still as
 * short as can be: what can be read while it runs is read before or afterwards.
 */
#ifndef PROCSRV_TRACE_SNAPSHOT_H
#define PROCSRV_TRACE_SNAPSHOT_H

#include <stdbool.h>

struct snapshot;
struct target;

/* Everything stands that will (or the time is up): gather, let it run, answer.
 * True: the target was the snapshot's own and may be freed already. */
bool snapshot_ready(struct target *tg);

/* The target has ended while its threads were awaited. */
void snapshot_gone(struct snapshot *s);

/* The tracer ends. */
void trace_drop_snapshot(struct target *tg);

#endif
