/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Requests go and resume.
 */
#include <string.h>

#include "handlers.h"
#include "loss.h"
#include "serve.h"
#include "target.h"
#include "tracer.h"

static int check(struct call *c, const struct wire_rec_go *g)
{
	const struct tracee *t;

	if (g->action > WIRE_RESUME_RANGE || g->signal < -1 || g->signal > 64)
		return E_MALFORMED;
	if (g->action == WIRE_RESUME_RANGE && g->lo >= g->hi)
		return E_MALFORMED;
	/* A signal of the host's choice changes the target, as send_signal does. */
	if (g->signal > 0 && !(c->tracer->session.rights & 1u << WIRE_R_WRITE))
		return E_RIGHT;
	if (!g->tid)
		return E_OK;
	t = tracee_named(c, g->tid);
	if (!t)
		return E_NO_THREAD;
	if (t->state == TRACEE_STANDS && (t->held || t->reported))
		return E_OK;
	c->fault.addr = g->tid;
	return E_RUNNING;
}

/* Whatever it has come to counts anew: a debugger that steps over its breakpoints itself
 * plants them where threads stand, to be hit. */
static void begin_anew(struct tracee *t)
{
	memset(t->arrivals, 0, sizeof(t->arrivals));
	t->since = ++t->target->moment;
}

static void choose(struct tracee *t, const struct wire_rec_go *g, uint8_t scope)
{
	t->chosen = true;
	t->action = g->action;
	t->lo = g->lo;
	t->hi = g->hi;
	t->deliver = (uint8_t)(g->signal + 1);
	t->step_scope = (uint8_t)(scope & ~WIRE_GO_HITS);
	if (scope & WIRE_GO_HITS)
		begin_anew(t);
}

/* The first record that names a thread holds for it. */
static void choose_all(struct call *c, const struct wire_rec_go *g, uint8_t scope)
{
	if (g->tid) {
		struct tracee *t = tracee_named(c, g->tid);

		if (!t->chosen)
			choose(t, g, scope);
		return;
	}
	for (struct tracee *t = c->target->first; t; t = t->next)
		if (!t->chosen && (t->held || t->reported))
			choose(t, g, scope);
}

static void start(struct target *tg)
{
	for (struct tracee *t = tg->first; t; t = t->next)
		if (t->chosen)
			t->held = t->reported = false;
	for (struct tracee *t = tg->first; t; t = t->next) {
		bool goes = t->chosen && t->state == TRACEE_STANDS && !tracee_has_to_stand(t);

		t->chosen = false;
		if (goes)
			trace_go(t, t->deliver - 1);
	}
	loss_budget(tg);
	trace_collect(tg);
}

/* A patch without which it must not go is not there. */
static int may_go(struct call *c)
{
	struct target *tg = c->target;
	int err = tg->missing_patch;

	tg->missing_patch = E_OK;
	if (tg->how == WIRE_ATTACH_LOOK || tg->leaving)
		return E_STATE;
	if (err != E_OK)
		c->fault.addr = tg->missing_at;
	return err;
}

/* A stop under way is reported before it is undone: each has its event. */
static void tell_stop(struct target *tg)
{
	if (tg->push)
		trace_push(tg);
}

static void begin(struct call *c, uint8_t scope)
{
	serve_ok(c->reply);
	tell_stop(c->target);
	c->target->hold_all = false;
	c->target->stop_scope = scope;
}

static int check_all(struct call *c, struct span threads, uint8_t stop)
{
	int err = may_go(c);
	struct wire_rec_go g;

	if ((stop & ~WIRE_GO_HITS) > WIRE_STOPS_THREAD)
		return E_MALFORMED;
	while (err == E_OK && wire_next_go(&threads, &g))
		err = check(c, &g);
	return err;
}

static int let_go(struct call *c, struct span threads, uint8_t stop)
{
	struct wire_rec_go g;

	begin(c, (uint8_t)(stop & ~WIRE_GO_HITS));
	while (wire_next_go(&threads, &g))
		choose_all(c, &g, stop);
	start(c->target);
	return E_OK;
}

int on_go(struct call *c)
{
	struct wire_go m;
	int err;

	wire_decode_go(c->body, &m);
	err = check_all(c, m.threads, m.stop);
	return err == E_OK ? let_go(c, m.threads, m.stop) : err;
}

int on_go_after(struct call *c)
{
	struct wire_go_after m;
	int err;

	wire_decode_go_after(c->body, &m);
	err = check_all(c, m.threads, m.stop);
	if (err != E_OK)
		return err;
	tell_stop(c->target);
	if (m.generation < c->target->generation)
		return E_NEWER;
	return let_go(c, m.threads, m.stop);
}

static struct wire_rec_go as_go(const struct wire_rec_resume *r)
{
	return (struct wire_rec_go){.tid = r->tid, .action = r->action, .signal = r->signal};
}

int on_resume(struct call *c)
{
	struct wire_resume m;
	struct wire_rec_resume r;
	struct wire_rec_go g;
	struct span list;
	int err = may_go(c);

	wire_decode_resume(c->body, &m);
	for (list = m.threads; err == E_OK && wire_next_resume(&list, &r);) {
		g = as_go(&r);
		err = r.action == WIRE_RESUME_CONT ? check(c, &g) : E_MALFORMED;
	}
	if (err != E_OK)
		return err;
	begin(c, WIRE_STOPS_ALL);
	while (wire_next_resume(&m.threads, &r)) {
		g = as_go(&r);
		choose_all(c, &g, WIRE_STOPS_ALL);
	}
	start(c->target);
	return E_OK;
}
