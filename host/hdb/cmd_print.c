/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Commands that show data by name: print, output, ptype, whatis, info locals and args,
 * set var.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "host/hdb/cmd.h"
#include "host/hdb/convenience.h"
#include "host/hdb/display.h"

/* ---- formats ----------------------------------------------------------------- */

/* "/x" before an expression; GDB's count and size letters mean nothing here. */
int print_format(struct hdb *h, const char **args, struct he_format *f)
{
	const char *p = *args;

	*f = (struct he_format){.top = true, .elements = h->elements};
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

/* After the end of a program one asks how it ended. */
static int print_known(struct hdb *h, const char *args)
{
	int64_t value;

	if (!convenience_value(h, args, &value))
		return cmd_lacks(h, NEED_MEMORY);
	fprintf(h->out, "$ = %" PRId64 "\n", value);
	return 0;
}

static int show_result(struct hdb *h, const char *expression, const struct he_format *f,
    int (*show)(struct hdb *h, struct he_value *v, const struct he_format *f))
{
	struct he_value *v;
	struct he_error *e = he_evaluate(h->target, h->tid, h->frame, expression, &v);
	int ret;

	if (e)
		return fail_error(h, e);
	ret = show(h, v, f);
	he_value_free(v);
	if (may_change(expression))
		reread(h);
	return ret;
}

int cmd_print(struct hdb *h, const char *args)
{
	struct he_format f;

	if (print_format(h, &args, &f) != 0)
		return 1;
	if (!h->target)
		return print_known(h, args);
	return show_result(h, *args ? args : "$", &f, print_numbered);
}

/* Shown, unless there is nothing to show. */
static int show_any(struct hdb *h, struct he_value *v, const struct he_format *f)
{
	char *text = NULL;
	struct he_error *e = he_value_text(h->target, v, f, &text);
	bool none = !e && strcmp(text, "void") == 0;

	free(text);
	if (e)
		return fail_error(h, e);
	return none ? 0 : print_numbered(h, v, f);
}

int cmd_call(struct hdb *h, const char *args)
{
	struct he_format f;

	if (print_format(h, &args, &f) != 0)
		return 1;
	if (!*args)
		return fail(h, "call needs an EXPRESSION");
	return show_result(h, args, &f, show_any);
}

int cmd_output(struct hdb *h, const char *args)
{
	struct he_format f;

	if (print_format(h, &args, &f) != 0)
		return 1;
	return show_result(h, args, &f, put_value);
}

/* A \ at the end of the line stands for nothing: it keeps blanks in front of it. */
int cmd_echo(struct hdb *h, const char *args)
{
	static const char from[] = "nt", to[] = "\n\t";

	for (; *args; args++) {
		const char *at = NULL;

		if (*args == '\\') {
			if (!*++args)
				break;
			at = strchr(from, *args);
		}
		fputc(at ? to[at - from] : *args, h->out);
	}
	return 0;
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
	const struct he_format f = {.top = false, .elements = h->elements};
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
