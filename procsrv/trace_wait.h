/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Between trace_thread.c and trace_wait.c.
 */
#ifndef PROCSRV_TRACE_WAIT_H
#define PROCSRV_TRACE_WAIT_H

#include <event2/util.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct target;
struct tracee;

/* Add to the table and the target's list; NULL without memory. */
struct tracee *tracee_add(struct target *tg, pid_t tid);
void tracee_remove(struct tracee *e);
/* To another target's list. */
void tracee_move(struct tracee *e, struct target *to);

/* The kernel lists it among the process's threads. */
bool target_has_thread(const struct target *tg, pid_t tid);
bool target_wants(uint64_t mask, int sig);

/* Resume a standing thread by that request of ptrace(2). */
void trace_run(struct tracee *t, int request, int sig);

/* Detach one that stands.  True: it was the last, the target is freed. */
bool trace_detach(struct tracee *t);

/* All that stand.  True: the target is freed. */
bool trace_detach_standing(struct target *tg);
/* Nothing is left that could be detached: say so to whoever waits, free the target. */
void trace_left(struct target *tg);

/* Look again soon. */
void trace_tick(struct target *tg);
void trace_on_timer(evutil_socket_t fd, short what, void *arg);

#endif
