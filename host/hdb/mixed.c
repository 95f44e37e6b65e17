/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which lines are shown in front of which instructions is GDB's (do_mixed_source_and_assembly).
 */
#include "host/hdb/mixed.h"

#include <stdlib.h>
#include <string.h>

/* ---- which line each is of ------------------------------------------------------------ */

void mixed_free(struct mixed *m)
{
	for (unsigned i = 0; i < m->n_files; i++) {
		free(m->files[i].name);
		free(m->files[i].directory);
		free(m->files[i].text);
		free(m->files[i].begins);
	}
	free(m->files);
	free(m->v);
	*m = (struct mixed){0};
}

/* The number of the file that l is in, which takes its names.  False without memory. */
static bool file_number(struct mixed *m, struct he_line *l, unsigned *ret)
{
	struct mixed_file *v;

	for (*ret = 0; *ret < m->n_files; ++*ret)
		if (strcmp(m->files[*ret].name, l->file) == 0)
			return true;
	v = realloc(m->files, (m->n_files + 1) * sizeof(*v));
	if (!v)
		return false;
	m->files = v;
	v[m->n_files++] = (struct mixed_file){.name = l->file, .directory = l->directory};
	l->file = l->directory = NULL;
	return true;
}

int mixed_look(struct hdb *h, const struct he_insns *code, struct mixed *ret)
{
	bool memory = true;

	*ret = (struct mixed){.v = calloc(code->n + 1, sizeof(*ret->v))};
	for (size_t i = 0; ret->v && memory && i < code->n;) {
		struct he_line *l = NULL;
		struct he_error *e = he_line_at(h->target, code->v[i].addr, &l);
		struct mixed_line at = {0};

		he_error_free(e);
		if (l && l->file && l->line) {
			memory = file_number(ret, l, &at.file);
			at.line = l->line;
		}
		/* The next ones are of the same line, up to its end. */
		do
			ret->v[i++] = at;
		while (l && i < code->n && code->v[i].addr >= l->lo && code->v[i].addr < l->hi);
		he_line_free(l);
	}
	return ret->v && memory ? 0 : fail(h, "out of memory");
}

static bool has_code(const struct mixed *m, size_t n, unsigned file, unsigned line)
{
	for (size_t i = 0; i < n; i++)
		if (m->v[i].line == line && m->v[i].file == file)
			return true;
	return false;
}

/* ---- their texts ------------------------------------------------------------------------ */

static void look_for_text(struct hdb *h, struct mixed_file *f)
{
	unsigned n = 1;
	char *path;

	f->looked = true;
	he_error_free(he_source(h->target, f->name, f->directory, &f->text, &path));
	if (!f->text)
		return;
	free(path);
	for (const char *p = f->text; *p; p++)
		n += *p == '\n';
	f->begins = calloc(n, sizeof(*f->begins));
	for (char *p = f->text; f->begins && *p; p++) {
		f->begins[f->n++] = (size_t)(p - f->text);
		p += strcspn(p, "\n");
		if (!*p)
			break;
		*p = 0;
	}
}

static void say_line(struct hdb *h, struct mixed_file *f, unsigned line)
{
	if (!f->looked)
		look_for_text(h, f);
	fprintf(h->out, "%u\t", line);
	if (line <= f->n) {
		show_source(h->out, f->text + f->begins[line - 1]);
	} else {
		fputs("in ", h->out);
		show_text(h->out, f->name);
	}
	fputc('\n', h->out);
}

/* ---- by address ---------------------------------------------------------------------------- */

/* The first line to show in front of `line`: lines without code of their own come along with
 * what follows them. */
static unsigned first_to_show(
    const struct mixed *m, size_t n, unsigned file, unsigned last, unsigned line)
{
	unsigned first = line;

	while (last && first > last + 1 && !has_code(m, n, file, first - 1))
		first--;
	return first;
}

static void say_lines(
    struct hdb *h, struct mixed *m, size_t n, const struct mixed_line *at, unsigned last)
{
	for (unsigned l = first_to_show(m, n, at->file, last, at->line); l <= at->line; l++)
		say_line(h, &m->files[at->file], l);
}

void mixed_by_address(
    struct hdb *h, const struct code_style *style, const struct he_insns *code, struct mixed *m)
{
	struct mixed_line last = {0};

	for (size_t i = 0; i < code->n && !h->interrupted; i++) {
		const struct mixed_line *at = &m->v[i];
		bool other = at->line && (!last.line || at->file != last.file);

		if (at->line && (other || at->line != last.line)) {
			if (i)
				fputc('\n', h->out);
			if (other) {
				show_text(h->out, m->files[at->file].name);
				fputs(":\n", h->out);
			}
			say_lines(h, m, code->n, at, other ? 0 : last.line);
			last = *at;
		}
		code_line(h, style, &code->v[i]);
	}
}

/* ---- by line --------------------------------------------------------------------------------- */

/* Instructions of other files belong to the line in front of them. */
static void make_one_file(struct mixed *m, size_t n)
{
	struct mixed_line last = {0};

	for (size_t i = 0; i < n; i++) {
		if (m->v[i].line && (!last.line || m->v[i].file == last.file))
			last = m->v[i];
		else
			m->v[i] = last;
	}
}

/* The first line behind that one; 0 = there is none. */
static unsigned next_line(const struct mixed *m, size_t n, unsigned line)
{
	unsigned best = 0;

	for (size_t i = 0; i < n; i++)
		if (m->v[i].line > line && (!best || m->v[i].line < best))
			best = m->v[i].line;
	return best;
}

void mixed_by_line(
    struct hdb *h, const struct code_style *style, const struct he_insns *code, struct mixed *m)
{
	unsigned last = 0;

	make_one_file(m, code->n);
	for (unsigned line; (line = next_line(m, code->n, last)) && !h->interrupted; last = line) {
		for (unsigned l = last ? last + 1 : line; l <= line; l++)
			say_line(h, &m->files[m->v[0].file], l);
		for (size_t i = 0; i < code->n; i++)
			if (m->v[i].line == line)
				code_line(h, style, &code->v[i]);
		fputc('\n', h->out);
	}
	for (size_t i = 0; i < code->n; i++)
		if (!m->v[i].line)
			code_line(h, style, &code->v[i]);
}
