/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/sym/dwarf_index.h"

#include <dwarf.h>
#include <stdlib.h>

#include "host/sym/symfile.h"

/* An address range of a unit or a function. */
struct span_of {
	Dwarf_Addr lo, hi;
	Dwarf_Addr max_hi; /* of this and all before: where looking back may stop */
	Dwarf_Die die;
};

struct spans {
	struct span_of *v;
	size_t n, room;
	bool sorted;
};

/* Functions of one unit: those outside of others, and (once one was looked for in vain)
 * those nested in functions: lambdas, methods of local classes. */
struct unit {
	Dwarf_CU *cu;
	bool deep;
	struct spans fns;
};

struct dwarf_index {
	bool scanned;
	struct spans units; /* those without aranges */
	struct unit *unit;
	size_t n_units;
	bool code_at_zero;
};

static void spans_free(struct spans *s)
{
	free(s->v);
	*s = (struct spans){.n = 0};
}

void dwarf_index_free(struct dwarf_index *p)
{
	if (!p)
		return;
	spans_free(&p->units);
	for (size_t i = 0; i < p->n_units; i++)
		spans_free(&p->unit[i].fns);
	free(p->unit);
	free(p);
}

static bool spans_add(struct spans *s, Dwarf_Addr lo, Dwarf_Addr hi, const Dwarf_Die *die)
{
	if (s->n == s->room) {
		size_t room = s->room ? 2 * s->room : 64;
		struct span_of *v = realloc(s->v, room * sizeof(*v));

		if (!v)
			return false;
		s->v = v;
		s->room = room;
	}
	s->v[s->n++] = (struct span_of){.lo = lo, .hi = hi, .die = *die};
	s->sorted = false;
	return true;
}

static int by_lo(const void *a, const void *b)
{
	const struct span_of *x = a, *y = b;

	if (x->lo != y->lo)
		return x->lo < y->lo ? -1 : 1;
	return x->hi > y->hi ? -1 : x->hi < y->hi;
}

static void spans_sort(struct spans *s)
{
	Dwarf_Addr max = 0;

	if (s->n)
		qsort(s->v, s->n, sizeof(s->v[0]), by_lo);
	for (size_t i = 0; i < s->n; i++) {
		if (s->v[i].hi > max)
			max = s->v[i].hi;
		s->v[i].max_hi = max;
	}
	s->sorted = true;
}

enum { BACK_MAX = 4096 }; /* ranges around one another */

/* The smallest range around addr. */
static const struct span_of *spans_find(struct spans *s, Dwarf_Addr addr)
{
	const struct span_of *best = NULL;
	size_t lo = 0, hi;

	if (!s->sorted)
		spans_sort(s);
	for (hi = s->n; lo < hi;) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->v[mid].lo <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (size_t i = lo; i-- > 0 && s->v[i].max_hi > addr && lo - i <= BACK_MAX;) {
		const struct span_of *p = &s->v[i];

		if (p->hi > addr && (!best || p->hi - p->lo < best->hi - best->lo))
			best = p;
	}
	return best;
}

static struct dwarf_index *index_of(struct symfile *f)
{
	struct dwarf_index *p = f->dwarf_index;

	if (p)
		return p;
	p = f->dwarf_index = calloc(1, sizeof(*p));
	for (size_t i = 0; p && i < f->module->n_parts; i++)
		if (f->module->part[i].lo == f->bias && f->module->part[i].prot & 4)
			p->code_at_zero = true;
	return p;
}

/* All ranges of a DIE.  A linker that drops a function leaves its DIE with address 0. */
static void add_ranges(struct dwarf_index *p, struct spans *s, Dwarf_Die *of, Dwarf_Die *die)
{
	Dwarf_Addr base, lo, hi;
	ptrdiff_t at = 0;

	while ((at = dwarf_ranges(of, at, &base, &lo, &hi)) > 0)
		if (lo < hi && (lo || p->code_at_zero) && !spans_add(s, lo, hi, die))
			return;
}

/* ---- units --------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
	const Dwarf_Off *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Offsets of the DIEs of units that .debug_aranges knows, sorted. */
static Dwarf_Off *units_in_aranges(Dwarf *dw, size_t *ret)
{
	Dwarf_Aranges *aranges = NULL;
	size_t n = 0, k = 0;
	Dwarf_Off *v;

	if (dwarf_getaranges(dw, &aranges, &n) != 0)
		n = 0;
	v = calloc(n + 1, sizeof(*v));
	for (size_t i = 0; v && i < n; i++) {
		Dwarf_Addr start;
		Dwarf_Word len;
		Dwarf_Off off;

		if (dwarf_getarangeinfo(dwarf_onearange(aranges, i), &start, &len, &off) == 0 &&
		    (!k || v[k - 1] != off))
			v[k++] = off;
	}
	if (v && k)
		qsort(v, k, sizeof(*v), by_value);
	*ret = k;
	return v;
}

