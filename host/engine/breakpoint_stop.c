/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a stop means to breakpoints: which were hit, and whether that is told.
 */
#include <stdlib.h>

#include "common/err.h"
#include "host/engine/breakpoint.h"
#include "host/engine/catchpoint.h"
#include "host/engine/engine.h"
#include "host/engine/ifunc.h"
#include "host/engine/rendezvous.h"
#include "host/engine/watchpoint.h"
#include "host/errtext.h"

/* ---- what is told ----------------------------------------------------------------- */

static void told_begin(struct he_engine *e)
{
	e->told.n = 0;
	arena_free(&e->told.texts);
}

void breakpoint_tell(struct he_engine *e, struct breakpoint *b, struct he_event *ev)
{
	struct told *told = &e->told;

	for (size_t i = 0; i < told->n; i++)
		if (told->numbers[i] == b->number)
			return;
	if (told->n < TOLD_MAX)
		told->numbers[told->n++] = b->number;
	ev->breakpoints = told->numbers;
	ev->n_breakpoints = told->n;
	if (told->n > 1)
		return;
	ev->break_kind = b->spec.kind;
	ev->temporary = b->spec.temporary;
	ev->hardware = b->spec.kind == HE_BREAK_HARD;
	if (!ev->reason)
		ev->reason = b->spec.kind == HE_BREAK_CATCH ? HE_R_CATCH : HE_R_BREAKPOINT;
	ev->caught = b->spec.catch;
}

/* What its hit does to it, once it is told. */
static void after_hit(struct he_engine *e, struct breakpoint *b)
{
	bool off = b->disable_hit || (b->countdown && --b->countdown == 0);

	if (b->spec.temporary || b->delete_hit || b->doomed) {
		breakpoint_delete(e, b);
		return;
	}
	if (!off)
		return;
	b->enabled = b->disable_hit = false;
	for (struct site *p = b->sites; p; p = p->next)
		he_error_free(site_plant(p));
}

/* ---- one hit ------------------------------------------------------------------------ */

/* Why the agent could not evaluate a condition: it stops for that, as GDB does. */
static const char *condition_trouble(struct he_engine *e, const struct cause_hit *hit)
{
	char text[160];

	if (hit->err == E_FAULT)
		snprintf(text, sizeof(text), "Cannot access memory at address %#llx",
		    (unsigned long long)hit->addr);
	else
		snprintf(text, sizeof(text), "%s", err_text(hit->err));
	return arena_str(&e->told.texts, span_str(text));
}

/* Conditions that are evaluated here; what cannot be evaluated stops. */
static bool holds(
    struct he_target *t, const struct breakpoint *b, uint64_t tid, struct he_event *ev)
{
	struct he_error *err;
	bool yes = true;

	if (!b->spec.condition)
		return true;
	err = condition_true(t, tid, b->spec.condition, &yes);
	if (err)
		ev->trouble = arena_str(&t->engine->told.texts, span_str(err->message));
	he_error_free(err);
	return yes;
}

bool breakpoint_counts(struct he_target *t, struct breakpoint *b, uint64_t tid, struct he_event *ev)
{
	if ((b->spec.tid && b->spec.tid != tid) || !holds(t, b, tid, ev))
		return false;
	b->hits++;
	if (!b->ignore)
		return true;
	b->ignore--;
	return false;
}

/* True: it is to be told. */
static bool hit_site(struct he_target *t, struct site *p, const struct cause *c,
    const struct cause_hit *hit, struct he_event *ev)
{
	struct breakpoint *b = p->of;
	uint64_t passed = b->on_host || hit->hits <= p->hits ? 0 : hit->hits - p->hits - 1;

	if (!b->enabled || !p->enabled)
		return false;
	if (hit->err != E_OK)
		ev->trouble = condition_trouble(t->engine, hit);
	else if (b->on_host && !holds(t, b, c->tid, ev))
		return false;
	if (b->on_host)
		b->hits++;
	else if (hit->hits > p->hits)
		p->hits = hit->hits;
	/* Those the agent let pass. */
	b->ignore -= passed < b->ignore ? passed : b->ignore;
	if (!b->ignore)
		return true;
	b->ignore--;
	return false;
}

/* Among its breakpoint's, 0 = it is the only one. */
static unsigned site_number(const struct site *p)
{
	unsigned n = 1;

	if (!p->of->sites->next)
		return 0;
	for (const struct site *k = p->of->sites; k != p; k = k->next)
		n++;
	return n;
}

static enum run_verdict hit_one(
    struct he_target *t, const struct cause *c, const struct cause_hit *hit, struct he_event *ev)
{
	struct patch *patch = patches_find(t, hit->patch);
	struct site *p;

	if (!patch)
		return RUN_ON;
	switch (patch->want.owner) {
	case PATCH_STEP:
	case PATCH_RAW:
		return RUN_NOT_MINE;
	case PATCH_RENDEZVOUS:
		return rendezvous_hit(t, ev);
	case PATCH_WATCH_SCOPE:
		return watch_scope_hit(t, patch, ev);
	case PATCH_CHOSEN:
		return ifunc_returned(t, c, patch);
	case PATCH_BREAKPOINT:
		break;
	}
	p = patch->want.of;
	if (p->chooses)
		return ifunc_called(t, c, p->addr);
	if (p->of->watch)
		return watch_hit(t, p, c, hit, ev);
	if (!hit_site(t, p, c, hit, ev))
		return RUN_ON;
	breakpoint_tell(t->engine, p->of, ev);
	target_enter_inlined(t, c->tid, p->addr, p->function);
	if (ev->breakpoints[0] == p->of->number)
		ev->location = site_number(p);
	return RUN_TELL;
}

/* ---- a cause ---------------------------------------------------------------------------- */

static enum run_verdict hits(struct he_target *t, const struct cause *c, struct he_event *ev)
{
	enum run_verdict all = RUN_ON;

	for (size_t i = 0; i < c->n_hits; i++) {
		enum run_verdict v = hit_one(t, c, &c->hit[i], ev);

		if (v == RUN_TELL || (v == RUN_NOT_MINE && all == RUN_ON))
			all = v;
	}
	return all;
}

enum run_verdict breakpoints_on_cause(
    struct he_target *t, const struct cause *c, struct he_event *ev)
{
	struct he_engine *e = t->engine;
	enum run_verdict v;

	told_begin(e);
	v = c->reason == WIRE_STOP_PATCH ? hits(t, c, ev) : catch_on_cause(t, c, ev);
	/* Whatever stopped it: the instruction before has run. */
	if (watch_steps(t) && watch_stepped(t, c, ev) == RUN_TELL)
		v = RUN_TELL;
	for (size_t i = 0; v == RUN_TELL && i < e->told.n; i++) {
		struct breakpoint *b = breakpoint_find(e, e->told.numbers[i]);

		if (b)
			after_hit(e, b);
	}
	return v;
}
