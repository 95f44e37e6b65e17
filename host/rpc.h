/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The link to a process server: one private thread that owns the byte channel,
 * keeps heartbeat, credit and acknowledgement going whatever the engine does, and
 * turns the wire into calls (request, reply) and events.
 */
#ifndef HOST_RPC_H
#define HOST_RPC_H

#include "common/wire.h"
#include "host/hosteng.h"

struct rpc;
struct rpc_call;

/* One message with its own copy of the bytes (m.body points into it). */
struct rpc_piece {
	struct rpc_piece *next;
	struct rpc *rpc;
	struct wire_msg m;
	uint8_t bytes[];
};

/* Where events of all links of an engine arrive, and what he_cancel sets.  Thread
 * safe; its descriptor is readable while something waits. */
struct inbox;
struct inbox *inbox_new(void);
void inbox_free(struct inbox *b);
int inbox_fd(const struct inbox *b);
/* The oldest event, waiting up to timeout_ms (-1 for ever, 0 not at all); NULL when
 * there is none or inbox_cancel was called (which this consumes).  The caller
 * gives it back with rpc_pieces_free.  A lost link is one piece with m.h.type
 * WIRE_goodbye, once. */
struct rpc_piece *inbox_take(struct inbox *b, int timeout_ms);
void inbox_cancel(struct inbox *b); /* async-signal-safe */

/* What the peer told at the start; valid as long as the rpc. */
struct rpc_peer {
	uint8_t kind;
	uint16_t version;
	uint32_t page_size, arch, max_read;
	char *machine, *os, *host, *build;
	/* from opened */
	char *user;
	uint32_t uid, gid, rights, grace_ms;
	int yama;
	uint8_t session[16];
};

/* Connect (see connect.h for the transports); when this returns, the session is
 * open.  On failure the error is the sentence for the person. */
const struct rpc_peer *rpc_peer(const struct rpc *r);

/* Says goodbye and ends the thread.  Calls still open fail with E_LOST. */
void rpc_free(struct rpc *r);

/* E_OK while the link lives, else why it ended. */
int rpc_state(const struct rpc *r);

/* Queue a request; it goes out as soon as credit allows, in the order queued.
 * body is copied.  brings: bytes of reply beyond the window that this request
 * announces credit for (a snapshot's total), 0 = none.  Never blocks, never NULL
 * (a failure to send shows at rpc_wait).  end with rpc_wait. */
struct rpc_call *rpc_send(
    struct rpc *r, enum wire_type type, uint32_t target, const struct buf *body, uint64_t brings);

/* Wait for the whole reply.  *ret: its pieces, in order, all of the row's reply type
 * (free with rpc_pieces_free).  An `error` reply, a lost link, or cancellation
 * (inbox_cancel; the request is cancelled on the wire too) is an error made by
 * errtext.h's he_error_wire.  Ends and frees the call in any case. */
struct he_error *rpc_wait(struct rpc_call *c, struct rpc_piece **ret);

/* The next piece of a long reply as it comes, instead of the whole; *ret NULL at the
 * end, which frees the call (as an error does). */
struct he_error *rpc_wait_piece(struct rpc_call *c, struct rpc_piece **ret);

/* Give pieces back: this is what grants the sender new credit. */
void rpc_pieces_free(struct rpc_piece *p);

#endif
