/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Changing breakpoints that are there.
 */
#include <inttypes.h>
#include <string.h>

#include "host/hdb/actions.h"
#include "host/hdb/break_show.h"
#include "host/hdb/cmd.h"
#include "host/hdb/query.h"

/* ---- which ------------------------------------------------------------------- */

/* N, N-M, N.L or N.L-M of a list. */
struct which {
	unsigned from, to;
	unsigned place_from, place_to; /* 0 = the whole */
};

static bool number(const char **text, unsigned *ret)
{
	const char *p = *text;
	uint64_t n = 0;

	if (*p < '0' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9' && n <= INT32_MAX; p++)
		n = n * 10 + (uint64_t)(*p - '0');
	*text = p;
	*ret = (unsigned)n;
	return n && n <= INT32_MAX;
}

static bool next(const char **text, struct which *ret)
{
	const char *p = *text;

	*ret = (struct which){0};
	if (!number(&p, &ret->from))
		return false;
	ret->to = ret->from;
	if (*p == '.') {
		p++;
		if (!number(&p, &ret->place_from))
			return false;
		ret->place_to = ret->place_from;
		if (*p == '-' && (p++, !number(&p, &ret->place_to)))
			return false;
	} else if (*p == '-' && (p++, !number(&p, &ret->to)))
		return false;
	if (*p && !strchr(" \t,", *p))
		return false;
	*text = p + strspn(p, " \t,");
	return true;
}

typedef struct he_error *change_fn(struct hdb *h, unsigned number, unsigned place, const void *arg);

/* Of a range what is missing is passed over, of a single number it is told. */
static int apply_one(struct hdb *h, const struct which *w, change_fn *fn, const void *arg)
{
	int ret = 0;

	for (unsigned n = w->from; n <= w->to; n++)
		for (unsigned p = w->place_from; p <= w->place_to; p++) {
			struct he_error *e = fn(h, n, p, arg);

			if (e)
				ret = fail_error(h, e);
		}
	return ret;
}

static int apply(struct hdb *h, const char *args, change_fn *fn, const void *arg)
{
	struct which w;
	int ret = 0;

	while (*args) {
		if (!next(&args, &w))
			return fail(h, "Bad breakpoint number '%.40s'", args);
		if (w.to < w.from || w.to - w.from > 100000)
			return fail(h, "a range of breakpoints is written as in 3-5");
		ret |= apply_one(h, &w, fn, arg);
	}
	return ret;
}

static int apply_all(struct hdb *h, change_fn *fn, const void *arg)
{
	struct he_breakpoints *p;
	struct he_error *e = he_breakpoints(h->engine, 0, &p);
	int ret = 0;

	if (e)
		return fail_error(h, e);
	for (size_t i = 0; i < p->n; i++) {
		e = fn(h, p->v[i].number, 0, arg);
		if (e)
			ret = fail_error(h, e);
	}
	he_breakpoints_free(p);
	return ret;
}

/* ---- delete, enable, disable -------------------------------------------------------- */

static struct he_error *delete_one(struct hdb *h, unsigned n, unsigned place, const void *arg)
{
	(void)place;
	(void)arg;
	return break_delete(h, n);
}

/* A first word breakpoints says nothing more. */
static const char *skip_breakpoints(const char *args)
{
	size_t n = strcspn(args, " \t");

	if (n >= 2 && n <= 11 && strncmp(args, "breakpoints", n) == 0)
		return args + n + strspn(args + n, " \t");
	return args;
}

static bool any_breakpoints(struct hdb *h)
{
	struct he_breakpoints *p = NULL;
	struct he_error *e = he_breakpoints(h->engine, 0, &p);
	bool any = !e && p->n;

	he_error_free(e);
	he_breakpoints_free(p);
	return any;
}

int cmd_delete(struct hdb *h, const char *args)
{
	args = skip_breakpoints(args);
	if (*args)
		return apply(h, args, delete_one, NULL);
	if (any_breakpoints(h) && !confirm(h, "Delete all breakpoints?"))
		return 0;
	return apply_all(h, delete_one, NULL);
}

struct enabling {
	enum he_enable how;
	uint64_t count;
};

static struct he_error *enable_one(struct hdb *h, unsigned n, unsigned place, const void *arg)
{
	const struct enabling *e = arg;

	return he_break_enable(h->engine, n, place, e->how, e->count);
}

static int enable(struct hdb *h, const char *args, enum he_enable how, uint64_t count)
{
	struct enabling e = {how, count};

	args = skip_breakpoints(args);
	if (*args)
		return apply(h, args, enable_one, &e);
	if (how != HE_ENABLE && how != HE_DISABLE)
		return fail(h, "a breakpoint's number is missing");
	return apply_all(h, enable_one, &e);
}

int cmd_enable(struct hdb *h, const char *args)
{
	return enable(h, args, HE_ENABLE, 0);
}

int cmd_enable_once(struct hdb *h, const char *args)
{
	return enable(h, args, HE_ENABLE_ONCE, 0);
}

int cmd_enable_delete(struct hdb *h, const char *args)
{
	return enable(h, args, HE_ENABLE_DELETE, 0);
}

int cmd_enable_count(struct hdb *h, const char *args)
{
	uint64_t n;

	if (!cmd_number(&args, INT32_MAX, &n) || !n)
		return fail(h, "enable count needs a number of hits, then breakpoints");
	return enable(h, args, HE_ENABLE_COUNT, n);
}

int cmd_disable(struct hdb *h, const char *args)
{
	return enable(h, args, HE_DISABLE, 0);
}

/* ---- condition, ignore, commands -------------------------------------------------------- */

int cmd_condition(struct hdb *h, const char *args)
{
	struct he_error *e;
	uint64_t n;

	if (!cmd_number(&args, INT32_MAX, &n) || !n)
		return fail(h, "condition needs a breakpoint's number, then an expression");
	e = he_break_condition(h->engine, (unsigned)n, *args ? args : NULL);
	if (e)
		return fail_error(h, e);
	if (!*args)
		fprintf(h->out, "Breakpoint %" PRIu64 " now unconditional.\n", n);
	return 0;
}

int cmd_ignore(struct hdb *h, const char *args)
{
	struct he_error *e;
	uint64_t n, count;

	if (!cmd_number(&args, INT32_MAX, &n) || !n)
		return fail(h, "ignore needs a breakpoint's number, then a count");
	if (!cmd_number(&args, INT64_MAX, &count) || *args)
		return fail(h, "a number of hits to ignore is missing");
	e = he_break_ignore(h->engine, (unsigned)n, count);
	if (e)
		return fail_error(h, e);
	if (count == 0)
		fprintf(h->out, "Will stop next time breakpoint %" PRIu64 " is reached.\n", n);
	else if (count == 1)
		fprintf(h->out, "Will ignore next crossing of breakpoint %" PRIu64 ".\n", n);
	else
		fprintf(h->out,
		    "Will ignore next %" PRIu64 " crossings of breakpoint %" PRIu64 ".\n", count,
		    n);
	return 0;
}

int cmd_commands(struct hdb *h, const char *args)
{
	enum { MOST = 64 };
	unsigned numbers[MOST];
	size_t n = 0;
	struct which w;

	if (!*args && !h->last_breakpoint)
		return fail(h, "No breakpoints specified");
	if (!*args)
		numbers[n++] = h->last_breakpoint;
	while (*args) {
		if (!next(&args, &w) || w.place_from)
			return fail(h, "Bad breakpoint number '%.40s'", args);
		for (unsigned k = w.from; k <= w.to && n < MOST; k++)
			numbers[n++] = k;
	}
	for (size_t i = 0; i < n; i++) {
		struct he_breakpoints *p;
		struct he_error *e = he_breakpoints(h->engine, numbers[i], &p);

		if (e)
			return fail_error(h, e);
		he_breakpoints_free(p);
	}
	return actions_begin(h, numbers, n);
}
