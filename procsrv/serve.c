/* SPDX-License-Identifier: BSD-2-Clause */
#include "serve.h"

#include <errno.h>
#include <stdlib.h>

#include "common/chan.h"
#include "common/credit.h"
#include "common/err.h"
#include "common/frame.h"
#include "common/heart.h"
#include "common/log.h"
#include "greet.h"
#include "handlers.h"
#include "target.h"
#include "tracer.h"

enum {
	SEND_AHEAD = 128 * 1024,     /* bytes the channel may have waiting */
	SEND_LOW = SEND_AHEAD / 2,   /* it asks for more at this */
	SEND_TURN = 1024 * 1024,     /* bytes sent before others get the loop */
	BUILT_MAX = 4 * 1024 * 1024, /* bytes of pieces waiting: above, requests wait too */
	EAGER = 1024 * 1024, /* bytes of a reply made at once, so that they are of one moment */
	EVENTS_MAX = 1024 * 1024,       /* bytes of events waiting: above, some kinds are dropped */
	EVENTS_HARD = 48 * 1024 * 1024, /* above, all kinds */
	/* What conn used of the host's credit before we came, at most. */
	CONN_USED = 4096,
};

enum phase { GREETING, GREETED, OPENED, CLOSING };

/* A request that waits because too much is under way. */
struct held {
	struct held *next;
	struct wire_head h;
	bool cancelled;
	uint8_t body[];
};

struct queue {
	struct reply *first, *last;
};

struct serve {
	struct tracer *t;
	struct chan *chan;
	struct event *more;
	void (*ended)(struct tracer *);
	enum phase phase;
	struct credit_out out;
	struct credit_in in;
	struct heart heart;
	uint64_t last_id;
	unsigned in_flight;
	uint64_t events; /* number of the newest */
	uint64_t lost;
	struct queue replies, event_queue;
	bool event_turn;
	size_t built, event_bytes;
	struct held *held_first, *held_last;
	struct buf scratch;
};

static handler *const handlers[WIRE_TYPES] = {
    [WIRE_open] = on_open,
    [WIRE_ps] = on_ps,
    [WIRE_facts] = on_facts,
    [WIRE_maps] = on_maps,
    [WIRE_auxv] = on_auxv,
    [WIRE_environment] = on_environment,
    [WIRE_file_stat] = on_file_stat,
    [WIRE_file_read] = on_file_read,
    [WIRE_file_link] = on_file_link,
    [WIRE_file_list] = on_file_list,
    [WIRE_attach] = on_attach,
    [WIRE_detach] = on_detach,
    [WIRE_interrupt] = on_interrupt,
    [WIRE_resume] = on_resume,
    [WIRE_threads] = on_threads,
    [WIRE_regs_read] = on_regs_read,
    [WIRE_mem_read] = on_mem_read,
    [WIRE_mem_walk] = on_mem_walk,
    [WIRE_preorder] = on_preorder,
    [WIRE_signals] = on_signals,
    [WIRE_snapshot] = on_snapshot,
};

/* The type each request is answered with. */
enum { WIRE_none = 0 };
static const uint16_t answers[WIRE_TYPES] = {
#define MSG(number, name, kind, since, reply, state, right, effect) [number] = WIRE_##reply,
#include "common/wire.def"
};

/* ---- sending -------------------------------------------------------------- */

static void send_frame(struct serve *s, struct wire_head h, struct span body)
{
	if (log_verbose()) {
		struct wire_msg m = {h, body};

		m.h.len = body.n;
		wire_dump(stderr, "->", &m);
	}
	if (frame_put(chan_out(s->chan), h, body) != E_OK)
		log_error("out of memory while sending");
}

static void send_ack(struct serve *s)
{
	uint8_t room[64];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};
	struct wire_ack a = {.last_reply = s->last_id, .credit_bytes = credit_take(&s->in)};

	wire_encode_ack(&b, &a);
	send_frame(s, (struct wire_head){.type = WIRE_ack}, span_buf(&b));
}

static void push(struct queue *q, struct reply *r)
{
	r->next = NULL;
	if (q->last)
		q->last->next = r;
	else
		q->first = r;
	q->last = r;
}

static struct reply *pop(struct queue *q)
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
	while (!r->done && r->pieces < 2 && r->refill)
		r->refill(r);
	return r->done || r->pieces >= 2;
}

/* The reply's last piece is out (or it never got one, without memory). */
static void finished(struct serve *s, struct reply *r, struct queue *q)
{
	if (q == &s->replies)
		s->in_flight--;
	reply_free(r);
}

