/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Letting a target run: what waits to be changed, and then go, in one flight.
 */
#include <stdlib.h>

#include "common/err.h"
#include "host/engine/catchpoint.h"
#include "host/engine/engine.h"
#include "host/engine/patches.h"
#include "host/engine/raw.h"
#include "host/engine/run_parts.h"
#include "host/engine/watchpoint.h"
#include "host/errtext.h"

static void take_result(void *arg, const struct wire_rec_patch_result *r)
{
	patches_result(arg, r);
}

/* What of a flight has changed since the last. */
struct load {
	struct buf clear, set, numbers, recipes, notes;
	struct wire_signals signals;
	struct wire_catch caught;
	struct wire_preorder preorder;
};

static void load_signals(struct he_target *t, struct load *l, struct run_flight *f)
{
	uint64_t want[3];

	if (t->raw)
		raw_masks(t, want);
	else
		handling_masks(&t->engine->handling, catch_signals(t), want);
	if (!t->run->unsure && memcmp(want, t->run->signals, sizeof(want)) == 0)
		return;
	memcpy(t->run->signals, want, sizeof(want));
	l->signals = (struct wire_signals){.stop = want[0], .report = want[1], .ignore = want[2]};
	f->signals = &l->signals;
}

/* Events of the process, when others than before are wanted.  None is what a target
 * begins with. */
static void load_caught(struct he_target *t, struct load *l, struct run_flight *f)
{
	struct run *r = t->run;
	struct buf body;
	bool same;

	if (t->raw)
		raw_catch(t, &l->caught, &l->numbers);
	else
		catch_wanted(t, &l->caught, &l->numbers);
	buf_init(&body, WIRE_PIECE);
	wire_encode_catch(&body, &l->caught);
	same = r->caught.len
		   ? body.len == r->caught.len && memcmp(body.p, r->caught.p, body.len) == 0
		   : !l->caught.events && !l->caught.follow;
	if (same && !r->unsure && !body.bad) {
		buf_free(&body);
		return;
	}
	buf_free(&r->caught);
	r->caught = body;
	f->caught = &l->caught;
}

/* Watched memory comes with the stop. */
static void load_ordered(struct he_target *t, struct load *l, struct run_flight *f)
{
	struct run *r = t->run;
	struct span whole;
	struct buf more;

	buf_init(&more, WIRE_PIECE);
	watch_order(t, &more);
	if (!r->unsure && !more.bad && more.len == r->ordered.len &&
	    (!more.len || !memcmp(more.p, r->ordered.p, more.len))) {
		buf_free(&more);
		return;
	}
	attach_order(t, &l->recipes, &l->notes);
	whole = span_whole(&more);
	buf_raw(&l->recipes, whole.p, whole.n);
	l->preorder = (struct wire_preorder){
	    .recipes = span_whole(&l->recipes), .notes = span_whole(&l->notes)};
	f->preorder = &l->preorder;
	buf_free(&r->ordered);
	r->ordered = more;
}

static struct he_error *load(struct he_target *t, struct load *l, struct run_flight *f, bool go)
{
	struct he_error *err;

	buf_init(&l->clear, SIZE_MAX / 2);
	buf_init(&l->set, SIZE_MAX / 2);
	buf_init(&l->numbers, WIRE_PIECE);
	buf_init(&l->recipes, WIRE_PIECE);
	buf_init(&l->notes, WIRE_PIECE);
	err = patches_encode(t, &l->set, &l->clear, go);
	if (err)
		return err;
	f->clear = span_whole(&l->clear);
	f->set = span_whole(&l->set);
	f->sink = take_result;
	f->arg = t;
	load_signals(t, l, f);
	load_caught(t, l, f);
	load_ordered(t, l, f);
	return NULL;
}

static void unload(struct load *l)
{
	buf_free(&l->clear);
	buf_free(&l->set);
	buf_free(&l->numbers);
	buf_free(&l->recipes);
	buf_free(&l->notes);
}

