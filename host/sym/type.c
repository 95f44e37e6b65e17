/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The store of types, and those that no DWARF has to be read for.
 */
#include "host/sym/type.h"

#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>

#include "host/sym/type_store.h"

/* ---- the store ------------------------------------------------------------- */

struct type *type_new(struct types *p, enum type_kind kind)
{
	struct type *t = arena_alloc(&p->arena, sizeof(*t));

	if (t)
		t->kind = kind;
	return t;
}

static bool make_constant_ones(struct types *p)
{
	p->nothing = type_new(p, TYPE_VOID);
	p->unknown = type_new(p, TYPE_UNKNOWN);
	p->unknown_code = type_new(p, TYPE_FUNCTION);
	if (!p->nothing || !p->unknown || !p->unknown_code)
		return false;
	p->nothing->name = "void";
	p->nothing->size = 1; /* GNU C: what a void * steps by */
	p->unknown->name = "<data variable, no debug info>";
	p->unknown_code->name = "<text variable, no debug info>";
	p->unknown_code->size = 1;
	p->unknown_code->read = p->nothing->read = p->unknown->read = true;
	return true;
}

struct types *types_new(struct symbols *s)
{
	struct types *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->holders = 1;
	p->symbols = s;
	p->address_size = s->src.arch == AUDIT_ARCH_I386 ? 4 : 8;
	p->pool = strpool_hold(s->pool);
	if (make_constant_ones(p))
		return p;
	types_drop(p);
	return NULL;
}

struct types *types_hold(struct types *p)
{
	p->holders++;
	return p;
}

void types_drop(struct types *p)
{
	if (!p || --p->holders)
		return;
	for (struct type_module *m = p->modules, *next; m; m = next) {
		next = m->next;
		free(m->slot);
		free(m);
	}
	arena_free(&p->arena);
	strpool_drop(p->pool);
	free(p->base);
	free(p);
}

struct type_module *type_module_of(struct types *p, struct symfile *f)
{
	struct type_module *m = f->types;

	if (m)
		return m;
	m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	*m = (struct type_module){.next = p->modules, .types = p, .file = f};
	p->modules = m;
	f->types = m;
	return m;
}

void type_module_gone(struct type_module *m)
{
	if (!m)
		return;
	m->file = NULL;
	/* Another module's DWARF may come to lie at the same addresses. */
	free(m->slot);
	m->slot = NULL;
	m->n_slots = m->used = 0;
}

void types_end(struct types *p)
{
	if (!p)
		return;
	p->symbols = NULL;
	types_drop(p);
}

unsigned types_address_size(const struct types *p)
{
	return p->address_size;
}

/* ---- looking through ------------------------------------------------------- */

static bool transparent(const struct type *t)
{
	return t->kind == TYPE_TYPEDEF || t->kind == TYPE_CONST || t->kind == TYPE_VOLATILE;
}

struct type *type_strip(struct type *t)
{
	/* What a typedef of nothing, or of itself in a damaged file, comes to. */
	static struct type nothing = {.kind = TYPE_VOID, .name = "void", .size = 1, .read = true};
	static struct type damaged = {.kind = TYPE_UNKNOWN, .name = "<damaged type>", .read = true};

	for (int i = 0; t && transparent(t); i++) {
		if (i == TYPE_CHAIN_MAX)
			return &damaged;
		t = t->target;
	}
	return t ? t : &nothing;
}

struct type *type_unqualified(struct type *t)
{
	for (int i = 0; t && (t->kind == TYPE_CONST || t->kind == TYPE_VOLATILE); i++) {
		if (i == TYPE_CHAIN_MAX)
			break;
		t = t->target;
	}
	return t ? t : type_strip(NULL);
}

static struct type *definition(struct types *p, struct type *t)
{
	struct sym_name found;
	struct he_error *e;

	if (!p->symbols || !t->name)
		return t;
	e = symbols_look_up(p->symbols, &(struct sym_scope){0}, t->name, LOOK_TAGS, &found);
	if (e) {
		he_error_free(e);
		return t;
	}
	found.type = type_strip(found.type);
	return found.type->incomplete ? t : found.type;
}

struct type *type_complete(struct types *p, struct type *t)
{
	t = type_strip(t);
	if (t->incomplete && !t->same_as)
		t->same_as = definition(p, t);
	if (t->same_as)
		t = t->same_as;
	if (!t->read && t->origin)
		type_read_members(t);
	return t;
}

/* ---- derived types --------------------------------------------------------- */

struct type *type_void(struct types *p)
{
	return p->nothing;
}

struct type *type_unknown(struct types *p, bool function)
{
	return function ? p->unknown_code : p->unknown;
}

static struct type *derived(struct types *p, enum type_kind kind, struct type *of, uint64_t size)
{
	struct type *t = type_new(p, kind);

	if (!t)
		return NULL;
	t->target = of;
	t->size = size;
	t->read = true;
	return t;
}

struct type *type_pointer(struct types *p, struct type *to)
{
	if (!to)
		to = p->nothing;
	if (!to->pointer_to)
		to->pointer_to = derived(p, TYPE_POINTER, to, p->address_size);
	return to->pointer_to;
}

