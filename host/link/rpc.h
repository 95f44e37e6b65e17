/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The link to a process server: it owns the byte channel, keeps heartbeat, credit
 * and acknowledgement going whatever the engine does, and turns the wire into
 * calls (request, reply) and events.
 *
 * A private thread runs the link while nobody calls; a caller that waits for a
 * reply runs it itself, so that a short call costs no switch of threads.
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
	struct rpc_piece *later; /* the inbox's: the event behind this one */
	struct rpc *rpc;
	struct wire_msg m;
	uint8_t bytes[];
};

/* Where events of all links of an engine arrive, and what he_cancel sets.  Thread
 * safe; its descriptor is readable while something waits. */
struct inbox;
struct inbox *inbox_new(void);    /* NULL without memory or descriptors */
void inbox_free(struct inbox *b); /* after the links that use it */
int inbox_fd(const struct inbox *b);
/* The oldest event, all its pieces in order, waiting up to timeout_ms (-1 for ever,
 * 0 not at all); NULL when there is none or inbox_cancel was called (which this
 * consumes).  The caller gives it back with rpc_pieces_free.  A lost link is one
 * piece with m.h.type WIRE_goodbye, once, the last of its link; its text says why in
 * words that go after "link to box lost: ".  One that is lost for now, and being taken up
 * again, is a piece of the same form with m.h.type WIRE_hello; when it is back, WIRE_opened. */
struct rpc_piece *inbox_take(struct inbox *b, int timeout_ms);
/* Break off what waits in inbox_take or rpc_wait for this inbox, or, when nothing
 * does, the next that has to wait.  Async-signal-safe. */
void inbox_cancel(struct inbox *b);
/* For who is going to sleep on inbox_fd by other means than inbox_take: have the
 * links read now (after a call they pause for a moment, expecting the next). */
void inbox_idle(struct inbox *b);

/* Texts are never NULL but where it says so, printable (what a box says of itself is
 * escaped), and live as long as the rpc. */
struct rpc_peer {
	/* known when connect_start returns */
	const char *name; /* "box:7000", "exec:ssh box …", "this machine" */
	const char *box;  /* the short form for sentences: "box", "this machine" */
	uint32_t child;   /* the process of ours that is the way there, 0 = none */
	const char *key;  /* the box's fingerprint; NULL when it has none (stdio) */
	/* from its hello */
	uint8_t kind;
	uint16_t version; /* the one in use */
	uint32_t page_size, arch, max_read;
	const char *machine, *os, *host, *build;
	/* from opened */
	const char *user;
	uint32_t uid, gid, rights, grace_ms, max_stop_ms;
	int yama;
	uint8_t session[16];
};

/* Valid as long as r; all of it is set once rpc_ready returned NULL. */
const struct rpc_peer *rpc_peer(const struct rpc *r);

/* What went over the link so far, without TLS. */
void rpc_counts(const struct rpc *r, struct he_server_counts *ret);

/* Wait until the session is open; NULL, or the sentence why it is not (the caller
 * still has to rpc_free).  connect_open has done this. */
struct he_error *rpc_ready(struct rpc *r);

/* Says goodbye and ends the link; NULL is fine.  Every call must have been ended by
 * its rpc_wait before. Events of this link leave the inbox. */
void rpc_free(struct rpc *r);

/* E_OK while the link lives, else why it ended. */
int rpc_state(struct rpc *r);

/* Queue a request; it goes out as soon as credit allows, in the order queued.
 * body is copied; NULL = empty.  brings: bytes of reply beyond the window that
 * this request announces credit for (a snapshot's total), 0 = none.  Never
 * blocks, never NULL but without memory (which rpc_wait takes).  End with
 * rpc_wait. */
struct rpc_call *rpc_send(
    struct rpc *r, enum wire_type type, uint32_t target, const struct buf *body, uint64_t brings);

/* Wait for the whole reply.  *ret: its pieces, in order, all of the row's reply type
 * (free with rpc_pieces_free); ret NULL: not wanted.  An `error` reply, a lost
 * link, or cancellation (inbox_cancel; the request is cancelled on the wire too)
 * is an error made by errtext.h's he_error_wire.  Ends and frees the call in any
 * case. */
struct he_error *rpc_wait(struct rpc_call *c, struct rpc_piece **ret);

/* Nothing more will come: rpc_wait does not wait, rpc_drop cancels nothing. */
bool rpc_done(struct rpc_call *c);

/* It is to be done, and nobody waits for its answer: frees the call when that comes.
 * NULL is fine. */
void rpc_forget(struct rpc_call *c);

/* rpc_send and rpc_wait in one: the quickest way for a single request. */
struct he_error *rpc_do(struct rpc *r, enum wire_type type, uint32_t target, const struct buf *body,
    uint64_t brings, struct rpc_piece **ret);

/* The next piece of a long reply as it comes, instead of the whole; *ret NULL at the
 * end, which frees the call (as an error does). */
struct he_error *rpc_wait_piece(struct rpc_call *c, struct rpc_piece **ret);

/* Lose interest: frees the call at once, cancels the request on the wire when it
 * is under way, and drops what still comes.  NULL is fine. */
void rpc_drop(struct rpc_call *c);

void rpc_pieces_free(struct rpc_piece *p);

#endif
