/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What of a function the symbol table does not name: where it was inlined, every copy of
 * which is a place of its own, and code that the compiler made of it under a name of its own
 * (f.constprop.0, f.isra.0, f.lto_priv.0).
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "host/sym/demangle.h"
#include "host/sym/die_name.h"
#include "host/sym/dwarf_index.h"
#include "host/sym/locate.h"
#include "host/sym/prologue.h"

/* Functions of that name that have copies, by offset. */
struct abstracts {
	Dwarf_Off *v;
	size_t n;
	bool shared; /* one of them lies in a unit that others import (dwz) */
};

struct hunt {
	struct locate *l;
	struct symfile *f;
	const char *file;
	const char *name, *last; /* the whole, and what is behind its scopes */
	size_t n_last;           /* without parameters and template arguments */
	uint64_t bias;
	struct abstracts found;
	unsigned left; /* DIEs that may still be looked at */
};

/* ---- the functions ----------------------------------------------------------- */

static bool add_abstract(struct abstracts *a, Dwarf_Die *die)
{
	Dwarf_Off *v = a->v;

	/* Grown at powers of two. */
	if ((a->n & (a->n - 1)) == 0)
		v = realloc(v, (a->n ? 2 * a->n : 1) * sizeof(*v));
	if (!v)
		return false;
	a->v = v;
	v[a->n++] = dwarf_dieoffset(die);
	return true;
}

static bool is_inline(Dwarf_Die *die)
{
	Dwarf_Attribute a;
	Dwarf_Word v;

	return dwarf_formudata(dwarf_attr(die, DW_AT_inline, &a), &v) == 0 &&
	       (v == DW_INL_inlined || v == DW_INL_declared_inlined);
}

static bool is_meant(const struct hunt *h, Dwarf_Die *die)
{
	const char *name = dwarf_diename(die), *function, *linkage;
	char *full;
	bool same;

	if (!name || strncmp(name, h->last, h->n_last) != 0 ||
	    (name[h->n_last] && name[h->n_last] != '<'))
		return false;
	die_name(die, h->l->s->pool, &function, &linkage);
	full = linkage ? demangle(linkage, true) : NULL;
	same = locate_named(full ? full : function ? function : name, h->name);
	free(full);
	return same;
}

/* With its first range that is not empty: the entry that gcc records may lie in front of
 * it. */
static bool begins(Dwarf_Die *die, Dwarf_Addr *ret)
{
	Dwarf_Addr base, lo, hi;
	ptrdiff_t at = 0;

	while ((at = dwarf_ranges(die, at, &base, &lo, &hi)) > 0)
		if (lo < hi && lo) {
			*ret = lo;
			return true;
		}
	return false;
}

static void add_own_code(struct hunt *h, Dwarf_Die *die)
{
	Dwarf_Addr entry;

	if (begins(die, &entry) && locate_in_file(h->l, h->f, entry + h->bias, h->file))
		locate_add(h->l, h->f, prologue_end(h->f, entry + h->bias), true);
}

static bool has_functions(int tag)
{
	return tag == DW_TAG_namespace || tag == DW_TAG_class_type ||
	       tag == DW_TAG_structure_type || tag == DW_TAG_union_type || tag == DW_TAG_module;
}

static void find_abstracts(struct hunt *h, Dwarf_Die *parent, unsigned depth)
{
	Dwarf_Die die;

	if (depth > DIE_DEPTH_MAX || dwarf_child(parent, &die) != 0)
		return;
	do {
		int tag = dwarf_tag(&die);

		if (!h->left || tag == DW_TAG_invalid)
			return;
		h->left--;
		if (tag == DW_TAG_subprogram && is_meant(h, &die)) {
			if (!is_inline(&die))
				add_own_code(h, &die);
			else if (!add_abstract(&h->found, &die))
				return;
		}
		if (has_functions(tag))
			find_abstracts(h, &die, depth + 1);
	} while (dwarf_siblingof(&die, &die) == 0);
}

/* ---- their copies ---------------------------------------------------------------- */

