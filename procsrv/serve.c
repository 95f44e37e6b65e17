/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "common/err.h"
#include "common/frame.h"
#include "common/log.h"
#include "bounds.h"
#include "handlers.h"
#include "reading.h"
#include "serve_parts.h"
#include "target.h"
#include "tracer.h"

enum {
	SEND_LOW = 64 * 1024, /* the channel asks for more at this */
	EAGER = 1024 * 1024,  /* bytes of a reply made at once, so that they are of one moment */
};

static handler *const handlers[WIRE_TYPES] = {
    [WIRE_open] = on_open,
    [WIRE_ps] = on_reading,
    [WIRE_facts] = on_reading,
    [WIRE_maps] = on_reading,
    [WIRE_auxv] = on_reading,
    [WIRE_environment] = on_reading,
    [WIRE_file_stat] = on_reading,
    [WIRE_file_read] = on_reading,
    [WIRE_file_link] = on_reading,
    [WIRE_file_list] = on_reading,
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
    [WIRE_go] = on_go,
    [WIRE_go_after] = on_go_after,
    [WIRE_patch_set] = on_patch_set,
    [WIRE_patch_clear] = on_patch_clear,
    [WIRE_patch_hits] = on_patch_hits,
    [WIRE_catch] = on_catch,
    [WIRE_mem_write] = on_mem_write,
    [WIRE_regs_write] = on_regs_write,
    [WIRE_siginfo_write] = on_siginfo_write,
    [WIRE_send_signal] = on_send_signal,
    [WIRE_kill] = on_kill,
    [WIRE_abandon] = on_abandon,
    [WIRE_launch_text] = on_launch_text,
    [WIRE_launch] = on_launch,
    [WIRE_input] = on_input,
    [WIRE_window] = on_window,
    [WIRE_output_more] = on_output_more,
    [WIRE_file_look] = on_reading,
    [WIRE_file_write] = on_reading,
    [WIRE_file_change] = on_reading,
    [WIRE_proc_text] = on_reading,
    [WIRE_map_new] = on_map_new,
    [WIRE_map_drop] = on_map_drop,
};

/* ---- the end of the link ---------------------------------------------------- */

void serve_end(struct serve *s)
{
	if (s->phase == CLOSING)
		return;
	s->phase = CLOSING;
	heart_stop(&s->heart);
	s->ended(s->t);
}

void serve_goodbye(struct serve *s, int code, const char *text)
{
	struct wire_goodbye g = {.code = (uint16_t)code, .text = span_str(text)};
	uint8_t room[600];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};

	if (s->phase == CLOSING)
		return;
	wire_encode_goodbye(&b, &g);
	serve_frame(s, (struct wire_head){.type = WIRE_goodbye}, span_buf(&b));
	if (s->chan)
		chan_flush(s->chan);
	serve_end(s);
}

void serve_shutdown(struct serve *s, int code)
{
	serve_goodbye(s, code, err_text(code));
}

void serve_drop_link(struct serve *s, const char *why)
{
	struct wire_goodbye g = {.code = E_LOST, .text = span_str(why)};
	uint8_t room[600];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};

	if (!s->chan)
		return;
	wire_encode_goodbye(&b, &g);
	serve_frame(s, (struct wire_head){.type = WIRE_goodbye}, span_buf(&b));
	chan_flush(s->chan);
	chan_free(s->chan);
	s->chan = NULL;
}

static void lose_link(struct serve *s)
{
	struct ipc_none none = {0};

	if (s->phase != OPENED)
		return;
	serve_drop_link(s, "the connection is not watched over any more");
	s->phase = LOST;
	if (ipc_send(FD_PIPE, IPC_LOST, &none, sizeof(none)) != 0)
		serve_end(s);
}

void serve_unwatched(struct serve *s)
{
	if (s->phase == OPENED && s->chan)
		chan_break(s->chan);
	else
		lose_link(s);
}

uint64_t serve_last_id(const struct serve *s)
{
	return s->last_id;
}

uint64_t serve_last_event(const struct serve *s)
{
	return s->events;
}

/* ---- requests --------------------------------------------------------------- */

static int allowed(struct serve *s, const struct wire_row *row, struct call *c)
{
	if (row->type == WIRE_open)
		return s->phase == GREETED ? E_OK : E_STATE;
	if (row->state >= WIRE_OPEN && s->phase != OPENED && s->phase != LOST)
		return E_STATE;
	if (row->right != WIRE_R_NONE && !(s->t->session.rights & 1u << row->right))
		return E_RIGHT;
	if (row->state == WIRE_TARGET && !c->target)
		return E_NO_TARGET;
	/* One that is not traced may have become another program since. */
	if (row->state == WIRE_TARGET && c->target->how == WIRE_ATTACH_LOOK &&
	    row->type != WIRE_detach)
		return bounds_check(&s->t->bounds, &c->target->id, &c->fault);
	return E_OK;
}

/* Make a reply for the request and have it handled.  Its credit was checked. */
static void handle(struct serve *s, const struct wire_head *h, struct span body, int err)
{
	const struct wire_row *row = wire_row(h->type);
	struct call c = {.tracer = s->t, .serve = s, .h = h, .body = body};

	c.reply = reply_new(WIRE_error, h->id, h->target, &s->built);
	if (!c.reply) {
		serve_goodbye(s, E_NOMEM, "out of memory");
		return;
	}
	serve_push(&s->replies, c.reply);
	c.target = h->target ? target_by_handle(s->t, h->target) : NULL;
	if (err == E_OK)
		err = row ? allowed(s, row, &c) : E_UNKNOWN;
	if (err == E_OK) {
		c.reply->type = row->reply;
		c.reply->effect = row->effect;
		err = handlers[h->type] ? handlers[h->type](&c) : E_UNKNOWN;
	}
	if (err != E_OK) {
		c.fault.code = err;
		reply_fail(c.reply, &c.fault);
	} else if (h->type == WIRE_open) {
		s->phase = OPENED;
	}
	while (!c.reply->done && c.reply->refill && !c.reply->later && c.reply->bytes < EAGER)
		c.reply->refill(c.reply);
}

