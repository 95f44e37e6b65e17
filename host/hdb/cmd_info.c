/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "host/hdb/auxv.h"
#include "host/hdb/cmd.h"

/* ---- info sharedlibrary -------------------------------------------------------- */

static const char *syms_read(const struct he_module *m)
{
	if (!m->symbols_from || strncmp(m->symbols_from, "none", 4) == 0)
		return "No";
	return m->debug_info ? "Yes" : "Yes (*)";
}

static bool meant(const struct he_module *m, const char *part)
{
	return !*part || strstr(m->name, part);
}

int cmd_info_sharedlibrary(struct hdb *h, const char *args)
{
	static const char *const heads[] = {
	    "From", "To", "Syms Read", "Shared Object Library", "Symbols from"};
	struct he_modules *m;
	struct he_error *e = he_modules(h->target, &m);
	bool starred = false;
	struct show_table *t;
	int digits = 2 * (int)front_address_bytes(h);
	size_t rows = 0;

	if (e)
		return fail_error(h, e);
	for (size_t i = 0; i < m->n; i++)
		rows += meant(&m->v[i], args);
	if (!rows) {
		fprintf(
		    h->out, "No shared libraries %s.\n", *args ? "matched" : "loaded at this time");
		he_modules_free(m);
		return 0;
	}
	t = table_new(heads, 5);
	for (size_t i = 0; i < m->n; i++) {
		const struct he_module *v = &m->v[i];

		if (!meant(v, args))
			continue;
		table_cell(t, "0x%0*" PRIx64, digits, v->lo);
		table_cell(t, "0x%0*" PRIx64, digits, v->hi);
		table_cell(t, "%s", syms_read(v));
		table_cell(t, "%s", v->name);
		table_cell(t, "%s", v->symbols_from ? v->symbols_from : "none");
		starred |= strchr(syms_read(v), '*') != NULL;
	}
	table_end(t, h->out, 0);
	if (starred)
		fputs("(*): symbols only, no line numbers.\n", h->out);
	he_modules_free(m);
	return 0;
}

/* ---- info proc, info auxv -------------------------------------------------------- */

static void say_fact(struct hdb *h, const char *name, const char *value)
{
	fprintf(h->out, "%s = '", name);
	show_text(h->out, value ? value : "");
	fputs("'\n", h->out);
}

static void say_cmdline(struct hdb *h, const struct he_facts *f)
{
	say_fact(h, "cmdline", f->process.args);
}

static void say_cwd(struct hdb *h, const struct he_facts *f)
{
	say_fact(h, "cwd", f->cwd);
}

static void say_exe(struct hdb *h, const struct he_facts *f)
{
	say_fact(h, "exe", f->process.exe);
}

/* Of the many lines of proc_pid_status(5), each cleaned by itself. */
static void say_status(struct hdb *h, const struct he_facts *f)
{
	const char *p = f->status ? f->status : "";

	while (*p) {
		size_t n = strcspn(p, "\n");
		char *line = strndup(p, n);

		if (line)
			show_source(h->out, line);
		fputc('\n', h->out);
		free(line);
		p += n + (p[n] != 0);
	}
}

static void say_mappings(struct hdb *h, const struct he_facts *f)
{
	static const char *const heads[] = {
	    ">Start Addr", ">End Addr", ">Size", ">Offset", "Perms", "objfile"};
	struct show_table *t = table_new(heads, 6);

	for (size_t i = 0; i < f->n_maps; i++) {
		const struct he_mapping *m = &f->maps[i];

		table_cell(t, "0x%" PRIx64, m->lo);
		table_cell(t, "0x%" PRIx64, m->hi);
		table_cell(t, "0x%" PRIx64, m->hi - m->lo);
		table_cell(t, "0x%" PRIx64, m->offset);
		table_cell(t, "%c%c%c%c", m->prot & 1 ? 'r' : '-', m->prot & 2 ? 'w' : '-',
		    m->prot & 4 ? 'x' : '-', m->prot & 8 ? 's' : 'p');
		table_cell(t, "%s", m->name ? m->name : "");
	}
	table_end(t, h->out, 0);
}

static void say_environ(struct hdb *h, const struct he_facts *f)
{
	if (!f->environ)
		fputs("(the environment may not be read)\n", h->out);
	for (char **p = f->environ; p && *p; p++) {
		show_text(h->out, *p);
		fputc('\n', h->out);
	}
}

static void say_auxv(struct hdb *h, const struct he_facts *f)
{
	for (size_t i = 0; i < f->n_auxv; i++) {
		const struct auxv_row *row = auxv_row(f->auxv[i].type);

		fprintf(
		    h->out, "%-4" PRIu64 " %-20s %-32s ", f->auxv[i].type, row->name, row->what);
		fprintf(h->out, row->as == AUXV_HEX ? "0x%" PRIx64 "\n" : "%" PRIu64 "\n",
		    f->auxv[i].value);
	}
}

static const struct {
	const char *name;
	unsigned what; /* of he_facts */
	bool plain;    /* shown by info proc without arguments too */
	void (*say)(struct hdb *, const struct he_facts *);
} topics[] = {
    {"cmdline", 0, true, say_cmdline},
    {"cwd", 0, true, say_cwd},
    {"exe", 0, true, say_exe},
    {"mappings", HE_FACTS_MAPS, false, say_mappings},
    {"status", 0, false, say_status},
    {"environ", HE_FACTS_ENVIRON, false, say_environ},
    {"auxv", HE_FACTS_AUXV, false, say_auxv},
};

enum { TOPICS = sizeof(topics) / sizeof(topics[0]) };

/* Whether word asks for topic i; a topic may be shortened. */
static bool asks(const char *word, size_t i)
{
	if (!*word)
		return topics[i].plain;
	return strcmp(word, "all") == 0 || strncmp(topics[i].name, word, strlen(word)) == 0;
}

int cmd_info_proc(struct hdb *h, const char *args)
{
	struct he_error *e;
	struct he_facts *f;
	unsigned what = 0, n = 0;

	for (size_t i = 0; i < TOPICS; i++)
		if (asks(args, i)) {
			what |= topics[i].what;
			n++;
		}
	if (!n || (*args && n > 1 && strcmp(args, "all") != 0))
		return fail(h,
		    "info proc %s: one of mappings, status, cwd, exe, cmdline, environ, "
		    "auxv, all is wanted",
		    args);
	e = he_facts(h->target, what, &f);
	if (e)
		return fail_error(h, e);
	fprintf(h->out, "process %u\n", f->process.pid);
	for (size_t i = 0; i < TOPICS; i++)
		if (asks(args, i))
			topics[i].say(h, f);
	he_facts_free(f);
	return 0;
}

int cmd_info_auxv(struct hdb *h, const char *args)
{
	struct he_error *e;
	struct he_facts *f;

	if (*args)
		return fail(h, "info auxv takes no argument");
	e = he_facts(h->target, HE_FACTS_AUXV, &f);
	if (e)
		return fail_error(h, e);
	say_auxv(h, f);
	he_facts_free(f);
	return 0;
}
