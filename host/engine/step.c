/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Steps on their way: begun, asked at each stop of their thread whether that is the end,
 * and ended.
 */
#include "host/engine/step.h"

#include <stdlib.h>

#include "common/err.h"
#include "host/engine/engine.h"
#include "host/engine/rendezvous.h"
#include "host/engine/step_value.h"
#include "host/errtext.h"

static struct step *of(const struct he_target *t, uint64_t tid)
{
	struct step *st = t->step;

	while (st && st->tid != tid)
		st = st->next;
	return st;
}

static void end(struct step *st)
{
	struct he_target *t = st->target;
	struct step *first = t->step, **at = &first;

	while (*at != st)
		at = &(*at)->next;
	*at = st->next;
	t->step = first;
	if (!first)
		t->stepper = NULL;
	plan_begin(st);
	free(st);
}

static void cancel(struct he_target *t, uint64_t tid)
{
	struct step *next;

	for (struct step *st = t->step; st; st = next) {
		next = st->next;
		if (!tid || st->tid == tid)
			end(st);
	}
}

/* ---- a stop ------------------------------------------------------------------------- */

static bool is_mine(const struct step *st, uint32_t patch)
{
	for (unsigned i = 0; i < st->n_patches; i++)
		if (st->patches[i] == patch)
			return true;
	return false;
}

/* Has its thread come to where something has to be decided?  One that runs to patches does
 * not by hitting somebody else's. */
static bool concerns(const struct step *st, const struct cause *c)
{
	if (c->reason == WIRE_STOP_STEP)
		return true;
	for (size_t i = 0; i < c->n_hits; i++)
		if (is_mine(st, c->hit[i].patch))
			return true;
	return c->reason == WIRE_STOP_PATCH && st->go.action != WIRE_RESUME_CONT;
}

/* The next of several, or it is over. */
static struct he_error *finish_one(struct step *st, struct standing *now, enum step_outcome *ret)
{
	struct he_error *err = NULL;

	while (!err && *ret == STEP_DONE && --st->left) {
		*ret = STEP_ON;
		st->began = st->landing = false;
		st->function = now->spot.function;
		err = step_where(st->target, st->tid, now);
		if (!err)
			err = st->row->plan(st, now, ret);
		st->began = true;
	}
	return err;
}

/* The dynamic linker is about to jump to the function it has found. */
static bool was_bound(const struct step *st, const struct cause *c)
{
	for (size_t i = 0; i < c->n_hits; i++)
		if (st->bound && c->hit[i].patch == st->bound)
			return true;
	return false;
}

static struct he_error *met(
    struct step *st, const struct cause *c, struct standing *now, enum step_outcome *ret)
{
	bool hook = false;
	struct he_error *err = step_where(st->target, st->tid, now);

	*ret = STEP_ON;
	if (!err)
		err = plan_landing(st, c, now, &hook);
	if (err || hook)
		return err;
	if (was_bound(st, c)) {
		plan_begin(st);
		plan_insn(st);
		return NULL;
	}
	err = st->row->plan(st, now, ret);
	return err ? err : finish_one(st, now, ret);
}

static void tell(struct step *st, const struct standing *now, struct he_event *ev)
{
	ev->reason = HE_R_STEP;
	ev->signal = 0;
	ev->same_frame = frame_same(&now->id, &st->id) && now->spot.function == st->function &&
			 !st->row->running;
	if (st->returned)
		ev->result = step_value(st, now);
	end(st);
}

/* It cannot be judged: it stands, which is told, and why. */
static enum run_verdict fail(struct step *st, struct he_event *ev, struct he_error *err)
{
	const struct he_target *t = st->target;
	const struct he_config *c = &t->engine->config;

	if (err->code != E_CANCELLED && c->notice)
		c->notice(c->arg, err->message);
	he_error_free(err);
	ev->reason = HE_R_STEP;
	end(st);
	return t->state == HE_GONE ? RUN_ON : RUN_TELL;
}

