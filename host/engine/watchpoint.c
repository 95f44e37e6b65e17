/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/engine/watchpoint.h"

#include <linux/audit.h>
#include <stdlib.h>

#include "common/err.h"
#include "host/engine/engine.h"
#include "host/engine/watch_value.h"
#include "host/errtext.h"

enum {
	REGISTERS = 4, /* of the processor; others may have some */
	REGISTER_BYTES = 8,
	/* agent expressions, GDB manual appendix F; registers by GDB's numbers */
	OP_LOG_NOT = 0x0e,
	OP_LESS_UNSIGNED = 0x15,
	OP_CONST64 = 0x25,
	OP_REG = 0x26,
	OP_END = 0x27,
	SP_X86_64 = 7,
	SP_I386 = 4,
};

struct watch {
	char *text; /* what is evaluated: the expression, or for a location its place */
	struct he_target *target;
	struct watch_frame frame;
	struct watch_value value; /* as last seen */
	uint32_t scope;           /* the patch at the end of its frame; 0 = none */
	bool software;
};

void watch_free(struct watch *w)
{
	if (!w)
		return;
	if (w->scope && w->target)
		patches_drop(w->target, w->scope);
	watch_value_free(&w->value);
	free(w->text);
	free(w);
}

bool watch_is_software(const struct watch *w)
{
	return w && w->software;
}

void watch_follow(struct breakpoint *b, struct he_target *child, const struct he_target *parent)
{
	struct watch *w = b->watch;
	struct patch *scope;

	if (w->target != parent)
		return;
	w->target = child;
	/* The one thread it has goes on in the frames of the one that forked. */
	if (w->frame.tid)
		w->frame.tid = child->pid;
	scope = w->scope ? patches_find(child, w->scope) : NULL;
	if (scope) {
		struct patch_want want = scope->want;
		struct buf code;

		buf_init(&code, WIRE_PIECE);
		buf_raw(&code, want.condition.p, want.condition.n);
		want.condition = span_whole(&code);
		want.tid = child->pid;
		patches_change(child, w->scope, &want);
		buf_free(&code);
	}
}

bool watch_is_scope(const struct he_target *t, const struct patch *p)
{
	const struct breakpoint *b = p->want.of;

	return p->want.owner == PATCH_WATCH_SCOPE && b->watch && b->watch->target == t &&
	       b->watch->scope == p->id;
}

bool watch_lost(struct watch *w, const struct he_target *t)
{
	if (w->target != t)
		return true;
	w->target = NULL;
	w->scope = 0;
	return !w->frame.local;
}

/* ---- debug registers ----------------------------------------------------------- */

/* The longest aligned piece at addr. */
static uint32_t piece(uint64_t addr, uint64_t left)
{
	uint32_t len = REGISTER_BYTES;

	while (len > 1 && (len > left || addr % len))
		len /= 2;
	return len;
}

static unsigned pieces(const struct watch_value *v)
{
	unsigned n = 0;

	for (unsigned i = 0; i < v->n_ranges; i++)
		for (uint64_t done = 0; done < v->range[i].len && n <= REGISTERS; n++)
			done += piece(v->range[i].addr + done, v->range[i].len - done);
	return n;
}

static bool fits(const struct watch_value *v)
{
	return v->n_ranges && !v->elsewhere && pieces(v) <= REGISTERS;
}

struct he_error *watch_plant(struct site *p)
{
	struct breakpoint *b = p->of;
	struct patch_want want = {
	    .owner = PATCH_BREAKPOINT,
	    .of = p,
	    .kind = b->spec.kind == HE_BREAK_WATCH ? WIRE_PATCH_WRITE : WIRE_PATCH_ACCESS,
	    .addr = p->addr,
	    .len = p->len,
	    .tid = b->spec.tid,
	    .stop = run_scope(p->target),
	};

	if (!b->enabled || !p->enabled) {
		site_lift(p);
		return NULL;
	}
	b->on_host = b->spec.condition != NULL;
	if (p->patch ? !patches_change(p->target, p->patch, &want)
		     : !(p->patch = patches_want(p->target, &want)))
		return he_error_new(E_NOMEM, "out of memory.");
	return NULL;
}

/* A site for each piece of what the value depends on; those that are there stay. */
static struct he_error *place(struct breakpoint *b)
{
	const struct watch *w = b->watch;
	struct he_error *err = NULL;

