/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A debugger that asks waits for the answer two seconds, thrice (GDB's remotetimeout), and
 * then takes the answer to this question for that to its next.  An answer can take longer:
 * the link is slow, or away and coming back.  So as long as one is being made GDB gets an
 * acknowledgement now and then, which it reads over, and which begins its two seconds anew.
 *
 * A thread does that, because who makes the answer is inside the engine meanwhile.
 */
#ifndef HOST_RSP_ALIVE_H
#define HOST_RSP_ALIVE_H

#include "host/rsp/rsp_frame.h"

struct rsp_alive;

/* NULL: no memory, or no thread: the debugger waits as long as it waits. */
struct rsp_alive *rsp_alive_new(void);
void rsp_alive_free(struct rsp_alive *a);
/* An answer is being made that will go to out, behind what waits in f; it is made.  Each may
 * be called with NULL, as the others. */
void rsp_alive_begin(struct rsp_alive *a, const struct rsp_frame *f, int out);
void rsp_alive_end(struct rsp_alive *a);
/* Around what changes f, or writes to out, in between. */
void rsp_alive_lock(struct rsp_alive *a);
void rsp_alive_unlock(struct rsp_alive *a);

#endif