static enum run_verdict on_cause(struct he_target *t, const struct cause *c, struct he_event *ev)
{
	struct step *st = of(t, c->tid);
	enum step_outcome outcome;
	struct standing now;
	struct he_error *err;

	if (!st || !concerns(st, c))
		return RUN_NOT_MINE;
	err = met(st, c, &now, &outcome);
	if (err)
		return fail(st, ev, err);
	if (outcome == STEP_ON)
		return RUN_ON;
	tell(st, &now, ev);
	return RUN_TELL;
}

/* ---- going on ------------------------------------------------------------------------- */

static bool alone(const struct step *st)
{
	enum he_scheduler s = st->target->engine->handling.settings.scheduler;

	return s == HE_LOCK_ON || (s == HE_LOCK_STEP && !st->row->running);
}

static void plan_of(const struct step *st, struct run_plan *plan)
{
	*plan = (struct run_plan){.n = 1, .v[0] = st->go, .stop = (uint8_t)run_scope(st->target)};
	if (plan->stop == WIRE_STOPS_ALL && !alone(st))
		plan->v[plan->n++] = (struct wire_rec_go){.action = WIRE_RESUME_CONT, .signal = -1};
}

static void make_plan(struct he_target *t, struct run_plan *plan)
{
	plan_of(t->step, plan);
}

static bool go_of(const struct he_target *t, uint64_t tid, struct wire_rec_go *ret)
{
	const struct step *st = of(t, tid);

	if (st)
		*ret = st->go;
	return st != NULL;
}

/* A patch of it that could not be planted; NULL = none. */
static const struct patch *missing(const struct step *st)
{
	for (unsigned i = 0; i < st->n_patches; i++) {
		const struct patch *p = patches_find(st->target, st->patches[i]);

		if (p && p->err != E_OK)
			return p;
	}
	return NULL;
}

/* Without its patches the thread would run away. */
static struct he_error *hold_back(struct step *st, const struct patch *p, bool runs)
{
	struct he_target *t = st->target;
	uint64_t tid = run_scope(t) == WIRE_STOPS_ALL ? 0 : st->tid;
	struct he_error *why =
	    he_error_new(p->err, "stepping needs a breakpoint at 0x%llx, which cannot be set: %s.",
		(unsigned long long)p->want.addr, err_text(p->err));

	end(st);
	if (runs)
		he_error_free(t->ops->interrupt(t, tid));
	t->stop_due = t->stop_due || runs;
	return why;
}

static struct he_error *flown(struct he_target *t, bool runs)
{
	struct he_error *first = NULL;
	struct step *next;

	for (struct step *st = t->step; st && t->state != HE_GONE; st = next) {
		const struct patch *p = missing(st);
		struct he_error *err = NULL;

		next = st->next;
		if (p)
			err = hold_back(st, p, runs);
		if (first)
			he_error_free(err);
		else
			first = err;
	}
	return first;
}

static const struct stepper stepper = {
    .on_cause = on_cause, .plan = make_plan, .go = go_of, .flown = flown, .cancel = cancel};

/* ---- beginning -------------------------------------------------------------------------- */

struct step *step_new(struct he_target *t, uint64_t tid, const struct step_row *row)
{
	struct step *st = calloc(1, sizeof(*st));

	if (!st)
		return NULL;
	st->target = t;
	st->tid = tid;
	st->row = row;
	st->left = 1;
	return st;
}

/* It is over without having run. */
static void over_at_once(struct step *st, const struct standing *now)
{
	struct he_target *t = st->target;
	struct he_event ev = {.kind = HE_E_STOPPED,
	    .target = t,
	    .server = t->server,
	    .tid = st->tid,
	    .generation = t->generation};

	tell(st, now, &ev);
	engine_keep_event(t->engine, &ev);
}

/* Each stop asks what stands where, but not each for the libraries: the linker tells when
 * that has changed. */
static struct he_error *watch_libraries(struct he_target *t)
{
	t->stepped = true;
	return rendezvous_guards(t) ? NULL : rendezvous_plant(t);
}

