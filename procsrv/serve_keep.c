/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What outlives a link: replies and events that the host has not acknowledged are kept,
 * and sent again from their beginning when another link takes the session up.
 *
 * Large answers to questions are given up first: the host is told to ask again.  What
 * changed something is kept as long as the bounds are; a host that acknowledges never
 * gets so far only by not keeping to the rules, and may not come back then.  Events have a
 * bound of their own: a stop of a thousand threads is larger than all replies may be, and
 * cannot be asked for again.
 */
#include <stdlib.h>

#include "common/err.h"
#include "common/log.h"
#include "serve_parts.h"
#include "tracer.h"

enum {
	KEPT_BYTES = 4 * 1024 * 1024,
	KEPT_REPLIES = 1024,
	KEPT_EVENTS = 65536,
	KEPT_EVENT_BYTES = 48 * 1024 * 1024, /* as many as may wait to be sent */
};

bool serve_keeps(const struct serve *s)
{
	return s->t->session.grace_ms != 0;
}

static bool is_event(const struct reply *r)
{
	return wire_row(r->type)->kind == WIRE_EVT;
}

/* What r's pieces are counted in. */
static size_t *kept_of(struct serve *s, const struct reply *r)
{
	return is_event(r) ? &s->told_bytes : &s->kept_bytes;
}

static void forget_kept(struct serve *s, struct reply *r)
{
	*kept_of(s, r) -= reply_drop_kept(r);
}

static void forget_first(struct serve *s, struct serve_queue *q, unsigned *n, uint64_t *to)
{
	struct reply *r = serve_pop(q);

	if (r->id > *to)
		*to = r->id;
	forget_kept(s, r);
	reply_free(r);
	--*n;
}

/* Nothing has changed by it that would change again. */
static bool is_answer(const struct reply *r)
{
	return !is_event(r) && (!r->effect || r->type == WIRE_snapshot_data);
}

/* Answers to questions first, the oldest of them. */
static bool forget_an_answer(struct serve *s)
{
	for (struct reply *r = s->unacked.first; r; r = r->next)
		if (is_answer(r) && r->kept_first) {
			forget_kept(s, r);
			r->forgotten = true;
			return true;
		}
	return false;
}

static void keep_bounds(struct serve *s)
{
	while (s->kept_bytes > KEPT_BYTES && forget_an_answer(s))
		;
	while (s->unacked.first && (s->nunacked > KEPT_REPLIES || s->kept_bytes > KEPT_BYTES))
		forget_first(s, &s->unacked, &s->nunacked, &s->dropped_reply);
	while (s->told.first && (s->ntold > KEPT_EVENTS || s->told_bytes > KEPT_EVENT_BYTES))
		forget_first(s, &s->told, &s->ntold, &s->dropped_event);
}

void serve_keep_piece(struct serve *s, struct reply *r, struct piece *p)
{
	/* What an error follows is not wanted any more. */
	if (r->type == WIRE_error) {
		forget_kept(s, r);
		r->forgotten = false;
	}
	while (is_answer(r) && s->kept_bytes + p->n > KEPT_BYTES && forget_an_answer(s))
		;
	/* One that does not fit beside those under way: not a byte more of it. */
	if (r->forgotten || (is_answer(r) && s->kept_bytes + p->n > KEPT_BYTES)) {
		forget_kept(s, r);
		r->forgotten = true;
		free(p);
		return;
	}
	*kept_of(s, r) += reply_keep(r, p);
}

void serve_keep(struct serve *s, struct reply *r, bool event)
{
	/* Whoever made it is done with it. */
	if (r->drop)
		r->drop(r);
	r->drop = NULL;
	r->cancel = NULL;
	serve_push(event ? &s->told : &s->unacked, r);
	++*(event ? &s->ntold : &s->nunacked);
	keep_bounds(s);
}

static void drop_acked(struct serve *s, struct serve_queue *q, unsigned *n, uint64_t upto)
{
	struct serve_queue left = {NULL, NULL};

	while (q->first) {
		struct reply *r = serve_pop(q);

		if (r->id > upto) {
			serve_push(&left, r);
			continue;
		}
		forget_kept(s, r);
		reply_free(r);
		--*n;
	}
	*q = left;
}

void serve_acked(struct serve *s, uint64_t last_reply, uint64_t last_event)
{
	if (s->unacked.first)
		drop_acked(s, &s->unacked, &s->nunacked, last_reply);
	if (s->told.first)
		drop_acked(s, &s->told, &s->ntold, last_event);
}

void serve_keep_nothing(struct serve *s)
{
	serve_acked(s, UINT64_MAX, UINT64_MAX);
}

/* ---- another link ---------------------------------------------------------------- */

/* The time it is told is that since it happened. */
static void age(struct reply *r)
{
	uint64_t ago = now_ms() - r->at_ms;
	struct piece *p = r->first;

	for (unsigned i = 0; p && r->type == WIRE_released && i < sizeof(ago); i++)
		p->body[i] = (uint8_t)(ago >> 8 * i);
}

/* From its first piece on. */
static void rewind_one(struct serve *s, struct reply *r)
{
	if (r->type == WIRE_error && r->first)
		forget_kept(s, r);
	*kept_of(s, r) -= reply_rewind(r);
	if (r->forgotten && r->type != WIRE_error) {
		if (!r->done && r->cancel)
			r->cancel(r); /* who makes it ends it, as cancelled */
		else
			reply_fail_code(r, E_AGAIN);
	}
	r->forgotten = false;
	age(r);
}

/* Those that were sent whole, in front of those under way. */
static void rewind_all(struct serve *s, struct serve_queue *sent, struct serve_queue *q)
{
	for (struct reply *r = sent->first; r; r = r->next)
		rewind_one(s, r);
	for (struct reply *r = q->first; r; r = r->next)
		rewind_one(s, r);
	if (!sent->first)
		return;
	sent->last->next = q->first;
	if (!q->first)
		q->last = sent->last;
	q->first = sent->first;
	*sent = (struct serve_queue){NULL, NULL};
}

int serve_resume(struct serve *s, int fd, uint64_t last_reply, uint64_t last_event)
{
	if (s->phase == CLOSING || last_reply < s->dropped_reply || last_event < s->dropped_event)
		return E_NO_SESSION;
	serve_drop_link(s, "another connection took the session up");
	if (serve_link_new(s, fd) != 0)
		return E_NOMEM;
	serve_acked(s, last_reply, last_event);
	rewind_all(s, &s->unacked, &s->replies);
	rewind_all(s, &s->told, &s->event_queue);
	s->nunacked = s->ntold = 0;
	s->phase = OPENED;
	s->resumed = true;
	return E_OK;
}
