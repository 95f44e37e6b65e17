/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Symbols and lines by address and by name.
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "host/sym/dwarf_index.h"
#include "host/errtext.h"
#include "host/sym/line.h"
#include "host/sym/pcinfo.h"
#include "host/sym/symfile.h"
#include "host/sym/symstate.h"
#include "host/sym/symtab.h"

static struct he_error *no_memory(void)
{
	return he_error_new(E_NOMEM, "no memory for symbols");
}

/* ---- symbols ------------------------------------------------------------- */

void he_symbol_free(struct he_symbol *s)
{
	if (!s)
		return;
	free(s->name);
	free(s->module);
	free(s);
}

static struct he_error *make_symbol(
    const struct module *m, const struct sym *sym, struct he_symbol **ret)
{
	struct he_symbol *s = calloc(1, sizeof(*s));

	if (!s)
		return no_memory();
	s->name = symtab_text(sym);
	s->module = strdup(m->name);
	s->addr = sym->addr;
	s->size = sym->size;
	s->function = sym->kind != SYM_DATA;
	if (!s->name || !s->module) {
		he_symbol_free(s);
		return no_memory();
	}
	*ret = s;
	return NULL;
}

struct he_error *symbols_open_at(
    struct symbols *s, uint64_t addr, struct module **m, struct symfile **f)
{
	struct he_error *e;

	*f = NULL;
	*m = modules_at(&s->modules, addr);
	if (!*m)
		return he_error_new(
		    E_NO_FILE, "0x%llx belongs to no file", (unsigned long long)addr);
	e = symfile_get(&s->src, *m, true, f);
	if (!e && !*f)
		e = he_error_new(E_NO_FILE, "no symbols for 0x%llx: %s", (unsigned long long)addr,
		    (*m)->why ? (*m)->why : (*m)->name);
	return e;
}

struct he_error *symbols_at(struct symbols *s, uint64_t addr, struct he_symbol **ret)
{
	struct module *m;
	struct symfile *f;
	const struct sym *sym;
	struct he_error *e = symbols_open_at(s, addr, &m, &f);

	if (e)
		return e;
	sym = symtab_at(symtab_of(f), addr);
	if (!sym)
		return he_error_new(
		    E_NO_FILE, "no symbol holds 0x%llx in %s", (unsigned long long)addr, m->name);
	return make_symbol(m, sym, ret);
}

struct ranked {
	struct module *m;
};

static int by_order(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	return x->m->order < y->m->order ? -1 : x->m->order > y->m->order;
}

static struct ranked *in_order(struct symbols *s)
{
	struct ranked *v = calloc(s->modules.n + 1, sizeof(*v));

	for (size_t i = 0; v && i < s->modules.n; i++)
		v[i].m = s->modules.v[i];
	if (v && s->modules.n)
		qsort(v, s->modules.n, sizeof(*v), by_order);
	return v;
}

/* Something asked of each module in the order of search, until it says it is done. */
struct search {
	const char *name;
	unsigned line;
	bool demangled;
	bool far; /* also those modules that have to be fetched first */
	struct strpool *pool;
	bool (*look)(struct search *q, struct module *m, struct symfile *f);
	struct he_error *error; /* of look */
	void *found;
};

static struct he_error *search(struct symbols *s, struct search *q, bool *done)
{
	struct ranked *v = in_order(s);
	struct he_error *e = NULL;

	*done = false;
	if (!v)
		return no_memory();
	for (size_t i = 0; i < s->modules.n && !e && !*done; i++) {
		struct module *m = v[i].m;
		struct symfile *f = NULL;

		if (q->far && m->file && !m->file->far_missed)
			continue; /* looked at before */
		e = symfile_get(&s->src, m, q->far, &f);
		if (!e && f)
			*done = q->look(q, m, f);
		if (*done)
			e = q->error;
	}
	free(v);
	return e;
}

/* First what is at hand, then the rest. */
static struct he_error *search_all(struct symbols *s, struct search *q, bool *done)
{
	struct he_error *e;

	q->far = false;
	e = search(s, q, done);
	if (e || *done || q->found)
		return e;
	q->far = true;
	return search(s, q, done);
}