struct he_error *step_start(struct step *st, struct standing *now)
{
	struct he_target *t = st->target;
	enum step_outcome outcome = STEP_ON;
	uint64_t tid = st->tid;
	struct run_plan plan;
	struct he_error *err;

	if (t->stepper)
		t->stepper->cancel(t, run_scope(t) == WIRE_STOPS_ALL ? 0 : st->tid);
	st->next = t->step;
	t->step = st;
	t->stepper = &stepper;
	st->function = now->spot.function;
	err = watch_libraries(t);
	if (!err)
		err = st->row->plan(st, now, &outcome);
	st->began = true;
	if (!err)
		err = finish_one(st, now, &outcome);
	if (!err && outcome == STEP_DONE) {
		over_at_once(st, now);
		return NULL;
	}
	if (!err) {
		plan_of(st, &plan);
		err = run_let(t, &plan);
	}
	/* It may be over already, for want of a patch. */
	if (err && of(t, tid) == st)
		end(st);
	return err;
}

/* A signal that the thread stopped with has a handler to run first. */
static bool enters(const struct he_target *t, uint64_t tid)
{
	const struct thread *h = threads_find(&t->threads, tid);
	uint32_t sig = h ? h->signal : 0;

	return sig && sig <= HE_SIGNALS && t->engine->handling.v[sig].pass;
}

static struct he_error *step(struct he_target *t, uint64_t tid, enum he_step how, uint64_t count)
{
	static const struct step_row rows[] = {
	    [HE_STEP_INTO] = {.plan = step_line},
	    [HE_STEP_OVER] = {.plan = step_line},
	    [HE_STEP_UNTIL] = {.plan = step_line},
	    [HE_STEP_INSN] = {.plan = step_insn},
	    [HE_STEP_INSN_OVER] = {.plan = step_insn},
	};
	struct standing now;
	struct step *st;
	struct he_error *err;
	bool told;

	if ((size_t)how >= sizeof(rows) / sizeof(*rows) || !count)
		return he_error_new(E_MALFORMED, "there is no such step.");
	err = run_ready(t, tid, &told);
	if (err || told)
		return err;
	err = step_where(t, tid, &now);
	if (err)
		return err;
	st = step_new(t, tid, &rows[how]);
	if (!st)
		return he_error_new(E_NOMEM, "out of memory.");
	st->how = how;
	st->left = count;
	st->enters = enters(t, tid);
	return step_start(st, &now);
}

struct he_error *he_step(struct he_target *t, uint64_t tid, enum he_step how, uint64_t count)
{
	struct he_error *err = target_enter(t);

	return err ? err : target_leave(t, step(t, tid, how, count));
}

/* ---- a thread that ends amid its step -------------------------------------------------- */

static const struct thread *any(const struct he_target *t, enum he_thread_state state)
{
	for (size_t i = 0; i < t->threads.n; i++)
		if (t->threads.v[i].state == state)
			return &t->threads.v[i];
	return NULL;
}

/* Nothing runs that could stop: they stood all the time. */
static void tell_standing(struct he_target *t, const struct thread *h)
{
	struct he_event ev = {.kind = HE_E_STOPPED,
	    .target = t,
	    .server = t->server,
	    .tid = h->tid,
	    .generation = t->generation,
	    .reason = HE_R_REQUEST};

	t->state = HE_STOPPED;
	engine_keep_event(t->engine, &ev);
}

void step_thread_gone(struct he_target *t, uint64_t tid)
{
	const struct he_config *c = &t->engine->config;
	const struct thread *stands = any(t, HE_T_STOPPED);

	struct step *st = of(t, tid);

	if (!st || t->state == HE_GONE)
		return;
	end(st);
	if (any(t, HE_T_RUNNING) || !t->threads.complete || !stands)
		he_error_free(he_interrupt(t, 0));
	else
		tell_standing(t, stands);
	if (t->state != HE_GONE && c->notice)
		c->notice(c->arg, "the thread that was stepped has ended; the others are stopped.");
}
