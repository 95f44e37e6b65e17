/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/sym/scope.h"

#include <dwarf.h>

#include "host/sym/dwarf_index.h"
#include "host/sym/symstate.h"

enum { LOOKED_AT_MAX = 1024 * 1024 };

static bool is_block(int tag)
{
	return tag == DW_TAG_lexical_block || tag == DW_TAG_try_block || tag == DW_TAG_catch_block;
}

static bool is_transparent(Dwarf_Die *block)
{
	return is_block(dwarf_tag(block)) && !dwarf_hasattr(block, DW_AT_low_pc) &&
	       !dwarf_hasattr(block, DW_AT_ranges);
}

/* The child of parent that holds addr, looking through transparent blocks. */
static bool holder(
    Dwarf_Die *parent, Dwarf_Addr addr, unsigned *left, unsigned depth, Dwarf_Die *ret)
{
	Dwarf_Die die;

	if (depth > DIE_DEPTH_MAX || dwarf_child(parent, &die) != 0)
		return false;
	do {
		int tag = dwarf_tag(&die);

		if (tag == DW_TAG_invalid || !*left)
			return false;
		--*left;
		if (is_transparent(&die)) {
			if (holder(&die, addr, left, depth + 1, ret))
				return true;
			continue;
		}
		if ((is_block(tag) || tag == DW_TAG_inlined_subroutine) &&
		    dwarf_haspc(&die, addr) == 1) {
			*ret = die;
			return true;
		}
	} while (dwarf_siblingof(&die, &die) == 0);
	return false;
}

/* ---- what is in a block ---------------------------------------------------- */

struct walk {
	unsigned *left;
	bool (*each)(void *arg, Dwarf_Die *die);
	void *arg;
};

static bool children(struct walk *w, Dwarf_Die *block, unsigned depth)
{
	Dwarf_Die die;

	if (depth > DIE_DEPTH_MAX || dwarf_child(block, &die) != 0)
		return true;
	do {
		if (dwarf_tag(&die) == DW_TAG_invalid || !*w->left)
			return true;
		--*w->left;
		if (is_transparent(&die) ? !children(w, &die, depth + 1) : !w->each(w->arg, &die))
			return false;
	} while (dwarf_siblingof(&die, &die) == 0);
	return true;
}

static bool origin_of(Dwarf_Die *die, Dwarf_Die *ret)
{
	Dwarf_Attribute a;

	return dwarf_attr(die, DW_AT_abstract_origin, &a) && dwarf_formref_die(&a, ret);
}

struct copies {
	const void *of;
	bool found;
};

static bool is_copy(void *arg, Dwarf_Die *die)
{
	struct copies *c = arg;
	Dwarf_Die origin;

	c->found = origin_of(die, &origin) && origin.addr == c->of;
	return !c->found;
}

static bool inherited(struct walk *w, Dwarf_Die *block, Dwarf_Die *origin)
{
	Dwarf_Die die;

	if (dwarf_child(origin, &die) != 0)
		return true;
	do {
		struct copies c = {.of = die.addr};
		struct walk look = {w->left, is_copy, &c};

		if (dwarf_tag(&die) == DW_TAG_invalid || !*w->left)
			return true;
		--*w->left;
		children(&look, block, 0);
		if (!c.found && !w->each(w->arg, &die))
			return false;
	} while (dwarf_siblingof(&die, &die) == 0);
	return true;
}

bool scope_each(
    Dwarf_Die *block, unsigned *left, bool (*each)(void *arg, Dwarf_Die *die), void *arg)
{
	struct walk w = {left, each, arg};
	Dwarf_Die origin;

	return children(&w, block, 0) &&
	       (!origin_of(block, &origin) || inherited(&w, block, &origin));
}

/* ---- the blocks around a pc ------------------------------------------------ */

/* [from, to) of the level-th function from the innermost. */
static void pick_level(struct scope_chain *c, unsigned level)
{
	c->to = c->n;
	c->from = c->n;
	while (c->from-- > 0) {
		if (c->from && dwarf_tag(&c->v[c->from]) != DW_TAG_inlined_subroutine)
			continue;
		if (!level--)
			return;
		c->to = c->from;
	}
	c->from = c->to = 0;
}

static bool fill(struct scope_chain *c, const struct sym_scope *scope)
{
	Dwarf *dw = symfile_dwarf(c->file, &c->bias);
	Dwarf_Addr addr = scope->pc - c->bias;
	unsigned left = LOOKED_AT_MAX;
	Dwarf_Die lines;

	if (!dw || !dwarf_index_unit(c->file, dw, addr, &c->cu, &lines))
		return false;
	if (!dwarf_index_function(c->file, &c->cu, addr, &c->v[0]))
		return true;
	c->n = 1;
	while (c->n < SCOPE_MAX && holder(&c->v[c->n - 1], addr, &left, 0, &c->v[c->n]))
		c->n++;
	pick_level(c, scope->level);
	return true;
}

struct he_error *scope_find(
    struct symbols *s, const struct sym_scope *scope, struct scope_chain *c, bool *ret)
{
	struct module *m = scope->has_pc ? modules_at(&s->modules, scope->pc) : NULL;
	struct he_error *e;

	c->n = c->from = c->to = 0;
	c->module = m;
	c->file = NULL;
	*ret = false;
	if (!m)
		return NULL;
	e = symfile_get(&s->src, m, true, &c->file);
	if (!e && c->file)
		*ret = fill(c, scope);
	return e;
}
