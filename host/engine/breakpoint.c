/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The list of breakpoints, and what a person does with them.
 */
#include "host/engine/breakpoint.h"

#include <stdlib.h>

#include "common/err.h"
#include "host/arena.h"
#include "host/engine/engine.h"
#include "host/engine/rendezvous.h"
#include "host/engine/watchpoint.h"
#include "host/errtext.h"

/* ---- the list ----------------------------------------------------------------- */

static struct he_error *no_memory(void)
{
	return he_error_new(E_NOMEM, "out of memory.");
}

struct breakpoint *breakpoint_find(const struct he_engine *e, unsigned number)
{
	struct breakpoint *b = e->breakpoints.first;

	while (b && b->number != number)
		b = b->next;
	return b;
}

static struct he_error *find(struct he_engine *e, unsigned number, struct breakpoint **ret)
{
	*ret = breakpoint_find(e, number);
	return *ret ? NULL : he_error_new(E_NO_FILE, "No breakpoint number %u.", number);
}

bool breakpoint_is_of(const struct breakpoint *b, const struct he_target *t)
{
	return b->family == t->family;
}

static void breakpoint_free(struct breakpoint *b)
{
	sites_drop(b, NULL, true);
	watch_free(b->watch);
	free((void *)(uintptr_t)b->spec.where);
	free((void *)(uintptr_t)b->spec.file);
	free((void *)(uintptr_t)b->spec.condition);
	free((void *)(uintptr_t)b->spec.numbers);
	free(b);
}

void breakpoint_delete(struct he_engine *e, struct breakpoint *b)
{
	struct breakpoint **at = &e->breakpoints.first;

	while (*at != b)
		at = &(*at)->next;
	*at = b->next;
	breakpoint_free(b);
}

void breakpoints_free(struct he_engine *e)
{
	while (e->breakpoints.first)
		breakpoint_delete(e, e->breakpoints.first);
}

/* Send what has changed. */
static struct he_error *send_changes(struct he_target *t)
{
	struct he_error *err = rendezvous_plant(t);

	return err ? err : run_sync(t);
}

/* The same to every target that has been in touch with it. */
static struct he_error *sync_all(struct he_engine *e)
{
	struct he_error *first = NULL;

	for (struct he_target *t = e->targets; t; t = t->next) {
		struct he_error *err;

		if (t->state == HE_GONE || t->hidden)
			continue;
		err = target_enter(t);
		if (!err)
			err = target_leave(t, send_changes(t));
		if (first)
			he_error_free(err);
		else
			first = err;
	}
	return first;
}

/* ---- making ------------------------------------------------------------------------ */

static void copy_text(const char **text)
{
	if (*text)
		*text = strdup(*text);
}

static bool is_watch(const struct he_break *q)
{
	return q->kind >= HE_BREAK_WATCH && q->kind <= HE_BREAK_AWATCH;
}

/* As it is shown. */
static void name_location(const char **where)
{
	char *text = NULL;

	if (asprintf(&text, "-location %s", *where) < 0)
		text = NULL;
	*where = text;
}

static struct breakpoint *breakpoint_new(const struct he_break *q)
{
	struct breakpoint *b = calloc(1, sizeof(*b));
	uint32_t *numbers;

	if (!b)
		return NULL;
	b->spec = *q;
	b->spec.numbers = NULL;
	b->enabled = true;
	b->ignore = q->ignore;
	if (is_watch(q) && q->location)
		name_location(&b->spec.where);
	else
		copy_text(&b->spec.where);
	copy_text(&b->spec.file);
	copy_text(&b->spec.condition);
	numbers = calloc(q->n_numbers + 1, sizeof(*numbers));
	if (numbers && q->n_numbers)
		memcpy(numbers, q->numbers, q->n_numbers * sizeof(*numbers));
	b->spec.numbers = numbers;
	if (numbers && !b->spec.where == !q->where && !b->spec.file == !q->file &&
	    !b->spec.condition == !q->condition)
		return b;
	breakpoint_free(b);
	return NULL;
}

static void append(struct he_engine *e, struct breakpoint *b)
{
	struct breakpoint **at = &e->breakpoints.first;

	while (*at)
		at = &(*at)->next;
	*at = b;
	b->number = ++e->breakpoints.last_number;
}

/* In every target of the family; not found in any is an error unless it may wait. */
static struct he_error *resolve(struct breakpoint *b, struct he_target *t)
{
	struct he_error *err = NULL;
	bool expected = false, any = false;

	/* An event of the process has no place. */
	if (b->spec.kind == HE_BREAK_CATCH && !breakpoint_is_named(b))
		return NULL;
	for (struct he_target *k = t->engine->targets; k && !err; k = k->next) {
		bool here = false;

		if (k->state == HE_GONE || !breakpoint_is_of(b, k))
			continue;
		err = breakpoint_resolve(b, k, &here);
		any = any || b->sites;
		expected = expected || here;
	}
	if (err || any || expected || b->spec.pending)
		return err;
	return breakpoint_not_found(b, t);
}

