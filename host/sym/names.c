/* SPDX-License-Identifier: BSD-2-Clause
 *
 * All functions, variables or types whose names match a regular expression, for a person to
 * choose from: those of the debug information with file and line, then symbols it does not
 * have.
 */
#include <dwarf.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "host/errtext.h"
#include "host/sym/die_name.h"
#include "host/sym/name_index.h"
#include "host/sym/symfile.h"
#include "host/sym/symstate.h"
#include "host/sym/symtab.h"

enum { NAMES_MAX = 20000 }; /* are handed out; the rest is counted */

/* What he_names_free gets back. */
struct names_object {
	struct he_names list; /* first */
	struct strpool *pool;
};

struct search {
	struct symbols *s;
	struct he_names *list;
	size_t cap;
	enum he_names_of what;
	const regex_t *regex; /* NULL = all */
	struct symfile *file; /* that is looked through */
	uint64_t bias;
	uint64_t *known; /* addresses in it that the debug information has */
	size_t n_known, known_cap;
	bool bad; /* no memory */
};

void he_names_free(struct he_names *p)
{
	struct names_object *o = (struct names_object *)(void *)p;

	if (!o)
		return;
	free(o->list.v);
	strpool_drop(o->pool);
	free(o);
}

/* ---- the list -------------------------------------------------------------------- */

static bool matches(const struct search *q, const char *name)
{
	return !q->regex || regexec(q->regex, name, 0, NULL, 0) == 0;
}

static void add(struct search *q, const struct he_name *n)
{
	if (q->list->n == NAMES_MAX) {
		q->list->left++;
		return;
	}
	if (q->list->n == q->cap) {
		size_t cap = q->cap ? 2 * q->cap : 64;
		struct he_name *v = reallocarray(q->list->v, cap, sizeof(*v));

		q->bad = q->bad || !v;
		if (!v)
			return;
		q->list->v = v;
		q->cap = cap;
	}
	q->list->v[q->list->n++] = *n;
}

static void know(struct search *q, uint64_t addr)
{
	if (q->n_known == q->known_cap) {
		size_t cap = q->known_cap ? 2 * q->known_cap : 256;
		uint64_t *v = reallocarray(q->known, cap, sizeof(*v));

		q->bad = q->bad || !v;
		if (!v)
			return;
		q->known = v;
		q->known_cap = cap;
	}
	q->known[q->n_known++] = addr;
}

/* ---- debug information ------------------------------------------------------------- */

static enum he_names_of kind_of(int tag)
{
	switch (tag) {
	case DW_TAG_subprogram:
		return HE_NAMES_FUNCTIONS;
	case DW_TAG_variable:
	case DW_TAG_member:
		return HE_NAMES_VARIABLES;
	default:
		return HE_NAMES_TYPES;
	}
}

/* Where it is, when that is one address; 0 = not. */
static uint64_t address_of(Dwarf_Die *die, int tag, uint64_t bias)
{
	Dwarf_Attribute attr, at;
	Dwarf_Addr addr;
	Dwarf_Op *op;
	size_t n;

	if (tag == DW_TAG_subprogram)
		return dwarf_entrypc(die, &addr) == 0 ? addr + bias : 0;
	if (!dwarf_attr(die, DW_AT_location, &attr) || dwarf_getlocation(&attr, &op, &n) != 0 ||
	    n != 1)
		return 0;
	if (op->atom == DW_OP_addr)
		return op->number + bias;
	if (op->atom == DW_OP_addrx && dwarf_getlocation_attr(&attr, op, &at) == 0 &&
	    dwarf_formaddr(&at, &addr) == 0)
		return addr + bias;
	return 0;
}

/* "struct x" of C; a class is named by its name alone where there are scopes. */
static const char *spelled(struct search *q, Dwarf_Die *die, int tag, const char *name)
{
	const char *word = tag == DW_TAG_structure_type     ? "struct "
			   : tag == DW_TAG_union_type       ? "union "
			   : tag == DW_TAG_enumeration_type ? "enum "
							    : "";
	const char *kept = die_scoped_name(die, name, q->s->pool);
	char *text = NULL;

	if (!*word || die_has_scopes(die))
		return kept;
	if (asprintf(&text, "%s%s", word, kept ? kept : name) < 0)
		return kept;
	kept = strpool_add(q->s->pool, text);
	free(text);
	return kept;
}

static bool take_die(void *arg, const char *name, Dwarf_Die *die)
{
	struct search *q = arg;
	int tag = dwarf_tag(die), line = 0;
	struct he_name n = {.addr = 0};

	if (tag == DW_TAG_enumerator || kind_of(tag) != q->what || die_only_declared(die))
		return true;
	n.addr = q->what == HE_NAMES_TYPES ? 0 : address_of(die, tag, q->bias);
	if (n.addr)
		know(q, n.addr);
	n.name = spelled(q, die, tag, name);
	if (!n.name || !matches(q, n.name))
		return !q->bad;
	n.module = strpool_add(q->s->pool, q->file->module->name);
	n.file = strpool_add(q->s->pool, dwarf_decl_file(die));
	if (dwarf_decl_line(die, &line) == 0 && line > 0)
		n.line = (unsigned)line;
	add(q, &n);
	return !q->bad;
}

