/* SPDX-License-Identifier: BSD-2-Clause
 *
 * display: expressions, and memory, that are shown at every stop.
 */
#include <stdlib.h>
#include <string.h>

#include "host/hdb/address.h"
#include "host/hdb/cmd.h"
#include "host/hdb/display.h"
#include "host/hdb/query.h"

static void show_value(struct hdb *h, const struct display *d)
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

/* As x has it, with the expression evaluated anew. */
static void show_memory(struct hdb *h, const struct display *d)
{
	const struct examine *x = &d->memory;
	uint64_t addr, next;

	fprintf(h->out, "%u: x/", d->number);
	if (x->count != 1)
		fprintf(h->out, "%u", x->count);
	fputc(x->format, h->out);
	if (x->format != 'i' && x->format != 's')
		fputc(x->unit, h->out);
	fputc(' ', h->out);
	show_text(h->out, d->text);
	fputs(x->count != 1 || x->format == 'i' ? "\n" : "  ", h->out);
	if (address_eval(h, d->text, &addr) == 0)
		examine_show(h, x, addr, &next);
}

static void show_display(struct hdb *h, const struct display *d)
{
	if (d->memory.format)
		show_memory(h, d);
	else
		show_value(h, d);
}

void display_all(struct hdb *h)
{
	for (const struct display *d = h->displays; d; d = d->next)
		if (d->enabled)
			show_display(h, d);
}

/* Letters that mean memory: i, s, or a unit; then x has read them, else nothing was. */
static int take_memory(struct hdb *h, const char **args, struct examine *ret)
{
	struct examine x = {.address_unit = front_address_bytes(h) == 4 ? 'w' : 'g'};
	const char *letters = *args + 1, *wrong;
	size_t n = strcspn(letters, " \t");

	*ret = (struct examine){0};
	if (**args != '/' || strcspn(letters, "isbhwg") >= n)
		return 0;
	wrong = examine_parse(&letters, &x);
	if (wrong)
		return fail(h, "display: %s", wrong);
	*args = letters;
	*ret = x;
	return 0;
}

int cmd_display(struct hdb *h, const char *args)
{
	struct he_format f;
	struct examine memory;
	struct he_value *v;
	struct he_error *e;
	struct display *d;
	uint64_t addr;

	if (!*args) {
		display_all(h);
		return 0;
	}
	if (take_memory(h, &args, &memory) != 0 || print_format(h, &args, &f) != 0)
		return 1;
	/* One that means nothing here is none: it would be said at every stop. */
	if (memory.format) {
		if (address_eval(h, args, &addr) != 0)
			return 1;
	} else {
		e = he_evaluate(h->target, h->tid, h->frame, args, &v);
		if (e)
			return fail_error(h, e);
		he_value_free(v);
	}
	d = display_add(&h->displays, &f, &memory, args);
	if (!d)
		return fail(h, "out of memory");
	show_display(h, d);
	return 0;
}

int cmd_undisplay(struct hdb *h, const char *args)
{
	uint64_t n;

	if (!*args) {
		if (h->displays && !confirm(h, "Delete all display expressions?"))
			return 0;
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
		if (d->memory.format)
			fprintf(h->out, "/%u%c%c ", d->memory.count,
			    d->memory.format == 'i' ? 'b' : d->memory.unit, d->memory.format);
		else if (d->format.letter)
			fprintf(h->out, "/%c ", d->format.letter);
		show_text(h->out, d->text);
		fputc('\n', h->out);
	}
	return 0;
}
