/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From a name in an expression to what it names: blocks of the function, then the
 * scopes it is declared in, its file, all modules, the symbol tables.
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "host/errtext.h"
#include "host/sym/die_name.h"
#include "host/sym/dwarf_index.h"
#include "host/sym/line.h"
#include "host/sym/name_index.h"
#include "host/sym/scope.h"
#include "host/sym/type_store.h"

enum { NAME_MAX_ = 4096, LOCALS_MAX = 10000, BLOCK_DIES_MAX = 100000 };

/* A search under way. */
struct look {
	struct symbols *s;
	const char *name; /* with scopes */
	unsigned what;
	bool declared;    /* variables that are only declared, in place of all others */
	const char *file; /* only units of that source file; NULL = any */
	Dwarf_CU *own;    /* the unit whose own names come first; NULL */
	int rank;         /* of best, 0 = none yet */
	Dwarf_Die best;
};

/* ---- what a DIE may be taken for ------------------------------------------- */

static bool is_tag(int tag)
{
	return tag == DW_TAG_structure_type || tag == DW_TAG_class_type ||
	       tag == DW_TAG_union_type || tag == DW_TAG_enumeration_type;
}

static unsigned sort_of(Dwarf_Die *die)
{
	int tag = dwarf_tag(die);

	if (is_tag(tag))
		return LOOK_TAGS;
	switch (tag) {
	case DW_TAG_base_type:
	case DW_TAG_typedef:
	case DW_TAG_template_alias:
		return LOOK_TYPES;
	case DW_TAG_variable:
	case DW_TAG_formal_parameter:
	case DW_TAG_member:
	case DW_TAG_subprogram:
	case DW_TAG_enumerator:
		return LOOK_VALUES;
	default:
		return 0;
	}
}

static bool flag(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute a;
	bool v;

	return dwarf_attr_integrate(die, name, &a) && dwarf_formflag(&a, &v) == 0 && v;
}

/* How well it is what is looked for: 0 not at all.  A structure's tag will do for a type's
 * name, as in C++, where nothing else is called that. */
static int rank_of(const struct look *q, Dwarf_Die *die)
{
	unsigned sort = sort_of(die);
	int rank = die->cu == q->own ? 6 : flag(die, DW_AT_external) ? 5 : 4;

	if (sort & q->what)
		return rank;
	if (sort == LOOK_TAGS && q->what & LOOK_TYPES)
		return rank - 3;
	return 0;
}

/* ---- describing what was found --------------------------------------------- */

static void enumerator(struct type_module *m, Dwarf_Die *die, struct sym_name *ret)
{
	Dwarf_Attribute a;
	Dwarf_Die parent;
	Dwarf_Sword v = 0;

	ret->kind = NAME_CONSTANT;
	ret->type = die_parent(die, &parent) ? type_of_die(m, &parent) : m->types->unknown;
	if (dwarf_attr(die, DW_AT_const_value, &a) && dwarf_formsdata(&a, &v) == 0)
		ret->value = v;
}

static bool is_placed(Dwarf_Die *die)
{
	return dwarf_hasattr_integrate(die, DW_AT_location) ||
	       dwarf_hasattr_integrate(die, DW_AT_const_value) || !flag(die, DW_AT_external);
}

/* Where a variable is that is another's alias, or defined where there is no DWARF; 0 = not
 * known, or thread-local. */
static uint64_t by_symbol(struct symbols *s, Dwarf_Die *die)
{
	const char *plain = dwarf_diename(die), *linkage = die_linkage_name(die);
	struct he_symbol *symbol = NULL;
	struct he_error *e = symbols_named(s, linkage ? linkage : plain, &symbol);
	uint64_t addr = !e && !symbol->function ? symbol->addr : 0;

	he_error_free(e);
	he_symbol_free(symbol);
	return addr;
}

