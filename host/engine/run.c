/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/engine/run_parts.h"

#include <stdlib.h>

#include "common/err.h"
#include "host/engine/breakpoint.h"
#include "host/engine/engine.h"
#include "host/engine/patches.h"
#include "host/engine/raw.h"
#include "host/errtext.h"

struct run *run_new(void)
{
	struct run *r = calloc(1, sizeof(*r));

	if (r) {
		buf_init(&r->caught, WIRE_PIECE);
		buf_init(&r->ordered, WIRE_PIECE);
	}
	return r;
}

static void drop_cause(struct run *r, size_t i)
{
	free(r->cause[i].hit);
	r->n--;
	memmove(&r->cause[i], &r->cause[i + 1], (r->n - i) * sizeof(r->cause[i]));
}

void run_take(struct run *r, size_t i, struct cause *ret)
{
	*ret = r->cause[i];
	r->cause[i].hit = NULL;
	drop_cause(r, i);
}

void run_free(struct run *r)
{
	if (!r)
		return;
	while (r->n)
		drop_cause(r, r->n - 1);
	free(r->cause);
	free(r->note);
	free(r->held.v);
	free(r->came.v);
	buf_free(&r->caught);
	buf_free(&r->ordered);
	free(r);
}

void run_copy(struct he_target *child, const struct he_target *parent)
{
	struct run *r = child->run;

	memcpy(r->signals, parent->run->signals, sizeof(r->signals));
	buf_raw(&r->caught, parent->run->caught.p, parent->run->caught.len);
	r->unsure = parent->run->unsure || r->caught.bad;
}

/* ---- taking up ------------------------------------------------------------------ */

void run_note_hits(struct he_target *t, const struct wire_causes *q)
{
	struct run *r = t->run;
	struct span list = q->causes;
	struct wire_rec_cause c;

	if (q->generation != r->noted) {
		r->n_notes = 0;
		r->noted = q->generation;
	}
	while (wire_next_cause(&list, &c) && r->n_notes < CAUSES_MAX) {
		struct note *v = r->note;

		if (!c.tid) {
			breakpoints_counted(t, c.patch, c.hits);
			continue;
		}
		/* Grown at powers of two. */
		if ((r->n_notes & (r->n_notes - 1)) == 0)
			v = realloc(v, (r->n_notes ? 2 * r->n_notes : 1) * sizeof(*v));
		if (!v)
			return;
		r->note = v;
		v[r->n_notes++] = (struct note){c.tid, {.patch = c.patch,
							   .err = c.err,
							   .addr = c.addr,
							   .hits = c.hits,
							   .value = c.value}};
	}
}

/* The hits of one thread; they stand together. */
static void give_hits(const struct run *r, struct cause *c, size_t *from)
{
	size_t i = *from, end;

	if (i >= r->n_notes || r->note[i].tid != c->tid)
		for (i = 0; i < r->n_notes && r->note[i].tid != c->tid; i++)
			;
	for (end = i; end < r->n_notes && r->note[end].tid == c->tid; end++)
		;
	if (end == i)
		return;
	c->hit = calloc(end - i, sizeof(*c->hit));
	for (*from = end; c->hit && i < end; i++)
		c->hit[c->n_hits++] = r->note[i].hit;
}

static struct cause *add_cause(struct run *r)
{
	if (r->n == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 8;
		struct cause *v = cap <= CAUSES_MAX ? realloc(r->cause, cap * sizeof(*v)) : NULL;

		if (!v)
			return NULL;
		r->cause = v;
		r->cap = cap;
	}
	r->cause[r->n] = (struct cause){.tid = 0};
	return &r->cause[r->n++];
}

void run_note_stops(struct he_target *t, struct span stops)
{
	struct run *r = t->run;
	struct wire_rec_stop s;
	size_t from = 0;

	while (wire_next_stop(&stops, &s)) {
		struct cause *c = add_cause(r);

		if (!c)
			return;
		c->tid = s.tid;
		c->reason = s.reason;
		c->signal = s.signal;
		if (r->noted == t->generation)
			give_hits(r, c, &from);
		if (t->raw)
			raw_note_stop(t, &s);
	}
}

void run_forget(struct he_target *t, uint64_t tid)
{
	struct run *r = t->run;

	for (size_t i = r->n; i-- > 0;)
		if (!tid || r->cause[i].tid == tid)
			drop_cause(r, i);
	if (t->raw)
		raw_forget(t, tid);
}

void run_executed(struct he_target *t)
{
	if (t->raw)
		raw_executed(t);
	run_forget(t, 0);
	came_left(t, 0);
	if (t->stepper)
		t->stepper->cancel(t, 0);
	breakpoints_lost(t);
}

/* ---- letting it run --------------------------------------------------------------------- */

struct he_error *run_sync(struct he_target *t)
{
	struct he_error *err;

	if (!t->ops->run || t->state == HE_LOOKING)
		return NULL;
	err = flight_go(t, NULL);
	/* What the file says is not what runs: once more with what does. */
	if (!err && patches_other_code(t))
		err = flight_go(t, NULL);
	return err;
}

static struct he_error *may_run(const struct he_target *t)
{
	if (!t->ops->run)
		return he_error_new(E_STATE, "this target cannot run.");
	if (t->state == HE_LOOKING)
		return he_error_new(E_STATE, "this target is only looked at: it runs already.");
	return NULL;
}

static struct he_error *fly(struct he_target *t, const struct run_plan *plan)
{
	struct he_error *err = flight_go(t, plan);

