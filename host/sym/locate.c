/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where a breakpoint goes that a person names by function, line, or regular expression:
 * every place of it, in all modules.
 */
#include "host/sym/locate.h"

#include <dwarf.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "host/errtext.h"
#include "host/sym/demangle.h"
#include "host/sym/dwarf_index.h"
#include "host/sym/ifunc.h"
#include "host/sym/line.h"
#include "host/sym/pcinfo.h"
#include "host/sym/prologue.h"
#include "host/sym/symtab.h"

/* ---- the list ------------------------------------------------------------------- */

/* What he_places_free gets back. */
struct places_object {
	struct he_places list; /* first */
	struct strpool *pool;
};

void he_places_free(struct he_places *p)
{
	struct places_object *o = (struct places_object *)(void *)p;

	if (!o)
		return;
	free(o->list.v);
	strpool_drop(o->pool);
	free(o);
}

static struct he_places *places_new(struct symbols *s)
{
	struct places_object *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->pool = strpool_hold(s->pool);
	return &o->list;
}

static bool known(const struct he_places *p, uint64_t addr)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].addr == addr)
			return true;
	return false;
}

static bool make_room(struct locate *l)
{
	size_t cap = l->cap ? 2 * l->cap : 8;
	struct he_place *v;

	if (l->list->n < l->cap)
		return true;
	v = cap / 2 <= PLACES_MAX ? realloc(l->list->v, cap * sizeof(*v)) : NULL;
	if (!v)
		return false;
	l->list->v = v;
	l->cap = cap;
	return true;
}

struct he_place *locate_add(struct locate *l, struct symfile *f, uint64_t addr, bool whole)
{
	const struct pcinfo *info;
	struct he_place p = {.addr = addr};

	if (l->list->n >= PLACES_MAX || known(l->list, addr))
		return NULL;
	if (!make_room(l)) {
		l->bad = true;
		return NULL;
	}
	info = pcinfo_of(f, l->s->pool, addr);
	p.module = strpool_add(l->s->pool, f->module->name);
	if (info) {
		const struct pc_frame *shown = &info->v[whole ? info->n - 1 : 0];

		p.function = shown->function;
		p.file = shown->file;
		p.line = shown->line;
	}
	l->list->v[l->list->n] = p;
	return &l->list->v[l->list->n++];
}

/* ---- every module ------------------------------------------------------------------ */

struct visit {
	struct locate *l;
	void (*look)(struct visit *v, struct symfile *f);
	const char *name, *file;
	unsigned line, found_line;
	bool exact;
	bool demangle; /* name cannot be one of C */
	const regex_t *regex;
};

/* far: those that have to be fetched first, which were not looked at before. */
static struct he_error *visit_modules(struct symbols *s, struct visit *v, bool far)
{
	for (size_t i = 0; i < s->modules.n; i++) {
		struct module *m = s->modules.v[i];
		struct symfile *f = NULL;
		struct he_error *err;

		if (far && m->file && !m->file->far_missed)
			continue;
		err = symfile_get(&s->src, m, far, &f);
		if (err)
			return err;
		if (f)
			v->look(v, f);
	}
	return NULL;
}

static struct he_error *no_memory(void)
{
	return he_error_new(E_NOMEM, "out of memory.");
}