static struct he_error *describe(struct symbols *s, const struct module *module, struct symfile *f,
    Dwarf_Die *die, struct sym_name *ret)
{
	struct types *types = symbols_types(s);
	struct type_module *m = types ? type_module_of(types, f) : NULL;
	Dwarf_Addr entry;
	uint64_t bias;

	if (!m || !symfile_dwarf(f, &bias))
		return he_error_new(E_NOMEM, "no memory for types");
	*ret = (struct sym_name){.module = module, .die = ref_of(die)};
	switch (dwarf_tag(die)) {
	case DW_TAG_subprogram:
		ret->kind = NAME_FUNCTION;
		ret->type = type_of_die(m, die);
		if (dwarf_entrypc(die, &entry) == 0)
			ret->addr = entry + bias;
		break;
	case DW_TAG_enumerator:
		enumerator(m, die, ret);
		break;
	case DW_TAG_variable:
	case DW_TAG_formal_parameter:
	case DW_TAG_member:
		ret->kind = NAME_VARIABLE;
		ret->type = type_of_attr(m, die);
		ret->addr = is_placed(die) ? 0 : by_symbol(s, die);
		break;
	default:
		ret->kind = NAME_TYPE;
		ret->type = type_of_die(m, die);
	}
	return NULL;
}

/* ---- within a function ----------------------------------------------------- */

static bool has_name(Dwarf_Die *die, const char *name)
{
	const char *own = dwarf_diename(die);

	return own && !strcmp(own, name);
}

/* An enumerator of a type that is declared in the block. */
static bool in_enum(Dwarf_Die *type, const char *name, Dwarf_Die *ret)
{
	Dwarf_Die die;

	if (dwarf_child(type, &die) != 0)
		return false;
	do
		if (has_name(&die, name)) {
			*ret = die;
			return true;
		}
	while (dwarf_siblingof(&die, &die) == 0);
	return false;
}

struct in_block {
	const char *name;
	unsigned what;
	Dwarf_Die *ret;
};

/* False: it is it. */
static bool is_other(void *arg, Dwarf_Die *die)
{
	struct in_block *q = arg;
	int tag = dwarf_tag(die);

	if (tag == DW_TAG_enumeration_type && q->what & LOOK_VALUES &&
	    in_enum(die, q->name, q->ret))
		return false;
	/* One that is only declared is defined outside. */
	if (!(sort_of(die) & (q->what | (q->what & LOOK_TYPES ? LOOK_TAGS : 0u))) ||
	    tag == DW_TAG_subprogram || !has_name(die, q->name) || flag(die, DW_AT_declaration))
		return true;
	*q->ret = *die;
	return false;
}

static bool in_blocks(struct scope_chain *c, const char *name, unsigned what, Dwarf_Die *ret)
{
	struct in_block q = {name, what, ret};
	unsigned left = BLOCK_DIES_MAX;

	for (size_t i = c->to; i-- > c->from;)
		if (!scope_each(&c->v[i], &left, is_other, &q))
			return true;
	return false;
}

/* ---- outside of functions -------------------------------------------------- */

static bool consider(void *arg, Dwarf_Die *die)
{
	struct look *q = arg;
	int rank = die_only_declared(die) == q->declared ? rank_of(q, die) : 0;
	Dwarf_Die cu;

	if (rank <= q->rank || !die_is_named(die, q->name))
		return true;
	if (q->file && !(dwarf_diecu(die, &cu, NULL, NULL) && line_unit_named(&cu, q->file)))
		return true;
	q->rank = rank;
	q->best = *die;
	return rank < 6;
}

static bool in_module(struct look *q, struct symfile *f)
{
	q->rank = 0;
	name_index_each(f, die_last_name(q->name), consider, q);
	return q->rank != 0;
}

static int by_order(const void *a, const void *b)
{
	const struct module *const *x = a, *const *y = b;

	return (*x)->order < (*y)->order ? -1 : (*x)->order > (*y)->order;
}

/* All modules at hand but first, which was looked at. */
static struct he_error *in_modules(
    struct look *q, const struct symfile *first, struct sym_name *ret, bool *found)
{
	struct modules *m = &q->s->modules;
	struct module **v = calloc(m->n + 1, sizeof(*v));
	struct he_error *e = NULL;

	if (!v)
		return he_error_new(E_NOMEM, "no memory for symbols");
	if (m->n)
		memcpy(v, m->v, m->n * sizeof(*v));
	qsort(v, m->n, sizeof(*v), by_order);
	for (size_t i = 0; i < m->n && !e && !*found; i++) {
		struct symfile *f = NULL;

		e = symfile_get(&q->s->src, v[i], false, &f);
		if (e || !f || f == first || !in_module(q, f))
			continue;
		*found = true;
		e = describe(q->s, v[i], f, &q->best, ret);
	}
	free(v);
	return e;
}

