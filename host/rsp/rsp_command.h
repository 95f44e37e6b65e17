/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Commands of a breakpoint (GDB's dprintf-style agent), as agent expressions that print.  They
 * run here when the box tells of a hit: the program stands meanwhile.
 */
#ifndef HOST_RSP_COMMAND_H
#define HOST_RSP_COMMAND_H

#include "host/rsp/rsp.h"

struct rsp_commands;

/* v has the breakpoint's conditions and behind them n commands.  BAD_CONDITION (of either: it
 * cannot be run here), or NOMEM. */
int rsp_commands_new(struct rsp_process *p, const struct he_code *v, size_t n_conditions, size_t n,
    struct rsp_commands **ret);
/* The same for p; NULL without memory. */
struct rsp_commands *rsp_commands_copy(struct rsp_process *p, const struct rsp_commands *c);
void rsp_commands_free(struct rsp_commands *c);

/* Would the breakpoint at which that thread stands be hit?  What cannot be evaluated is. */
bool rsp_commands_due(struct rsp_process *p, uint64_t tid, const struct rsp_commands *c);
/* One by one; one that goes wrong ends, and a sentence says so. */
void rsp_commands_run(
    struct rsp *r, struct rsp_process *p, uint64_t tid, const struct rsp_commands *c);

#endif