/* Whether it fits the debug registers is known once the agent has said so. */
static struct he_error *set_watch(struct he_target *t, struct breakpoint *b)
{
	struct he_error *err = watch_begin(b, t);

	if (!err && b->spec.condition)
		err = condition_check(t, &b->spec, 0, b->spec.condition);
	if (!err)
		err = run_sync(t);
	if (!err)
		err = watch_planted(b);
	return err ? err : send_changes(t);
}

static struct he_error *set(struct he_target *t, struct breakpoint *b)
{
	struct he_error *err = NULL;

	if (t->hidden || !t->ops->run || t->state == HE_LOOKING)
		return he_error_new(
		    E_STATE, "this target is only looked at: nothing can be set in it.");
	b->family = t->family;
	if (is_watch(&b->spec))
		return set_watch(t, b);
	err = resolve(b, t);
	if (!err && b->spec.condition)
		err =
		    condition_check(t, &b->spec, b->sites ? b->sites->addr : 0, b->spec.condition);
	return err ? err : send_changes(t);
}

struct he_error *he_break(
    struct he_engine *e, struct he_target *t, const struct he_break *q, unsigned *number)
{
	struct breakpoint *b = breakpoint_new(q);
	struct he_error *err = b ? NULL : no_memory();

	if (!err && t)
		err = target_enter(t);
	if (err) {
		free(b);
		return err;
	}
	/* Numbered before it is set, as what is planted is for it; an error gives the number
	 * back. */
	append(e, b);
	if (t)
		err = target_leave(t, set(t, b));
	else if (is_watch(q))
		err = he_error_new(E_STATE, "no process is there whose data could be watched.");
	if (!err) {
		*number = b->number;
		return NULL;
	}
	breakpoint_delete(e, b);
	e->breakpoints.last_number--;
	return err;
}

/* ---- changing ------------------------------------------------------------------------- */

struct he_error *he_break_delete(struct he_engine *e, unsigned number)
{
	struct breakpoint *b;
	struct he_error *err = find(e, number, &b);

	if (err)
		return err;
	breakpoint_delete(e, b);
	return sync_all(e);
}

static struct he_error *plant_all(struct breakpoint *b)
{
	struct he_error *err = NULL;

	for (struct site *p = b->sites; p && !err; p = p->next) {
		err = target_enter(p->target);
		if (!err)
			err = target_leave(p->target, site_plant(p));
	}
	return err;
}

static struct site *site_numbered(struct breakpoint *b, unsigned number)
{
	struct site *p = b->sites;

	while (p && --number)
		p = p->next;
	return p;
}

struct he_error *he_break_enable(
    struct he_engine *e, unsigned number, unsigned location, enum he_enable how, uint64_t count)
{
	struct breakpoint *b;
	struct he_error *err = find(e, number, &b);
	struct site *p;

	if (err)
		return err;
	if (location) {
		p = site_numbered(b, location);
		if (!p)
			return he_error_new(
			    E_NO_FILE, "Bad breakpoint location number %u.", location);
		p->enabled = how != HE_DISABLE;
	} else {
		b->enabled = how != HE_DISABLE;
		b->disable_hit = how == HE_ENABLE_ONCE;
		b->delete_hit = how == HE_ENABLE_DELETE;
		b->countdown = how == HE_ENABLE_COUNT ? count : 0;
	}
	err = plant_all(b);
	return err ? err : sync_all(e);
}

struct he_error *he_break_condition(struct he_engine *e, unsigned number, const char *text)
{
	struct breakpoint *b;
	struct he_error *err = find(e, number, &b);
	char *copy = NULL;

	if (err)
		return err;
	if (text && b->sites) {
		struct he_target *t = b->sites->target;

		err = target_enter(t);
		if (!err)
			err = target_leave(t, condition_check(t, &b->spec, b->sites->addr, text));
		if (err)
			return err;
	}
	if (text && !(copy = strdup(text)))
		return no_memory();
	free((void *)(uintptr_t)b->spec.condition);
	b->spec.condition = copy;
	err = plant_all(b);
	return err ? err : sync_all(e);
}

struct he_error *he_break_ignore(struct he_engine *e, unsigned number, uint64_t count)
{
	struct breakpoint *b;
	struct he_error *err = find(e, number, &b);

	if (err)
		return err;
	b->ignore = count;
	err = plant_all(b);
	return err ? err : sync_all(e);
}

/* ---- showing ----------------------------------------------------------------------------- */

struct breakpoints_object {
	struct he_breakpoints list; /* first */
	struct arena texts;
};

void he_breakpoints_free(struct he_breakpoints *p)
{
	struct breakpoints_object *o = (struct breakpoints_object *)(void *)p;

	if (!o)
		return;
	arena_free(&o->texts);
	free(o->list.v);
	free(o);
}