static bool hold(struct serve *s, const struct wire_msg *m)
{
	struct serve_held *w = malloc(sizeof(*w) + m->body.n);

	if (!w)
		return false;
	*w = (struct serve_held){.h = m->h};
	if (m->body.n)
		memcpy(w->body, m->body.p, m->body.n);
	if (s->held_last)
		s->held_last->next = w;
	else
		s->held_first = w;
	s->held_last = w;
	return true;
}

void serve_take_held(struct serve *s)
{
	while (s->held_first && s->built <= SERVE_BUILT && s->phase != CLOSING) {
		struct serve_held *w = s->held_first;

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
	for (struct serve_held *w = s->held_first; w; w = w->next)
		if (w->h.target == h->target && wire_row(w->h.type)->effect)
			return false;
	return true;
}

/* A request (err E_UNKNOWN: of a type we do not know). */
static void request(struct serve *s, const struct wire_msg *m, int err)
{
	size_t cost = WIRE_HEAD + (size_t)m->h.len;
	bool wait = s->held_first || s->built > SERVE_BUILT;

	if (m->h.id <= s->last_id)
		serve_goodbye(s, E_PROTOCOL, "request ids must rise");
	else if (s->in_flight >= CREDIT_REQUESTS || !credit_arrived(&s->in, cost))
		serve_goodbye(s, E_PROTOCOL, "more requests than there was credit for");
	if (s->phase == CLOSING)
		return;
	credit_consumed(&s->in, cost);
	s->fresh = false;
	s->last_id = m->h.id;
	s->in_flight++;
	if (err == E_OK && wait && !may_overtake(s, &m->h)) {
		if (!hold(s, m))
			serve_goodbye(s, E_NOMEM, "out of memory");
		return;
	}
	handle(s, &m->h, m->body, err);
}

/* ---- the channel ---------------------------------------------------------------- */

static void on_more(evutil_socket_t fd, short what, void *arg)
{
	struct serve *s = arg;

	(void)fd;
	(void)what;
	if (s->phase == CLOSING)
		return;
	for (struct reply *r = s->replies.first; r; r = r->next)
		r->later = false;
	serve_take_held(s);
	serve_pump(s);
}

static void message(struct serve *s, const struct wire_msg *m, int err)
{
	if (log_verbose())
		wire_dump(stderr, "<-", m);
	if (m->h.id)
		request(s, m, err);
	else if (!serve_link(s, m))
		serve_goodbye(s, E_PROTOCOL, "a message that makes no sense now");
}

static void on_readable(struct chan *c, void *arg)
{
	struct serve *s = arg;
	struct wire_msg m;
	int err = E_OK;

	heart_heard(&s->heart);
	while (s->phase != CLOSING && s->phase != LOST) {
		err = frame_next(chan_in(c), WIRE_FROM_HOST, &m);
		if (err != E_OK && err != E_UNKNOWN)
			break;
		s->t->journal->bytes.received += WIRE_HEAD + m.h.len;
		message(s, &m, err);
		frame_drop(chan_in(c), &m);
	}
	if (s->phase == CLOSING || s->phase == LOST)
		return;
	if (err != FRAME_WAIT)
		serve_goodbye(s, err, err_text(err));
	serve_pump(s);
}

static void on_writable(struct chan *c, void *arg)
{
	(void)c;
	serve_pump(arg);
}

static void on_closed(struct chan *c, int os_errno, void *arg)
{
	struct serve *s = arg;

	(void)c;
	(void)os_errno;
	if (serve_keeps(s) && s->phase == OPENED) {
		chan_free(s->chan);
		s->chan = NULL;
		lose_link(s);
	} else {
		serve_end(s);
	}
}

/* ---- start and end ------------------------------------------------------------ */

static const struct chan_cb callbacks = {on_readable, on_writable, on_closed};

static void open_link(struct serve *s, int rfd, int wfd)
{
	credit_open(&s->in, CREDIT_REQUEST_BYTES);
	s->fresh = true;
	if (s->t->session.greeted)
		s->out.bytes = CREDIT_REPLY_BYTES - SERVE_CONN_USED;
	s->chan = chan_new(s->t->base, rfd, wfd, &callbacks, s);
	if (s->chan)
		chan_set_low(s->chan, SEND_LOW);
}

int serve_link_new(struct serve *s, int fd)
{
	open_link(s, fd, fd);
	return s->chan ? 0 : -1;
}

struct serve *serve_new(
    struct tracer *t, struct event_base *base, int rfd, int wfd, void (*ended)(struct tracer *))
{
	struct serve *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	*s = (struct serve){.t = t, .ended = ended};
	buf_init(&s->scratch, WIRE_PIECE);
	open_link(s, rfd, wfd);
	s->more = event_new(base, -1, 0, on_more, s);
	if (!s->chan || !s->more) {
		serve_free(s);
		return NULL;
	}
	if (t->session.greeted) {
		s->phase = OPENED;
	} else if (serve_hello(s) != 0) {
		serve_free(s);
		return NULL;
	}
	return s;
}

static void free_queue(struct serve_queue *q)
{
	while (q->first)
		reply_free(serve_pop(q));
}

void serve_free(struct serve *s)
{
	if (!s)
		return;
	heart_stop(&s->heart);
	serve_keep_nothing(s);
	free_queue(&s->replies);
	free_queue(&s->event_queue);
	while (s->held_first) {
		struct serve_held *w = s->held_first;

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
