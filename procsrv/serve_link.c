/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Messages about the link itself: hello, heartbeat, credit, cancel, goodbye.
 */
#include "common/err.h"
#include "common/log.h"
#include "greet.h"
#include "serve_parts.h"
#include "tracer.h"

static void ask_alive(void *arg)
{
	struct serve *s = arg;
	uint8_t room[16];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};
	struct wire_heartbeat hb = {.stamp = now_ms()};

	wire_encode_heartbeat(&b, &hb);
	serve_frame(s, (struct wire_head){.type = WIRE_heartbeat}, span_buf(&b));
	chan_flush(s->chan);
}

static void silent(void *arg)
{
	log_warn("the host is silent: releasing everything");
	serve_end(arg);
}

int serve_hello(struct serve *s)
{
	struct greet g;
	struct buf b;
	bool told;

	buf_init(&b, WIRE_PIECE);
	greet_hello(&g);
	wire_encode_hello(&b, &g.hello);
	told = !b.bad && serve_frame(s, (struct wire_head){.type = WIRE_hello}, span_buf(&b));
	buf_free(&b);
	if (!told)
		return -1;
	chan_flush(s->chan);
	return heart_start(&s->heart, s->t->base, HEART_INTERVAL_MS, ask_alive, silent, s);
}

/* Over TLS conn may pass the host's hello on, for the credit in it. */
static void on_hello(struct serve *s, struct span body)
{
	struct wire_hello h;
	int err = E_OK;

	wire_decode_hello(body, &h);
	if (s->t->session.greeted && s->fresh)
		s->out.bytes -= CREDIT_REPLY_BYTES; /* taken for granted until now */
	else if (s->phase == GREETING)
		err = greet_judge(&h);
	else
		err = E_PROTOCOL;
	if (err == E_OK && !credit_granted(&s->out, h.credit_bytes))
		err = E_PROTOCOL;
	if (err != E_OK)
		serve_goodbye(s, err, err_text(err));
	else if (s->phase == GREETING)
		s->phase = GREETED;
}

static void on_heartbeat(struct serve *s, struct span body)
{
	struct wire_heartbeat h;
	struct wire_heartbeat_ack a;
	uint8_t room[16];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};

	wire_decode_heartbeat(body, &h);
	if (chan_pending(s->chan) > HEART_UNREAD)
		return;
	a.stamp = h.stamp;
	wire_encode_heartbeat_ack(&b, &a);
	serve_frame(s, (struct wire_head){.type = WIRE_heartbeat_ack}, span_buf(&b));
}

static void on_heartbeat_ack(struct serve *s, struct span body)
{
	(void)s;
	(void)body;
}

static void on_ack(struct serve *s, struct span body)
{
	struct wire_ack a;

	wire_decode_ack(body, &a);
	serve_acked(s, a.last_reply, a.last_event);
	if (s->resumed)
		ipc_send(FD_PIPE, IPC_ACKED, &(struct ipc_none){0}, sizeof(struct ipc_none));
	s->resumed = false;
	if (!credit_granted(&s->out, a.credit_bytes))
		serve_goodbye(s, E_PROTOCOL, "more credit than can be counted");
}

static void on_cancel(struct serve *s, struct span body)
{
	struct wire_cancel c;

	wire_decode_cancel(body, &c);
	for (struct serve_held *w = s->held_first; w; w = w->next)
		if (w->h.id == c.request)
			w->cancelled = true;
	for (struct reply *r = s->replies.first; r; r = r->next) {
		if (r->id != c.request)
			continue;
		if (r->cancel)
			r->cancel(r);
		else if (r->pieces || r->refill)
			reply_fail_code(r, E_CANCELLED);
	}
}

static void on_goodbye(struct serve *s, struct span body)
{
	(void)body;
	/* The host had its chance to leave them running. */
	s->t->session.keep_launched = 0;
	serve_end(s);
}

static const struct {
	void (*act)(struct serve *s, struct span body);
	enum serve_phase since;
} links[WIRE_TYPES] = {
    [WIRE_hello] = {on_hello, GREETING},
    [WIRE_heartbeat] = {on_heartbeat, GREETED},
    [WIRE_heartbeat_ack] = {on_heartbeat_ack, GREETED},
    [WIRE_ack] = {on_ack, GREETED},
    [WIRE_cancel] = {on_cancel, OPENED},
    [WIRE_goodbye] = {on_goodbye, GREETING},
};

bool serve_link(struct serve *s, const struct wire_msg *m)
{
	if (!links[m->h.type].act || s->phase < links[m->h.type].since)
		return false;
	links[m->h.type].act(s, m->body);
	return true;
}
