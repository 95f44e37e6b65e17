/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Commands that show data by name: print, output, ptype, whatis, info locals and args,
 * set var, display.
 */
#include <stdlib.h>
#include <string.h>

#include "host/hdb/cmd.h"
#include "host/hdb/display.h"

/* ---- formats ----------------------------------------------------------------- */

/* "/x" before an expression; GDB's count and size letters mean nothing here. */
static int take_format(struct hdb *h, const char **args, struct he_format *f)
{
	const char *p = *args;

	*f = (struct he_format){.top = true};
	if (*p != '/')
		return 0;
	for (p++; *p && *p != ' ' && *p != '\t'; p++) {
		if (!strchr("xduotzacfs", *p))
			return fail(h, "FORMAT is one of x d u o t z a c f s");
		f->letter = *p;
	}
	*args = p + strspn(p, " \t");
	return 0;
}

/* ---- print ------------------------------------------------------------------- */

static int put_value(struct hdb *h, struct he_value *v, const struct he_format *f)
{
	char *text;
	struct he_error *e = he_value_text(h->target, v, f, &text);

	if (e)
		return fail_error(h, e);
	show_text(h->out, text);
	free(text);
	return 0;
}

/* Into the history first, for then its bytes are there. */
int print_numbered(struct hdb *h, struct he_value *v, const struct he_format *f)
{
	unsigned number = 0;
	char *text;
	struct he_error *e = he_value_text(h->target, v, f, &text);

	if (!e) {
		e = strcmp(text, "void") ? he_remember(h->target, v, &number) : NULL;
		if (!e && number)
			fprintf(h->out, "$%u = ", number);
		else if (!e)
			fputs("$ = ", h->out);
		if (!e) {
			show_text(h->out, text);
			fputc('\n', h->out);
		}
		free(text);
	}
	return e ? fail_error(h, e) : 0;
}

/* The stack may have been read from what was changed; the selected frame stays. */
static void reread(struct hdb *h)
{
	he_stack_free(h->stack);
	h->stack = NULL;
}

static bool may_change(const char *text)
{
	return strchr(text, '=') || strstr(text, "++") || strstr(text, "--");
}

int cmd_print(struct hdb *h, const char *args)
{
	struct he_format f;
	struct he_value *v;
	struct he_error *e;
	int ret;

	if (take_format(h, &args, &f) != 0)
		return 1;
	e = he_evaluate(h->target, h->tid, h->frame, *args ? args : "$", &v);
	if (e)
		return fail_error(h, e);
	ret = print_numbered(h, v, &f);
	he_value_free(v);
	if (may_change(args))
		reread(h);
	return ret;
}

int cmd_output(struct hdb *h, const char *args)
{
	struct he_format f;
	struct he_value *v;
	struct he_error *e;
	int ret;

	if (take_format(h, &args, &f) != 0)
		return 1;
	e = he_evaluate(h->target, h->tid, h->frame, args, &v);
	if (e)
		return fail_error(h, e);
	ret = put_value(h, v, &f);
	he_value_free(v);
	return ret;
}

int cmd_set_variable(struct hdb *h, const char *args)
{
	struct he_value *v;
	struct he_error *e;

	if (!*args)
		return fail(h, "set var takes an assignment: set var NAME = VALUE");
	e = he_evaluate(h->target, h->tid, h->frame, args, &v);
	if (e)
		return fail_error(h, e);
	he_value_free(v);
	reread(h);
	return 0;
}

/* ---- types ------------------------------------------------------------------- */

static int show_type(struct hdb *h, const char *args, bool expand)
{
	char *text;
	struct he_error *e;

	if (!*args)
		return fail(h, "an expression or a type is wanted");
	e = he_type_text(h->target, h->tid, h->frame, args, expand, &text);
	if (e)
		return fail_error(h, e);
	fputs("type = ", h->out);
	for (char *line = text, *end; line; line = end) {
		end = strchr(line, '\n');
		if (end)
			*end++ = 0;
		show_text(h->out, line);
		fputc('\n', h->out);
	}
	free(text);
	return 0;
}

