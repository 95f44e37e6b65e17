/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The places of breakpoints: found by what a person named, planted as patches, found
 * anew when libraries come and go.
 */
#include <ctype.h>
#include <stdlib.h>

#include "common/err.h"
#include "host/engine/breakpoint.h"
#include "host/engine/engine.h"
#include "host/engine/rendezvous.h"
#include "host/engine/watchpoint.h"
#include "host/errtext.h"

/* ---- what was named ----------------------------------------------------------- */

/* The parts of he_break.where. */
struct spec {
	char file[1024], name[4096]; /* file: empty = none */
	unsigned line;               /* 0: a function, name */
};

static bool line_number(const char *text, unsigned *ret)
{
	char *end;
	unsigned long n;

	if (!isdigit((unsigned char)*text))
		return false;
	n = strtoul(text, &end, 10);
	if (*end || n > INT32_MAX)
		return false;
	*ret = (unsigned)n;
	return true;
}

/* The colon between a file and what is in it; NULL: there is none (a::b has none). */
static const char *file_colon(const char *where)
{
	for (const char *p = where; (p = strchr(p, ':')); p += 2) {
		if (p[1] != ':')
			return p > where ? p : NULL;
	}
	return NULL;
}

static struct he_error *too_long(void)
{
	return he_error_new(E_TOO_BIG, "the location is too long.");
}

static struct he_error *parse(const struct he_break *q, struct spec *ret)
{
	const char *colon = file_colon(q->where), *rest = q->where;
	int n = 0;

	*ret = (struct spec){.line = 0};
	if (colon) {
		rest = colon + 1 + strspn(colon + 1, " \t");
		n = snprintf(
		    ret->file, sizeof(ret->file), "%.*s", (int)(colon - q->where), q->where);
	}
	if (n < 0 || (size_t)n >= sizeof(ret->file) ||
	    (size_t)snprintf(ret->name, sizeof(ret->name), "%s", rest) >= sizeof(ret->name))
		return too_long();
	if (!*ret->name)
		return he_error_new(E_MALFORMED, "%s: a line or a function is missing.", q->where);
	if (!line_number(ret->name, &ret->line) || colon)
		return NULL;
	if (!q->file)
		return he_error_new(E_STATE,
		    "there is no current source file for line %u; name it "
		    "as in FILE:%u.",
		    ret->line, ret->line);
	if ((size_t)snprintf(ret->file, sizeof(ret->file), "%s", q->file) >= sizeof(ret->file))
		return too_long();
	return NULL;
}

bool breakpoint_is_named(const struct breakpoint *b)
{
	if (!b->spec.where || b->spec.where[0] == '*')
		return false;
	return b->spec.kind <= HE_BREAK_HARD ||
	       (b->spec.kind == HE_BREAK_CATCH &&
		   (b->spec.catch == HE_CATCH_THROW || b->spec.catch == HE_CATCH_RETHROW ||
		       b->spec.catch == HE_CATCH_CATCH));
}

static struct he_error *locate(
    struct he_target *t, const struct he_break *q, struct he_places **ret, bool *expected)
{
	struct symbols *s;
	struct he_error *err = target_symbols(t, &s), *below;
	struct spec spec;

	*expected = false;
	if (err)
		return err;
	if (q->where[0] == '*')
		err = symbols_locate_address(s, q->addr, ret);
	else if ((err = parse(q, &spec)))
		return err;
	else if (spec.line)
		err = symbols_locate_line(s, spec.file, spec.line, ret);
	else
		err = symbols_locate_function(
		    s, spec.name, *spec.file ? spec.file : NULL, ret, expected);
	below = target_symbol_trouble(t);
	if (!below)
		return err;
	if (err)
		he_error_free(err);
	else
		he_places_free(*ret);
	return below;
}

static struct he_error *not_found(const struct he_break *q, struct he_target *t)
{
	struct he_places *any = NULL;
	struct spec spec;
	struct symbols *s;
	struct he_error *err = parse(q, &spec);

	if (!err)
		err = target_symbols(t, &s);
	if (err)
		return err;
	if (!spec.line && !*spec.file)
		return he_error_new(E_NO_FILE, "Function \"%s\" not defined.", spec.name);
	err = symbols_locate_line(s, spec.file, 1, &any);
	if (err)
		return err;
	if (!any->n)
		err = he_error_new(E_NO_FILE, "No source file named %s.", spec.file);
	else if (spec.line)
		err = he_error_new(E_NO_FILE, "No line %u in file \"%s\".", spec.line, spec.file);
	else
		err = he_error_new(
		    E_NO_FILE, "Function \"%s\" not defined in \"%s\".", spec.name, spec.file);
	he_places_free(any);
	return err;
}