static bool is_copy(const struct hunt *h, Dwarf_Die *die)
{
	Dwarf_Attribute a;
	Dwarf_Die origin;
	Dwarf_Off off;

	if (!dwarf_formref_die(dwarf_attr(die, DW_AT_abstract_origin, &a), &origin))
		return false;
	off = dwarf_dieoffset(&origin);
	for (size_t i = 0; i < h->found.n; i++)
		if (h->found.v[i] == off)
			return true;
	return false;
}

static bool has_copies(int tag)
{
	return tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine ||
	       tag == DW_TAG_lexical_block || tag == DW_TAG_try_block ||
	       tag == DW_TAG_catch_block || has_functions(tag);
}

/* Named as what was inlined, though more may be inlined there. */
static void add_copy(struct hunt *h, Dwarf_Die *die)
{
	struct he_place *p;
	Dwarf_Addr entry;

	if (!begins(die, &entry) || !locate_in_file(h->l, h->f, entry + h->bias, h->file))
		return;
	p = locate_add(h->l, h->f, entry + h->bias, false);
	if (p)
		die_name(die, h->l->s->pool, &p->function, &(const char *){NULL});
}

static void find_copies(struct hunt *h, Dwarf_Die *parent, unsigned depth)
{
	Dwarf_Die die;

	if (depth > DIE_DEPTH_MAX || dwarf_child(parent, &die) != 0)
		return;
	do {
		int tag = dwarf_tag(&die);

		if (!h->left || tag == DW_TAG_invalid)
			return;
		h->left--;
		if (tag == DW_TAG_inlined_subroutine && is_copy(h, &die))
			add_copy(h, &die);
		if (has_copies(tag))
			find_copies(h, &die, depth + 1);
	} while (dwarf_siblingof(&die, &die) == 0);
}

/* ---- all units --------------------------------------------------------------------- */

/* The DIE that has the functions: of a skeleton the one in its .dwo. */
static Dwarf_Die with_code(Dwarf_Die *die, const Dwarf_Die *sub, uint8_t type)
{
	return type == DW_UT_skeleton && sub->addr ? *sub : *die;
}

static void find_all_copies(struct hunt *h, Dwarf *dw)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die die, sub;
	uint8_t type;

	while (dwarf_get_units(dw, cu, &cu, NULL, &type, &die, &sub) == 0) {
		Dwarf_Die at = with_code(&die, &sub, type);

		h->left = DIES_MAX;
		find_copies(h, &at, 0);
	}
}

static void hunt_units(struct hunt *h, Dwarf *dw)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die die, sub;
	uint8_t type;

	while (dwarf_get_units(dw, cu, &cu, NULL, &type, &die, &sub) == 0) {
		Dwarf_Die at = with_code(&die, &sub, type);
		size_t before = h->found.n;

		h->left = DIES_MAX;
		find_abstracts(h, &at, 0);
		if (h->found.n == before)
			continue;
		if (type == DW_UT_partial || dwarf_tag(&at) == DW_TAG_partial_unit)
			h->found.shared = true;
		h->left = DIES_MAX;
		find_copies(h, &at, 0);
	}
	if (h->found.shared)
		find_all_copies(h, dw);
}

/* Behind the last :: outside of brackets. */
static const char *last_part(const char *name)
{
	const char *last = name;
	int depth = 0;

	for (const char *p = name; *p && *p != '('; p++) {
		depth += *p == '<';
		depth -= *p == '>';
		if (depth <= 0 && p[0] == ':' && p[1] == ':')
			last = p + 2;
	}
	return last;
}

void locate_inlined(struct locate *l, struct symfile *f, const char *name, const char *file)
{
	struct hunt h = {.l = l, .f = f, .file = file, .name = name, .last = last_part(name)};
	Dwarf *dw = symfile_dwarf(f, &h.bias);

	h.n_last =
	    strncmp(h.last, "operator", 8) == 0 ? strcspn(h.last, "(") : strcspn(h.last, "<( ");
	if (dw && h.n_last)
		hunt_units(&h, dw);
	free(h.found.v);
}
