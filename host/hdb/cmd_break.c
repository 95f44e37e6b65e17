/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Setting breakpoints.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "host/hdb/break_show.h"
#include "host/hdb/break_spec.h"
#include "host/hdb/cmd.h"
#include "host/hdb/query.h"

/* ---- where -------------------------------------------------------------------- */

/* A thread's number or LWP. */
static int thread_arg(struct hdb *h, const char *text, uint64_t *ret)
{
	uint64_t n;
	const char *p = text;

	if (!cmd_number(&p, UINT32_MAX, &n) || *p)
		return fail(h, "thread needs a thread's number; info threads lists them");
	return cmd_thread_numbered(h, n, ret) ? 0 : fail(h, "Unknown thread %" PRIu64, n);
}

/* No location: where the selected frame stands. */
static int here(struct hdb *h, struct he_break *q, char **where)
{
	const struct he_frame *f;

	if (!h->target || !(f = front_frame(h, NULL)))
		return h->target ? 1 : fail(h, "break needs a location: no process is attached");
	q->addr = f->pc;
	if (asprintf(where, "*%#" PRIx64, f->pc) < 0)
		return fail(h, "out of memory");
	return 0;
}

/* +N and -N count from the line that stands first where `list` goes on, or the frame's. */
static int relative(struct hdb *h, char **where)
{
	char *text = *where;
	const char *digits = text + 1;
	uint64_t n, line;

	if (!cmd_number(&digits, INT32_MAX, &n) || *digits)
		return fail(h, "%s: a number of lines is missing", text);
	if (cmd_need_file(h) != 0)
		return 1;
	line = h->list.centred ? h->list.first : h->list.last;
	if (*text == '-' && n >= line)
		return fail(h, "there is no line %" PRIu64 " before line 1", n);
	*where = NULL;
	if (asprintf(where, "%" PRIu64, *text == '-' ? line - n : line + n) < 0)
		*where = NULL;
	free(text);
	return *where ? 0 : fail(h, "out of memory");
}

static int address_of(struct hdb *h, const char *text, uint64_t *ret)
{
	struct he_value *v = NULL;
	struct he_error *e = he_evaluate(h->target, h->tid, h->frame, text, &v);

	if (!e)
		e = he_value_number(h->target, v, ret);
	he_value_free(v);
	return e ? fail_error(h, e) : 0;
}

static bool is_line(const char *where)
{
	return *where && !where[strspn(where, "0123456789")];
}

int break_spec_resolve(struct hdb *h, struct break_spec *spec, struct he_break *q)
{
	if (!*spec->where) {
		free(spec->where);
		spec->where = NULL;
		if (here(h, q, &spec->where) != 0)
			return 1;
	} else if (*spec->where == '*') {
		if (!h->target)
			return fail(h, "%s: no process is attached", spec->where);
		if (address_of(h, spec->where + 1, &q->addr) != 0)
			return 1;
	} else if ((*spec->where == '+' || *spec->where == '-') && relative(h, &spec->where) != 0)
		return 1;
	if (!spec->where)
		return 1; /* no memory, which was said */
	if (is_line(spec->where) && h->target && cmd_need_file(h) == 0)
		q->file = h->list.file;
	q->where = spec->where;
	q->condition = spec->condition;
	if (spec->thread && thread_arg(h, spec->thread, &q->tid) != 0)
		return 1;
	if (h->target && h->tid) {
		q->frame_tid = h->tid;
		q->frame = h->frame;
	}
	return 0;
}

/* ---- setting -------------------------------------------------------------------- */

/* Nothing of that name (yet): wait for it, where the person wants that. */
static bool may_wait(struct hdb *h, const struct he_error *e)
{
	if (h->pending == PENDING_ON)
		return true;
	show_text(h->err, e->message);
	fputc('\n', h->err);
	return h->pending != PENDING_OFF &&
	       query(h, false, "Make breakpoint pending on future shared library load?");
}

static int set(struct hdb *h, struct he_break *q)
{
	struct he_error *e;
	unsigned number;

	e = he_break(h->engine, h->target, q, &number);
	if (e && e->code == E_NO_FILE && !q->pending) {
		q->pending = may_wait(h, e);
		he_error_free(e);
		if (!q->pending)
			return 1;
		e = he_break(h->engine, h->target, q, &number);
	}
	if (e)
		return fail_error(h, e);
	return break_say_set(h, number);
}

static int set_one(struct hdb *h, const char *args, enum he_break_kind kind, bool temporary)
{
	/* Without a target there is nothing it could be found in yet. */
	struct he_break q = {.kind = kind, .temporary = temporary, .pending = !h->target};
	struct break_spec spec;
	int ret;

	if (break_spec_parse(h, args, &spec) != 0)
		return 1;
	ret = break_spec_resolve(h, &spec, &q);
	if (!ret)
		ret = set(h, &q);
	break_spec_free(&spec);
	return ret;
}

int cmd_break(struct hdb *h, const char *args)
{
	return set_one(h, args, HE_BREAK_SOFT, false);
}

int cmd_tbreak(struct hdb *h, const char *args)
{
	return set_one(h, args, HE_BREAK_SOFT, true);
}

int cmd_hbreak(struct hdb *h, const char *args)
{
	return set_one(h, args, HE_BREAK_HARD, false);
}