struct he_error *breakpoint_not_found(const struct breakpoint *b, struct he_target *t)
{
	return not_found(&b->spec, t);
}

/* ---- planting -------------------------------------------------------------------- */

void site_lift(struct site *p)
{
	if (p->patch)
		patches_drop(p->target, p->patch);
	p->patch = 0;
	/* The next one counts from the beginning. */
	p->of->hits_past += p->hits;
	p->hits = 0;
}

/* Ignoring is the agent's where it counts all hits there are. */
static bool agent_ignores(const struct breakpoint *b)
{
	return !b->on_host && b->sites && !b->sites->next;
}

/* Which of its hits count. */
static void filter(const struct site *p, struct patch_want *want, struct buf *code)
{
	struct breakpoint *b = p->of;

	b->on_host =
	    b->spec.condition && !condition_compile(p->target, p->addr, b->spec.condition, code);
	if (!b->on_host)
		want->condition = span_whole(code);
	if (agent_ignores(b))
		want->ignore = b->ignore;
}

struct he_error *site_plant(struct site *p)
{
	struct breakpoint *b = p->of;
	struct patch_want want = {
	    .owner = PATCH_BREAKPOINT,
	    .of = p,
	    .kind = b->spec.kind == HE_BREAK_HARD ? WIRE_PATCH_HARD : WIRE_PATCH_SOFT,
	    .addr = p->addr,
	    .tid = b->spec.tid,
	    .stop = run_scope(p->target),
	};
	struct buf code;
	bool done;

	if (b->watch)
		return watch_plant(p);
	if (!b->enabled || !p->enabled) {
		site_lift(p);
		return NULL;
	}
	buf_init(&code, WIRE_PIECE);
	if (p->chooses)
		want.tid = 0;
	else
		filter(p, &want, &code);
	if (p->patch)
		done = patches_change(p->target, p->patch, &want);
	else
		done = (p->patch = patches_want(p->target, &want)) != 0;
	buf_free(&code);
	return done ? NULL : he_error_new(E_NOMEM, "out of memory.");
}

/* ---- the list of places -------------------------------------------------------------- */

static void site_free(struct site *p, bool tell)
{
	if (tell)
		site_lift(p);
	p->of->hits_past += p->hits;
	free(p->function);
	free(p->file);
	free(p->module);
	free(p);
}

static void sweep(struct breakpoint *b, const struct he_target *t, bool tell)
{
	for (struct site **at = &b->sites; *at;) {
		struct site *p = *at;

		if ((t && p->target != t) || p->keep) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		site_free(p, tell);
	}
}

void sites_mark(struct breakpoint *b, const struct he_target *t)
{
	for (struct site *p = b->sites; p; p = p->next)
		p->keep = t && p->target != t;
}

void sites_sweep(struct breakpoint *b, const struct he_target *t)
{
	sweep(b, t, true);
}

void sites_drop(struct breakpoint *b, const struct he_target *t, bool tell)
{
	sites_mark(b, t);
	sweep(b, t, tell);
}

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

static void describe(struct site *p, const struct he_place *from)
{
	const struct site old = *p;

	p->function = copy(from->function);
	p->file = copy(from->file);
	p->module = copy(from->module);
	p->line = from->line;
	p->chooses = from->chooses;
	free(old.function);
	free(old.file);
	free(old.module);
}

struct site *site_keep(struct breakpoint *b, struct he_target *t, uint64_t addr, uint32_t len)
{
	struct site **at = &b->sites, *p;

	while ((p = *at) && (p->target != t || p->addr != addr || p->len != len))
		at = &p->next;
	if (!p) {
		p = *at = calloc(1, sizeof(*p));
		if (p)
			*p = (struct site){
			    .of = b, .target = t, .addr = addr, .len = len, .enabled = true};
	}
	if (p)
		p->keep = true;
	return p;
}

/* Those of t are now these; one that was there stays as it is. */
static struct he_error *update(
    struct breakpoint *b, struct he_target *t, const struct he_places *found)
{
	struct he_error *err = NULL;

	sites_mark(b, t);
	for (size_t i = 0; i < found->n; i++) {
		struct site *p = site_keep(b, t, found->v[i].addr, 0);

		if (!p)
			return he_error_new(E_NOMEM, "out of memory.");
		describe(p, &found->v[i]);
	}
	sites_sweep(b, t);
	/* All of them: whether the agent ignores hits depends on how many there are. */
	for (struct site *p = b->sites; p && !err; p = p->next)
		if (p->target == t && (!p->patch || b->ignore))
			err = site_plant(p);
	return err;
}

