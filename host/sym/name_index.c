/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/sym/name_index.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "host/sym/die_name.h"
#include "host/sym/dwarf_index.h"

/* Of a DIE only what it takes to find it again: a large program has millions. */
struct entry {
	const char *name;
	void *addr;
	Dwarf *dw;
	uint32_t next; /* index + 1 of one with the same hash; 0 = none */
};

struct name_index {
	struct entry *v;
	size_t n, room;
	uint32_t *bucket; /* index + 1 */
	size_t n_buckets;
	unsigned left; /* DIEs that may still be looked at */
	bool bad;
};

void name_index_free(struct name_index *p)
{
	if (!p)
		return;
	free(p->v);
	free(p->bucket);
	free(p);
}

static uint32_t hash(const char *s)
{
	uint32_t h = 2166136261u;

	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * 16777619u;
	return h;
}

static void add(struct name_index *p, Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);

	if (!name || p->bad)
		return;
	if (p->n == p->room) {
		size_t room = p->room ? 2 * p->room : 1024;
		struct entry *v =
		    room <= NAME_INDEX_MAX ? reallocarray(p->v, room, sizeof(*v)) : NULL;

		p->bad = !v;
		if (!v)
			return;
		p->v = v;
		p->room = room;
	}
	p->v[p->n++] =
	    (struct entry){.name = name, .addr = die->addr, .dw = dwarf_cu_getdwarf(die->cu)};
}

/* ---- what is worth a name -------------------------------------------------- */

static bool declared_only(Dwarf_Die *die)
{
	return dwarf_hasattr(die, DW_AT_declaration);
}

static bool has_value(Dwarf_Die *die)
{
	return dwarf_hasattr(die, DW_AT_location) || dwarf_hasattr(die, DW_AT_const_value);
}

static bool is_wanted(Dwarf_Die *die, int tag)
{
	switch (tag) {
	/* One without a place is optimized out, or a symbol table alone has it. */
	case DW_TAG_variable:
		return has_value(die) || !dwarf_hasattr(die, DW_AT_specification);
	case DW_TAG_member: /* static, with a value */
		return has_value(die);
	case DW_TAG_subprogram:
		return dwarf_hasattr(die, DW_AT_low_pc) || dwarf_hasattr(die, DW_AT_ranges);
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type:
	case DW_TAG_enumeration_type:
		return !declared_only(die);
	case DW_TAG_base_type:
	case DW_TAG_typedef:
	case DW_TAG_enumerator:
	case DW_TAG_template_alias:
		return true;
	default:
		return false;
	}
}

static bool has_names_inside(int tag, bool scopes)
{
	switch (tag) {
	case DW_TAG_namespace:
	case DW_TAG_module:
	case DW_TAG_enumeration_type:
		return true;
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type:
		return scopes;
	default:
		return false;
	}
}

static void walk(struct name_index *p, Dwarf_Die *parent, bool scopes, unsigned depth)
{
	Dwarf_Die die;

	if (depth > DIE_DEPTH_MAX || dwarf_child(parent, &die) != 0)
		return;
	do {
		int tag = dwarf_tag(&die);

		if (!p->left || tag == DW_TAG_invalid || p->bad)
			return;
		p->left--;
		if (is_wanted(&die, tag))
			add(p, &die);
		if (has_names_inside(tag, scopes))
			walk(p, &die, scopes, depth + 1);
	} while (dwarf_siblingof(&die, &die) == 0);
}

/* ---- the index ------------------------------------------------------------- */

static void read_units(struct name_index *p, Dwarf *dw)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die die, sub;
	uint8_t type;

	while (dwarf_get_units(dw, cu, &cu, NULL, &type, &die, &sub) == 0) {
		p->left = DIES_MAX;
		if (type == DW_UT_skeleton && sub.addr)
			die = sub;
		walk(p, &die, die_has_scopes(&die), 0);
	}
}

static void make_buckets(struct name_index *p)
{
	p->n_buckets = 1024;
	while (p->n_buckets < p->n)
		p->n_buckets *= 2;
	p->bucket = calloc(p->n_buckets, sizeof(*p->bucket));
	/* From the last to the first, so that each chain is in the order of the file. */
	for (size_t i = p->n; p->bucket && i-- > 0;) {
		uint32_t *b = &p->bucket[hash(p->v[i].name) & (p->n_buckets - 1)];

		p->v[i].next = *b;
		*b = (uint32_t)i + 1;
	}
}

static struct name_index *index_of(struct symfile *f)
{
	struct name_index *p = f->name_index;
	uint64_t bias;
	Dwarf *dw;

	if (p)
		return p;
	dw = symfile_dwarf(f, &bias);
	p = dw ? calloc(1, sizeof(*p)) : NULL;
	if (!p)
		return NULL;
	read_units(p, dw);
	make_buckets(p);
	f->name_index = p;
	return p;
}

bool name_index_each(
    struct symfile *f, const char *name, bool (*each)(void *arg, Dwarf_Die *die), void *arg)
{
	struct name_index *p = index_of(f);
	Dwarf_Die die;
	bool more = true;

	if (!p || !p->bucket)
		return false;
	if (!p->v) /* it names nothing at all */
		return true;
	for (uint32_t i = p->bucket[hash(name) & (p->n_buckets - 1)]; i && more;
	     i = p->v[i - 1].next) {
		const struct entry *e = &p->v[i - 1];

		if (!strcmp(e->name, name) && dwarf_die_addr_die(e->dw, e->addr, &die))
			more = each(arg, &die);
	}
	return true;
}

bool name_index_all(
    struct symfile *f, bool (*each)(void *arg, const char *name, Dwarf_Die *die), void *arg)
{
	struct name_index *p = index_of(f);
	Dwarf_Die die;
	bool more = true;

	if (!p || !p->bucket)
		return false;
	for (size_t i = 0; i < p->n && more; i++)
		if (dwarf_die_addr_die(p->v[i].dw, p->v[i].addr, &die))
			more = each(arg, p->v[i].name, &die);
	return true;
}
