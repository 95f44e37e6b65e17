/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Replies and events on their way out: piece by piece, in turn, as the channel and
 * the host's credit take them.
 */
#include <stdlib.h>

#include "common/err.h"
#include "common/frame.h"
#include "common/log.h"
#include "launch.h"
#include "serve_parts.h"
#include "tracer.h"

enum {
	SEND_AHEAD = 128 * 1024,        /* bytes the channel may have waiting */
	SEND_TURN = 1024 * 1024,        /* bytes sent before others get the loop */
	EVENTS_MAX = 1024 * 1024,       /* bytes of events waiting: above, some kinds are dropped */
	EVENTS_ROOM = 256 * 1024,       /* below, programs may write more */
	EVENTS_HARD = 48 * 1024 * 1024, /* above, all kinds */
};

/* ---- sending -------------------------------------------------------------- */

bool serve_frame(struct serve *s, struct wire_head h, struct span body)
{
	if (log_verbose()) {
		struct wire_msg m = {h, body};

		m.h.len = body.n;
		wire_dump(stderr, "->", &m);
	}
	if (!s->chan)
		return false;
	if (frame_put(chan_out(s->chan), h, body) != E_OK) {
		log_error("out of memory while sending");
		return false;
	}
	s->t->journal->bytes.sent += WIRE_HEAD + body.n;
	return true;
}

static void send_ack(struct serve *s)
{
	uint8_t room[64];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};
	struct wire_ack a = {.last_reply = s->last_id, .credit_bytes = credit_take(&s->in)};

	wire_encode_ack(&b, &a);
	if (!serve_frame(s, (struct wire_head){.type = WIRE_ack}, span_buf(&b)))
		credit_not_taken(&s->in, a.credit_bytes);
}

void serve_push(struct serve_queue *q, struct reply *r)
{
	r->next = NULL;
	if (q->last)
		q->last->next = r;
	else
		q->first = r;
	q->last = r;
}

struct reply *serve_pop(struct serve_queue *q)
{
	struct reply *r = q->first;

	q->first = r->next;
	if (!q->first)
		q->last = NULL;
	return r;
}

/* A piece can go when it is known whether another follows. */
static bool ready(struct reply *r)
{
	while (!r->done && r->pieces < 2 && r->refill && !r->later)
		r->refill(r);
	return r->done || r->pieces >= 2;
}

/* The reply's last piece is out (or it never got one, without memory). */
static void finished(struct serve *s, struct reply *r, struct serve_queue *q)
{
	if (q == &s->replies && !r->counted)
		s->in_flight--;
	r->counted = true;
	if (serve_keeps(s))
		serve_keep(s, r, q != &s->replies);
	else
		reply_free(r);
}

/* There was no memory even for the error that says so. */
static size_t send_shortage(struct serve *s, struct reply *r)
{
	const struct wire_error e = {.code = E_NOMEM};
	uint8_t room[64];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};
	struct wire_head h = {.type = WIRE_error, .target = r->target, .id = r->id};

	wire_encode_error(&b, &e);
	s->starved = !serve_frame(s, h, span_buf(&b));
	return s->starved ? 0 : WIRE_HEAD + b.len;
}

/* Send the first piece of a ready reply; bytes sent.  0 with s->starved: it is to be tried
 * again. */
static size_t send_piece(struct serve *s, struct reply *r)
{
	struct piece *p = reply_take(r);
	struct wire_head h = {.type = r->type, .target = r->target, .piece = r->sent, .id = r->id};
	size_t n;

	if (!p)
		return r->type == WIRE_error && !r->sent ? send_shortage(s, r) : 0;
	n = WIRE_HEAD + (size_t)p->n;
	if (r->pieces || !r->done)
		h.flags = WIRE_MORE;
	/* A grant rides along when it is worth its bytes. */
	if (s->in.owed >= s->in.window / 8)
		send_ack(s);
	if (!serve_frame(s, h, (struct span){p->body, p->n})) {
		reply_put_back(r, p);
		s->starved = true;
		return 0;
	}
	credit_sent(&s->out, n);
	r->sent++;
	if (serve_keeps(s))
		serve_keep_piece(s, r, p);
	else
		free(p);
	return n;
}

/* One piece of the queue's first reply that has one; the next turn is the next
 * reply's.  Bytes sent, 0 = nobody was ready. */