struct he_error *breakpoint_resolve(struct breakpoint *b, struct he_target *t, bool *expected)
{
	struct he_places *found = NULL;
	struct he_error *err;

	*expected = false;
	if (b->watch)
		return watch_again(b, t);
	if (b->spec.kind > HE_BREAK_HARD && !breakpoint_is_named(b))
		return NULL;
	err = locate(t, &b->spec, &found, expected);
	if (err)
		return err;
	err = update(b, t, found);
	he_places_free(found);
	return err;
}

struct he_error *breakpoints_resolve(struct he_target *t)
{
	struct he_error *first = NULL;

	for (struct breakpoint *b = t->engine->breakpoints.first; b; b = b->next) {
		struct he_error *err = NULL;
		bool expected;

		if (breakpoint_is_of(b, t))
			err = breakpoint_resolve(b, t, &expected);
		if (first || (err && err->code == E_NO_FILE))
			he_error_free(err);
		else
			first = err;
	}
	if (!first)
		first = rendezvous_plant(t);
	return first;
}

/* ---- targets that come and go ------------------------------------------------------ */

struct he_error *breakpoints_adopt(struct he_target *t)
{
	bool any = false;

	for (struct breakpoint *b = t->engine->breakpoints.first; b; b = b->next)
		if (!b->family) {
			b->family = t->family;
			any = true;
		}
	return any ? breakpoints_resolve(t) : NULL;
}

/* The agent has planted for the child what the parent had, under the same ids: each goes to
 * whom it belongs there, and what nobody claims is lifted. */
static bool claim(struct he_target *child, const struct he_target *parent, struct breakpoint *b)
{
	for (struct site *p = b->sites; p; p = p->next) {
		struct patch *patch = p->patch ? patches_find(child, p->patch) : NULL;
		struct site *mine;

		if (p->target != parent || !patch)
			continue;
		mine = site_keep(b, child, p->addr, p->len);
		if (!mine)
			return false;
		mine->enabled = p->enabled;
		mine->patch = p->patch;
		patch->want.of = mine;
		describe(mine, &(struct he_place){.function = p->function,
				   .file = p->file,
				   .module = p->module,
				   .line = p->line,
				   .addr = p->addr,
				   .chooses = p->chooses});
	}
	return true;
}

static bool is_claimed(const struct he_target *child, const struct patch *p)
{
	const struct site *site = p->want.of;

	return p->want.owner == PATCH_RENDEZVOUS || watch_is_scope(child, p) ||
	       (p->want.owner == PATCH_BREAKPOINT && site->target == child);
}

void breakpoints_forked(struct he_target *child, const struct he_target *parent)
{
	child->family = parent->family;
	run_copy(child, parent);
	if (!patches_copy(child, parent))
		return;
	for (struct breakpoint *b = child->engine->breakpoints.first; b; b = b->next) {
		/* A watched value is one process's: that of the one that is followed. */
		if (b->watch && !child->engine->handling.settings.follow_child)
			continue;
		if (!claim(child, parent, b))
			return;
		if (b->watch)
			watch_follow(b, child, parent);
	}
	for (struct patch *p = patches_next(child, NULL), *next; p; p = next) {
		next = patches_next(child, p);
		if (!is_claimed(child, p))
			patches_drop(child, p->id);
	}
}

void breakpoints_lost(struct he_target *t)
{
	struct breakpoint *next;

	patches_forget(t);
	for (struct breakpoint *b = t->engine->breakpoints.first; b; b = next) {
		next = b->next;
		sites_drop(b, t, false);
		/* A watched local is no more. */
		if (b->watch && !watch_lost(b->watch, t))
			breakpoint_delete(t->engine, b);
	}
}

void breakpoints_orphan(struct he_target *t)
{
	breakpoints_lost(t);
	for (const struct he_target *k = t->engine->targets; k; k = k->next)
		if (k != t && k->family == t->family && k->state != HE_GONE)
			return;
	for (struct breakpoint *b = t->engine->breakpoints.first; b; b = b->next)
		if (b->family == t->family)
			b->family = 0;
}

/* ---- for the caller --------------------------------------------------------------------- */

struct he_error *he_locate(
    struct he_target *t, const char *where, const char *file, struct he_places **ret)
{
	struct he_break q = {.where = where, .file = file};
	struct he_places *found = NULL;
	struct he_error *err = target_enter(t);
	bool expected;

	if (err)
		return err;
	err = locate(t, &q, &found, &expected);
	if (!err && !found->n) {
		he_places_free(found);
		err = not_found(&q, t);
	}
	err = target_leave(t, err);
	if (!err)
		*ret = found;
	return err;
}
