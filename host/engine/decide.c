/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a stop means: told, or swallowed, after which it goes on as before.
 */
#include <stdlib.h>

#include "common/err.h"
#include "host/engine/catchpoint.h"
#include "host/engine/engine.h"
#include "host/engine/raw.h"
#include "host/engine/run_parts.h"
#include "host/errtext.h"

static bool non_stop(const struct he_target *t)
{
	return t->engine->handling.settings.non_stop;
}

enum wire_stop_scope run_scope(const struct he_target *t)
{
	return non_stop(t) ? WIRE_STOPS_THREAD : WIRE_STOPS_ALL;
}

/* ---- causes ----------------------------------------------------------------------------- */

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

/* One who asked for a stop and let it run again knows that it stood. */
static bool worth_deciding(const struct cause *c)
{
	return c->reason != WIRE_STOP_REQUEST && c->reason != WIRE_STOP_BORN &&
	       c->reason != WIRE_STOP_JOB;
}

/* Of a thread, 0 = of any. */
static bool has_undecided(const struct run *r, uint64_t tid)
{
	for (size_t i = 0; i < r->n; i++)
		if ((!tid || r->cause[i].tid == tid) && worth_deciding(&r->cause[i]))
			return true;
	return false;
}

/* Who stands because others do has nothing to tell. */
static void drop_late(struct run *r)
{
	struct cause c;

	for (size_t i = r->n; i-- > 0;)
		if (!worth_deciding(&r->cause[i])) {
			run_take(r, i, &c);
			free(c.hit);
		}
}

bool run_was_late(struct he_target *t)
{
	struct run *r = t->run;

	if (r->interrupting || has_undecided(r, 0))
		return false;
	r->decided = t->generation;
	drop_late(r);
	return true;
}

/* The next that is to be decided. */
static bool next_cause(struct run *r, uint64_t tid, struct cause *ret)
{
	size_t i = 0;

	while (i < r->n && tid && r->cause[i].tid != tid)
		i++;
	if (i == r->n)
		return false;
	/* Taken out first: deciding may want to look at the target. */
	run_take(r, i, ret);
	return true;
}

/* The first cause (of thread tid, 0 = of any) that is to be told; those before it are
 * dropped. */
