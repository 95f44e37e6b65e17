/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Between repair.c (targets and their text) and repair_thread.c.
 */
#ifndef PROCSRV_REPAIR_PARTS_H
#define PROCSRV_REPAIR_PARTS_H

#include "proc.h"
#include "repair.h"

/* /proc/PID/file, or of a thread (tid not 0); file begins with a slash. */
int repair_open(pid_t pid, pid_t tid, const char *file, int flags);
bool repair_stat(pid_t pid, pid_t tid, struct proc_stat *st);

/* The target is there, and its descriptors are open as far as we may. */
bool repair_target(struct repair *r, unsigned index);
/* Of its table. */
uint32_t repair_sites(const struct journal_target *t);

/* Put threads of a process on the list that are not on it.  How many. */
unsigned repair_list(struct repair *r, pid_t pid);

#endif
