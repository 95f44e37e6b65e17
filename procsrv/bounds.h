/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which of its user's processes a session may touch: the words unit= and exe= of its row.
 * The kernel knows nothing of them; tracer and reader ask here before they look at a
 * process.  For who may only look this is a boundary, for others a rail against slips.
 */
#ifndef PROCSRV_BOUNDS_H
#define PROCSRV_BOUNDS_H

#include <stdbool.h>
#include <stdint.h>

#include "fault.h"
#include "ipc.h"
#include "proc.h"

/* None: all of the user's. */
static inline bool bounds_any(const struct ipc_bounds *b)
{
	return b->nunits || b->nexes;
}

/* Is the process within them, as it is now?  E_OK, or BOUNDS with *f set, whose detail is the
 * row's word.  What cannot be found out counts as no.  id: as after proc_open; is relived. */
int bounds_check(const struct ipc_bounds *b, struct proc_id *id, struct fault *f);

/* The same for a directory of /proc, without saying why not. */
bool bounds_has(const struct ipc_bounds *b, int dir);

/* What is started here is of our own units: can it be within them at all?  E_OK or BOUNDS. */
int bounds_launch(const struct ipc_bounds *b, struct fault *f);

/* A number that tells words from other words (not what files they lead to): to see that a row
 * has not changed.  0 = none. */
uint32_t bounds_sum(const struct ipc_bounds *b);

#endif
