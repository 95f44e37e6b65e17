/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/engine/run_parts.h"

#include <stdlib.h>

#include "common/err.h"
#include "host/engine/breakpoint.h"
#include "host/engine/catchpoint.h"
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
	buf_free(&r->caught);
	buf_free(&r->ordered);
	free(r);
}

void run_copy(struct he_target *child, const struct he_target *parent)
{
	struct run *r = child->run;

	memcpy(r->signals, parent->run->signals, sizeof(r->signals));
	buf_raw(&r->caught, parent->run->caught.p, parent->run->caught.len);
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
	if (t->stepper)
		t->stepper->cancel(t);
	breakpoints_lost(t);
}

/* One who asked for a stop and let it run again knows that it stood. */
static bool worth_deciding(const struct cause *c)
{
	return c->reason != WIRE_STOP_REQUEST && c->reason != WIRE_STOP_BORN &&
	       c->reason != WIRE_STOP_JOB;
}

bool run_undecided(const struct he_target *t)
{
	const struct run *r = t->run;

	for (size_t i = 0; i < r->n; i++)
		if (worth_deciding(&r->cause[i]))
			return true;
	return false;
}

/* ---- deciding ------------------------------------------------------------------------ */

/* What is told when neither a breakpoint nor a step knows better. */
static enum run_verdict plain(struct he_target *t, const struct cause *c, struct he_event *ev)
{
	static const enum he_reason reasons[] = {
	    [WIRE_STOP_REQUEST] = HE_R_REQUEST,
	    [WIRE_STOP_SIGNAL] = HE_R_SIGNAL,
	    [WIRE_STOP_JOB] = HE_R_JOB,
	    [WIRE_STOP_EXEC] = HE_R_EXEC,
	    [WIRE_STOP_BORN] = HE_R_BORN,
	    [WIRE_STOP_STEP] = HE_R_STEP,
	    [WIRE_STOP_LAUNCH] = HE_R_LAUNCH,
	};

	/* A thread that was born while the others came to stand has nothing to tell. */
	if (c->reason == WIRE_STOP_BORN && c->tid != t->pid)
		return RUN_ON;
	/* A hit of what is not wanted any more, events that nobody asked for (any more). */
	if (c->reason == WIRE_STOP_PATCH || c->reason >= sizeof(reasons) / sizeof(*reasons) ||
	    (c->reason && !reasons[c->reason]))
		return RUN_ON;
	ev->reason = reasons[c->reason];
	return RUN_TELL;
}

/* Its step is not what it was asked for. */
static bool steps_on(struct he_target *t, const struct cause *c)
{
	const struct wire_rec_go *asked = &t->run->asked;
	struct sym_regs regs;
	struct he_error *err;

	if (c->reason != WIRE_STOP_STEP || !c->tid || t->run->stepped != c->tid ||
	    asked->action == WIRE_RESUME_STEP)
		return false;
	if (asked->action == WIRE_RESUME_CONT)
		return true;
	err = target_sym_regs(t, c->tid, &regs);
	if (err) {
		he_error_free(err);
		return false;
	}
	return regs.pc >= asked->lo && regs.pc < asked->hi;
}

static enum run_verdict decide_one(struct he_target *t, const struct cause *c, struct he_event *ev)
{
	enum run_verdict v;

	ev->tid = c->tid;
	ev->signal = c->signal;
	v = breakpoints_on_cause(t, c, ev);
	if (v == RUN_NOT_MINE && steps_on(t, c))
		return RUN_ON;
	/* A thread that steps may come to its end at a breakpoint that does not count. */
	if (v != RUN_TELL && t->stepper) {
		enum run_verdict step = t->stepper->on_cause(t, c, ev);

		v = step == RUN_NOT_MINE ? v : step;
	}
	if (v == RUN_NOT_MINE)
		v = plain(t, c, ev);
	return v;
}

/* The first cause that is to be told; those before it are dropped. */
static bool decide_causes(struct he_target *t, struct he_event *ev)
{
	struct he_event blank = *ev;
	struct run *r = t->run;

	while (r->n) {
		struct cause c = r->cause[0];
		enum run_verdict v;

		/* Taken out first: deciding may want to look at the target. */
		r->cause[0].hit = NULL;
		drop_cause(r, 0);
		*ev = blank;
		v = decide_one(t, &c, ev);
		free(c.hit);
		if (v == RUN_TELL)
			return true;
		if (t->state == HE_GONE)
			return false;
	}
	return false;
}