static bool look_symbol(struct search *q, struct module *m, struct symfile *f)
{
	const struct sym *sym = symtab_named(symtab_of(f), q->name, q->demangled);
	bool local = sym && sym->bind == STB_LOCAL;
	struct he_symbol *found = NULL;

	if (!sym || (local && q->found))
		return false;
	q->error = make_symbol(m, sym, &found);
	he_symbol_free(q->found);
	q->found = found;
	/* One that other files see may come yet: GDB's order too. */
	return q->error || !local;
}

struct he_error *symbols_named(struct symbols *s, const char *name, struct he_symbol **ret)
{
	struct search q = {.name = name, .look = look_symbol};
	bool done;
	struct he_error *e = search_all(s, &q, &done);

	if (!e && !q.found) {
		q.demangled = true; /* dearer: every C++ name is demangled */
		q.far = false;
		e = search(s, &q, &done);
	}
	if (e) {
		he_symbol_free(q.found);
		return e;
	}
	if (!q.found)
		return he_error_new(E_NO_FILE, "no symbol %s in the target", name);
	*ret = q.found;
	return NULL;
}

/* ---- lines ------------------------------------------------------------------ */

void he_line_free(struct he_line *l)
{
	if (!l)
		return;
	free(l->file);
	free(l->directory);
	free(l->function);
	free(l);
}

static bool copy(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return *to || !from;
}

static struct he_error *make_line(struct symfile *f, struct strpool *pool, Dwarf_Die *lines,
    const struct line_at *at, uint64_t bias, struct he_line **ret)
{
	struct he_line *l = calloc(1, sizeof(*l));
	const struct pcinfo *p;
	Dwarf_Attribute a;

	if (!l)
		return no_memory();
	l->line = at->line;
	l->lo = at->lo + bias;
	l->hi = at->hi + bias;
	p = pcinfo_of(f, pool, l->lo);
	if (copy(&l->file, at->file) &&
	    copy(&l->directory, dwarf_formstring(dwarf_attr(lines, DW_AT_comp_dir, &a))) &&
	    copy(&l->function, p ? p->v[p->n - 1].function : NULL)) {
		*ret = l;
		return NULL;
	}
	he_line_free(l);
	return no_memory();
}

struct he_error *symbols_line_at(struct symbols *s, uint64_t addr, struct he_line **ret)
{
	struct module *m;
	struct symfile *f;
	struct line_at at;
	Dwarf_Die cu, lines;
	uint64_t bias;
	Dwarf *dw;
	struct he_error *e = symbols_open_at(s, addr, &m, &f);

	if (e)
		return e;
	dw = symfile_dwarf(f, &bias);
	if (!dw)
		return he_error_new(
		    E_NO_FILE, "%s has no line numbers (no debug information)", m->name);
	if (!dwarf_index_unit(f, dw, addr - bias, &cu, &lines) ||
	    !line_of(&lines, addr - bias, s->pool, &at))
		return he_error_new(E_NO_FILE, "no line number for 0x%llx in %s",
		    (unsigned long long)addr, m->name);
	return make_line(f, s->pool, &lines, &at, bias, ret);
}

/* own: only units whose own source file has the name, which is quick to see. */
static bool look_units(struct search *q, struct symfile *f, bool own)
{
	uint64_t bias;
	Dwarf *dw = symfile_dwarf(f, &bias);
	Dwarf_CU *cu = NULL;
	Dwarf_Die die, best_die;
	struct line_at at, best = {.line = 0};
	struct he_line *found = NULL;

	while (dw && dwarf_get_units(dw, cu, &cu, NULL, NULL, &die, NULL) == 0) {
		if (own != line_unit_named(&die, q->name) ||
		    !line_named(&die, q->name, q->line, q->pool, &at))
			continue;
		if (!best.line || at.line < best.line) {
			best = at;
			best_die = die;
		}
		if (best.line == q->line)
			break;
	}
	if (!best.line)
		return false;
	q->error = make_line(f, q->pool, &best_die, &best, bias, &found);
	q->found = found;
	return true;
}

static bool look_line(struct search *q, struct module *m, struct symfile *f)
{
	(void)m;
	return look_units(q, f, true) || look_units(q, f, false);
}

struct he_error *symbols_line_named(
    struct symbols *s, const char *file, unsigned line, struct he_line **ret)
{
	struct search q = {.name = file, .line = line, .pool = s->pool, .look = look_line};
	bool done;
	struct he_error *e = search_all(s, &q, &done);

	if (e)
		return e;
	if (!done)
		return he_error_new(E_NO_FILE, "no code of line %u or after it in %s", line, file);
	*ret = q.found;
	return NULL;
}