static int by_address(const void *a, const void *b)
{
	const struct he_place *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

/* The list to the caller, in order; err passes through. */
static struct he_error *hand_out(struct locate *l, struct he_error *err, struct he_places **ret)
{
	if (!err && l->bad)
		err = no_memory();
	if (err) {
		he_places_free(l->list);
		return err;
	}
	if (l->list->n)
		qsort(l->list->v, l->list->n, sizeof(l->list->v[0]), by_address);
	*ret = l->list;
	return NULL;
}

/* ---- functions by name ----------------------------------------------------------------- */

bool locate_in_file(const struct locate *l, struct symfile *f, uint64_t addr, const char *file)
{
	struct line_at at;
	Dwarf_Die cu, lines;
	uint64_t bias;
	Dwarf *dw;

	if (!file)
		return true;
	dw = symfile_dwarf(f, &bias);
	return dw && dwarf_index_unit(f, dw, addr - bias, &cu, &lines) &&
	       line_of(&lines, addr - bias, l->s->pool, &at) && at.file &&
	       line_path_named(at.file, file);
}

/* What of a function is rarely run, which the compiler has put elsewhere: nobody calls it. */
static bool is_cold(const struct sym *sym)
{
	const char *end = strrchr(sym->name, '.');

	return end && strcmp(end, ".cold") == 0;
}

static bool means(const struct visit *v, const struct sym *sym)
{
	char *full;
	bool same;

	if (strcmp(sym->name, v->name) == 0)
		return true;
	if (is_cold(sym))
		return false;
	/* A mangled name holds the plain one, but for operators and the like. */
	if (sym->name[0] != '_' || (!v->demangle && !strstr(sym->name, v->name)))
		return false;
	full = demangle(sym->name, true);
	same = full && locate_named(full, v->name);
	free(full);
	return same;
}

/* What a function that chooses has chosen; itself while it has not. */
static void add_chosen(struct visit *v, struct symfile *f, const struct sym *sym)
{
	uint64_t addr = ifunc_chosen(v->l->s, f, sym);
	struct module *m = addr ? modules_at(&v->l->s->modules, addr) : NULL;
	struct he_place *p;

	if (m && m->file) {
		locate_add(v->l, m->file, prologue_end(m->file, addr), true);
		return;
	}
	p = locate_add(v->l, f, sym->addr, true);
	if (p)
		p->chooses = true;
}

static void add_function(struct visit *v, struct symfile *f, const struct sym *sym)
{
	if (!locate_in_file(v->l, f, sym->addr, v->file))
		return;
	if (sym->ifunc)
		add_chosen(v, f, sym);
	else
		locate_add(v->l, f, prologue_end(f, sym->addr), true);
}

static void look_symbols(struct visit *v, struct symfile *f)
{
	const struct symtab *t = symtab_of(f);

	for (size_t i = 0; i < t->n; i++) {
		const struct sym *sym = &t->v[i];

		if (sym->kind != SYM_FUNCTION || !means(v, sym))
			continue;
		if (sym->plt)
			v->l->plt = true;
		else
			add_function(v, f, sym);
	}
	if (symfile_has_dwarf(f))
		locate_inlined(v->l, f, v->name, v->file);
}

struct he_error *symbols_locate_function(
    struct symbols *s, const char *name, const char *file, struct he_places **ret, bool *expected)
{
	struct locate l = {.s = s, .list = places_new(s)};
	struct visit v = {.l = &l, .look = look_symbols, .name = name, .file = file};
	struct he_error *err;

	if (!l.list)
		return no_memory();
	v.demangle = name[strcspn(name, ":(<~ ")] != 0 || strstr(name, "operator");
	err = visit_modules(s, &v, false);
	if (!err && !l.list->n && !l.plt)
		err = visit_modules(s, &v, true);
	*expected = l.plt;
	return hand_out(&l, err, ret);
}

/* ---- by regular expression --------------------------------------------------------------- */

static void look_regex(struct visit *v, struct symfile *f)
{
	const struct symtab *t = symtab_of(f);

	for (size_t i = 0; i < t->n; i++) {
		const struct sym *sym = &t->v[i];
		char *text;

		if (sym->kind != SYM_FUNCTION || sym->plt || is_cold(sym))
			continue;
		text = symtab_text(sym);
		if (text && regexec(v->regex, text, 0, NULL, 0) == 0)
			add_function(v, f, sym);
		free(text);
	}
}

struct he_error *symbols_locate_regex(
    struct symbols *s, const char *regex, const char *file, struct he_places **ret)
{
	struct locate l = {.s = s};
	struct visit v = {.l = &l, .look = look_regex, .file = file};
	struct he_error *err;
	char why[128];
	regex_t re;
	int code = regcomp(&re, regex, REG_EXTENDED | REG_NOSUB);

	if (code) {
		regerror(code, &re, why, sizeof(why));
		return he_error_new(E_MALFORMED, "%s: %s.", regex, why);
	}
	v.regex = &re;
	l.list = places_new(s);
	err = l.list ? visit_modules(s, &v, false) : no_memory();
	regfree(&re);
	return hand_out(&l, err, ret);
}

/* ---- by line --------------------------------------------------------------------------------- */

/* One statement of the line, and the block it is in. */
struct spot {
	Dwarf_Addr addr;
	Dwarf_Off block;
};

struct spots {
	struct spot *v;
	size_t n;
	struct symfile *f;
	Dwarf_Die cu; /* that has the functions */
	bool bad;
};

static bool is_block(Dwarf_Die *die)
{
	int tag = dwarf_tag(die);

	return tag == DW_TAG_lexical_block || tag == DW_TAG_inlined_subroutine ||
	       tag == DW_TAG_try_block || tag == DW_TAG_catch_block;
}

/* Offset of the innermost block around addr; 0: no function is known there. */
static Dwarf_Off block_of(struct spots *s, Dwarf_Addr addr)
{
	Dwarf_Die die, child;

	if (!dwarf_index_function(s->f, &s->cu, addr, &die))
		return 0;
	for (int depth = 0; depth < DIE_DEPTH_MAX && dwarf_child(&die, &child) == 0; depth++) {
		bool inner = false;

		do
			inner = is_block(&child) && dwarf_haspc(&child, addr) == 1;
		while (!inner && dwarf_siblingof(&child, &child) == 0);
		if (!inner)
			break;
		die = child;
	}
	return dwarf_dieoffset(&die);
}

static void add_spot(void *arg, Dwarf_Addr addr)
{
	struct spots *s = arg;
	struct spot *v = s->v;

	/* Grown at powers of two. */
	if (s->n >= PLACES_MAX || s->bad)
		return;
	if ((s->n & (s->n - 1)) == 0)
		v = realloc(v, (s->n ? 2 * s->n : 1) * sizeof(*v));
	if (!v) {
		s->bad = true;
		return;
	}
	s->v = v;
	v[s->n++] = (struct spot){addr, block_of(s, addr)};
}

/* A statement may begin in several places of a block: the first is enough. */
static bool first_of_block(const struct spots *s, size_t i)
{
	for (size_t k = 0; s->v[i].block && k < i; k++)
		if (s->v[k].block == s->v[i].block)
			return false;
	return true;
}

/* A line that belongs to a prologue means the function.  Of one in several pieces the first is
 * where it begins; those that are rarely run may lie below that. */
static uint64_t past_prologue(struct spots *s, Dwarf_Addr addr, uint64_t bias)
{
	Dwarf_Addr base, entry, hi;
	Dwarf_Die fn;
	uint64_t end;

	if (!dwarf_index_function(s->f, &s->cu, addr, &fn) ||
	    dwarf_ranges(&fn, 0, &base, &entry, &hi) <= 0)
		return addr + bias;
	end = prologue_end(s->f, entry + bias);
	return addr >= entry && addr + bias <= end ? end : addr + bias;
}

static void take_spots(struct visit *v, struct spots *s, uint64_t bias)
{
	for (size_t i = 0; i < s->n; i++) {
		uint64_t addr = first_of_block(s, i) ? past_prologue(s, s->v[i].addr, bias) : 0;
		struct he_place *p = addr ? locate_add(v->l, s->f, addr, false) : NULL;

		/* Named is the line, though an inlined one may begin there, too; but behind a
		 * prologue, as GDB does, the one where it will stop. */
		if (p && addr == s->v[i].addr + bias)
			p->line = v->found_line;
	}
	free(s->v);
	v->l->bad = v->l->bad || s->bad;
}

static bool unit_split(Dwarf_Die *skeleton, Dwarf_Die *cu)
{
	uint8_t type;

	*cu = *skeleton;
	return dwarf_cu_info(skeleton->cu, NULL, &type, NULL, cu, NULL, NULL, NULL) == 0 &&
	       type == DW_UT_skeleton && cu->addr;
}

/* own: only units whose own source file has the name, which is quick to see. */
static bool look_units(struct visit *v, struct symfile *f, bool own, bool collect)
{
	uint64_t bias;
	Dwarf *dw = symfile_dwarf(f, &bias);
	Dwarf_CU *cu = NULL;
	Dwarf_Die die;
	bool any = false;

	while (dw && dwarf_get_units(dw, cu, &cu, NULL, NULL, &die, NULL) == 0) {
		struct spots s = {.f = f};
		unsigned line;

		if (own != line_unit_named(&die, v->name))
			continue;
		if (!unit_split(&die, &s.cu))
			s.cu = die;
		line = line_each(&die, v->name, collect ? v->found_line : v->line,
		    collect || v->exact, collect ? add_spot : NULL, &s);
		if (collect)
			take_spots(v, &s, bias);
		else if (line && (!v->found_line || line < v->found_line))
			v->found_line = line;
		any = any || line;
	}
	return any;
}

/* First which line it is, then where that has code. */
static void look_line(struct visit *v, struct symfile *f)
{
	if (!look_units(v, f, true, false))
		look_units(v, f, false, false);
}

static void look_spots(struct visit *v, struct symfile *f)
{
	if (!look_units(v, f, true, true))
		look_units(v, f, false, true);
}

struct he_error *symbols_locate_line(
    struct symbols *s, const char *file, unsigned line, struct he_places **ret)
{
	struct locate l = {.s = s, .list = places_new(s)};
	struct visit v = {.l = &l, .look = look_line, .name = file, .line = line};
	struct he_error *err;

	if (!l.list)
		return no_memory();
	err = visit_modules(s, &v, false);
	if (!err && !v.found_line)
		err = visit_modules(s, &v, true);
	v.look = look_spots;
	v.exact = v.found_line == line;
	if (!err && v.found_line)
		err = visit_modules(s, &v, false);
	return hand_out(&l, err, ret);
}

/* ---- by address
 * ---------------------------------------------------------------------------------- */

struct he_error *symbols_locate_address(struct symbols *s, uint64_t addr, struct he_places **ret)
{
	struct locate l = {.s = s, .list = places_new(s)};
	struct module *m = modules_at(&s->modules, addr);
	struct symfile *f = NULL;
	struct he_error *err = NULL;

	if (!l.list)
		return no_memory();
	if (m)
		err = symfile_get(&s->src, m, false, &f);
	if (!err && f)
		locate_add(&l, f, addr, false);
	else if (!err && make_room(&l))
		l.list->v[l.list->n++] = (struct he_place){.addr = addr};
	return hand_out(&l, err, ret);
}

struct he_error *symbols_named_near(
    struct symbols *s, uint64_t addr, const char *name, uint64_t *ret)
{
	struct module *m = modules_at(&s->modules, addr);
	const struct sym *sym = NULL;
	struct symfile *f = NULL;
	struct he_error *err = m ? symfile_get(&s->src, m, false, &f) : NULL;

	if (err)
		return err;
	if (f)
		sym = symtab_named(symtab_of(f), name, false);
	*ret = sym ? sym->addr : 0;
	return NULL;
}