static const char *keep(struct breakpoints_object *o, const char *text)
{
	return text ? arena_str(&o->texts, span_str(text)) : NULL;
}

/* Why a place is not planted, as it goes behind "cannot be inserted: ". */
static const char *trouble(struct breakpoints_object *o, const struct site *p)
{
	const struct patch *patch = p->patch ? patches_find(p->target, p->patch) : NULL;
	char text[160];

	if (!patch || patch->err == E_OK)
		return NULL;
	snprintf(
	    text, sizeof(text), "%s (%#llx)", err_text(patch->err), (unsigned long long)p->addr);
	return keep(o, text);
}

static void show_site(struct breakpoints_object *o, const struct site *p, struct he_location *to)
{
	*to = (struct he_location){
	    .target = p->target,
	    .addr = p->addr,
	    .enabled = p->enabled,
	    .chooses = p->chooses,
	    .function = keep(o, p->function),
	    .file = keep(o, p->file),
	    .module = keep(o, p->module),
	    .line = p->line,
	    .trouble = trouble(o, p),
	};
}

static void show(struct breakpoints_object *o, const struct breakpoint *b, struct he_breakpoint *to)
{
	size_t n = 0;
	uint32_t *numbers;

	*to = (struct he_breakpoint){
	    .number = b->number,
	    .kind = b->spec.kind,
	    .catch = b->spec.catch,
	    .where = keep(o, b->spec.where),
	    .condition = keep(o, b->spec.condition),
	    .on_host = b->on_host,
	    .software = watch_is_software(b->watch),
	    .enabled = b->enabled,
	    .temporary = b->spec.temporary || b->delete_hit,
	    .disable_hit = b->disable_hit,
	    .countdown = b->countdown,
	    .tid = b->spec.tid,
	    .hits = b->hits + b->hits_past,
	    .ignore = b->ignore,
	};
	numbers = arena_array(&o->texts, b->spec.n_numbers, sizeof(*numbers));
	if (numbers && b->spec.n_numbers)
		memcpy(numbers, b->spec.numbers, b->spec.n_numbers * sizeof(*numbers));
	to->numbers = numbers;
	to->n_numbers = b->spec.n_numbers;
	for (const struct site *p = b->sites; p; p = p->next)
		n++;
	to->pending = !n && b->spec.kind <= HE_BREAK_HARD;
	to->v = arena_array(&o->texts, n, sizeof(*to->v));
	for (const struct site *p = b->sites; to->v && p; p = p->next) {
		show_site(o, p, &to->v[to->n]);
		to->v[to->n].number = (unsigned)to->n + 1;
		to->hits += p->hits;
		to->n++;
	}
}

/* ---- hits that passed without a stop ---- */

void breakpoints_counted(struct he_target *t, uint32_t patch, uint64_t hits)
{
	struct patch *p = patches_find(t, patch);
	struct site *place;

	if (!p || p->want.owner != PATCH_BREAKPOINT)
		return;
	place = p->want.of;
	if (hits <= place->hits || !p->want.ignore)
		return;
	/* Those that the agent let pass. */
	place->of->ignore -=
	    place->of->ignore < hits - place->hits ? place->of->ignore : hits - place->hits;
	place->hits = hits;
}

static void note_hits(void *arg, const struct wire_rec_patch_state *r)
{
	breakpoints_counted(arg, r->id, r->hits);
}

/* Where the agent ignores hits, it alone knows how many there were. */
static void ask_hits(struct he_engine *e)
{
	for (struct he_target *t = e->targets; t; t = t->next) {
		bool ask = false;

		for (const struct patch *p = patches_next(t, NULL); p; p = patches_next(t, p))
			ask = ask || (p->want.ignore && p->sent);
		if (!ask || t->state == HE_GONE || !t->ops->patch_hits)
			continue;
		he_error_free(t->ops->patch_hits(t, note_hits, t));
	}
}

struct he_error *he_breakpoints(struct he_engine *e, unsigned number, struct he_breakpoints **ret)
{
	struct breakpoints_object *o = calloc(1, sizeof(*o));
	struct he_error *err = NULL;
	struct breakpoint *one = NULL;
	size_t n = 0;

	if (number)
		err = find(e, number, &one);
	for (const struct breakpoint *b = e->breakpoints.first; b; b = b->next)
		n++;
	if (o)
		o->list.v = calloc(n + 1, sizeof(*o->list.v));
	if (!err && (!o || !o->list.v))
		err = no_memory();
	if (err) {
		he_breakpoints_free(&o->list);
		return err;
	}
	ask_hits(e);
	for (const struct breakpoint *b = e->breakpoints.first; b; b = b->next)
		if (!one || b == one)
			show(o, b, &o->list.v[o->list.n++]);
	if (o->texts.bad) {
		he_breakpoints_free(&o->list);
		return no_memory();
	}
	*ret = &o->list;
	return NULL;
}
