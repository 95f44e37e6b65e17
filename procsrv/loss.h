/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What becomes of targets that nobody looks after: when the link is lost (the guard keeps
 * the time and says when), and when they have stood for as long as they may.
 */
#ifndef PROCSRV_LOSS_H
#define PROCSRV_LOSS_H

#include <stdint.h>

struct target;
struct tracer;

/* What attach or launch asked for; loss: enum wire_loss, DEFAULT = as the session has it,
 * and there what attached or launched programs have by default. */
void loss_set(struct target *tg, uint8_t loss, uint32_t grace_ms, uint32_t max_stop_ms);

/* The link has been lost for so long that what shall run is let go, and what shall be
 * killed is. */
void loss_lift(struct tracer *t);

/* A link is there again. */
void loss_over(struct tracer *t);

/* Threads of it stand or go: begin to count, or stop. */
void loss_budget(struct target *tg);

void loss_free(struct target *tg);

#endif
