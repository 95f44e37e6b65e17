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

enum serve_phase { GREETING, GREETED, OPENED, CLOSING };

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
	struct chan *chan;
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
	size_t built, event_bytes;
	struct serve_held *held_first, *held_last;
	struct buf scratch;
};

/* ---- serve_send.c ---- */

/* A message out, if the channel has memory for it; chan_flush sends it. */
void serve_frame(struct serve *s, struct wire_head h, struct span body);

void serve_push(struct serve_queue *q, struct reply *r);
struct reply *serve_pop(struct serve_queue *q);

/* ---- serve_link.c ---- */

/* Act on a message without id; false: it makes no sense now. */
bool serve_link(struct serve *s, const struct wire_msg *m);

/* Our hello, and the heartbeat after it; 0, or -1 without memory. */
int serve_hello(struct serve *s);

/* ---- serve.c ---- */

/* The link is over: the tracer is told, once.  serve_goodbye tells the host first. */
void serve_end(struct serve *s);
void serve_goodbye(struct serve *s, int code, const char *text);

/* Handle what waited, as far as there is room for the replies now. */
void serve_take_held(struct serve *s);

#endif