/* The whole of patch_set was refused, the rest of the flight was not. */
static void say_refused(struct he_target *t, struct run_flight *f)
{
	const struct he_config *c = &t->engine->config;

	if (!f->refused)
		return;
	patches_refused(t, f->refused->code);
	if (c->notice && f->refused->code != E_CANCELLED && f->refused->code != E_LOST)
		c->notice(c->arg, f->refused->message);
	he_error_free(f->refused);
}

bool flight_refused(const struct he_error *err)
{
	return err && err->code != E_CANCELLED && err->code != E_LOST && err->code != E_NOMEM &&
	       err->code != E_PROTOCOL;
}

bool flight_overtaken(const struct he_error *err)
{
	return err && err->code == E_NEWER;
}

static bool newer_met(struct he_target *t)
{
	return t->generation > t->run->after || t->state == HE_GONE || t->stops_lost;
}

/* The newer stop was told before go was refused. */
static struct he_error *meet_newer(struct he_target *t, struct he_error *refusal)
{
	struct he_error *err = engine_wait_for(t->engine, t->server, newer_met, t);
	char title[TARGET_TITLE];

	if (!err && t->state == HE_GONE)
		err = he_error_new(E_GONE, "%s has ended.", target_title(t, title));
	if (!err)
		return refusal;
	he_error_free(refusal);
	return err;
}

/* It may run from the moment the request is under way. */
static void forget_running(struct he_target *t, struct span go)
{
	struct wire_rec_go r;

	if (go.n)
		t->run->stands = false;
	while (wire_next_go(&go, &r)) {
		run_forget(t, r.tid);
		came_left(t, r.tid);
		target_ran(t, r.tid);
	}
}

/* The thread to be stepped where watchpoints want that: the one that steps anyway, else
 * the one that stopped last. */
static uint64_t stepping_thread(const struct he_target *t, const struct run_plan *plan)
{
	if (plan->v[0].tid)
		return plan->v[0].tid;
	return t->cause_tid && threads_find(&t->threads, t->cause_tid) ? t->cause_tid : t->pid;
}

/* The records of go; with watchpoints by single steps one thread does one step instead of
 * what it was asked for. */
static void put_go(struct he_target *t, const struct run_plan *plan, struct buf *go)
{
	struct run *r = t->run;
	unsigned mine = 0;

	r->stepped = plan && plan->n && watch_steps(t) ? stepping_thread(t, plan) : 0;
	for (unsigned i = 0; r->stepped && i < plan->n; i++)
		if (plan->v[i].tid == r->stepped || !plan->v[i].tid) {
			mine = i;
			break;
		}
	if (r->stepped) {
		r->asked = plan->v[mine];
		wire_put_go(go,
		    &(struct wire_rec_go){
			.tid = r->stepped, .action = WIRE_RESUME_STEP, .signal = r->asked.signal});
	}
	for (unsigned i = 0; plan && i < plan->n; i++)
		if (!r->stepped || plan->v[i].tid != r->stepped)
			wire_put_go(go, &plan->v[i]);
}

struct he_error *flight_send(struct he_target *t, struct span go, uint8_t stop)
{
	bool hits = t->raw && !raw_goes_past(t->raw);
	struct run_flight f = {.go = go,
	    .go_stop = (uint8_t)(hits ? stop | WIRE_GO_HITS : stop),
	    .ordered = stop == WIRE_STOPS_ALL && !t->stops_lost,
	    .generation = t->generation};
	struct load l = {.clear.len = 0};
	struct he_error *err = load(t, &l, &f, go.n != 0);

	if (!err && (go.n || f.set.n || f.clear.n || f.signals || f.caught || f.preorder)) {
		t->run->after = t->generation;
		err = t->ops->run(t, &f);
		t->run->unsure = f.held;
		patches_flown(t, !f.held);
		if (!flight_refused(err))
			forget_running(t, go);
		if (flight_overtaken(err))
			err = meet_newer(t, err);
	}
	say_refused(t, &f);
	unload(&l);
	return err;
}

struct he_error *flight_go(struct he_target *t, const struct run_plan *plan)
{
	struct he_error *err;
	struct buf go;

	buf_init(&go, WIRE_PIECE);
	put_go(t, plan, &go);
	err = flight_send(t, span_whole(&go), plan ? plan->stop : 0);
	buf_free(&go);
	return err;
}
