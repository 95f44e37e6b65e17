/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/hdb/actions.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { DUE_MAX = 64, BLOCK_MAX = 64, TEXT_MAX = 64 * 1024 };

struct list {
	struct list *next;
	unsigned number;
	char *text;
};

struct actions {
	struct list *first;
	unsigned due[DUE_MAX]; /* numbers */
	size_t n_due;
	unsigned block[BLOCK_MAX]; /* whose lines are being typed */
	size_t n_block;
	unsigned depth; /* of blocks inside it: if, while, commands */
	bool open;
	char *text;
};

static struct actions *actions_of(struct hdb *h)
{
	if (!h->actions)
		h->actions = calloc(1, sizeof(*h->actions));
	return h->actions;
}

static struct list *find(const struct actions *a, unsigned number)
{
	struct list *l = a ? a->first : NULL;

	while (l && l->number != number)
		l = l->next;
	return l;
}

const char *actions_text(const struct hdb *h, unsigned number)
{
	const struct list *l = find(h->actions, number);

	return l && *l->text ? l->text : NULL;
}

bool actions_silent(const struct hdb *h, unsigned number)
{
	const char *text = actions_text(h, number);

	return text && strncmp(text, "silent\n", 7) == 0;
}

void actions_forget(struct hdb *h, unsigned number)
{
	for (struct list **at = h->actions ? &h->actions->first : NULL; at && *at;
	     at = &(*at)->next)
		if ((*at)->number == number) {
			struct list *l = *at;

			*at = l->next;
			free(l->text);
			free(l);
			return;
		}
}

void actions_free(struct hdb *h)
{
	while (h->actions && h->actions->first)
		actions_forget(h, h->actions->first->number);
	if (h->actions)
		free(h->actions->text);
	free(h->actions);
	h->actions = NULL;
}

/* ---- typing them ----------------------------------------------------------------- */

int actions_begin(struct hdb *h, const unsigned *numbers, size_t n)
{
	struct actions *a = actions_of(h);

	if (!a)
		return fail(h, "out of memory");
	if (n > BLOCK_MAX)
		return fail(h, "too many breakpoints at once");
	memcpy(a->block, numbers, n * sizeof(*numbers));
	a->n_block = n;
	a->depth = 0;
	a->open = true;
	free(a->text);
	a->text = strdup("");
	if (!h->person)
		return 0;
	fprintf(h->out, "Type commands for breakpoint(s) %u", numbers[0]);
	if (n > 1)
		fprintf(h->out, "-%u", numbers[n - 1]);
	fputs(", one per line.\nEnd with a line saying just \"end\".\n", h->out);
	return 0;
}

bool actions_open(const struct hdb *h)
{
	return h->actions && h->actions->open;
}

static bool is_word(const char *line, const char *word)
{
	size_t n = strlen(word);

	return strncmp(line, word, n) == 0 && (!line[n] || isspace((unsigned char)line[n]));
}

static void set(struct hdb *h, unsigned number, const char *text)
{
	struct list *l;

	actions_forget(h, number);
	l = calloc(1, sizeof(*l));
	if (!l)
		return;
	l->number = number;
	l->text = strdup(text);
	if (!l->text) {
		free(l);
		return;
	}
	l->next = h->actions->first;
	h->actions->first = l;
}

void actions_end(struct hdb *h)
{
	struct actions *a = h->actions;

	if (!a || !a->open)
		return;
	a->open = false;
	for (size_t i = 0; i < a->n_block && a->text; i++)
		set(h, a->block[i], a->text);
	free(a->text);
	a->text = NULL;
}

int actions_line(struct hdb *h, const char *line)
{
	struct actions *a = h->actions;
	char *text = NULL;
	size_t n;

	line += strspn(line, " \t");
	n = strlen(line);
	while (n && isspace((unsigned char)line[n - 1]))
		n--;
	if (n == 3 && strncmp(line, "end", 3) == 0 && a->depth-- == 0) {
		actions_end(h);
		return 0;
	}
	if (is_word(line, "commands"))
		a->depth++;
	if (strlen(a->text ? a->text : "") + n > TEXT_MAX ||
	    asprintf(&text, "%s%.*s\n", a->text ? a->text : "", (int)n, line) < 0)
		return fail(h, "too many commands for one breakpoint");
	free(a->text);
	a->text = text;
	return 0;
}

/* ---- doing them -------------------------------------------------------------------- */

void actions_due(struct hdb *h, const unsigned *numbers, size_t n)
{
	struct actions *a = h->actions;

	if (!a)
		return;
	a->n_due = 0;
	for (size_t i = 0; i < n && i < DUE_MAX; i++)
		if (actions_text(h, numbers[i]))
			a->due[a->n_due++] = numbers[i];
}

/* The lines of all that are due, one after another; the caller frees them. */
static char *take_due(struct hdb *h)
{
	struct actions *a = h->actions;
	char *text = NULL;
	size_t size;
	FILE *f;

	if (!a || !a->n_due)
		return NULL;
	f = open_memstream(&text, &size);
	for (size_t i = 0; f && i < a->n_due; i++) {
		const char *lines = actions_text(h, a->due[i]);

		fputs(lines ? lines : "", f);
	}
	a->n_due = 0;
	if (f)
		fclose(f);
	return text;
}

/* What stands behind a command that let the process run is dropped, as in GDB: then the
 * next stop has its own. */
int actions_run(struct hdb *h, int (*run)(struct hdb *h, const char *line))
{
	char *text;
	int ret = 0;

	while (!h->quit && !h->interrupted && (text = take_due(h))) {
		char *rest = text, *line;

		while (!h->actions->n_due && !h->interrupted && (line = strsep(&rest, "\n")))
			if (!is_word(line, "silent"))
				ret |= run(h, line);
		free(text);
	}
	return ret;
}