/* name as it is called from within the scopes of the function: the nearest one first. */
static bool from_within(struct look *q, struct scope_chain *c)
{
	const char *name = q->name, *outer;
	char text[NAME_MAX_];
	size_t n;

	if (!c->to || !die_has_scopes(&c->v[c->from]))
		return in_module(q, c->file);
	outer = die_scoped_name(&c->v[c->from], "", q->s->pool);
	n = outer ? strlen(outer) : 0;
	while (n) { /* "a::b::", then "a::" */
		bool fits = n + strlen(name) < sizeof(text);

		if (fits) {
			memcpy(text, outer, n);
			memcpy(text + n, name, strlen(name) + 1);
			q->name = text;
		}
		if (fits && in_module(q, c->file)) {
			q->name = name;
			return true;
		}
		for (n -= 2; n && !(outer[n - 1] == ':' && n > 1 && outer[n - 2] == ':'); n--)
			;
	}
	q->name = name;
	return in_module(q, c->file);
}

static struct he_error *globally(
    struct look *q, struct scope_chain *c, bool has_unit, struct sym_name *ret, bool *found)
{
	if (has_unit) {
		q->own = c->cu.cu;
		if (q->file ? in_module(q, c->file) : from_within(q, c)) {
			*found = true;
			return describe(q->s, c->module, c->file, &q->best, ret);
		}
	}
	return in_modules(q, has_unit ? c->file : NULL, ret, found);
}

/* The type that somebody else's variable is said to have: it is defined without DWARF. */
static struct he_error *declared(struct look *q, struct sym_name *ret, bool *found)
{
	struct he_error *e;

	q->declared = true;
	e = in_modules(q, NULL, ret, found);
	*found = *found && !e && ret->kind == NAME_VARIABLE && ret->addr;
	return e;
}

/* ---- file::name and function::name ----------------------------------------- */

/* The static of that function: what else it has is only there in a frame of its own. */
static struct he_error *in_function(struct symbols *s, const struct sym_name *fn, const char *name,
    struct sym_name *ret, bool *found)
{
	Dwarf_Die die = die_of(&fn->die), var;
	struct module *m = modules_at(&s->modules, fn->addr);
	struct scope_chain c = {.from = 0, .to = 1, .v = {die}};

	if (!m || !m->file || !in_blocks(&c, name, LOOK_VALUES, &var))
		return NULL;
	*found = true;
	return describe(s, m, m->file, &var, ret);
}

static struct he_error *by_first_part(
    struct look *q, struct scope_chain *c, bool has_unit, struct sym_name *ret, bool *found)
{
	const char *at = strstr(q->name, "::");
	struct look outer = {.s = q->s, .what = LOOK_VALUES};
	struct sym_name fn = {0};
	char head[NAME_MAX_];
	struct he_error *e;

	if (!at || at == q->name || (size_t)(at - q->name) >= sizeof(head))
		return NULL;
	memcpy(head, q->name, (size_t)(at - q->name));
	head[at - q->name] = 0;
	if (strchr(head, '.')) {
		outer.what = q->what;
		outer.file = head;
		outer.name = at + 2;
		return globally(&outer, c, has_unit, ret, found);
	}
	outer.name = head;
	e = globally(&outer, c, has_unit, &fn, found);
	if (e || !*found)
		return e;
	*found = false;
	return fn.kind == NAME_FUNCTION ? in_function(q->s, &fn, at + 2, ret, found) : NULL;
}

/* ---- symbol tables --------------------------------------------------------- */

static struct he_error *no_symbol(const char *name, unsigned what)
{
	if (what == LOOK_TAGS)
		return he_error_new(E_NO_FILE, "no struct, union or enum is called \"%s\"", name);
	return he_error_new(E_NO_FILE, "no symbol \"%s\" in this context", name);
}

static struct he_error *in_symbol_tables(
    struct symbols *s, const char *name, unsigned what, struct sym_name *ret)
{
	struct he_symbol *symbol;
	struct he_error *e = symbols_named(s, name, &symbol);
	struct types *types = symbols_types(s);

	if (e && e->code == E_NO_FILE) {
		he_error_free(e);
		return no_symbol(name, what);
	}
	if (e)
		return e;
	*ret = (struct sym_name){.kind = NAME_SYMBOL,
	    .addr = symbol->addr,
	    .function = symbol->function,
	    .type = types ? type_unknown(types, symbol->function) : NULL};
	he_symbol_free(symbol);
	return types ? NULL : he_error_new(E_NOMEM, "no memory for types");
}

/* ---- for the caller -------------------------------------------------------- */

