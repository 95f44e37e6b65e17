/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/sym/spot.h"

#include <dwarf.h>
#include <stdlib.h>

#include "host/sym/cfi.h"
#include "host/sym/dwarf_index.h"
#include "host/sym/line.h"
#include "host/sym/pcinfo.h"
#include "host/sym/prologue.h"
#include "host/sym/symstate.h"
#include "host/sym/symtab.h"
#include "host/sym/unwind.h"

/* The opened file around addr; NULL without an error: there is none. */
static struct he_error *file_at(struct symbols *s, uint64_t addr, struct symfile **ret)
{
	struct module *m = modules_at(&s->modules, addr);

	*ret = NULL;
	return m ? symfile_get(&s->src, m, true, ret) : NULL;
}

/* ---- lines --------------------------------------------------------------------- */

/* Are the same calls inlined at addr, and does none of them begin there? */
static bool same_calls(struct symbols *s, struct symfile *f, uint64_t addr, const struct spot *as)
{
	const struct pcinfo *p = pcinfo_of(f, s->pool, addr);

	if (!p || p->n != as->n_inlined + 1u)
		return false;
	for (size_t i = 0; i < as->n_inlined; i++)
		if (p->v[i].die != as->inlined[i].die || p->v[i].begins)
			return false;
	return true;
}

/* The row around addr, and those of the same line behind it: not where an inlined call
 * comes or goes, for that is a place where a step may end. */
static void fill_line(struct symbols *s, struct symfile *f, uint64_t addr, struct spot *ret)
{
	uint64_t bias;
	Dwarf *dw = symfile_dwarf(f, &bias);
	Dwarf_Addr begin, end;
	Dwarf_Die cu, lines;
	struct line_at l;

	if (!dw || !dwarf_index_unit(f, dw, addr - bias, &cu, &lines) ||
	    !line_of(&lines, addr - bias, s->pool, &l))
		return;
	ret->file = l.file;
	ret->line = l.line;
	ret->lo = l.lo + bias;
	ret->hi = l.hi + bias;
	ret->statement = l.statement;
	for (Dwarf_Addr at = l.lo; at < l.hi && line_row(&lines, at, &begin, &end); at = end) {
		if (at != l.lo && !same_calls(s, f, at + bias, ret))
			return;
		if (end <= at || end >= l.hi)
			break;
		ret->hi = end + bias;
	}
	ret->hi = l.hi + bias;
}

/* ---- functions ------------------------------------------------------------------- */

static void fill_symbol(struct symfile *f, uint64_t addr, struct spot *ret)
{
	const struct sym *sym = symtab_code(symtab_of(f), addr);

	if (!sym)
		return;
	ret->chooses = sym->ifunc;
	if (addr - sym->addr < sym->size)
		ret->end = sym->addr + sym->size;
}

static void fill_inlined(const struct pcinfo *p, struct spot *ret)
{
	for (size_t i = 0; i + 1 < p->n && i < SPOT_INLINED; i++) {
		ret->inlined[i].function = p->v[i].function;
		ret->inlined[i].file = p->v[i + 1].file;
		ret->inlined[i].line = p->v[i + 1].line;
		ret->inlined[i].begins = p->v[i].begins;
		ret->inlined[i].die = p->v[i].die;
		ret->inlined[i].lo = p->v[i].block_lo;
		ret->inlined[i].hi = p->v[i].block_hi;
		ret->n_inlined++;
	}
}

struct he_error *symbols_spot(struct symbols *s, uint64_t addr, struct spot *ret)
{
	const struct pcinfo *p;
	struct symfile *f;
	struct he_error *e = file_at(s, addr, &f);

	*ret = (struct spot){.line = 0};
	if (e || !f)
		return e;
	p = pcinfo_of(f, s->pool, addr);
	if (!p)
		return NULL;
	ret->function = p->entry;
	ret->name = p->v[p->n - 1].function;
	ret->module = f->module->lo;
	fill_symbol(f, addr, ret);
	fill_inlined(p, ret);
	fill_line(s, f, addr, ret);
	return NULL;
}

struct he_error *symbols_step_in(struct symbols *s, uint64_t entry, uint64_t *ret)
{
	struct symfile *f;
	struct he_error *e = file_at(s, entry, &f);

	*ret = !e && f ? prologue_end(f, entry) : entry;
	return e;
}

bool symbols_cfa_rule(struct symbols *s, uint64_t addr, unsigned *reg, int64_t *offset)
{
	struct symfile *f = NULL;

	he_error_free(file_at(s, addr, &f));
	return f && cfi_cfa_rule(f, addr, reg, offset);
}

const char *symbols_stub(struct symbols *s, uint64_t addr)
{
	struct symfile *f = NULL;
	const struct sym *sym;

	he_error_free(file_at(s, addr, &f));
	sym = f ? symtab_code(symtab_of(f), addr) : NULL;
	return sym && sym->plt ? sym->name : NULL;
}

struct he_error *symbols_near_frames(
    struct symbols *s, const struct sym_regs *regs, struct near_frame *v, unsigned max, unsigned *n)
{
	struct unwind u;

	unwind_begin(&u, s, regs, HE_END_FAULT);
	for (*n = 0; *n < max;) {
		struct he_error *e = unwind_step(&u);

		if (e)
			return e;
		v[(*n)++] = (struct near_frame){.regs = u.regs, .cfa = u.cfa, .signal = u.signal};
		if (!u.more)
			break;
		unwind_advance(&u);
	}
	return NULL;
}

struct he_error *symbols_each_named(struct symbols *s, const char *name,
    void (*each)(void *arg, const struct spot_symbol *sym), void *arg)
{
	for (size_t i = 0; i < s->modules.n; i++) {
		struct symfile *f = NULL;
		struct he_error *e = symfile_get(&s->src, s->modules.v[i], false, &f);
		const struct sym *sym = f ? symtab_named(symtab_of(f), name, false) : NULL;

		if (e)
			return e;
		if (sym && sym->kind != SYM_DATA)
			each(arg, &(struct spot_symbol){sym->addr, sym->size, sym->ifunc});
	}
	return NULL;
}

uint64_t symbols_stamp(const struct symbols *s)
{
	return s->modules.changes;
}
