/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Stops that are still to be told, and which threads the debugger knows to stand.
 */
#ifndef HOST_RSP_QUEUE_H
#define HOST_RSP_QUEUE_H

#include "host/rsp/rsp_run.h"

/* Takes s over; NULL is fine. */
void rsp_queue_append(struct rsp *r, struct rsp_stop *s);
/* The oldest, which is the caller's; there is one. */
struct rsp_stop *rsp_queue_take(struct rsp *r);

/* Non-stop: it is known to stand; it runs (tid 0: all do). */
bool rsp_told(const struct rsp_process *p, uint64_t tid);
void rsp_tell(struct rsp_process *p, uint64_t tid);
void rsp_untell(struct rsp_process *p, uint64_t tid);

bool rsp_running(const struct rsp_process *p);

/* A child whose maker's fork is still to be told: the debugger has to learn of it by that. */
bool rsp_unheard(const struct rsp *r, const struct rsp_process *p);

#endif
