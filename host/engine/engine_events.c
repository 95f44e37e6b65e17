/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Events on their way from the links' inbox to the caller: each is taken up into
 * its target when it is met, by whichever call meets it, and kept until he_wait
 * tells it.
 */
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/err.h"
#include "common/heart.h"
#include "host/engine/engine.h"
#include "host/engine/run.h"
#include "host/engine/step.h"
#include "host/errtext.h"

/* ---- the queue ---------------------------------------------------------------- */

static void update_wake(struct he_engine *e)
{
	eventfd_t n;

	if (e->pending)
		(void)eventfd_write(e->wake_fd, 1);
	else
		(void)eventfd_read(e->wake_fd, &n);
}

/* Where an event is kept.  One that is the last of its target or its server needs neither
 * room nor memory: whoever misses it would wait for ever. */
static struct pending *place(const struct he_engine *e, const struct he_event *ev)
{
	struct pending *p = NULL;

	if (ev->kind == HE_E_LINK_LOST)
		p = &ev->server->last;
	else if (ev->kind == HE_E_EXITED || ev->kind == HE_E_RELEASED)
		p = &ev->target->last;
	if (p)
		p->kept = true;
	/* How much of output can wait is bounded by itself (launch.c). */
	else if (e->n_pending < ENGINE_PENDING || ev->kind == HE_E_OUTPUT)
		p = calloc(1, sizeof(*p));
	return p;
}

static void keep(struct he_engine *e, const struct he_event *ev, bool decided)
{
	struct pending *p;

	if (ev->kind == HE_E_OUTPUT && launched_gather(ev))
		return;
	p = place(e, ev);
	if (!p)
		return;
	p->next = NULL;
	p->ev = *ev;
	p->decided = decided;
	launched_follow(p);
	*e->pending_end = p;
	e->pending_end = &p->next;
	e->n_pending++;
	update_wake(e);
}

void engine_keep_event(struct he_engine *e, const struct he_event *ev)
{
	keep(e, ev, true);
}

void engine_keep_stop(struct he_target *t)
{
	const struct he_event ev = {.kind = HE_E_STOPPED,
	    .target = t,
	    .server = t->server,
	    .generation = t->generation};

	keep(t->engine, &ev, false);
}

static void drop(struct he_engine *e, struct pending *p)
{
	e->n_pending--;
	launched_told(p);
	free(p->data);
	p->data = NULL;
	if (!p->kept)
		free(p);
}

static bool take(struct he_engine *e, struct he_event *ret, bool *decided)
{
	struct pending *p = e->pending;

	if (!p)
		return false;
	*ret = p->ev;
	free(e->told_output);
	e->told_output = p->data;
	p->data = NULL;
	*decided = p->decided || ret->kind != HE_E_STOPPED;
	e->pending = p->next;
	if (!e->pending)
		e->pending_end = &e->pending;
	drop(e, p);
	update_wake(e);
	return true;
}

void engine_drop_events(struct he_engine *e, const struct he_target *t, const struct he_server *s)
{
	struct pending **at = &e->pending;

	while (*at) {
		struct pending *p = *at;
		bool theirs = (t && p->ev.target == t) || (s && p->ev.server == s) || (!t && !s);

		if (!theirs) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		drop(e, p);
	}
	e->pending_end = at;
	if (e->wake_fd >= 0)
		update_wake(e);
}

/* ---- from the wire --------------------------------------------------------------- */

static struct he_server *server_of(struct he_engine *e, const struct rpc *r)
{
	struct he_server *s = e->servers;

	while (s && s->rpc != r)
		s = s->next;
	return s;
}

static struct he_target *target_of(struct he_engine *e, const struct he_server *s, uint32_t handle)
{
	struct he_target *t = e->targets;

	while (t && (t->server != s || t->handle != handle))
		t = t->next;
	return handle ? t : NULL;
}

static void lose(struct he_server *s, const struct wire_msg *m, struct he_event *ret)
{
	struct wire_goodbye g = {0};

	if (s->lost)
		return;
	(void)wire_decode_goodbye(m->body, &g);
	s->lost = true;
	*ret = (struct he_event){.kind = HE_E_LINK_LOST, .server = s};
	snprintf(ret->text, sizeof(ret->text), "%.*s", (int)g.text.n, (const char *)g.text.p);
	if (!g.text.n)
		snprintf(ret->text, sizeof(ret->text), "%s", err_text(g.code));
	memcpy(s->lost_why, ret->text, sizeof(s->lost_why));
	for (struct he_target *t = s->engine->targets; t; t = t->next)
		if (t->server == s && t->state != HE_FROZEN && t->state != HE_GONE) {
			target_gone(t, -1);
			t->lost = true;
		}
}

