/* SPDX-License-Identifier: BSD-2-Clause */
#include "conn.h"

#include <stdio.h>

#include "common/credit.h"
#include "common/wire.h"

enum {
	FRAME_MAX = WIRE_HEAD + WIRE_PIECE,
	TO_HOST_MAX = 256 * 1024, /* waiting for the network: no more is taken from the tracer */
};

/* ---- host to tracer ------------------------------------------------------------- */

/* What must have happened before this row's messages. */
static bool in_state(const struct conn *c, const struct wire_row *row)
{
	switch (row->state) {
	case WIRE_NONE:
		return true;
	case WIRE_HELLO:
		return c->greeted;
	default:
		return c->phase.phase == PHASE_OPENED;
	}
}

/* The link's own affairs are settled here; the tracer never hears of them. */
static bool is_ours(uint16_t type)
{
	return type == WIRE_open ||
	       (type <= WIRE_goodbye && type != WIRE_ack && type != WIRE_cancel);
}

static bool count_request(struct conn *c, const struct wire_msg *m)
{
	if (m->h.id <= c->last_id || c->in_flight >= CREDIT_REQUESTS)
		return false;
	c->last_id = m->h.id;
	c->in_flight++;
	return true;
}

/* The first frame of the tracer's channel is the host's hello: the credit in it is for
 * the tracer's replies.  Not before there is another to send: it starts the tracer. */
static bool introduce(struct conn *c)
{
	struct buf b;
	bool ok;

	if (c->introduced)
		return true;
	buf_init(&b, WIRE_PIECE);
	wire_encode_hello(&b, &c->host);
	ok = !b.bad && frame_put(chan_out(c->tracer), (struct wire_head){.type = WIRE_hello},
			   span_buf(&b)) == E_OK;
	buf_free(&b);
	c->introduced = ok;
	return ok;
}

/* On to the tracer.  Its own credit bounds what may wait for it. */
static bool pass_on(struct conn *c, const struct wire_row *row, const struct wire_msg *m)
{
	if (c->phase.phase != PHASE_OPENED)
		return false;
	if ((!row || row->kind == WIRE_REQ) && !count_request(c, m))
		return false;
	if (chan_pending(c->tracer) > CREDIT_REQUEST_BYTES)
		return false;
	return introduce(c) && evbuffer_remove_buffer(chan_in(c->net), chan_out(c->tracer),
				   WIRE_HEAD + (size_t)m->h.len) == WIRE_HEAD + (int)m->h.len;
}

/* One frame; false when the link is ending.  row NULL: a request nobody knows,
 * which the tracer answers, in its turn. */
static bool take(struct conn *c, int verdict, const struct wire_msg *m)
{
	const struct wire_row *row = verdict == E_UNKNOWN ? NULL : wire_row(m->h.type);

	if (c->setup.verbose)
		wire_dump(stderr, "conn <", m);
	if (row && !in_state(c, row)) {
		conn_end(c, E_STATE, TLS_ALERT_UNEXPECTED_MESSAGE);
		return false;
	}
	if (row && is_ours(row->type)) {
		if (!link_take(c, row, m))
			return false;
		frame_drop(chan_in(c->net), m);
		return true;
	}
	if (pass_on(c, row, m))
		return true;
	conn_end(c, E_PROTOCOL, TLS_ALERT_UNEXPECTED_MESSAGE);
	return false;
}

void relay_from_host(struct conn *c)
{
	struct wire_msg m;
	int verdict;

	while ((verdict = frame_next(chan_in(c->net), WIRE_FROM_HOST, &m)) != FRAME_WAIT) {
		if (verdict != E_OK && verdict != E_UNKNOWN) {
			conn_end(c, (enum err)verdict, TLS_ALERT_UNEXPECTED_MESSAGE);
			return;
		}
		if (!take(c, verdict, &m))
			return;
	}
	chan_more(c->net);
	chan_flush(c->net);
	if (evbuffer_get_length(chan_out(c->tracer)))
		chan_flush(c->tracer);
}

/* ---- tracer to host --------------------------------------------------------------- */

/* How many bytes at the start of in are whole frames; -1 when they are no frames at
 * all.  Replies are counted: a request is in flight until its last piece. */
static ev_ssize_t whole_frames(struct conn *c, struct evbuffer *in)
{
	size_t length = evbuffer_get_length(in), at = 0;
	struct evbuffer_ptr pos;

	evbuffer_ptr_set(in, &pos, 0, EVBUFFER_PTR_SET);
	while (length - at >= WIRE_HEAD) {
		uint8_t head[WIRE_HEAD];
		struct rd r = rd_init(head, sizeof(head));
		const struct wire_row *row;
		struct wire_head h;
		size_t n;

		evbuffer_copyout_from(in, &pos, head, sizeof(head));
		wire_get_head(&r, &h);
		row = wire_row(h.type);
		if (h.len > WIRE_PIECE || !row)
			return -1;
		n = WIRE_HEAD + (size_t)h.len;
		if (length - at < n)
			break;
		if (row->kind == WIRE_REP && !(h.flags & WIRE_MORE) && c->in_flight)
			c->in_flight--;
		c->farewell |= h.type == WIRE_goodbye;
		at += n;
		if (at < length)
			evbuffer_ptr_set(in, &pos, n, EVBUFFER_PTR_ADD);
	}
	return (ev_ssize_t)at;
}

/* Whole frames only, so that a heartbeat can always go between them: also when the
 * tracer is stuck in the middle of one. */
void relay_from_tracer(struct conn *c)
{
	struct evbuffer *in = chan_in(c->tracer);
	ev_ssize_t n = whole_frames(c, in);

	if (n < 0) {
		conn_end(c, E_INTERNAL, TLS_ALERT_NONE);
		return;
	}
	if (n == 0)
		return;
	evbuffer_remove_buffer(in, chan_out(c->net), (size_t)n);
	chan_flush(c->net);
	if (chan_pending(c->net) > TO_HOST_MAX)
		chan_pause(c->tracer, true);
}

void relay_writable(struct conn *c)
{
	if (c->tracer && !c->ending)
		chan_pause(c->tracer, false);
}
