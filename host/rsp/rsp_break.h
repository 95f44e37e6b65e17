/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Breakpoints and watchpoints as the debugger has them in a process.
 */
#ifndef HOST_RSP_BREAK_H
#define HOST_RSP_BREAK_H

#include "host/rsp/rsp.h"

/* Is there a breakpoint at addr? */
bool rsp_breaks_at(const struct rsp_process *p, uint64_t addr);
/* Is there one with a condition? */
bool rsp_breaks_if_at(const struct rsp_process *p, uint64_t addr);
/* Is it a hit of nothing but breakpoints with commands?  Such a one is not told. */
bool rsp_breaks_quiet(const struct rsp_process *p, const struct he_event *ev);
/* The commands are run of those that the event names. */
void rsp_breaks_run(struct rsp *r, struct rsp_process *p, const struct he_event *ev);
/* The event will be told: commands are run of those that the thread has come to otherwise, and
 * that it would hit. */
void rsp_breaks_run_unhit(struct rsp *r, struct rsp_process *p, const struct he_event *ev);
/* A forked child has its parent's. */
void rsp_breaks_copy(struct rsp_process *child, const struct rsp_process *parent);
/* It executed another program: there are none. */
void rsp_breaks_forget(struct rsp_process *p);

#endif