static void scan_units(struct dwarf_index *p, Dwarf *dw)
{
	size_t n;
	Dwarf_Off *known = units_in_aranges(dw, &n);
	Dwarf_CU *cu = NULL;
	Dwarf_Die die;
	uint8_t type;

	p->scanned = true;
	while (known && dwarf_get_units(dw, cu, &cu, NULL, &type, &die, NULL) == 0) {
		Dwarf_Off off = dwarf_dieoffset(&die);

		if (type == DW_UT_type || type == DW_UT_partial ||
		    bsearch(&off, known, n, sizeof(off), by_value))
			continue;
		add_ranges(p, &p->units, &die, &die);
	}
	free(known);
}

/* A skeleton's functions are in a file of its own (-gsplit-dwarf). */
static void split(Dwarf_Die *lines, Dwarf_Die *cu)
{
	Dwarf_Die sub;
	uint8_t type;

	*cu = *lines;
	if (dwarf_cu_info(lines->cu, NULL, &type, NULL, &sub, NULL, NULL, NULL) == 0 &&
	    type == DW_UT_skeleton && sub.addr)
		*cu = sub;
}

bool dwarf_index_unit(
    struct symfile *f, Dwarf *dw, Dwarf_Addr addr, Dwarf_Die *cu, Dwarf_Die *lines)
{
	struct dwarf_index *p = index_of(f);
	const struct span_of *s;

	if (!p)
		return false;
	if (dwarf_addrdie(dw, addr, lines)) {
		split(lines, cu);
		return true;
	}
	if (!p->scanned)
		scan_units(p, dw);
	s = spans_find(&p->units, addr);
	if (!s)
		return false;
	*lines = s->die;
	split(lines, cu);
	return true;
}

/* ---- functions ------------------------------------------------------------- */

struct walk {
	struct dwarf_index *p;
	struct spans *fns;
	bool deep;
	unsigned left; /* DIEs that may still be looked at */
};

/* May functions with code be below such a DIE? */
static bool has_functions(int tag, bool deep)
{
	switch (tag) {
	case DW_TAG_namespace:
	case DW_TAG_module:
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
		return true;
	case DW_TAG_subprogram:
	case DW_TAG_lexical_block:
		return deep;
	default:
		return false;
	}
}

static void walk(struct walk *w, Dwarf_Die *parent, unsigned depth)
{
	Dwarf_Die die;

	if (depth > DIE_DEPTH_MAX || dwarf_child(parent, &die) != 0)
		return;
	do {
		int tag = dwarf_tag(&die);

		if (!w->left || tag == DW_TAG_invalid)
			return;
		w->left--;
		if (tag == DW_TAG_subprogram)
			add_ranges(w->p, w->fns, &die, &die);
		if (has_functions(tag, w->deep))
			walk(w, &die, depth + 1);
	} while (dwarf_siblingof(&die, &die) == 0);
}

static void read_functions(struct dwarf_index *p, struct unit *u, Dwarf_Die *cu, bool deep)
{
	struct walk w = {.p = p, .fns = &u->fns, .deep = deep, .left = DIES_MAX};

	spans_free(&u->fns);
	u->deep = deep;
	walk(&w, cu, 0);
}

static struct unit *unit_of(struct dwarf_index *p, Dwarf_Die *cu)
{
	struct unit *more;

	for (size_t i = 0; i < p->n_units; i++)
		if (p->unit[i].cu == cu->cu)
			return &p->unit[i];
	if (!(p->n_units & (p->n_units - 1))) { /* a power of two: full */
		more = realloc(p->unit, (p->n_units ? 2 * p->n_units : 1) * sizeof(*more));
		if (!more)
			return NULL;
		p->unit = more;
	}
	p->unit[p->n_units] = (struct unit){.cu = cu->cu};
	read_functions(p, &p->unit[p->n_units], cu, false);
	return &p->unit[p->n_units++];
}

bool dwarf_index_function(struct symfile *f, Dwarf_Die *cu, Dwarf_Addr addr, Dwarf_Die *fn)
{
	struct dwarf_index *p = index_of(f);
	struct unit *u = p ? unit_of(p, cu) : NULL;
	const struct span_of *s;

	if (!u)
		return false;
	s = spans_find(&u->fns, addr);
	if (!s && !u->deep) {
		read_functions(p, u, cu, true);
		s = spans_find(&u->fns, addr);
	}
	if (s)
		*fn = s->die;
	return s != NULL;
}
