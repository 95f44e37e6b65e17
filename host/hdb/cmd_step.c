/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Stepping, and other ways of going on than continue.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "host/hdb/break_spec.h"
#include "host/hdb/cmd.h"
#include "host/hdb/query.h"

/* It has been let run: until it stands again. */
static int follow(struct hdb *h, struct he_error *e)
{
	if (e)
		return fail_error(h, e);
	front_stale(h);
	return front_wait(h, h->target);
}

/* ---- steps -------------------------------------------------------------------- */

/* GDB says what it does where there are no lines. */
static void say_no_lines(struct hdb *h)
{
	const struct he_frame *f = front_frame(h, NULL);

	if (!f || f->line || !f->function)
		return;
	fputs("Single stepping until exit from function ", h->out);
	show_text(h->out, f->function);
	fputs(",\nwhich has no line number information.\n", h->out);
}

static int step(struct hdb *h, const char *args, enum he_step how)
{
	uint64_t count = 1;

	if (*args && (!cmd_number(&args, UINT32_MAX, &count) || *args))
		return fail(h, "a number of steps may stand here, nothing else");
	if (!count)
		return 0;
	if (how <= HE_STEP_UNTIL)
		say_no_lines(h);
	return follow(h, he_step(h->target, h->tid, how, count));
}

int cmd_step(struct hdb *h, const char *args)
{
	return step(h, args, HE_STEP_INTO);
}

int cmd_next(struct hdb *h, const char *args)
{
	return step(h, args, HE_STEP_OVER);
}

int cmd_stepi(struct hdb *h, const char *args)
{
	return step(h, args, HE_STEP_INSN);
}

int cmd_nexti(struct hdb *h, const char *args)
{
	return step(h, args, HE_STEP_INSN_OVER);
}

/* ---- to the end of a frame, or a place ------------------------------------------ */

int cmd_finish(struct hdb *h, const char *args)
{
	if (*args)
		return fail(h, "finish takes no argument");
	if (h->person) {
		fputs("Run till exit from ", h->out);
		if (front_say_frame_only(h) != 0)
			return 1;
	}
	return follow(h, he_finish(h->target, h->tid, h->frame));
}

/* The places a location stands for; the caller frees them (he_places_free). */
static int locate(struct hdb *h, const char *text, struct he_places **ret)
{
	struct he_break q = {.kind = HE_BREAK_SOFT};
	struct break_spec spec;
	struct he_error *e;

	if (break_spec_parse(h, text, &spec) != 0)
		return 1;
	if (break_spec_resolve(h, &spec, &q) != 0) {
		break_spec_free(&spec);
		return 1;
	}
	e = q.condition || q.tid ? NULL : he_locate(h->target, q.where, q.file, ret);
	break_spec_free(&spec);
	if (q.condition || q.tid)
		return fail(h, "only a location may stand here");
	return e ? fail_error(h, e) : 0;
}

static int until(struct hdb *h, const char *args, bool anywhere)
{
	struct he_places *p = NULL;
	struct he_error *e;
	uint64_t *addrs;

	if (locate(h, args, &p) != 0 || !p)
		return 1;
	addrs = calloc(p->n + 1, sizeof(*addrs));
	for (size_t i = 0; addrs && i < p->n; i++)
		addrs[i] = p->v[i].addr;
	e = addrs ? he_until(h->target, h->tid, h->frame, addrs, p->n, anywhere) : NULL;
	he_places_free(p);
	if (!addrs)
		return fail(h, "out of memory");
	free(addrs);
	return follow(h, e);
}

int cmd_until(struct hdb *h, const char *args)
{
	return *args ? until(h, args, false) : step(h, args, HE_STEP_UNTIL);
}

int cmd_advance(struct hdb *h, const char *args)
{
	return *args ? until(h, args, true) : fail(h, "advance needs a location");
}

/* ---- elsewhere ---------------------------------------------------------------------- */

static int ask_return(struct hdb *h)
{
	const struct he_frame *f = front_frame(h, NULL);
	char *question = NULL, *name;
	bool yes;

	if (!f)
		return 1;
	name = show_clean(f->function ? f->function : "selected stack frame");
	if (!name || asprintf(&question, "Make %s return now?", name) < 0)
		question = NULL;
	free(name);
	yes = question && confirm(h, question);
	free(question);
	return yes ? 0 : fail(h, "Not confirmed.");
}

int cmd_return(struct hdb *h, const char *args)
{
	struct he_error *e;

	if (h->person && ask_return(h) != 0)
		return 1;
	e = he_return(h->target, h->tid, h->frame, *args ? args : NULL);
	if (e)
		return fail_error(h, e);
	front_select_thread(h, h->tid);
	return front_say_frame(h);
}

/* The line is another function's than the selected frame's. */
static bool may_leave(struct hdb *h, const struct he_place *to)
{
	const struct he_frame *f = front_frame(h, NULL);
	char *question = NULL, *name;
	bool yes;

	if (!f || !f->function || !to->function || strcmp(f->function, to->function) == 0)
		return f != NULL;
	name = show_clean(f->function);
	if (!name || asprintf(&question, "That is not in `%s'.  Jump anyway?", name) < 0)
		question = NULL;
	free(name);
	yes = question && confirm(h, question);
	free(question);
	return yes;
}

int cmd_jump(struct hdb *h, const char *args)
{
	struct he_places *p = NULL;
	uint64_t addr;
	bool yes;

	if (!*args)
		return fail(h, "jump needs a location");
	if (locate(h, args, &p) != 0 || !p)
		return 1;
	if (p->n != 1) {
		size_t n = p->n;

		he_places_free(p);
		return fail(h, "%s: that is %zu places; jump goes to one", args, n);
	}
	addr = p->v[0].addr;
	yes = may_leave(h, &p->v[0]);
	he_places_free(p);
	if (!yes)
		return fail(h, "Not confirmed.");
	if (h->person)
		fprintf(h->out, "Continuing at %#" PRIx64 ".\n", addr);
	return follow(h, he_jump(h->target, h->tid, addr));
}
