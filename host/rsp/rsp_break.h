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
/* A forked child has its parent's. */
void rsp_breaks_copy(struct rsp_process *child, const struct rsp_process *parent);
/* It executed another program: there are none. */
void rsp_breaks_forget(struct rsp_process *p);

#endif
