/* SPDX-License-Identifier: BSD-2-Clause */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host/hdb/address.h"
#include "host/hdb/cmd.h"

/* Lines that list shows at a time. */
static unsigned lines(const struct hdb *h)
{
	enum { USUAL = 10 };

	return h->list_size ? h->list_size : USUAL;
}

/* ---- places in the source ------------------------------------------------------ */

/* Take file and directory out of l (freed) as those list goes on with, around line. */
static int list_around(struct hdb *h, struct he_line *l, unsigned line)
{
	free(h->list.file);
	free(h->list.directory);
	h->list = (struct list_state){
	    .file = l->file, .directory = l->directory, .first = line, .centred = true};
	l->file = l->directory = NULL;
	he_line_free(l);
	return h->list.file ? 0 : fail(h, "no source file is known there");
}

static struct he_error *line_of_function(struct hdb *h, const char *name, struct he_line **ret)
{
	struct he_symbol *s;
	struct he_error *e = he_symbol_named(h->target, name, &s);

	if (e)
		return e;
	e = he_line_at(h->target, s->addr, ret);
	he_symbol_free(s);
	return e;
}

/* The file to go on with where a command names none: the one shown last, else the selected
 * frame's, else main's. */
int cmd_need_file(struct hdb *h)
{
	enum he_state state = front_state(h->target);
	const struct he_frame *f = NULL;
	struct he_line *l;
	struct he_error *e;

	if (h->list.file)
		return 0;
	if ((state == HE_STOPPED || state == HE_FROZEN) && h->tid)
		f = front_frame(h, NULL);
	if (f && f->file) {
		h->list = (struct list_state){.file = strdup(f->file),
		    .directory = f->directory ? strdup(f->directory) : NULL,
		    .first = f->line,
		    .centred = true};
		return h->list.file ? 0 : fail(h, "out of memory");
	}
	e = line_of_function(h, "main", &l);
	if (!e)
		return list_around(h, l, l->line);
	he_error_free(e);
	return fail(h, "no source file is known here; FUNCTION or FILE:LINE names one");
}

/* The line number of "FILE:N" or "N"; then *file is its length in spec (0 = none). */
static bool is_numbered(const char *spec, size_t *file, unsigned *line)
{
	const char *colon = strrchr(spec, ':');
	const char *digits = colon ? colon + 1 : spec;
	uint64_t n;

	*file = colon ? (size_t)(colon - spec) : 0;
	if (!cmd_number(&digits, UINT32_MAX / 2, &n) || *digits)
		return false;
	*line = (unsigned)n;
	return true;
}

/* What a place means, as its code (info line) or, for list, as a file and the line asked
 * for, which need not have code.  0, or 1 after saying why. */
static int place(struct hdb *h, const char *spec, bool text, struct he_line **ret, unsigned *line)
{
	struct he_error *e;
	uint64_t addr;
	char *file;
	size_t n;

	if (*spec == '*') {
		if (address_eval(h, spec + 1, &addr) != 0)
			return 1;
		e = he_line_at(h->target, addr, ret);
	} else if (is_numbered(spec, &n, line)) {
		if (n == 0 && cmd_need_file(h) != 0)
			return 1;
		file = n ? strndup(spec, n) : strdup(h->list.file);
		e = he_line_named(h->target, file ? file : "", text ? 1 : *line, ret);
		free(file);
		if (!e)
			return 0; /* line is the one asked for */
	} else {
		e = line_of_function(h, spec, ret);
	}
	if (e) {
		fail_error(h, e);
		return 1;
	}
	*line = (*ret)->line;
	return 0;
}

/* ---- list ------------------------------------------------------------------------ */

/* Lines [first, last] of the file list goes on with; those beyond its end are left out. */
static int show_lines(struct hdb *h, unsigned first, unsigned last)
{
	char *text, *path, *p;
	unsigned n = 1;
	struct he_error *e = he_source(h->target, h->list.file, h->list.directory, &text, &path);

	if (e)
		return fail_error(h, e);
	for (p = text; *p && n <= last; n++) {
		size_t len = strcspn(p, "\n");
		bool more = p[len];

		p[len] = 0;
		if (n >= first) {
			fprintf(h->out, "%u\t", n);
			show_source(h->out, p);
			fputc('\n', h->out);
		}
		p += len + more;
	}
	free(text);
	if (n <= first)
		fail(h, "line %u is out of range; %s has %u line%s", first, path, n - 1,
		    n == 2 ? "" : "s");
	free(path);
	if (n <= first)
		return 1;
	h->list.first = first;
	h->list.last = n - 1;
	h->list.centred = false;
	return 0;
}

static int show_around(struct hdb *h, unsigned line)
{
	unsigned first = line > lines(h) / 2 ? line - lines(h) / 2 : 1;

	return show_lines(h, first, first + lines(h) - 1);
}

static int list_on(struct hdb *h)
{
	if (cmd_need_file(h) != 0)
		return 1;
	if (h->list.centred)
		return show_around(h, h->list.first);
	return show_lines(h, h->list.last + 1, h->list.last + lines(h));
}

static int list_before(struct hdb *h)
{
	unsigned before;

	if (cmd_need_file(h) != 0)
		return 1;
	if (h->list.centred)
		return show_around(h, h->list.first);
	before = h->list.first;
	if (before <= 1)
		return fail(h, "this is the beginning of %s", h->list.file);
	return show_lines(h, before > lines(h) ? before - lines(h) : 1, before - 1);
}