static bool decide_causes(struct he_target *t, uint64_t tid, struct he_event *ev)
{
	struct he_event blank = *ev;
	struct cause c;

	while (next_cause(t->run, tid, &c)) {
		enum run_verdict v;

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

/* ---- going on ----------------------------------------------------------------------------- */

static bool any_stands(const struct he_target *t)
{
	for (size_t i = 0; i < t->threads.n; i++)
		if (t->threads.v[i].state == HE_T_STOPPED)
			return true;
	return false;
}

/* The next records, of threads beyond *after, which moves on. */
static void plan_some(struct he_target *t, uint64_t *after, struct run_plan *plan)
{
	uint64_t tid;

	*plan = (struct run_plan){.stop = (uint8_t)run_scope(t)};
	while (plan->n < PLAN_MAX && (tid = held_next_not(t, *after))) {
		struct wire_rec_go *go = &plan->v[plan->n++];

		*after = tid;
		*go = (struct wire_rec_go){.tid = tid, .action = WIRE_RESUME_CONT, .signal = -1};
		if (t->stepper)
			t->stepper->go(t, tid, go);
	}
}

struct he_error *run_go_each(struct he_target *t)
{
	struct he_error *err = NULL;
	struct run_plan plan;
	uint64_t after = 0;

	for (plan_some(t, &after, &plan); plan.n && !err; plan_some(t, &after, &plan))
		err = run_go(t, &plan);
	return err;
}

static struct he_error *go_on(struct he_target *t)
{
	const struct run *r = t->run;
	struct run_plan plan;

	if (r->held.n || non_stop(t))
		return run_go_each(t);
	run_plan_continue(t, 0, &plan);
	if (t->stepper)
		t->stepper->plan(t, &plan);
	return run_go(t, &plan);
}

static void say(const struct he_target *t, struct he_error *err)
{
	const struct he_config *c = &t->engine->config;

	if (err && err->code != E_CANCELLED && c->notice)
		c->notice(c->arg, err->message);
	he_error_free(err);
}

/* ---- told --------------------------------------------------------------------------------- */

/* A step that is not what is being told ends. */
static void end_step(struct he_target *t, const struct he_event *ev)
{
	if (t->stepper && ev->reason != HE_R_STEP)
		t->stepper->cancel(t, non_stop(t) ? ev->tid : 0);
}

/* Whoever does not stand for it goes on, and what else has happened is told, too. */
static void go_on_beside(struct he_target *t, const struct he_event *ev)
{
	struct run *r = t->run;

	if (r->n)
		engine_keep_stop(t);
	if (r->stands)
		return;
	held_add(r, ev->tid);
	say(t, run_go_each(t));
}

static void told(struct he_target *t, const struct he_event *ev)
{
	struct run *r = t->run;

	if (!non_stop(t) || !r->interrupted || r->interrupted == ev->tid)
		r->interrupting = false;
	end_step(t, ev);
	if (non_stop(t)) {
		go_on_beside(t, ev);
		return;
	}
	r->stands = t->state == HE_STOPPED;
	held_take(t, NULL);
}

/* It cannot be let run, or the person wants it to stand: that is told instead. */
static bool tell_stopped(struct he_target *t, struct he_event *ev, struct he_error *err)
{
	if (t->state == HE_GONE) {
		he_error_free(err);
		return false;
	}
	say(t, err);
	ev->reason = HE_R_REQUEST;
	told(t, ev);
	return true;
}

/* The person wants it to stand, and it does. */
static bool is_asked(const struct he_target *t, struct he_event *ev)
{
	const struct run *r = t->run;

	if (!r->interrupting || !non_stop(t) || !r->interrupted)
		return r->interrupting;
	if (!held_not(t, r->interrupted))
		return false;
	ev->tid = r->interrupted;
	return true;
}

/* ---- deciding ------------------------------------------------------------------------------- */

static bool decide(struct he_target *t, struct he_event *ev)
{
	struct run *r = t->run;
	struct he_event blank = *ev;
	struct he_error *err;

	if (decide_causes(t, 0, ev)) {
		told(t, ev);
		return true;
	}
	*ev = blank;
	if (t->state == HE_GONE || !any_stands(t))
		return false;
	if (is_asked(t, ev))
		return tell_stopped(t, ev, NULL);
	if (r->stands)
		return false;
	err = go_on(t);
	if (flight_overtaken(err)) {
		/* That one is next. */
		he_error_free(err);
		return false;
	}
	if (!err || err->code != E_CANCELLED)
		return err ? tell_stopped(t, ev, err) : false;
	/* The person broke in while it was let run again: whether it does is not known, but
	 * this stop it will tell. */
	he_error_free(err);
	t->run->interrupting = true;
	t->run->interrupted = 0;
	he_error_free(t->ops->interrupt(t, 0));
	return false;
}

/* Somebody was late for what the person has been told; what he has to tell waits for his
 * word. */
static bool waits(const struct he_target *t)
{
	return !t->raw && t->run->stands && !t->run->interrupting && !non_stop(t);
}

bool run_decide(struct he_target *t, struct he_event *ev)
{
	uint64_t generation = ev->generation;
	bool tell;

	if (t->state == HE_GONE)
		return true;
	if (waits(t)) {
		drop_late(t->run);
		return false;
	}
	if (!t->raw && !t->run->n)
		return generation > t->run->decided;
	t->run->decided = t->generation;
	t->depth++;
	tell = t->raw ? raw_decide(t, ev) : decide(t, ev);
	he_error_free(target_leave(t, NULL));
	return tell;
}

struct he_error *run_ready(struct he_target *t, uint64_t tid, bool *ret)
{
	struct he_event ev = {.kind = HE_E_STOPPED, .target = t, .server = t->server};
	struct he_error *err = run_met(t);

	tid = non_stop(t) ? tid : 0;
	*ret = false;
	if (err || !has_undecided(t->run, tid))
		return err;
	t->run->decided = t->generation;
	*ret = decide_causes(t, tid, &ev);
	if (!*ret)
		return NULL;
	engine_keep_event(t->engine, &ev);
	told(t, &ev);
	return NULL;
}