int cmd_thbreak(struct hdb *h, const char *args)
{
	return set_one(h, args, HE_BREAK_HARD, true);
}

/* ---- rbreak ------------------------------------------------------------------------ */

/* FILE:REGEX, where the part before the colon looks like a file. */
static const char *regex_part(const char *args, char **file)
{
	const char *colon = strchr(args, ':');

	*file = NULL;
	if (!colon || colon[1] == ':' || strcspn(args, ".*[^$ ") < (size_t)(colon - args) - 4)
		return args;
	*file = strndup(args, (size_t)(colon - args));
	return colon + 1 + strspn(colon + 1, " \t");
}

static int set_function(struct hdb *h, const struct he_place *p)
{
	struct he_break q = {.kind = HE_BREAK_SOFT, .addr = p->addr};
	char *where = NULL;
	int ret;

	/* By file and name it is found again when the program runs anew. */
	if (!p->function || asprintf(&where, "%s%s%s", p->file ? show_base(p->file) : "",
				p->file ? ":" : "", p->function) < 0)
		return fail(h, "out of memory");
	q.where = where;
	ret = set(h, &q);
	if (!ret) {
		show_text(h->out, p->function);
		fputs(strchr(p->function, '(') ? ";\n" : "();\n", h->out);
	}
	free(where);
	return ret;
}

int cmd_rbreak(struct hdb *h, const char *args)
{
	struct he_places *found = NULL;
	struct he_error *e;
	char *file;
	const char *regex = regex_part(args, &file);
	int ret = 0;

	e = he_functions(h->target, *regex ? regex : ".", file, &found);
	free(file);
	if (e)
		return fail_error(h, e);
	if (!found->n)
		ret = fail(h, "no function matches %s", args);
	for (size_t i = 0; i < found->n && !h->interrupted; i++)
		ret |= set_function(h, &found->v[i]);
	he_places_free(found);
	return ret;
}

/* ---- watchpoints ----------------------------------------------------------------------- */

static int watch(struct hdb *h, const char *args, enum he_break_kind kind)
{
	struct he_break q = {.kind = kind, .frame_tid = h->tid, .frame = h->frame};
	struct break_spec spec;
	char *expression;
	int ret;

	if (strncmp(args, "-l", 2) == 0 && isspace((unsigned char)args[2])) {
		q.location = true;
		args += 2;
	} else if (strncmp(args, "-location", 9) == 0 && isspace((unsigned char)args[9])) {
		q.location = true;
		args += 9;
	}
	if (break_spec_parse(h, args, &spec) != 0)
		return 1;
	expression = spec.where;
	q.where = expression;
	q.condition = spec.condition;
	ret = *expression ? 0 : fail(h, "an expression to watch is missing");
	if (!ret && spec.thread)
		ret = thread_arg(h, spec.thread, &q.tid);
	if (!ret)
		ret = set(h, &q);
	break_spec_free(&spec);
	return ret;
}

int cmd_watch(struct hdb *h, const char *args)
{
	return watch(h, args, HE_BREAK_WATCH);
}

int cmd_rwatch(struct hdb *h, const char *args)
{
	return watch(h, args, HE_BREAK_RWATCH);
}

int cmd_awatch(struct hdb *h, const char *args)
{
	return watch(h, args, HE_BREAK_AWATCH);
}

/* ---- clear -------------------------------------------------------------------------------- */

static bool is_at(const struct he_breakpoint *b, const struct he_places *p)
{
	for (size_t i = 0; i < b->n; i++)
		for (size_t k = 0; k < p->n; k++)
			if (b->v[i].addr == p->v[k].addr ||
			    (p->v[k].line && b->v[i].line == p->v[k].line && b->v[i].file &&
				p->v[k].file && strcmp(b->v[i].file, p->v[k].file) == 0))
				return b->kind <= HE_BREAK_HARD;
	return false;
}

static int clear_at(struct hdb *h, const char *where, const struct he_places *p)
{
	struct he_breakpoints *all;
	unsigned n = 0;
	struct he_error *e = he_breakpoints(h->engine, 0, &all);

	if (e)
		return fail_error(h, e);
	for (size_t i = 0; i < all->n && !e; i++) {
		if (!is_at(&all->v[i], p))
			continue;
		fprintf(h->out, "%s%u ", n++ ? "" : "Deleted breakpoint ", all->v[i].number);
		e = break_delete(h, all->v[i].number);
	}
	he_breakpoints_free(all);
	if (n)
		fputc('\n', h->out);
	if (e)
		return fail_error(h, e);
	return n ? 0 : fail(h, "No breakpoint at %s", where);
}

int cmd_clear(struct hdb *h, const char *args)
{
	struct he_places *p = NULL;
	struct he_place one = {0};
	struct break_spec spec;
	struct he_break q = {0};
	struct he_error *e = NULL;
	int ret;

	if (break_spec_parse(h, args, &spec) != 0)
		return 1;
	ret = break_spec_resolve(h, &spec, &q);
	if (!ret && *spec.where == '*') {
		one.addr = q.addr;
		ret = clear_at(h, spec.where, &(struct he_places){&one, 1});
	} else if (!ret) {
		e = he_locate(h->target, spec.where, q.file, &p);
		ret = e ? fail_error(h, e) : clear_at(h, spec.where, p);
	}
	he_places_free(p);
	break_spec_free(&spec);
	return ret;
}