struct he_error *symbols_look_up(struct symbols *s, const struct sym_scope *scope, const char *name,
    unsigned what, struct sym_name *ret)
{
	bool global = !strncmp(name, "::", 2), qualified, has_unit, found = false;
	struct look q = {.s = s, .name = global ? name + 2 : name, .what = what};
	struct scope_chain c;
	struct he_error *e = scope_find(s, scope, &c, &has_unit);
	Dwarf_Die die;

	if (e)
		return e;
	qualified = strstr(q.name, "::") != NULL;
	if (has_unit && !global && !qualified && in_blocks(&c, q.name, what, &die))
		return describe(s, c.module, c.file, &die, ret);
	e = globally(&q, &c, has_unit, ret, &found);
	if (!e && !found && qualified && !global)
		e = by_first_part(&q, &c, has_unit, ret, &found);
	if (!e && !found && what & LOOK_VALUES)
		e = declared(&q, ret, &found);
	if (e || found)
		return e;
	return what & LOOK_VALUES ? in_symbol_tables(s, q.name, what, ret)
				  : no_symbol(q.name, what);
}

static bool is_static(Dwarf_Die *die)
{
	Dwarf_Attribute a;
	Dwarf_Op *ops;
	size_t n;

	return dwarf_attr_integrate(die, DW_AT_location, &a) &&
	       dwarf_getlocation(&a, &ops, &n) == 0 && n && ops->atom == DW_OP_addr;
}

bool symbols_has_local(
    struct symbols *s, const struct sym_scope *scope, const char *name, struct sym_name *ret)
{
	struct scope_chain c;
	bool known = false;
	struct he_error *e = scope_find(s, scope, &c, &known);
	Dwarf_Die die;

	if (!e && known && in_blocks(&c, name, LOOK_VALUES, &die) && !is_static(&die))
		e = describe(s, c.module, c.file, &die, ret);
	else
		known = false;
	known = known && !e;
	he_error_free(e);
	return known;
}

bool symbols_is_cplus(struct symbols *s, const struct sym_scope *scope)
{
	struct scope_chain c;
	bool known = false;
	struct he_error *e = scope_find(s, scope, &c, &known);

	known = !e && known && die_has_scopes(&c.cu);
	he_error_free(e);
	return known;
}

/* ---- all locals ------------------------------------------------------------ */

struct locals {
	struct symbols *s;
	struct scope_chain c;
	struct sym_local *v;
	size_t n, room;
	int tag;
	unsigned depth;
	struct he_error *error;
};

static bool more_room(struct locals *l)
{
	size_t room = l->room ? 2 * l->room : 16;
	struct sym_local *v = reallocarray(l->v, room, sizeof(*v));

	if (!v) {
		l->error = he_error_new(E_NOMEM, "no memory for variables");
		return false;
	}
	l->v = v;
	l->room = room;
	return true;
}

static bool add_local(void *arg, Dwarf_Die *die)
{
	struct locals *l = arg;
	const char *name = dwarf_diename(die);
	struct sym_local *v;

	if (dwarf_tag(die) != l->tag || !name || flag(die, DW_AT_declaration))
		return true;
	if (l->n == LOCALS_MAX || (l->n == l->room && !more_room(l)))
		return false;
	v = &l->v[l->n];
	*v = (struct sym_local){.name = strpool_add(l->s->pool, name), .depth = l->depth};
	l->error = describe(l->s, l->c.module, l->c.file, die, &v->var);
	l->n += !l->error;
	return !l->error;
}

struct he_error *symbols_locals(
    struct symbols *s, const struct sym_scope *scope, bool args, struct sym_local **ret, size_t *n)
{
	struct locals l = {.s = s, .tag = args ? DW_TAG_formal_parameter : DW_TAG_variable};
	unsigned left = BLOCK_DIES_MAX;
	bool known;
	struct he_error *e = scope_find(s, scope, &l.c, &known);

	if (e)
		return e;
	if (!known || !l.c.to)
		return he_error_new(E_NO_FILE, "there is no debug information about this function");
	for (size_t i = l.c.to; i-- > l.c.from;) {
		l.depth = (unsigned)(i - l.c.from);
		if ((!args || !l.depth) && !scope_each(&l.c.v[i], &left, add_local, &l))
			break;
	}
	if (l.error) {
		free(l.v);
		return l.error;
	}
	*ret = l.v;
	*n = l.n;
	return NULL;
}
