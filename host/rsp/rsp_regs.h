/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Registers of a thread as GDB counts them, and the process's description of them.
 */
#ifndef HOST_RSP_REGS_H
#define HOST_RSP_REGS_H

#include "host/rsp/rsp.h"
#include "host/rsp/rsp_features.h"

/* Made when it is first wanted, from what thread tid has; ret belongs to p. */
struct he_error *rsp_regs_of(struct rsp_process *p, uint64_t tid, const struct rsp_regs **ret);
/* The program changed: its architecture may have. */
void rsp_regs_forget(struct rsp_process *p);

/* "06:value;" of frame pointer, stack pointer and pc, which GDB asks for at every stop;
 * nothing when they cannot be had. */
void rsp_regs_expedite(struct buf *b, struct rsp_process *p, uint64_t tid);
/* The pc; 0 when it cannot be had. */
uint64_t rsp_regs_pc(struct rsp_process *p, uint64_t tid);
struct he_error *rsp_regs_set_pc(struct rsp_process *p, uint64_t tid, uint64_t pc);

#endif