/* A step that is not what is being told ends. */
static void end_step(struct he_target *t, const struct he_event *ev)
{
	if (t->stepper && ev->reason != HE_R_STEP)
		t->stepper->cancel(t);
}

void run_plan_continue(struct he_target *t, uint64_t tid, struct run_plan *plan)
{
	(void)t;
	*plan = (struct run_plan){.n = 1,
	    .v[0] = {.tid = tid, .action = WIRE_RESUME_CONT, .signal = -1},
	    .stop = t->engine->handling.settings.non_stop ? WIRE_STOPS_THREAD : WIRE_STOPS_ALL};
}

/* Nothing was to be told: on as before. */
static struct he_error *go_on(struct he_target *t)
{
	struct run_plan plan;

	run_plan_continue(t, t->run->alone, &plan);
	if (t->stepper)
		t->stepper->plan(t, &plan);
	return run_go(t, &plan);
}

static bool any_stands(const struct he_target *t)
{
	for (size_t i = 0; i < t->threads.n; i++)
		if (t->threads.v[i].state == HE_T_STOPPED)
			return true;
	return false;
}

/* It cannot be let run, or the person wants it to stand: that is told instead. */
static bool tell_stopped(struct he_target *t, struct he_event *ev, struct he_error *err)
{
	const struct he_config *c = &t->engine->config;

	if (err && err->code != E_CANCELLED && c->notice)
		c->notice(c->arg, err->message);
	he_error_free(err);
	ev->reason = HE_R_REQUEST;
	return t->state != HE_GONE;
}

static bool decide(struct he_target *t, struct he_event *ev)
{
	struct run *r = t->run;
	struct he_event blank = *ev;
	struct he_error *err;

	if (decide_causes(t, ev)) {
		r->interrupting = false;
		end_step(t, ev);
		return true;
	}
	*ev = blank;
	if (t->state == HE_GONE || !any_stands(t))
		return false;
	if (r->interrupting) {
		r->interrupting = false;
		end_step(t, ev);
		return tell_stopped(t, ev, NULL);
	}
	err = go_on(t);
	if (!err || err->code != E_CANCELLED)
		return err ? tell_stopped(t, ev, err) : false;
	/* The person broke in while it was let run again: whether it does is not known, but
	 * this stop it will tell. */
	he_error_free(err);
	r->interrupting = true;
	he_error_free(t->ops->interrupt(t, 0));
	return false;
}

bool run_decide(struct he_target *t, struct he_event *ev)
{
	uint64_t generation = ev->generation;
	bool tell;

	if (t->state == HE_GONE)
		return true;
	if (!t->raw && !t->run->n)
		return generation > t->run->decided;
	t->run->decided = t->generation;
	t->depth++;
	tell = t->raw ? raw_decide(t, ev) : decide(t, ev);
	he_error_free(target_leave(t, NULL));
	return tell;
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

struct he_error *run_go(struct he_target *t, const struct run_plan *plan)
{
	struct he_error *err = may_run(t), *why = NULL;

	if (err)
		return err;
	err = flight_go(t, plan);
	/* Code is not what its file has: with what runs it may go. */
	if (flight_refused(err) && patches_other_code(t)) {
		he_error_free(err);
		err = flight_go(t, plan);
	}
	if (err)
		t->threads.complete = false;
	if (t->stepper && (!err || flight_refused(err)))
		why = t->stepper->flown(t, !err);
	if (why)
		he_error_free(err);
	return why ? why : err;
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

struct he_error *run_ready(struct he_target *t, bool *told)
{
	struct he_event ev = {.kind = HE_E_STOPPED, .target = t, .server = t->server};
	struct he_error *err = run_met(t);

	*told = false;
	if (err || !run_undecided(t))
		return err;
	t->run->decided = t->generation;
	*told = decide_causes(t, &ev);
	if (!*told)
		return NULL;
	end_step(t, &ev);
	engine_keep_event(t->engine, &ev);
	return NULL;
}

static struct he_error *go(struct he_target *t, const struct run_plan *plan)
{
	struct he_error *err;
	bool told;

	err = run_ready(t, &told);
	if (err || told)
		return err;
	if (t->stepper)
		t->stepper->cancel(t);
	t->run->alone = plan->n == 1 ? plan->v[0].tid : 0;
	t->run->interrupting = false;
	return run_go(t, plan);
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
	if (others)
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
	t->stop_due = t->stop_due || !err;
	t->run->interrupting = t->run->interrupting || !err;
	return target_leave(t, err);
}
