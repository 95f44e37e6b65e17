/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Patches that are in debug registers: hardware breakpoints and watchpoints.  Each
 * thread has registers of its own; they are brought up to date before it goes on, and
 * running ones are interrupted for that when something changes.
 */
#ifndef PROCSRV_WATCH_H
#define PROCSRV_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct patch;
struct target;
struct tracee;

/* Find a register for a patch.  E_OK, NO_DEBUG_REGISTER, WATCH_SIZE, FAULT (not an address
 * of the program's; *os_errno). */
int watch_take(struct target *tg, struct patch *p, int32_t *os_errno);
void watch_give(struct target *tg, const struct patch *p);

/* Something has changed: running threads are to come by.  What was set counts from here
 * on: they enter the kernel now and have it when they leave. */
void watch_refresh(struct target *tg);
/* A thread that stands is about to go on, or to be detached. */
void watch_load(struct tracee *t);
/* All of them are new, with nothing in them: another program. */
void watch_forget(struct target *tg);

/* A thread has trapped: by which registers (bits)?  0 = by none. */
uint32_t watch_fired(const struct tracee *t);
/* It counts at the patches behind them; the host is to hear of it: true. */
bool watch_hit(struct tracee *t, uint32_t slots);
/* It has come, by steps, where a hardware breakpoint is: the same, and that one does not
 * count again when it goes on. */
bool watch_come(struct tracee *t);
/* Is there one at an address? */
bool watch_breaks_at(const struct target *tg, uint64_t pc);

#endif