/* One end of "A,B" becomes what list goes on with. */
static int list_end(struct hdb *h, const char *spec, unsigned *line)
{
	struct he_line *l = NULL;

	if (place(h, spec, true, &l, line) != 0)
		return 1;
	return list_around(h, l, *line);
}

static int list_range(struct hdb *h, char *from, char *to)
{
	unsigned first = 0, last = 0;

	if (*from && list_end(h, from, &first) != 0)
		return 1;
	if (*to && list_end(h, to, &last) != 0)
		return 1;
	if (!*from && !*to)
		return fail(h, "list A,B needs one of them at least");
	if (!*from)
		first = last > lines(h) ? last - lines(h) + 1 : 1;
	if (!*to)
		last = first + lines(h) - 1;
	if (last < first)
		return fail(h, "line %u comes before line %u", last, first);
	return show_lines(h, first ? first : 1, last);
}

int cmd_list(struct hdb *h, const char *args)
{
	const char *comma = strchr(args, ',');
	char *from, *to;
	unsigned line = 0;
	int ret;

	if (!*args || strcmp(args, "+") == 0)
		return list_on(h);
	if (strcmp(args, "-") == 0)
		return list_before(h);
	if (!comma)
		return list_end(h, args, &line) != 0 ? 1 : show_around(h, line);
	from = strndup(args, (size_t)(comma - args));
	to = strdup(comma + 1 + strspn(comma + 1, " \t"));
	if (from)
		from[strcspn(from, " \t")] = 0;
	ret = from && to ? list_range(h, from, to) : fail(h, "out of memory");
	free(from);
	free(to);
	return ret;
}

/* It is added all the same, as in GDB: it may be made later. */
static void warn_dir(struct hdb *h, const char *dir)
{
	struct stat st;
	int why = stat(dir, &st) != 0 ? errno : S_ISDIR(st.st_mode) ? 0 : ENOTDIR;

	if (why)
		fail(h, "Warning: %s: %s", dir, strerror(why));
}

int cmd_directory(struct hdb *h, const char *args)
{
	struct he_error *e;

	if (!*args)
		return fail(h, "directory needs a DIR to look for sources in");
	warn_dir(h, args);
	e = he_source_dir(h->engine, args);
	return e ? fail_error(h, e) : 0;
}

/* ---- info line, symbol, address ------------------------------------------------------ */

static void say_address(struct hdb *h, uint64_t addr)
{
	fprintf(h->out, "0x%" PRIx64, addr);
	show_symbol(h->out, h->target, addr);
}

static void say_line(struct hdb *h, const struct he_line *l, unsigned asked)
{
	if (asked != l->line)
		fprintf(h->out, "Line %u has no code; ", asked);
	fprintf(h->out, "%s %u of \"", asked != l->line ? "line" : "Line", l->line);
	show_text(h->out, l->file);
	fputs("\" starts at address ", h->out);
	say_address(h, l->lo);
	fputs(" and ends at ", h->out);
	say_address(h, l->hi);
	fputs(".\n", h->out);
}

int cmd_info_line(struct hdb *h, const char *args)
{
	const struct he_frame *f;
	struct he_line *l = NULL;
	struct he_error *e;
	unsigned line = 0;

	if (*args) {
		if (place(h, args, false, &l, &line) != 0)
			return 1;
	} else {
		if (!h->tid)
			return fail(h, "info line needs a FUNCTION, FILE:N or *ADDRESS");
		f = front_frame(h, NULL);
		if (!f)
			return 1;
		e = he_line_at(h->target, f->pc, &l);
		if (e)
			return fail_error(h, e);
		line = l->line;
	}
	say_line(h, l, line);
	he_line_free(l);
	return 0;
}

int cmd_info_symbol(struct hdb *h, const char *args)
{
	struct he_symbol *s;
	struct he_error *e;
	uint64_t addr;

	if (!*args)
		return fail(h, "info symbol needs an ADDRESS");
	if (address_eval(h, args, &addr) != 0)
		return 1;
	e = he_symbol_at(h->target, addr, &s);
	if (e)
		return fail_error(h, e);
	show_text(h->out, s->name);
	if (addr != s->addr)
		fprintf(h->out, " + %" PRIu64, addr - s->addr);
	fputs(" in ", h->out);
	show_text(h->out, s->module ? s->module : "?");
	fputc('\n', h->out);
	he_symbol_free(s);
	return 0;
}

int cmd_info_address(struct hdb *h, const char *args)
{
	struct he_symbol *s;
	struct he_error *e;

	if (!*args)
		return fail(h, "info address needs a SYMBOL");
	e = he_symbol_named(h->target, args, &s);
	if (e)
		return fail_error(h, e);
	fputs("Symbol \"", h->out);
	show_text(h->out, s->name);
	fprintf(h->out, "\" is %s at address 0x%" PRIx64 ", %" PRIu64 " bytes, in ",
	    s->function ? "a function" : "static storage", s->addr, s->size);
	show_text(h->out, s->module ? s->module : "?");
	fputc('\n', h->out);
	he_symbol_free(s);
	return 0;
}