/* It broke and is being taken up again, or it has been. */
static void link_changed(struct he_server *s, const struct wire_msg *m, struct he_event *ret)
{
	struct wire_goodbye g = {0};

	(void)wire_decode_goodbye(m->body, &g);
	*ret = (struct he_event){
	    .kind = m->h.type == WIRE_hello ? HE_E_LINK_AWAY : HE_E_LINK_BACK, .server = s};
	snprintf(ret->text, sizeof(ret->text), "%.*s", (int)g.text.n, (const char *)g.text.p);
}

/* A piece for its target.  Events of targets that are gone, and of ones that never
 * were, are nobody's. */
static void take_up(struct he_engine *e, const struct rpc_piece *p, struct he_event *ret)
{
	struct he_server *s = server_of(e, p->rpc);
	struct he_target *t;

	*ret = (struct he_event){.kind = HE_E_NONE};
	if (!s)
		return;
	if (p->m.h.type == WIRE_goodbye) {
		lose(s, &p->m, ret);
		return;
	}
	if (p->m.h.type == WIRE_hello || p->m.h.type == WIRE_opened) {
		link_changed(s, &p->m, ret);
		return;
	}
	if (p->m.h.type == WIRE_events_lost) {
		for (t = e->targets; t; t = t->next)
			if (t->server == s) {
				t->threads.complete = false;
				t->stops_lost = true;
			}
		return;
	}
	t = target_of(e, s, p->m.h.target);
	if (t && t->state != HE_GONE)
		event_apply(t, &p->m, ret);
	ret->target = ret->kind ? t : NULL;
	ret->server = s;
}

/* One event from the inbox, which may yield something to tell. */
static bool advance(struct he_engine *e, int timeout_ms)
{
	struct rpc_piece *event = inbox_take(e->inbox, timeout_ms);
	struct he_event ev;

	if (!event)
		return false;
	for (const struct rpc_piece *p = event; p; p = p->next) {
		take_up(e, p, &ev);
		if (ev.kind)
			keep(e, &ev, false);
	}
	rpc_pieces_free(event);
	return true;
}

bool engine_take_up(struct he_engine *e, int timeout_ms)
{
	return advance(e, timeout_ms);
}

void engine_pump(struct he_engine *e)
{
	struct pollfd p = {.fd = inbox_fd(e->inbox), .events = POLLIN};

	/* Looked at first, because inbox_take would use up a cancellation that is meant for
	 * a wait. */
	for (int i = 0; i < ENGINE_TURN && poll(&p, 1, 0) > 0 && advance(e, 0); i++)
		;
}

struct he_error *engine_wait_for(struct he_engine *e, struct he_server *s,
    bool (*done)(struct he_target *t), struct he_target *t)
{
	while (!done(t)) {
		if (s->lost)
			return server_lost(s, NULL);
		if (!advance(e, -1))
			return he_error_new(E_CANCELLED, "cancelled.");
	}
	return NULL;
}

/* The next that is to be told.  A stop that is not lets its target run again. */
static bool tell(struct he_engine *e, struct he_event *ret)
{
	bool decided;

	while (take(e, ret, &decided)) {
		if (ret->kind == HE_E_THREAD_EXITED)
			step_thread_gone(ret->target, ret->tid);
		if (decided || run_decide(ret->target, ret))
			return true;
	}
	*ret = (struct he_event){.kind = HE_E_NONE};
	return false;
}

void engine_next_event(struct he_engine *e, int timeout_ms, struct he_event *ret)
{
	uint64_t end = now_ms() + (uint64_t)(timeout_ms > 0 ? timeout_ms : 0);
	int left = timeout_ms;

	*ret = (struct he_event){.kind = HE_E_NONE};
	for (int late = 0; !tell(e, ret) && late < ENGINE_TURN; late += !left) {
		uint64_t now;

		if (!advance(e, left))
			return;
		now = now_ms();
		if (timeout_ms > 0)
			left = now < end ? (int)(end - now) : 0;
	}
}

struct he_error *he_wait(struct he_engine *e, int timeout_ms, struct he_event *ret)
{
	engine_next_event(e, timeout_ms, ret);
	return NULL;
}
