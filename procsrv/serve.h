/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The link as the tracer sees it: requests in, replies and events out.  Checks ids,
 * credit, rights and state, finds the handler in a table by message type, sends
 * replies piece by piece in turn, and keeps everything that waits within bounds.
 */
#ifndef PROCSRV_SERVE_H
#define PROCSRV_SERVE_H

#include <event2/event.h>

#include "common/wire.h"
#include "fault.h"
#include "reply.h"

struct serve;
struct tracer;
struct target;

/* A request on its way through its handler. */
struct call {
	struct tracer *tracer;
	struct serve *serve;
	const struct wire_head *h;
	struct span body;      /* decodes (the framing checked it) */
	struct target *target; /* named by the header; NULL = none or unknown */
	struct reply *reply;
	struct fault fault;
};

/* E_OK: c->reply is done, has a refill, or somebody keeps it and ends it later.
 * Else the code of an error, which goes out with what else c->fault says. */
typedef int handler(struct call *c);

/* base: whose loop; the channel's descriptors belong to serve afterwards.  ended is
 * called once, from the loop, when the link is over.  NULL without memory. */
struct serve *serve_new(
    struct tracer *t, struct event_base *base, int rfd, int wfd, void (*ended)(struct tracer *));
void serve_free(struct serve *s);

/* A new event of a target (handle), to be filled and done like a reply; NULL when
 * it was dropped: without memory, or when the host does not keep up and the event
 * is of a kind that may be lost (the host is told). */
struct reply *serve_event(struct serve *s, uint16_t type, uint32_t target);
/* The same for an event of one piece. */
void serve_event_body(struct serve *s, uint16_t type, uint32_t target, const struct buf *body);

/* Few events wait: more of those that must not be lost may be made (what a program
 * writes).  Else launch_unpause is called once that is so. */
bool serve_room(const struct serve *s);

/* Say goodbye to the host: the tracer is told to end, for this reason. */
void serve_shutdown(struct serve *s, int code);

/* The link is to be gone, once what has arrived over it is taken, and another may come.  The
 * guard is told. */
void serve_unwatched(struct serve *s);

/* Another link takes the session up (what the host has is said), over fd, which is ours
 * from now on but when it is refused: E_OK, or why. */
int serve_resume(struct serve *s, int fd, uint64_t last_reply, uint64_t last_event);

/* The newest request that came, the newest event. */
uint64_t serve_last_id(const struct serve *s);
uint64_t serve_last_event(const struct serve *s);

/* Send what can be sent; to be called after replies or events were added outside a
 * handler. */
void serve_pump(struct serve *s);

/* A reply of one piece. */
static inline int serve_answer(struct call *c, const struct buf *body)
{
	if (body->bad)
		return E_NOMEM;
	reply_piece(c->reply, span_buf(body));
	reply_done(c->reply);
	return E_OK;
}

/* Message ok. */
void serve_ok(struct reply *r);

/* A pool of memory for bodies under construction: empty, of WIRE_PIECE bytes at
 * most, valid until the handler returns. */
struct buf *serve_scratch(struct serve *s);

#endif
