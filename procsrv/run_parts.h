/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Between run.c, pass.c and hit.c.
 */
#ifndef PROCSRV_RUN_PARTS_H
#define PROCSRV_RUN_PARTS_H

#include <stdbool.h>
#include <stdint.h>

struct patch;
struct site;
struct target;
struct tracee;

/* t->regs, got when they are first wanted.  False: it has been killed. */
bool run_regs(struct tracee *t);
void run_set_pc(struct tracee *t, uint64_t pc);
/* It is about to do a step from where it stands. */
void run_steps(struct tracee *t);
/* As one that stands by request. */
void run_hush(struct tracee *t);

/* ---- arrivals (pass.c) */

void arrival_add(struct tracee *t, uint64_t pc);
/* Is (was) it counted at pc with its present sp? */
bool arrival_is(const struct tracee *t, uint64_t pc);
bool arrival_take(struct tracee *t, uint64_t pc);
/* It entered a signal's handler amid a system call: if its frame says that the call is
 * not repeated, there is no coming back to it. */
void arrival_broken_off(struct tracee *t);

/* ---- hit.c */

/* The thread has come to a site: its patches count, and the host is to hear of it: true. */
bool hit_site(struct tracee *t, struct site *s);
/* One of them alone, which may be gone afterwards. */
bool hit_patch(struct tracee *t, struct patch *p);

/* ---- pass.c */

/* It stands at a planted site where it has been counted: let it go on behind it. */
void pass_on(struct tracee *t, struct site *s);

/* It stands: out of its slot. */
void pass_put_back(struct tracee *t);

/* It no longer steps alone; done: the instruction has run. */
void pass_alone_over(struct tracee *t, bool done);

#endif