	sites_mark(b, w->target);
	for (unsigned i = 0; i < w->value.n_ranges && !w->software; i++) {
		const struct mem_range *r = &w->value.range[i];

		for (uint64_t done = 0; done < r->len && !err;) {
			uint32_t len = piece(r->addr + done, r->len - done);
			struct site *p = site_keep(b, w->target, r->addr + done, len);

			done += len;
			if (!p)
				err = he_error_new(E_NOMEM, "out of memory.");
			else if (!p->patch)
				err = watch_plant(p);
		}
	}
	sites_sweep(b, w->target);
	return err;
}

static void become_software(struct breakpoint *b)
{
	b->watch->software = true;
	sites_drop(b, NULL, true);
}

struct he_error *watch_planted(struct breakpoint *b)
{
	bool full = false;

	for (const struct site *p = b->sites; p; p = p->next) {
		const struct patch *patch = patches_find(p->target, p->patch);

		full = full || (patch && patch->err == E_NO_DEBUG_REGISTER);
	}
	if (!full)
		return NULL;
	if (b->spec.kind != HE_BREAK_WATCH)
		return he_error_new(E_NO_DEBUG_REGISTER,
		    "There are not enough available hardware resources for this watchpoint.");
	become_software(b);
	return NULL;
}

/* ---- the end of the frame ------------------------------------------------------------- */

/* The stack pointer is back where the frame began, not in a deeper call of the same
 * function. */
static void put_returned(struct buf *b, const struct he_target *t, uint64_t cfa)
{
	buf_u8(b, OP_REG);
	buf_u8(b, 0);
	buf_u8(b, t->arch_id == AUDIT_ARCH_I386 ? SP_I386 : SP_X86_64);
	buf_u8(b, OP_CONST64);
	for (int shift = 56; shift >= 0; shift -= 8)
		buf_u8(b, (uint8_t)(cfa >> shift));
	buf_u8(b, OP_LESS_UNSIGNED);
	buf_u8(b, OP_LOG_NOT);
	buf_u8(b, OP_END);
}

static struct he_error *plant_scope(struct breakpoint *b, uint64_t back)
{
	struct watch *w = b->watch;
	struct patch_want want = {.owner = PATCH_WATCH_SCOPE,
	    .of = b,
	    .kind = WIRE_PATCH_SOFT,
	    .addr = back,
	    .tid = w->frame.tid,
	    .stop = run_scope(w->target)};
	struct buf code;

	if (!w->frame.local || !back || !w->frame.cfa)
		return NULL;
	buf_init(&code, 64);
	put_returned(&code, w->target, w->frame.cfa);
	want.condition = span_whole(&code);
	w->scope = patches_want(w->target, &want);
	buf_free(&code);
	return w->scope ? NULL : he_error_new(E_NOMEM, "out of memory.");
}

struct he_error *watch_begin(struct breakpoint *b, struct he_target *t)
{
	struct watch *w = calloc(1, sizeof(*w));
	uint64_t tid = t->state == HE_STOPPED ? b->spec.frame_tid : 0, back = 0;
	const char *text = b->spec.where + (b->spec.location ? strlen("-location ") : 0);
	struct he_error *err;

	if (!w || !(w->text = strdup(text))) {
		free(w);
		return he_error_new(E_NOMEM, "out of memory.");
	}
	b->watch = w;
	w->target = t;
	err = watch_value_begin(
	    t, tid, b->spec.frame, b->spec.location, &w->text, &w->frame, &back, &w->value);
	/* Not the code E_NO_FILE: only locations wait for libraries. */
	if (err && err->code == E_NO_FILE)
		err->code = E_MALFORMED;
	if (err)
		return err;
	if (!w->value.n_ranges && !w->value.elsewhere)
		return he_error_new(E_MALFORMED, "Cannot watch constant value `%s'.", text);
	if (!fits(&w->value) && b->spec.kind != HE_BREAK_WATCH)
		return he_error_new(
		    E_MALFORMED, "Expression cannot be implemented with read/access watchpoint.");
	w->software = !fits(&w->value);
	err = plant_scope(b, back);
	return err ? err : place(b);
}

struct he_error *watch_again(struct breakpoint *b, struct he_target *t)
{
	struct he_error *err;

	if (b->watch->target)
		return NULL;
	watch_free(b->watch);
	b->watch = NULL;
	b->spec.frame_tid = 0;
	err = watch_begin(b, t);
	/* A global of a library that is not there yet: once more when it has come. */
	if (err && b->watch)
		b->watch->target = NULL;
	return err;
}

/* ---- values --------------------------------------------------------------------------- */

static const char *keep(struct he_engine *e, const char *text)
{
	return text ? arena_str(&e->told.texts, span_str(text)) : NULL;
}

