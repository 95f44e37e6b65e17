/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The inside of an inbox, for the links that fill it.
 */
#ifndef HOST_INBOX_H
#define HOST_INBOX_H

#include "host/link/rpc.h"

enum { INBOX_MAX = 64 * 1024 * 1024 }; /* bytes that wait, with their overhead */

/* What a piece costs in memory (with what the allocator and lists add), for every
 * bound on what a box may make us hold. */
static inline size_t rpc_piece_cost(const struct rpc_piece *p)
{
	return sizeof(*p) + 64 + p->m.h.len;
}

/* Append an event, whole; takes it over.  With more than INBOX_MAX waiting it is
 * dropped and counted in an event events_lost. */
void inbox_put(struct inbox *b, struct rpc_piece *event);

/* Append one that must not be dropped (the last of a link). */
void inbox_put_last(struct inbox *b, struct rpc_piece *event);

/* That link fills it from now on (false without memory), or no longer: then what came
 * from it and was not taken is dropped. */
bool inbox_join(struct inbox *b, struct rpc *r);
void inbox_leave(struct inbox *b, const struct rpc *r);

/* Did somebody ask to break off?  Asking consumes it. */
bool inbox_cancelled(struct inbox *b);

/* Becomes readable, edge-triggered, with each inbox_cancel. */
int inbox_cancel_fd(const struct inbox *b);

#endif