struct type *type_reference(struct types *p, struct type *to, bool rvalue)
{
	struct type *t = derived(p, TYPE_REFERENCE, to, p->address_size);

	if (t)
		t->rvalue = rvalue;
	return t;
}

struct type *type_array(struct types *p, struct type *of, uint64_t count)
{
	uint64_t size = 0;
	struct type *t;

	if (count != TYPE_NO_COUNT && __builtin_mul_overflow(of->size, count, &size))
		return NULL;
	t = derived(p, TYPE_ARRAY, of, size);
	if (t)
		t->count = count;
	return t;
}

struct type *type_sized(struct types *p, struct type *t, struct type *of, uint64_t count)
{
	/* Asked for each time it is looked at: the last one tends to do. */
	if (!t->sized || t->sized->count != count || t->sized->target != of)
		t->sized = type_array(p, of, count);
	return t->sized;
}

struct type *type_function(struct types *p, struct type *returns, bool prototyped)
{
	struct type *t = derived(p, TYPE_FUNCTION, returns, 1);

	if (t)
		t->prototyped = prototyped;
	return t;
}

struct type *type_union(struct types *p, const char *const *names, struct type *const *of, size_t n)
{
	struct type *t = type_new(p, TYPE_UNION);

	if (t)
		t->member = arena_array(&p->arena, n, sizeof(*t->member));
	if (!t || !t->member)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		t->member[i].name = strpool_add(p->pool, names[i]);
		t->member[i].type = of[i];
		if (of[i]->size > t->size)
			t->size = of[i]->size;
	}
	t->n_members = n;
	t->read = true;
	return t;
}

/* ---- the language's own types ---------------------------------------------- */

/* Sizes: x86-64, and i386 where it differs. */
static const struct builtin {
	const char *name;
	enum type_kind kind;
	bool is_signed;
	uint8_t size, size32;
} builtins[] = {
    {"char", TYPE_CHAR, true, 1, 1},
    {"signed char", TYPE_CHAR, true, 1, 1},
    {"unsigned char", TYPE_CHAR, false, 1, 1},
    {"short", TYPE_INT, true, 2, 2},
    {"unsigned short", TYPE_INT, false, 2, 2},
    {"int", TYPE_INT, true, 4, 4},
    {"unsigned int", TYPE_INT, false, 4, 4},
    {"long", TYPE_INT, true, 8, 4},
    {"unsigned long", TYPE_INT, false, 8, 4},
    {"long long", TYPE_INT, true, 8, 8},
    {"unsigned long long", TYPE_INT, false, 8, 8},
    {"__int128", TYPE_INT, true, 16, 16},
    {"unsigned __int128", TYPE_INT, false, 16, 16},
    {"bool", TYPE_BOOL, false, 1, 1},
    {"_Bool", TYPE_BOOL, false, 1, 1},
    {"float", TYPE_FLOAT, true, 4, 4},
    {"double", TYPE_FLOAT, true, 8, 8},
    {"long double", TYPE_FLOAT, true, 16, 12},
    {"wchar_t", TYPE_CHAR, true, 4, 4},
    {"char16_t", TYPE_CHAR, false, 2, 2},
    {"char32_t", TYPE_CHAR, false, 4, 4},
    {"int8_t", TYPE_INT, true, 1, 1},
    {"uint8_t", TYPE_INT, false, 1, 1},
    {"i386_eflags", TYPE_INT, true, 4, 4},
};

static struct type *keep_base(struct types *p, struct type *t)
{
	struct type **v = reallocarray(p->base, p->n_base + 1, sizeof(*v));

	if (!v)
		return NULL;
	p->base = v;
	p->base[p->n_base++] = t;
	return t;
}

static struct type *make_base(struct types *p, const struct builtin *b)
{
	struct type *t = type_new(p, b->kind);

	if (!t)
		return NULL;
	t->name = b->name;
	t->is_signed = b->is_signed;
	t->size = p->address_size == 4 ? b->size32 : b->size;
	t->read = true;
	return keep_base(p, t);
}

struct type *type_named_base(struct types *p, const char *name)
{
	if (!strcmp(name, "void"))
		return p->nothing;
	for (size_t i = 0; i < p->n_base; i++)
		if (!strcmp(p->base[i]->name, name))
			return p->base[i];
	for (size_t i = 0; i < sizeof(builtins) / sizeof(builtins[0]); i++)
		if (!strcmp(builtins[i].name, name))
			return make_base(p, &builtins[i]);
	return NULL;
}

struct type *type_int(struct types *p, unsigned size, bool is_signed)
{
	static const struct {
		unsigned size;
		const char *name[2];
	} names[] = {
	    {1, {"uint8_t", "int8_t"}},
	    {2, {"unsigned short", "short"}},
	    {4, {"unsigned int", "int"}},
	    {8, {"unsigned long", "long"}},
	    {16, {"unsigned __int128", "__int128"}},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].size == size && !(size == 8 && p->address_size == 4))
			return type_named_base(p, names[i].name[is_signed]);
	return type_named_base(p, is_signed ? "long long" : "unsigned long long");
}
