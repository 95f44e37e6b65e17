/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Conversions: promotions, the common type of two operands, casts.
 */
#include <math.h>

#include "host/expr/value.h"

/* ---- promotions (C17, 6.3.1) ----------------------------------------------- */

struct type *type_promoted(struct eval *e, struct type *t)
{
	struct types *p = e->env->types;

	t = type_complete(p, t);
	if (!type_is_integer(t))
		return t;
	if (t->size < 4 || t->kind == TYPE_BOOL)
		return type_int(p, 4, true);
	return t->kind == TYPE_INT ? t : type_int(p, (unsigned)t->size, t->is_signed);
}

static struct type *common_integer(struct eval *e, struct type *a, struct type *b)
{
	uint64_t size = a->size > b->size ? a->size : b->size;
	bool is_signed = (a->is_signed || a->size < size) && (b->is_signed || b->size < size);

	return type_int(e->env->types, (unsigned)size, is_signed);
}

struct type *type_common(struct eval *e, struct type *a, struct type *b)
{
	a = type_promoted(e, a);
	b = type_promoted(e, b);
	if (a->kind == TYPE_FLOAT && b->kind == TYPE_FLOAT)
		return a->size >= b->size ? a : b;
	if (a->kind == TYPE_FLOAT)
		return a;
	if (b->kind == TYPE_FLOAT)
		return b;
	return common_integer(e, a, b);
}

/* ---- casts ----------------------------------------------------------------- */

static wide real_to_wide(long double x)
{
	if (isnan(x))
		return 0;
	if (x >= 1.7e38L || x <= -1.7e38L) /* what a processor gives for it is anything */
		return (wide)1 << 127;
	return (wide)(wide_signed)x;
}

static struct value *to_integer(struct eval *e, struct type *type, struct value *v)
{
	struct type *to = type_strip(type);
	struct scalar s;

	if (!value_scalar(e, v, &s))
		return NULL;
	if (to->kind == TYPE_BOOL)
		return value_of_number(e, type, scalar_true(&s));
	return value_of_number(e, type, s.is_float ? real_to_wide(s.real) : s.number);
}

/* Between pointers to a class and to its base the address moves. */
static uint64_t moved(struct eval *e, struct type *to, struct type *from, uint64_t addr)
{
	struct types *p = e->env->types;
	struct type *a, *b;
	struct value *base;
	uint64_t offset;

	if (from->kind != TYPE_POINTER || to->kind != TYPE_POINTER || !addr)
		return addr;
	a = type_complete(p, from->target);
	b = type_complete(p, to->target);
	if (a->kind != TYPE_STRUCT || b->kind != TYPE_STRUCT || a == b)
		return addr;
	base = value_base(e, value_at(e, a, addr), b);
	if (base)
		return base->addr;
	if (type_find_base(p, b, a, &offset))
		return addr - offset;
	if (!e->error && value_base(e, value_at(e, b, addr), a))
		eval_wrong(e, "which object a virtual base is of is only known to the program");
	return addr;
}

static struct value *to_pointer(struct eval *e, struct type *type, struct value *v)
{
	struct scalar s;

	if (!value_scalar(e, v, &s))
		return NULL;
	if (s.is_float)
		return eval_wrong(e, "a floating point number makes no pointer");
	return value_of_number(e, type, moved(e, type_strip(type), s.type, (uint64_t)s.number));
}

static struct value *to_real(struct eval *e, struct type *type, struct value *v)
{
	struct scalar s;

	return value_scalar(e, v, &s) ? value_of_real(e, type, scalar_real(&s)) : NULL;
}

/* The same bytes as another type: what is in memory, arrays and structures of that size. */
static struct value *reinterpreted(struct eval *e, struct type *type, struct value *v)
{
	struct type *to = type_complete(v->types, type), *from = type_complete(v->types, v->type);
	struct value *base =
	    from->kind == TYPE_STRUCT && to->kind == TYPE_STRUCT ? value_base(e, v, to) : NULL;

	if (base || e->error)
		return base;
	if (to->size != from->size && from->kind != TYPE_UNKNOWN)
		return eval_wrong(e, "a cast between types of %llu and %llu bytes makes no sense",
		    (unsigned long long)from->size, (unsigned long long)to->size);
	return value_part(e, v, type, 0, 0, 0);
}

struct value *value_cast(struct eval *e, struct type *type, struct value *v)
{
	struct type *to = type_strip(type);

	v = v ? value_referred(e, v) : NULL;
	if (!v)
		return NULL;
	if (type_strip(v->type)->kind == TYPE_UNKNOWN && v->lval == LVAL_MEMORY)
		return value_at(e, type, v->addr); /* so the person says what it is */
	if (to->kind == TYPE_ARRAY || to->kind == TYPE_STRUCT || to->kind == TYPE_UNION)
		return reinterpreted(e, type, v);
	v = value_plain(e, v);
	if (!v)
		return NULL;
	if (type_is_integer(to))
		return to_integer(e, type, v);
	switch (to->kind) {
	case TYPE_VOID:
		return value_new(e, type);
	case TYPE_POINTER:
		return to_pointer(e, type, v);
	case TYPE_FLOAT:
		return to_real(e, type, v);
	case TYPE_REFERENCE:
		return v->lval == LVAL_MEMORY
			   ? value_at(e, to->target, v->addr)
			   : eval_wrong(e, "only what is in memory can be referred to");
	default:
		return eval_wrong(e, "nothing can be cast to this type");
	}
}
