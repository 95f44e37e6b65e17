/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "host/hdb/show.h"

struct show_table {
	const char *const *heads;
	size_t cols;
	char **cell; /* cleaned; an entry is NULL where memory was out */
	size_t n, room;
};

struct show_table *table_new(const char *const *heads, size_t n)
{
	struct show_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->heads = heads;
	t->cols = n;
	return t;
}

static bool make_room(struct show_table *t)
{
	size_t room = t->room ? t->room * 2 : 64;
	char **p;

	if (t->n < t->room)
		return true;
	p = reallocarray(t->cell, room, sizeof(*p));
	if (!p)
		return false;
	t->cell = p;
	t->room = room;
	return true;
}

void table_cell(struct show_table *t, const char *fmt, ...)
{
	char *text;
	va_list ap;

	if (!t || !make_room(t))
		return;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	t->cell[t->n++] = show_clean(text);
	free(text);
}

/* Columns on the screen of a cleaned text. */
static size_t width_of(const char *s)
{
	mbstate_t state = {0};
	size_t width = 0, n;
	wchar_t c;

	for (; s && *s; s += n) {
		n = mbrtowc(&c, s, MB_CUR_MAX, &state);
		if (n == 0 || n == (size_t)-1 || n == (size_t)-2)
			return width + strlen(s);
		width += (size_t)(wcwidth(c) > 0 ? wcwidth(c) : 0);
	}
	return width;
}

static bool flush_right(const struct show_table *t, size_t col)
{
	return t->heads[col][0] == '>';
}

static const char *head(const struct show_table *t, size_t col)
{
	return t->heads[col] + flush_right(t, col);
}

static size_t column_width(const struct show_table *t, size_t col)
{
	size_t max = width_of(head(t, col));

	for (size_t i = col; i < t->n; i += t->cols) {
		size_t w = width_of(t->cell[i]);

		max = w > max ? w : max;
	}
	return max;
}

/* Print s within room columns. */
static void put_cut(FILE *f, const char *s, size_t room)
{
	mbstate_t state = {0};
	wchar_t c;

	if (width_of(s) <= room) {
		fputs(s, f);
		return;
	}
	room -= room >= 3 ? 3 : room;
	while (*s) {
		size_t n = mbrtowc(&c, s, MB_CUR_MAX, &state);
		size_t w = wcwidth(c) > 0 ? (size_t)wcwidth(c) : 0;

		if (n == 0 || n == (size_t)-1 || n == (size_t)-2 || w > room)
			break;
		fwrite(s, 1, n, f);
		s += n;
		room -= w;
	}
	fputs("...", f);
}

static void put_row(
    const struct show_table *t, FILE *f, char *const *cell, const size_t *widths, unsigned width)
{
	size_t at = 0;

	for (size_t col = 0; col < t->cols; col++) {
		const char *s = cell ? cell[col] : head(t, col);
		size_t pad;

		s = s ? s : "";
		pad = widths[col] - width_of(s);
		if (col)
			fputs("  ", f);
		if (flush_right(t, col))
			fprintf(f, "%*s", (int)pad, "");
		if (col == t->cols - 1 && width)
			put_cut(f, s, at < width ? width - at : 0);
		else
			fputs(s, f);
		if (!flush_right(t, col) && col < t->cols - 1)
			fprintf(f, "%*s", (int)pad, "");
		at += widths[col] + 2;
	}
	fputc('\n', f);
}

void table_end(struct show_table *t, FILE *f, unsigned width)
{
	size_t *widths;

	if (!t)
		return;
	widths = calloc(t->cols, sizeof(*widths));
	for (size_t col = 0; widths && col < t->cols; col++)
		widths[col] = column_width(t, col);
	if (widths)
		put_row(t, f, NULL, widths, width);
	for (size_t i = 0; widths && i + t->cols <= t->n; i += t->cols)
		put_row(t, f, t->cell + i, widths, width);
	for (size_t i = 0; i < t->n; i++)
		free(t->cell[i]);
	free(t->cell);
	free(widths);
	free(t);
}