	/* Code is not what its file has: with what runs it may go. */
	if (flight_refused(err) && !flight_overtaken(err) && patches_other_code(t)) {
		he_error_free(err);
		err = flight_go(t, plan);
	}
	return err;
}

struct he_error *run_go(struct he_target *t, const struct run_plan *plan)
{
	struct he_error *err = may_run(t), *why = NULL;

	if (err)
		return err;
	for (err = fly(t, plan); flight_overtaken(err) && run_was_late(t); err = fly(t, plan))
		he_error_free(err);
	if (err && !flight_overtaken(err))
		t->threads.complete = false;
	if (t->stepper && (!err || flight_refused(err)))
		why = t->stepper->flown(t, !err);
	if (why)
		he_error_free(err);
	return why ? why : err;
}

void run_plan_continue(struct he_target *t, uint64_t tid, struct run_plan *plan)
{
	*plan = (struct run_plan){.n = 1,
	    .v[0] = {.tid = tid, .action = WIRE_RESUME_CONT, .signal = -1},
	    .stop = (uint8_t)run_scope(t)};
}

/* ---- for the caller -------------------------------------------------------------------- */

static bool stop_met(struct he_target *t)
{
	return !t->stop_due || t->state != HE_RUNNING;
}

/* A stop under way is reported by the agent even when a resume overtakes it: taken up
 * later, it would be believed to be the newest state. */
static struct he_error *meet_stop(struct he_target *t)
{
	char title[TARGET_TITLE];
	struct he_error *err =
	    t->server ? engine_wait_for(t->engine, t->server, stop_met, t) : NULL;

	if (!err && t->state == HE_GONE)
		err = he_error_new(E_GONE, "%s has ended.", target_title(t, title));
	return err;
}

struct he_error *run_met(struct he_target *t)
{
	struct he_error *err = may_run(t);

	return err ? err : meet_stop(t);
}

void run_shown(struct he_target *t)
{
	run_forget(t, 0);
	t->run->stands = t->state == HE_STOPPED;
}

void run_asked(struct he_target *t, uint64_t tid)
{
	t->stop_due = t->run->interrupting = true;
	t->run->interrupted = tid;
	if (!tid && run_scope(t) == WIRE_STOPS_THREAD)
		t->run->stands = true;
}

bool run_alone(const struct he_target *t)
{
	const struct he_settings *s = &t->engine->handling.settings;

	return s->non_stop || s->scheduler == HE_LOCK_ON;
}

/* The one thread it lets run, 0 = several. */
static uint64_t one_of(const struct run_plan *plan)
{
	return plan->n == 1 ? plan->v[0].tid : 0;
}

void run_end_step(struct he_target *t, const struct run_plan *plan)
{
	uint64_t tid = one_of(plan);

	/* In non-stop others that step go on doing so. */
	if (t->stepper && (tid || run_scope(t) == WIRE_STOPS_ALL))
		t->stepper->cancel(t, run_scope(t) == WIRE_STOPS_ALL ? 0 : tid);
}

/* In non-stop a thread may just have hit something that nobody here has heard of yet: it is
 * not among the others. */
static struct he_error *go_all(struct he_target *t, const struct run_plan *plan)
{
	struct run_plan named = *plan;
	struct he_error *err = NULL;

	named.n--;
	if (run_scope(t) == WIRE_STOPS_ALL || plan->v[named.n].tid)
		return run_go(t, plan);
	if (named.n)
		err = run_go(t, &named);
	return err ? err : run_go_each(t);
}

static struct he_error *let(struct he_target *t, const struct run_plan *plan)
{
	struct run *r = t->run;
	uint64_t tid = one_of(plan);

	if (run_scope(t) == WIRE_STOPS_ALL || !tid || tid == r->interrupted)
		r->interrupting = false;
	held_take(t, plan);
	return go_all(t, plan);
}

struct he_error *run_let(struct he_target *t, const struct run_plan *plan)
{
	struct he_error *err = let(t, plan);
	bool told = false;

	while (flight_overtaken(err) && !told) {
		he_error_free(err);
		err = run_ready(t, one_of(plan), &told);
		if (!err && !told)
			err = let(t, plan);
	}
	return err;
}

static struct he_error *go(struct he_target *t, const struct run_plan *plan)
{
	struct he_error *err;
	bool told;

	err = run_ready(t, one_of(plan), &told);
	if (err || told)
		return err;
	run_end_step(t, plan);
	return run_let(t, plan);
}

struct he_error *he_continue(struct he_target *t, uint64_t tid)
{
	struct he_error *err = target_enter(t);
	struct run_plan plan;

	if (err)
		return err;
	run_plan_continue(t, tid, &plan);
	return target_leave(t, go(t, &plan));
}

struct he_error *he_continue_with(struct he_target *t, uint64_t tid, uint32_t signal, bool others)
{
	struct he_error *err = target_enter(t);
	struct run_plan plan;

	if (err)
		return err;
	run_plan_continue(t, tid, &plan);
	plan.v[0].signal = (int32_t)signal;
	if (others && !run_alone(t))
		plan.v[plan.n++] = (struct wire_rec_go){.action = WIRE_RESUME_CONT, .signal = -1};
	return target_leave(t, go(t, &plan));
}

struct he_error *he_interrupt(struct he_target *t, uint64_t tid)
{
	struct he_error *err = target_enter(t);

	if (err)
		return err;
	if (!t->ops->interrupt || t->state == HE_LOOKING)
		return target_leave(t,
		    he_error_new(E_STATE, "this target is only looked at: it cannot be stopped."));
	err = t->ops->interrupt(t, tid);
	if (!err)
		run_asked(t, tid);
	return target_leave(t, err);
}
