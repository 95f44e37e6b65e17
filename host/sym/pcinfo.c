/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/sym/pcinfo.h"

#include <dwarf.h>
#include <stdlib.h>

#include "host/sym/die_name.h"
#include "host/sym/dwarf_index.h"
#include "host/sym/line.h"
#include "host/sym/symtab.h"

enum { PCS_MAX = 256 * 1024, FUNCTION_DIES_MAX = 1024 * 1024 };

/* ---- inlined calls -------------------------------------------------------- */

/* The function and what is inlined at the address, outermost first. */
struct chain {
	Dwarf_Die v[INLINED_MAX];
	size_t n;
	unsigned left; /* DIEs that may still be looked at */
};

/* Does a block without addresses of its own stand for its parent's? */
static bool is_transparent(Dwarf_Die *block)
{
	return !dwarf_hasattr(block, DW_AT_low_pc) && !dwarf_hasattr(block, DW_AT_ranges);
}

static bool add_inlined(struct chain *c, Dwarf_Die *parent, Dwarf_Addr addr, unsigned depth)
{
	Dwarf_Die die;

	if (depth > 2 * INLINED_MAX || dwarf_child(parent, &die) != 0)
		return false;
	do {
		int tag = dwarf_tag(&die);
		bool block = tag == DW_TAG_lexical_block || tag == DW_TAG_try_block ||
			     tag == DW_TAG_catch_block;

		if (tag == DW_TAG_invalid || !c->left || c->n == INLINED_MAX)
			return true;
		c->left--;
		if (block && is_transparent(&die)) {
			if (add_inlined(c, &die, addr, depth + 1))
				return true;
			continue;
		}
		if ((!block && tag != DW_TAG_inlined_subroutine) || dwarf_haspc(&die, addr) != 1)
			continue;
		if (!block)
			c->v[c->n++] = die;
		add_inlined(c, &die, addr, depth + 1);
		return true;
	} while (dwarf_siblingof(&die, &die) == 0);
	return false;
}

/* ---- building ----------------------------------------------------------------- */

struct place {
	struct symfile *file;
	struct strpool *pool;
	uint64_t pc, bias;   /* bias: of the DWARF */
	Dwarf_Die cu, lines; /* see dwarf_index_unit */
	bool has_unit;
};

static Dwarf_Word attr_number(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute a;
	Dwarf_Word n;

	return dwarf_formudata(dwarf_attr(die, name, &a), &n) == 0 ? n : 0;
}

/* Where the call that inner was made of stands. */
static void call_site(const struct place *p, Dwarf_Die *inner, struct pc_frame *ret)
{
	Dwarf_Die lines = p->lines;
	Dwarf_Word line = attr_number(inner, DW_AT_call_line);

	if (!line || line > UINT32_MAX)
		return;
	ret->line = (unsigned)line;
	ret->column = (unsigned)attr_number(inner, DW_AT_call_column);
	ret->file = line_file(&lines, attr_number(inner, DW_AT_call_file), p->pool);
}

static void line_at(struct place *p, struct pc_frame *ret)
{
	struct line_at l;

	if (!p->has_unit || !line_of(&p->lines, p->pc - p->bias, p->pool, &l))
		return;
	ret->file = l.file;
	ret->line = l.line;
	ret->column = l.column;
	ret->lo = l.statement ? l.lo + p->bias : 0;
}

static const char *comp_dir(struct place *p)
{
	Dwarf_Attribute a;

	return strpool_add(p->pool, dwarf_formstring(dwarf_attr(&p->lines, DW_AT_comp_dir, &a)));
}

/* Nothing has run of it yet: its entry, or the first of a part that stands elsewhere (GDB's
 * block_starting_point_at). */
static bool begins(struct place *p, Dwarf_Die *block)
{
	Dwarf_Addr addr = p->pc - p->bias, entry;

	return (dwarf_entrypc(block, &entry) == 0 && entry == addr) ||
	       dwarf_haspc(block, addr - 1) != 1;
}

static void block_around(struct place *p, Dwarf_Die *block, struct pc_frame *r)
{
	Dwarf_Addr addr = p->pc - p->bias, base, lo, hi;
	ptrdiff_t at = 0;

	while ((at = dwarf_ranges(block, at, &base, &lo, &hi)) > 0)
		if (lo <= addr && addr < hi) {
			r->block_lo = lo + p->bias;
			r->block_hi = hi + p->bias;
			return;
		}
}

static void about_inlined(struct place *p, Dwarf_Die *block, struct pc_frame *r)
{
	r->inlined = true;
	r->begins = begins(p, block);
	r->die = dwarf_dieoffset(block);
	block_around(p, block, r);
}

static struct pcinfo *from_chain(struct place *p, struct chain *c)
{
	struct pcinfo *info = calloc(1, sizeof(*info) + c->n * sizeof(info->v[0]));
	Dwarf_Addr entry;

	if (!info)
		return NULL;
	info->n = c->n;
	if (dwarf_entrypc(&c->v[0], &entry) == 0 && entry)
		info->entry = entry + p->bias;
	for (size_t i = 0; i < c->n; i++) {
		struct pc_frame *r = &info->v[i];
		size_t k = c->n - 1 - i;

		die_name(&c->v[k], p->pool, &r->function, &r->linkage);
		if (k > 0)
			about_inlined(p, &c->v[k], r);
		if (i == 0)
			line_at(p, r);
		else
			call_site(p, &c->v[k + 1], r);
		r->directory = r->file ? comp_dir(p) : NULL;
	}
	return info;
}

/* No function in the DWARF: its symbol, with parameters as GDB has it. */
static struct pcinfo *from_symbol(struct place *p)
{
	struct pcinfo *info = calloc(1, sizeof(*info) + sizeof(info->v[0]));
	const struct sym *s = symtab_code(symtab_of(p->file), p->pc);
	char *text;

	if (!info)
		return NULL;
	info->n = 1;
	if (s) {
		info->entry = s->addr;
		text = symtab_text(s);
		info->v[0].function = strpool_add(p->pool, text);
		free(text);
		info->v[0].linkage = strpool_add(p->pool, s->name);
	}
	line_at(p, &info->v[0]);
	info->v[0].directory = info->v[0].file ? comp_dir(p) : NULL;
	return info;
}

static struct pcinfo *build(struct symfile *f, struct strpool *pool, uint64_t pc)
{
	struct place p = {.file = f, .pool = pool, .pc = pc};
	Dwarf *dw = symfile_dwarf(f, &p.bias);
	struct chain c = {.n = 0, .left = FUNCTION_DIES_MAX};

	p.has_unit = dw && dwarf_index_unit(f, dw, pc - p.bias, &p.cu, &p.lines);
	if (!p.has_unit || !dwarf_index_function(f, &p.cu, pc - p.bias, &c.v[0]))
		return from_symbol(&p);
	c.n = 1;
	add_inlined(&c, &c.v[0], pc - p.bias, 0);
	return from_chain(&p, &c);
}

const struct pcinfo *pcinfo_of(struct symfile *f, struct strpool *pool, uint64_t pc)
{
	struct pcinfo *info = pcmap_get(&f->places, pc);

	if (info)
		return info;
	if (f->places.used >= PCS_MAX)
		pcmap_clear(&f->places, free);
	info = build(f, pool, pc);
	if (info && pcmap_put(&f->places, pc, info))
		return info;
	free(info);
	return NULL;
}
