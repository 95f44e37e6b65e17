/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Why a process cannot be debugged.  The kernel alone decides and says only EPERM;
 * this finds out which of its rules it was, for the person who asked.
 */
#ifndef PROCSRV_REFUSE_H
#define PROCSRV_REFUSE_H

#include "fault.h"
#include "proc.h"

/* What can be seen before asking the kernel: ourselves, kernel threads, zombies (of
 * which no thread lives).  id: as after proc_relive.
 * E_OK, or the code with *f set. */
int refuse_early(struct proc_id *id, struct fault *f);

/* The kernel refused with that errno.  The code, with *f set. */
int refuse_why(struct proc_id *id, int os_errno, struct fault *f);

/* The same when only a file of /proc/PID could not be read. */
int refuse_look(struct proc_id *id, int os_errno, struct fault *f);

/* kernel.yama.ptrace_scope; -1 = there is no Yama. */
int refuse_yama_scope(void);

#endif