static size_t turn(struct serve *s, struct serve_queue *q)
{
	struct reply *end = q->last;

	while (q->first) {
		struct reply *r = serve_pop(q);
		bool again = ready(r), last = r == end;
		size_t n = again ? send_piece(s, r) : 0;

		if (again && r->done && !r->pieces && !s->starved)
			finished(s, r, q);
		else if (q == &s->replies || !q->first)
			serve_push(q, r);
		else { /* events keep their order: it stays the first */
			r->next = q->first;
			q->first = r;
		}
		if (n || last || s->starved || q != &s->replies)
			return n;
	}
	return 0;
}

/* An event that follows from a request (a stop from an attach) must not overtake its
 * reply.  Such replies are short. */
static void effects_first(struct serve *s)
{
	struct reply **at = &s->replies.first, *r, *before = NULL;

	while ((r = *at) && !(r->effect && r->done && !r->sent)) {
		before = r;
		at = &r->next;
	}
	if (!r)
		return;
	s->event_turn = false;
	if (!before)
		return;
	*at = r->next;
	if (s->replies.last == r)
		s->replies.last = before;
	r->next = s->replies.first;
	s->replies.first = r;
}

static void tell_lost(struct serve *s)
{
	uint8_t room[16];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};
	struct wire_events_lost e = {.count = s->lost};

	if (!s->lost || s->event_bytes > EVENTS_MAX / 2)
		return;
	s->lost = 0;
	wire_encode_events_lost(&b, &e);
	serve_event_body(s, WIRE_events_lost, 0, &b);
}

static bool any_later(const struct serve *s)
{
	const struct reply *r = s->replies.first;

	while (r && !r->later)
		r = r->next;
	return r != NULL;
}

/* Requests that wait are taken up without a link, too. */
static void go_on(struct serve *s)
{
	static const struct timeval soon = {0, 0};

	if (any_later(s) || (s->held_first && s->built <= SERVE_BUILT))
		event_add(s->more, &soon);
}

void serve_pump(struct serve *s)
{
	/* A timer, which comes after what can be read by now; an active event would come
	 * before. */
	static const struct timeval soon = {0, 0}, later = {0, 100000};
	size_t sent = 0, n = 1;

	if (s->phase == CLOSING)
		return;
	s->starved = false;
	tell_lost(s);
	if (!s->chan) {
		go_on(s);
		return;
	}
	while (n && sent < SEND_TURN && !s->starved) {
		n = 0;
		while (
		    !s->starved && chan_pending(s->chan) < SEND_AHEAD && credit_may_send(&s->out)) {
			size_t one;

			effects_first(s);
			one = turn(s, s->event_turn ? &s->event_queue : &s->replies);
			s->event_turn = !s->event_turn;
			if (!one)
				one = turn(s, s->event_turn ? &s->event_queue : &s->replies);
			if (!one)
				break;
			n += one;
		}
		if (credit_due(&s->in))
			send_ack(s);
		sent += n;
		chan_flush(s->chan);
	}
	if (serve_room(s))
		launch_unpause(s->t);
	if (s->starved)
		event_add(s->more, &later);
	else if (n || any_later(s) || (s->held_first && s->built <= SERVE_BUILT))
		event_add(s->more, &soon);
}

/* ---- events --------------------------------------------------------------- */

/* The host can ask again for what these tell; their number is up to the target. */
static bool may_be_lost(uint16_t type)
{
	return type != WIRE_stopped && type != WIRE_exited && type != WIRE_released &&
	       type != WIRE_output && type != WIRE_events_lost;
}

bool serve_room(const struct serve *s)
{
	return s->event_bytes < EVENTS_ROOM;
}

struct reply *serve_event(struct serve *s, uint16_t type, uint32_t target)
{
	struct reply *r = NULL;
	size_t max = may_be_lost(type) ? EVENTS_MAX : EVENTS_HARD;

	if (s->phase == CLOSING)
		return NULL;
	if (s->event_bytes < max)
		r = reply_new(type, s->events + 1, target, &s->event_bytes);
	if (r)
		r->at_ms = now_ms();
	if (!r) {
		s->lost++;
		return NULL;
	}
	s->events++;
	serve_push(&s->event_queue, r);
	return r;
}

void serve_event_body(struct serve *s, uint16_t type, uint32_t target, const struct buf *body)
{
	struct reply *r;

	if (body->bad) {
		s->lost++;
		return;
	}
	r = serve_event(s, type, target);
	if (!r)
		return;
	reply_piece(r, span_buf(body));
	reply_done(r);
}

void serve_ok(struct reply *r)
{
	reply_piece(r, (struct span){NULL, 0});
	reply_done(r);
}
