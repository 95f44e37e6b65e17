/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Stops that are not the debugger's: the program goes on with what it was doing.
 */
#ifndef HOST_RSP_PASS_H
#define HOST_RSP_PASS_H

#include "host/rsp/rsp_run.h"

/* p goes on with the n of v now. */
void rsp_pass_remember(struct rsp *r, struct rsp_process *p, const struct he_go *v, size_t n);
/* That thread has ended, or the debugger is told where it stands. */
void rsp_pass_forget(struct rsp *r, struct rsp_process *p, uint64_t tid);

/* A stop of p.  true: nothing is to be told of it now, and what has to be done was. */
bool rsp_pass(struct rsp *r, struct rsp_process *p, const struct he_event *ev);

#endif