/* It ends with its frame. */
static enum run_verdict left(struct he_target *t, struct breakpoint *b, struct he_event *ev)
{
	b->doomed = true;
	ev->reason = HE_R_WATCH_SCOPE;
	breakpoint_tell(t->engine, b, ev);
	return RUN_TELL;
}

/* Is that worth telling?  On x86 a register for reading also sees writes: a read is where
 * nothing has changed. */
static bool concerns(const struct breakpoint *b, bool changed)
{
	return b->spec.kind == HE_BREAK_AWATCH || (b->spec.kind == HE_BREAK_WATCH) == changed;
}

static void tell(struct he_target *t, struct breakpoint *b, const struct watch_value *now,
    bool changed, struct he_event *ev)
{
	ev->reason = HE_R_WATCH;
	breakpoint_tell(t->engine, b, ev);
	if (ev->n_breakpoints != 1)
		return;
	ev->hardware = !b->watch->software;
	ev->expression = keep(t->engine, b->spec.where);
	ev->old_value = changed ? keep(t->engine, b->watch->value.text) : NULL;
	ev->value = keep(t->engine, now->text);
}

/* What it depends on may be elsewhere now (p->x when p changed). */
static void take(struct breakpoint *b, struct watch_value *now)
{
	struct watch *w = b->watch;
	bool moved = w->value.n_ranges != now->n_ranges ||
		     memcmp(w->value.range, now->range, sizeof(now->range)) != 0;

	watch_value_free(&w->value);
	w->value = *now;
	if (!moved || w->software)
		return;
	if (!fits(&w->value) && b->spec.kind == HE_BREAK_WATCH)
		become_software(b);
	else
		he_error_free(place(b));
}

static enum run_verdict look(
    struct he_target *t, struct breakpoint *b, uint64_t tid, struct he_event *ev)
{
	struct watch *w = b->watch;
	struct watch_value now;
	bool gone = false, changed, told;
	struct he_error *err = watch_value_read(t, w->text, &w->frame, &now, &gone);

	if (err) {
		ev->trouble = keep(t->engine, err->message);
		he_error_free(err);
		ev->reason = HE_R_WATCH;
		breakpoint_tell(t->engine, b, ev);
		return RUN_TELL;
	}
	if (gone)
		return left(t, b, ev);
	changed = !watch_value_same(&w->value, &now);
	told = concerns(b, changed) && breakpoint_counts(t, b, tid, ev);
	if (told)
		tell(t, b, &now, changed, ev);
	take(b, &now);
	return told ? RUN_TELL : RUN_ON;
}

enum run_verdict watch_hit(struct he_target *t, struct site *p, const struct cause *c,
    const struct cause_hit *hit, struct he_event *ev)
{
	(void)hit;
	return p->of->enabled && p->enabled ? look(t, p->of, c->tid, ev) : RUN_ON;
}

enum run_verdict watch_scope_hit(struct he_target *t, const struct patch *p, struct he_event *ev)
{
	return left(t, p->want.of, ev);
}

/* ---- by single steps --------------------------------------------------------------------- */

static bool is_stepped(const struct breakpoint *b, const struct he_target *t)
{
	return b->watch && b->watch->software && b->enabled && b->watch->target == t;
}

bool watch_steps(const struct he_target *t)
{
	for (const struct breakpoint *b = t->engine->breakpoints.first; b; b = b->next)
		if (is_stepped(b, t))
			return true;
	return false;
}

enum run_verdict watch_stepped(struct he_target *t, const struct cause *c, struct he_event *ev)
{
	enum run_verdict all = RUN_ON;

	for (struct breakpoint *b = t->engine->breakpoints.first; b; b = b->next)
		if (is_stepped(b, t) && look(t, b, c->tid, ev) == RUN_TELL)
			all = RUN_TELL;
	return all;
}

void watch_order(const struct he_target *t, struct buf *recipes)
{
	enum { MOST = 4096 };

	for (const struct breakpoint *b = t->engine->breakpoints.first; b; b = b->next) {
		const struct watch *w = b->watch;

		if (!w || w->target != t || !b->enabled)
			continue;
		for (unsigned i = 0; i < w->value.n_ranges; i++) {
			const struct mem_range *m = &w->value.range[i];
			struct wire_rec_recipe r = {.scope = WIRE_SCOPE_CAUSE,
			    .base = WIRE_BASE_ZERO,
			    .offset = (int64_t)m->addr,
			    .len = (uint32_t)(m->len < MOST ? m->len : MOST)};

			wire_put_recipe(recipes, &r);
		}
	}
}
