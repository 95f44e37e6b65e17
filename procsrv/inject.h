/* SPDX-License-Identifier: BSD-2-Clause
 *
 * System calls made by a thread of the program because we want it to.
 */
#ifndef PROCSRV_INJECT_H
#define PROCSRV_INJECT_H

#include <stdbool.h>
#include <stdint.h>

struct machine;
struct tracee;

/* The thread stands, neither in a system call nor in a group stop, and has no system call
 * filter (proc_pid_status(5), Seccomp).  at: an instruction of the program that makes
 * system calls.  Registers and signal mask are as before afterwards.  0 and *result (of
 * the kernel), or an errno value; ESRCH: it has been killed, which is still to be waited
 * for. */
int inject_call(struct tracee *t, const struct machine *m, uint64_t at, long number,
    const uint64_t args[6], int64_t *result);

/* Until the thread, which was let run or step, stands: 0 and its status as of waitpid(2).  ESRCH:
 * it ends, which is still to be waited for, maybe by others first. */
int inject_await(const struct tracee *t, int *status);

/* Has it a filter, which could kill it for that?  Also when that cannot be seen. */
bool inject_filtered(const struct tracee *t);

/* Where such an instruction is; 0 = nowhere. */
struct target;
uint64_t inject_place(struct target *tg, const struct machine *m);

#endif
