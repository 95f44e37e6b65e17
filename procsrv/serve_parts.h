/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Between serve.c (the channel, requests), serve_send.c (replies and events) and
 * serve_link.c (messages about the link itself).
 */
#ifndef PROCSRV_SERVE_PARTS_H
#define PROCSRV_SERVE_PARTS_H

#include "common/chan.h"
#include "common/credit.h"
#include "common/heart.h"
#include "serve.h"

enum {
	SERVE_BUILT = 4 * 1024 * 1024, /* bytes of pieces waiting: above, requests wait too */
	/* What conn used of the host's credit before we came, at most. */
	SERVE_CONN_USED = 4096,
};

/* LOST: nobody is at the other end, but somebody may come. */
enum serve_phase { GREETING, GREETED, OPENED, LOST, CLOSING };

/* A request that waits because too much is under way. */
struct serve_held {
	struct serve_held *next;
	struct wire_head h;
	bool cancelled;
	uint8_t body[];
};

struct serve_queue {
	struct reply *first, *last;
};

struct serve {
	struct tracer *t;
	struct chan *chan;  /* NULL: LOST */
	struct event *more; /* goes on with what was left for others to have the loop */
	void (*ended)(struct tracer *);
	enum serve_phase phase;
	struct credit_out out;
	struct credit_in in;
	struct heart heart;
	uint64_t last_id;
	unsigned in_flight;
	uint64_t events; /* number of the newest */
	uint64_t lost;
	struct serve_queue replies, event_queue;
	bool event_turn;
	bool starved; /* no memory to send with */
	size_t built, event_bytes;
	struct serve_held *held_first, *held_last;
	struct buf scratch;
	/* serve_keep.c: what was sent whole, oldest first */
	struct serve_queue unacked, told;
	unsigned nunacked, ntold;
	size_t kept_bytes, told_bytes;         /* of replies, of events */
	uint64_t dropped_reply, dropped_event; /* the newest that are not kept any more */
	bool fresh;                            /* no request has come over this link */
	bool resumed;                          /* and no acknowledgement */
};

/* ---- serve_send.c ---- */

/* A message out, if there is a channel that has memory for it; chan_flush sends it. */
bool serve_frame(struct serve *s, struct wire_head h, struct span body);

void serve_push(struct serve_queue *q, struct reply *r);
struct reply *serve_pop(struct serve_queue *q);

/* ---- serve_keep.c ---- */

/* Is there anything to keep for, a later link? */
bool serve_keeps(const struct serve *s);
/* A piece has been sent; the last one.  Take them. */
void serve_keep_piece(struct serve *s, struct reply *r, struct piece *p);
void serve_keep(struct serve *s, struct reply *r, bool event);
/* The host has all up to these. */
void serve_acked(struct serve *s, uint64_t last_reply, uint64_t last_event);
void serve_keep_nothing(struct serve *s);

/* ---- serve_link.c ---- */

/* Act on a message without id; false: it makes no sense now. */
bool serve_link(struct serve *s, const struct wire_msg *m);

/* Our hello, and the heartbeat after it; 0, or -1 without memory. */
int serve_hello(struct serve *s);

/* ---- serve.c ---- */

/* A channel for a link behind conn: 0, or -1 without memory (fd is closed then). */
int serve_link_new(struct serve *s, int fd);
/* Say goodbye there, if it still is. */
void serve_drop_link(struct serve *s, const char *why);

/* The link is over: the tracer is told, once.  serve_goodbye tells the host first. */
void serve_end(struct serve *s);
void serve_goodbye(struct serve *s, int code, const char *text);

/* Handle what waited, as far as there is room for the replies now. */
void serve_take_held(struct serve *s);

#endif
