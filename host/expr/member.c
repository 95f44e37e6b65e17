/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Members of structures: through unnamed ones and base classes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "host/errtext.h"
#include "host/expr/value.h"

enum { NEST_MAX = 64, LOOKED_AT_MAX = 100000 };

struct hunt {
	struct types *types;
	const char *name;  /* or: */
	struct type *base; /* a base class */
	struct member_found *ret;
	unsigned left;
};

static bool is_it(const struct hunt *h, const struct type_member *m)
{
	if (h->base)
		return m->base && type_complete(h->types, m->type) == h->base;
	return m->name && !m->base && !strcmp(m->name, h->name);
}

static bool hunt(struct hunt *h, struct type *t, uint64_t offset, bool is_virtual, unsigned depth)
{
	t = type_complete(h->types, t);
	if ((t->kind != TYPE_STRUCT && t->kind != TYPE_UNION) || depth > NEST_MAX)
		return false;
	for (size_t i = 0; i < t->n_members && h->left; i++, h->left--)
		if (is_it(h, &t->member[i])) {
			*h->ret = (struct member_found){&t->member[i], offset,
			    is_virtual || (h->base && t->member[i].is_virtual), t};
			return true;
		}
	for (size_t i = 0; i < t->n_members && h->left; i++) {
		const struct type_member *m = &t->member[i];

		if ((m->base || (!m->name && !h->base)) && !m->is_static &&
		    hunt(h, m->type, offset + m->offset, is_virtual || m->is_virtual, depth + 1))
			return true;
	}
	return false;
}

bool type_find_member(
    struct types *p, struct type *type, const char *name, struct member_found *ret)
{
	struct hunt h = {.types = p, .name = name, .ret = ret, .left = LOOKED_AT_MAX};

	return hunt(&h, type, 0, false, 0);
}

bool type_find_base(struct types *p, struct type *type, struct type *base, uint64_t *offset)
{
	struct member_found found = {0};
	struct hunt h = {
	    .types = p, .base = type_complete(p, base), .ret = &found, .left = LOOKED_AT_MAX};

	if (!hunt(&h, type, 0, false, 0) || found.is_virtual)
		return false;
	*offset = found.offset + found.member->offset;
	return true;
}

/* It lives elsewhere, under its qualified name. */
static struct value *static_member(struct eval *e, struct type *owner, const char *name)
{
	char *text;
	struct value *v;

	if (!owner->name || asprintf(&text, "::%s::%s", owner->name, name) < 0)
		return eval_wrong(e, "%s is static in a structure without a name", name);
	v = value_of_name(e, text);
	free(text);
	return v;
}

static struct value *virtual_base(struct eval *e, struct value *v, const struct type_member *m)
{
	uint64_t addr = 0;

	if (e->types_only)
		return value_at(e, m->type, 0);
	if (v->lval != LVAL_MEMORY || !e->env->symbols ||
	    !symbols_base(e->env->symbols, m, v->addr, &addr))
		return eval_wrong(e, "nothing tells where this object's base %s lies",
		    type_strip(m->type)->name ? type_strip(m->type)->name : "class");
	return value_at(e, m->type, addr);
}

struct value *value_field(struct eval *e, struct value *v, const struct type_member *m)
{
	if (m->is_static)
		return static_member(e, type_complete(v->types, v->type), m->name);
	if (m->is_virtual)
		return virtual_base(e, v, m);
	return value_part(e, v, m->type, m->offset,
	    m->bit_size ? (unsigned)(m->bit_offset - m->offset * 8) : 0, m->bit_size);
}

/* By way of a base that is found at run time. */
static struct value *through_bases(struct eval *e, struct value *v, const char *name)
{
	struct type *t = type_complete(v->types, v->type);
	struct member_found found;

	for (size_t i = 0; i < t->n_members; i++) {
		const struct type_member *m = &t->member[i];

		if ((m->base || !m->name) && !m->is_static &&
		    type_find_member(v->types, m->type, name, &found))
			return value_member(e, value_field(e, v, m), name);
	}
	return eval_wrong(e, "there is no member named %s", name);
}

struct value *value_base(struct eval *e, struct value *v, struct type *base)
{
	struct type *t = type_complete(v->types, v->type), *of = type_complete(v->types, base);
	struct member_found found;
	struct hunt h = {.types = v->types, .base = of, .ret = &found, .left = LOOKED_AT_MAX};

	if (t == of)
		return v;
	if (t->kind != TYPE_STRUCT || !hunt(&h, t, 0, false, 0))
		return NULL;
	for (size_t i = 0; i < t->n_members; i++) {
		const struct type_member *m = &t->member[i];

		if (m->base &&
		    (type_complete(v->types, m->type) == of || hunt(&h, m->type, 0, false, 0))) {
			v = value_field(e, v, m);
			return v ? value_base(e, v, base) : NULL;
		}
	}
	return NULL;
}

/* obj.Base::member */
static struct value *qualified(struct eval *e, struct value *v, const char *name)
{
	const char *last = name;
	struct sym_name found;
	struct he_error *err;
	char *class;

	for (const char *p = name; (p = strstr(p, "::")); p += 2)
		last = p + 2;
	class = strndup(name, (size_t)(last - name) - 2);
	if (!class)
		return eval_fail(e, he_error_new(E_NOMEM, "out of memory."));
	err =
	    symbols_look_up(e->env->symbols, &e->env->scope, class, LOOK_TYPES | LOOK_TAGS, &found);
	free(class);
	if (err)
		return eval_fail(e, err);
	v = value_base(e, v, found.type);
	if (!v && !e->error)
		eval_fail(e, he_error_new(E_NO_FILE, "there is no member named %s", name));
	return v ? value_member(e, v, last) : NULL;
}

struct value *value_member(struct eval *e, struct value *v, const char *name)
{
	struct member_found found;
	const struct type_member *m;
	struct type *t;

	v = v ? value_referred(e, v) : NULL;
	/* GDB takes . for -> and the other way round. */
	if (v && type_strip(v->type)->kind == TYPE_POINTER)
		v = value_dereference(e, v);
	if (!v)
		return NULL;
	t = type_complete(v->types, v->type);
	if (t->kind != TYPE_STRUCT && t->kind != TYPE_UNION)
		return eval_wrong(e, "only a structure, a union or a class has members");
	if (t->incomplete)
		return eval_wrong(e, "%s is only declared; its members are not known",
		    t->name ? t->name : "this type");
	if (strstr(name, "::") && e->env->symbols)
		return qualified(e, v, name);
	if (!type_find_member(v->types, t, name, &found))
		return eval_fail(e, he_error_new(E_NO_FILE, "there is no member named %s", name));
	m = found.member;
	if (m->is_static)
		return static_member(e, found.owner, name);
	if (m->is_virtual)
		return virtual_base(e, v, m);
	if (found.is_virtual)
		return through_bases(e, v, name);
	return value_part(e, v, m->type, found.offset + m->offset,
	    m->bit_size ? (unsigned)(m->bit_offset - m->offset * 8) : 0, m->bit_size);
}