/* Send the first piece of a ready reply; bytes sent. */
static size_t send_piece(struct serve *s, struct reply *r)
{
	struct piece *p = reply_take(r);
	struct wire_head h = {.type = r->type, .target = r->target, .piece = r->sent, .id = r->id};
	size_t n;

	if (!p)
		return 0;
	n = WIRE_HEAD + (size_t)p->n;
	if (r->pieces || !r->done)
		h.flags = WIRE_MORE;
	/* A grant rides along when it is worth its bytes. */
	if (s->in.owed >= s->in.window / 8)
		send_ack(s);
	send_frame(s, h, (struct span){p->body, p->n});
	credit_sent(&s->out, n);
	r->sent++;
	free(p);
	return n;
}

/* One piece of the queue's first reply that has one; the next turn is the next
 * reply's.  Bytes sent, 0 = nobody was ready. */
static size_t turn(struct serve *s, struct queue *q)
{
	struct reply *end = q->last;

	while (q->first) {
		struct reply *r = pop(q);
		bool again = ready(r), last = r == end;
		size_t n = again ? send_piece(s, r) : 0;

		if (again && r->done && !r->pieces)
			finished(s, r, q);
		else if (q == &s->replies || !q->first)
			push(q, r);
		else { /* events keep their order: it stays the first */
			r->next = q->first;
			q->first = r;
		}
		if (n || last || q != &s->replies)
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

static void take_held(struct serve *s);

void serve_pump(struct serve *s)
{
	size_t sent = 0, n = 1;

	if (s->phase == CLOSING)
		return;
	tell_lost(s);
	while (n && sent < SEND_TURN) {
		n = 0;
		while (chan_pending(s->chan) < SEND_AHEAD && credit_may_send(&s->out)) {
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
	if (n || (s->held_first && s->built <= BUILT_MAX))
		event_active(s->more, EV_TIMEOUT, 1);
}

static void on_more(evutil_socket_t fd, short what, void *arg)
{
	struct serve *s = arg;

	(void)fd;
	(void)what;
	if (s->phase == CLOSING)
		return;
	take_held(s);
	serve_pump(s);
}

/* ---- events --------------------------------------------------------------- */

/* The host can ask again for what these tell; their number is up to the target. */
static bool may_be_lost(uint16_t type)
{
	return type != WIRE_stopped && type != WIRE_exited && type != WIRE_released &&
	       type != WIRE_events_lost;
}

struct reply *serve_event(struct serve *s, uint16_t type, uint32_t target)
{
	struct reply *r = NULL;
	size_t max = may_be_lost(type) ? EVENTS_MAX : EVENTS_HARD;

	if (s->phase == CLOSING)
		return NULL;
	if (s->event_bytes < max)
		r = reply_new(type, s->events + 1, target, &s->event_bytes);
	if (!r) {
		s->lost++;
		return NULL;
	}
	s->events++;
	push(&s->event_queue, r);
	return r;
}

void serve_event_body(struct serve *s, uint16_t type, uint32_t target, const struct buf *body)
{
	struct reply *r = serve_event(s, type, target);

	if (!r)
		return;
	reply_piece(r, span_buf(body));
	reply_done(r);
}

/* ---- the end of the link ---------------------------------------------------- */

static void end_link(struct serve *s)
{
	if (s->phase == CLOSING)
		return;
	s->phase = CLOSING;
	heart_stop(&s->heart);
	s->ended(s->t);
}

static void goodbye(struct serve *s, int code, const char *text)
{
	struct wire_goodbye g = {.code = (uint16_t)code, .text = span_str(text)};
	uint8_t room[600];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};

	if (s->phase == CLOSING)
		return;
	wire_encode_goodbye(&b, &g);
	send_frame(s, (struct wire_head){.type = WIRE_goodbye}, span_buf(&b));
	chan_flush(s->chan);
	end_link(s);
}

void serve_shutdown(struct serve *s)
{
	goodbye(s, E_SHUTDOWN, err_text(E_SHUTDOWN));
}

/* ---- requests --------------------------------------------------------------- */

static void fail(struct serve *s, struct reply *r, struct fault *f, int code)
{
	(void)s;
	f->code = code;
	reply_fail(r, f);
}

static int allowed(struct serve *s, const struct wire_row *row, struct call *c)
{
	if (row->type == WIRE_open)
		return s->phase == GREETED ? E_OK : E_STATE;
	if (row->state >= WIRE_OPEN && s->phase != OPENED)
		return E_STATE;
	if (row->right != WIRE_R_NONE && !(s->t->session.rights & 1u << row->right))
		return E_RIGHT;
	if (row->state == WIRE_TARGET && !c->target)
		return E_NO_TARGET;
	return E_OK;
}

/* Make a reply for the request and have it handled.  Its credit was checked. */
static void handle(struct serve *s, const struct wire_head *h, struct span body, int err)
{
	const struct wire_row *row = wire_row(h->type);
	struct call c = {.tracer = s->t, .serve = s, .h = h, .body = body};

	c.reply = reply_new(WIRE_error, h->id, h->target, &s->built);
	if (!c.reply) {
		goodbye(s, E_NOMEM, "out of memory");
		return;
	}
	push(&s->replies, c.reply);
	c.target = h->target ? target_by_handle(s->t, h->target) : NULL;
	if (err == E_OK)
		err = row ? allowed(s, row, &c) : E_UNKNOWN;
	if (err == E_OK) {
		c.reply->type = answers[h->type];
		c.reply->effect = row->effect;
		err = handlers[h->type] ? handlers[h->type](&c) : E_UNKNOWN;
	}
	if (err != E_OK)
		fail(s, c.reply, &c.fault, err);
	else if (h->type == WIRE_open)
		s->phase = OPENED;
	while (!c.reply->done && c.reply->refill && c.reply->bytes < EAGER)
		c.reply->refill(c.reply);
}

static bool hold(struct serve *s, const struct wire_msg *m)
{
	struct held *w = malloc(sizeof(*w) + m->body.n);

	if (!w)
		return false;
	*w = (struct held){.h = m->h};
	if (m->body.n)
		memcpy(w->body, m->body.p, m->body.n);
	if (s->held_last)
		s->held_last->next = w;
	else
		s->held_first = w;
	s->held_last = w;
	return true;
}

static void take_held(struct serve *s)
{
	while (s->held_first && s->built <= BUILT_MAX && s->phase != CLOSING) {
		struct held *w = s->held_first;

		s->held_first = w->next;
		if (!s->held_first)
			s->held_last = NULL;
		handle(
		    s, &w->h, (struct span){w->body, w->h.len}, w->cancelled ? E_CANCELLED : E_OK);
		free(w);
	}
}

/* An interrupt passes by requests that wait, unless one of them may change which
 * threads its target has. */
static bool may_overtake(struct serve *s, const struct wire_head *h)
{
	if (h->type != WIRE_interrupt)
		return false;
	for (struct held *w = s->held_first; w; w = w->next)
		if (w->h.target == h->target && wire_row(w->h.type)->effect)
			return false;
	return true;
}

/* A request (err E_UNKNOWN: of a type we do not know). */
static void request(struct serve *s, const struct wire_msg *m, int err)
{
	size_t cost = WIRE_HEAD + (size_t)m->h.len;
	bool wait = s->held_first || s->built > BUILT_MAX;

	if (m->h.id <= s->last_id)
		goodbye(s, E_PROTOCOL, "request ids must rise");
	else if (s->in_flight >= CREDIT_REQUESTS || !credit_arrived(&s->in, cost))
		goodbye(s, E_PROTOCOL, "more requests than there was credit for");
	if (s->phase == CLOSING)
		return;
	credit_consumed(&s->in, cost);
	s->last_id = m->h.id;
	s->in_flight++;
	if (err == E_OK && wait && !may_overtake(s, &m->h)) {
		if (!hold(s, m))
			goodbye(s, E_NOMEM, "out of memory");
		return;
	}
	handle(s, &m->h, m->body, err);
}

/* ---- link messages ---------------------------------------------------------- */

static void ask_alive(void *arg)
{
	struct serve *s = arg;
	uint8_t room[16];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};
	struct wire_heartbeat hb = {.stamp = now_ms()};

	wire_encode_heartbeat(&b, &hb);
	send_frame(s, (struct wire_head){.type = WIRE_heartbeat}, span_buf(&b));
	chan_flush(s->chan);
}

static void silent(void *arg)
{
	log_warn("the host is silent: releasing everything");
	end_link(arg);
}

/* Over TLS conn may pass the host's hello on, for the credit in it. */
static void on_hello(struct serve *s, struct span body)
{
	struct wire_hello h;
	int err = E_OK;

	wire_decode_hello(body, &h);
	if (s->t->session.greeted && s->last_id == 0)
		s->out.bytes = -CONN_USED;
	else if (s->phase == GREETING)
		err = greet_judge(&h);
	else
		err = E_PROTOCOL;
	if (err == E_OK && !credit_granted(&s->out, h.credit_bytes))
		err = E_PROTOCOL;
	if (err != E_OK)
		goodbye(s, err, err_text(err));
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
	a.stamp = h.stamp;
	wire_encode_heartbeat_ack(&b, &a);
	send_frame(s, (struct wire_head){.type = WIRE_heartbeat_ack}, span_buf(&b));
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
	if (!credit_granted(&s->out, a.credit_bytes))
		goodbye(s, E_PROTOCOL, "more credit than can be counted");
}

static void on_cancel(struct serve *s, struct span body)
{
	struct wire_cancel c;

	wire_decode_cancel(body, &c);
	for (struct held *w = s->held_first; w; w = w->next)
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
	end_link(s);
}

static const struct {
	void (*act)(struct serve *s, struct span body);
	enum phase since;
} links[WIRE_TYPES] = {
    [WIRE_hello] = {on_hello, GREETING},
    [WIRE_heartbeat] = {on_heartbeat, GREETED},
    [WIRE_heartbeat_ack] = {on_heartbeat_ack, GREETED},
    [WIRE_ack] = {on_ack, GREETED},
    [WIRE_cancel] = {on_cancel, OPENED},
    [WIRE_goodbye] = {on_goodbye, GREETING},
};

static void message(struct serve *s, const struct wire_msg *m, int err)
{
	if (log_verbose())
		wire_dump(stderr, "<-", m);
	if (m->h.id)
		request(s, m, err);
	else if (!links[m->h.type].act || s->phase < links[m->h.type].since)
		goodbye(s, E_PROTOCOL, "a message that makes no sense now");
	else
		links[m->h.type].act(s, m->body);
}

static void on_readable(struct chan *c, void *arg)
{
	struct serve *s = arg;
	struct wire_msg m;
	int err = E_OK;

	heart_heard(&s->heart);
	while (s->phase != CLOSING) {
		err = frame_next(chan_in(c), WIRE_FROM_HOST, &m);
		if (err != E_OK && err != E_UNKNOWN)
			break;
		message(s, &m, err);
		frame_drop(chan_in(c), &m);
	}
	if (s->phase == CLOSING)
		return;
	if (err != FRAME_WAIT)
		goodbye(s, err, err_text(err));
	serve_pump(s);
}

static void on_writable(struct chan *c, void *arg)
{
	(void)c;
	serve_pump(arg);
}

static void on_closed(struct chan *c, int os_errno, void *arg)
{
	(void)c;
	(void)os_errno;
	end_link(arg);
}

/* ---- start and end ------------------------------------------------------------ */

static const struct chan_cb callbacks = {on_readable, on_writable, on_closed};

static int say_hello(struct serve *s)
{
	struct greet g;
	struct buf b;

	buf_init(&b, WIRE_PIECE);
	greet_hello(&g);
	wire_encode_hello(&b, &g.hello);
	send_frame(s, (struct wire_head){.type = WIRE_hello}, span_buf(&b));
	buf_free(&b);
	chan_flush(s->chan);
	return heart_start(&s->heart, s->t->base, HEART_INTERVAL_MS, ask_alive, silent, s);
}

struct serve *serve_new(
    struct tracer *t, struct event_base *base, int rfd, int wfd, void (*ended)(struct tracer *))
{
	struct serve *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	*s = (struct serve){.t = t, .ended = ended};
	buf_init(&s->scratch, WIRE_PIECE);
	credit_open(&s->in, CREDIT_REQUEST_BYTES);
	s->chan = chan_new(base, rfd, wfd, &callbacks, s);
	s->more = event_new(base, -1, 0, on_more, s);
	if (!s->chan || !s->more) {
		serve_free(s);
		return NULL;
	}
	chan_set_low(s->chan, SEND_LOW);
	if (t->session.greeted) {
		s->phase = OPENED;
		s->out.bytes = CREDIT_REPLY_BYTES - CONN_USED;
	} else if (say_hello(s) != 0) {
		serve_free(s);
		return NULL;
	}
	return s;
}

static void free_queue(struct queue *q)
{
	while (q->first)
		reply_free(pop(q));
}

void serve_free(struct serve *s)
{
	if (!s)
		return;
	heart_stop(&s->heart);
	free_queue(&s->replies);
	free_queue(&s->event_queue);
	while (s->held_first) {
		struct held *w = s->held_first;

		s->held_first = w->next;
		free(w);
	}
	chan_free(s->chan);
	if (s->more)
		event_free(s->more);
	buf_free(&s->scratch);
	free(s);
}

struct buf *serve_scratch(struct serve *s)
{
	buf_reset(&s->scratch);
	return &s->scratch;
}

void serve_ok(struct reply *r)
{
	reply_piece(r, (struct span){NULL, 0});
	reply_done(r);
}