int cmd_ptype(struct hdb *h, const char *args)
{
	return show_type(h, args, true);
}

int cmd_whatis(struct hdb *h, const char *args)
{
	return show_type(h, args, false);
}

/* ---- locals and arguments ------------------------------------------------------ */

static int show_locals(struct hdb *h, const char *args, bool arguments)
{
	const struct he_format f = {.top = false};
	struct he_locals *all;
	struct he_error *e;

	if (*args)
		return fail(h, "this shows those of the selected frame; frame N selects one");
	e = he_locals(h->target, h->tid, h->frame, arguments, &f, &all);
	if (e)
		return fail_error(h, e);
	for (size_t i = 0; i < all->n; i++) {
		show_text(h->out, all->v[i].name);
		fputs(" = ", h->out);
		show_text(h->out, all->v[i].text);
		fputc('\n', h->out);
	}
	if (!all->n)
		fputs(arguments ? "No arguments.\n" : "No locals.\n", h->out);
	he_locals_free(all);
	return 0;
}

int cmd_info_locals(struct hdb *h, const char *args)
{
	return show_locals(h, args, false);
}

int cmd_info_args(struct hdb *h, const char *args)
{
	return show_locals(h, args, true);
}

/* ---- display ------------------------------------------------------------------- */

static void show_display(struct hdb *h, const struct display *d)
{
	struct he_value *v = NULL;
	struct he_error *e = he_evaluate(h->target, h->tid, h->frame, d->text, &v);
	char *text = NULL;

	if (!e)
		e = he_value_text(h->target, v, &d->format, &text);
	he_value_free(v);
	fprintf(h->out, "%u: ", d->number);
	if (d->format.letter)
		fprintf(h->out, "/%c ", d->format.letter);
	show_text(h->out, d->text);
	fputs(" = ", h->out);
	if (e) {
		fputs("<error: ", h->out);
		show_text(h->out, e->message);
		fputc('>', h->out);
	} else {
		show_text(h->out, text);
	}
	fputc('\n', h->out);
	he_error_free(e);
	free(text);
}

void display_all(struct hdb *h)
{
	for (const struct display *d = h->displays; d; d = d->next)
		if (d->enabled)
			show_display(h, d);
}

int cmd_display(struct hdb *h, const char *args)
{
	struct he_format f;
	struct he_value *v;
	struct he_error *e;
	struct display *d;

	if (!*args) {
		display_all(h);
		return 0;
	}
	if (take_format(h, &args, &f) != 0)
		return 1;
	/* One that means nothing here is none: it would be said at every stop. */
	e = he_evaluate(h->target, h->tid, h->frame, args, &v);
	if (e)
		return fail_error(h, e);
	he_value_free(v);
	d = display_add(&h->displays, &f, args);
	if (!d)
		return fail(h, "out of memory");
	show_display(h, d);
	return 0;
}

int cmd_undisplay(struct hdb *h, const char *args)
{
	uint64_t n;

	if (!*args) {
		display_free(h->displays);
		h->displays = NULL;
	}
	while (*args) {
		if (!cmd_number(&args, UINT32_MAX, &n))
			return fail(h, "numbers of displays are wanted; info display lists them");
		if (!display_delete(&h->displays, (unsigned)n))
			return fail(h, "there is no display %llu", (unsigned long long)n);
	}
	return 0;
}

int cmd_info_display(struct hdb *h, const char *args)
{
	if (*args)
		return fail(h, "info display takes no argument");
	if (!h->displays)
		fputs("There are no displays.\n", h->out);
	for (const struct display *d = h->displays; d; d = d->next) {
		fprintf(h->out, "%u:   %s  ", d->number, d->enabled ? "y" : "n");
		if (d->format.letter)
			fprintf(h->out, "/%c ", d->format.letter);
		show_text(h->out, d->text);
		fputc('\n', h->out);
	}
	return 0;
}