/* ---- symbols ------------------------------------------------------------------------ */

static int by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static bool is_variable(void *arg, Dwarf_Die *die)
{
	bool *found = arg;

	*found = kind_of(dwarf_tag(die)) == HE_NAMES_VARIABLES && !die_only_declared(die);
	return !*found;
}

/* A function has one name in the debug information, and its aliases are of no use; of a
 * variable one may know any. */
static bool is_known(struct search *q, const struct sym *sym)
{
	bool found =
	    q->n_known && bsearch(&sym->addr, q->known, q->n_known, sizeof(*q->known), by_number);

	if (!found || q->what == HE_NAMES_FUNCTIONS)
		return found;
	if (strncmp(sym->name, "_Z", 2) == 0)
		return true;
	found = false;
	name_index_each(q->file, sym->name, is_variable, &found);
	return found;
}

static void take_symbol(struct search *q, const struct sym *sym)
{
	struct he_name n = {.addr = sym->addr};
	char *text;

	if ((sym->kind == SYM_DATA) != (q->what == HE_NAMES_VARIABLES) || sym->plt ||
	    is_known(q, sym))
		return;
	text = symtab_text(sym);
	if (text && *text && matches(q, text)) {
		n.name = strpool_add(q->s->pool, text);
		n.module = strpool_add(q->s->pool, q->file->module->name);
		if (n.name)
			add(q, &n);
	}
	free(text);
}

static void look_through(struct search *q, struct symfile *f)
{
	const struct symtab *t;

	q->file = f;
	q->n_known = 0;
	if (symfile_dwarf(f, &q->bias))
		name_index_all(f, take_die, q);
	if (q->what == HE_NAMES_TYPES || q->bad)
		return;
	if (q->n_known)
		qsort(q->known, q->n_known, sizeof(*q->known), by_number);
	t = symtab_of(f);
	for (size_t i = 0; i < t->n && !q->bad; i++)
		take_symbol(q, &t->v[i]);
}

/* ---- all of it ------------------------------------------------------------------------ */

/* By file and name; without a file last, by address. */
static int in_order(const void *a, const void *b)
{
	const struct he_name *x = a, *y = b;
	int c;

	if (!x->file || !y->file) {
		if (x->file || y->file)
			return x->file ? -1 : 1;
		if (x->addr != y->addr)
			return x->addr < y->addr ? -1 : 1;
		return strcmp(x->name, y->name);
	}
	c = strcmp(x->file, y->file);
	if (!c)
		c = strcmp(x->name, y->name);
	return c ? c : x->line < y->line ? -1 : x->line > y->line;
}

static bool same(const struct he_name *a, const struct he_name *b)
{
	return in_order(a, b) == 0;
}

static void sort_once(struct he_names *p)
{
	size_t n = 0;

	if (p->n)
		qsort(p->v, p->n, sizeof(*p->v), in_order);
	for (size_t i = 0; i < p->n; i++)
		if (!n || !same(&p->v[n - 1], &p->v[i]))
			p->v[n++] = p->v[i];
	p->n = n;
}

static struct he_error *search_all(struct search *q)
{
	struct modules *all = &q->s->modules;

	for (size_t i = 0; i < all->n && !q->bad; i++) {
		struct symfile *f = NULL;
		struct he_error *err = symfile_get(&q->s->src, all->v[i], false, &f);

		if (err)
			return err;
		if (f)
			look_through(q, f);
	}
	return q->bad ? he_error_new(E_NOMEM, "out of memory.") : NULL;
}

struct he_error *symbols_names(
    struct symbols *s, enum he_names_of what, const char *regex, struct he_names **ret)
{
	struct names_object *o = calloc(1, sizeof(*o));
	struct search q = {.s = s, .what = what};
	struct he_error *err;
	char why[128];
	regex_t re;
	int code = regex ? regcomp(&re, regex, REG_EXTENDED | REG_NOSUB) : 0;

	if (code) {
		free(o);
		regerror(code, &re, why, sizeof(why));
		return he_error_new(E_MALFORMED, "%s: %s.", regex, why);
	}
	if (o)
		o->pool = strpool_hold(s->pool);
	q.regex = regex ? &re : NULL;
	q.list = o ? &o->list : NULL;
	err = o ? search_all(&q) : he_error_new(E_NOMEM, "out of memory.");
	if (regex)
		regfree(&re);
	free(q.known);
	if (err) {
		he_names_free(q.list);
		return err;
	}
	sort_once(q.list);
	*ret = q.list;
	return NULL;
}
