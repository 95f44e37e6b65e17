/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Operators on values.
 */
#include <math.h>

#include "common/err.h"
#include "host/errtext.h"
#include "host/expr/value.h"

/* ---- integers -------------------------------------------------------------- */

static struct value *divided(struct eval *e)
{
	return eval_fail(e, he_error_new(E_DIVIDED, "division by zero"));
}

/* A shift by more than there is leaves zeros, or the sign. */
static wide shifted(enum token op, wide a, wide n, const struct type *t)
{
	unsigned bits = (unsigned)t->size * 8;

	if (n >= bits)
		return op == T_SHR && t->is_signed && (wide_signed)a < 0 ? ~(wide)0 : 0;
	if (op == T_SHL)
		return a << (unsigned)n;
	return t->is_signed ? (wide)((wide_signed)a >> (unsigned)n) : a >> (unsigned)n;
}

static wide quotient(enum token op, wide a, wide b, bool is_signed)
{
	wide_signed x = (wide_signed)a, y = (wide_signed)b;

	if (!is_signed)
		return op == T_SLASH ? a / b : a % b;
	if (y == -1) /* the smallest number has no positive counterpart */
		return op == T_SLASH ? 0 - a : 0;
	return op == T_SLASH ? (wide)(x / y) : (wide)(x % y);
}

static struct value *integers(struct eval *e, enum token op, struct type *t, wide a, wide b)
{
	a = wide_cut(a, t->size, t->is_signed);
	b = wide_cut(b, t->size, t->is_signed);
	switch (op) {
	case T_PLUS:
		return value_of_number(e, t, a + b);
	case T_MINUS:
		return value_of_number(e, t, a - b);
	case T_STAR:
		return value_of_number(e, t, a * b);
	case T_SLASH:
	case T_PERCENT:
		return b ? value_of_number(e, t, quotient(op, a, b, t->is_signed)) : divided(e);
	case T_AND:
		return value_of_number(e, t, a & b);
	case T_OR:
		return value_of_number(e, t, a | b);
	case T_XOR:
		return value_of_number(e, t, a ^ b);
	default:
		return eval_wrong(e, "this operator does not take these operands");
	}
}

static struct value *shift(
    struct eval *e, enum token op, const struct scalar *a, const struct scalar *b)
{
	struct type *t = type_promoted(e, a->type);

	if (type_is_signed(b->type) && (wide_signed)b->number < 0)
		return eval_wrong(e, "a shift by a negative number means nothing");
	return value_of_number(
	    e, t, shifted(op, wide_cut(a->number, t->size, t->is_signed), b->number, t));
}

/* ---- floating point -------------------------------------------------------- */

static struct value *reals(
    struct eval *e, enum token op, struct type *t, long double a, long double b)
{
	switch (op) {
	case T_PLUS:
		return value_of_real(e, t, a + b);
	case T_MINUS:
		return value_of_real(e, t, a - b);
	case T_STAR:
		return value_of_real(e, t, a * b);
	case T_SLASH:
		return value_of_real(e, t, a / b);
	default:
		return eval_wrong(e, "this operator does not take floating point numbers");
	}
}

/* ---- comparisons ----------------------------------------------------------- */

struct value *value_bool(struct eval *e, bool v)
{
	const char *type = e->env->cplus ? "bool" : "int";

	return value_of_number(e, type_named_base(e->env->types, type), v);
}

static bool is_comparison(enum token op)
{
	return op >= T_EQ && op <= T_GE;
}

static bool holds(enum token op, bool less, bool greater, bool ordered)
{
	switch (op) {
	case T_EQ:
		return ordered && !less && !greater;
	case T_NE:
		return !ordered || less || greater;
	case T_LT:
		return less;
	case T_GT:
		return greater;
	case T_LE:
		return ordered && !greater;
	default:
		return ordered && !less;
	}
}

static struct value *compared(
    struct eval *e, enum token op, const struct scalar *a, const struct scalar *b)
{
	long double x, y;
	struct type *t;
	wide m, n;

	if (a->is_float || b->is_float) {
		x = scalar_real(a);
		y = scalar_real(b);
		return value_bool(e, holds(op, x<y, x> y, !isunordered(x, y)));
	}
	m = a->number;
	n = b->number;
	t = type_is_integer(a->type) && type_is_integer(b->type)
		? type_common(e, a->type, b->type)
		: type_int(e->env->types, types_address_size(e->env->types), false);
	m = wide_cut(m, t->size, t->is_signed);
	n = wide_cut(n, t->size, t->is_signed);
	if (t->is_signed)
		return value_bool(e,
		    holds(op, (wide_signed)m<(wide_signed)n, (wide_signed)m>(wide_signed) n, true));
	return value_bool(e, holds(op, m<n, m> n, true));
}

/* ---- pointers -------------------------------------------------------------- */

static uint64_t pointed_size(struct eval *e, const struct type *pointer)
{
	uint64_t size = type_complete(e->env->types, pointer->target)->size;

	return size ? size : 1;
}

static struct value *pointer_moved(
    struct eval *e, enum token op, struct value *p, struct type *pointer, const struct scalar *n)
{
	uint64_t by = (uint64_t)n->number * pointed_size(e, pointer);
	struct scalar at;

	if (!type_is_integer(n->type))
		return eval_wrong(e, "only an integer can be added to a pointer");
	if (!value_scalar(e, p, &at))
		return NULL;
	by = op == T_PLUS ? (uint64_t)at.number + by : (uint64_t)at.number - by;
	return value_of_number(e, p->type, by);
}

static struct value *pointers_apart(struct eval *e, const struct scalar *a, const struct scalar *b)
{
	uint64_t size = pointed_size(e, a->type);
	struct type *t = type_int(e->env->types, types_address_size(e->env->types), true);

	if (size != pointed_size(e, b->type))
		return eval_wrong(e, "these pointers point to things of different sizes");
	return value_of_number(e, t,
	    (wide)((wide_signed)(int64_t)((uint64_t)a->number - (uint64_t)b->number) /
		   (wide_signed)size));
}

static struct value *with_pointers(struct eval *e, enum token op, struct value *a, struct value *b,
    const struct scalar *x, const struct scalar *y)
{
	bool both = x->type->kind == TYPE_POINTER && y->type->kind == TYPE_POINTER;
	struct type *t;

	if (op == T_MINUS && both)
		return pointers_apart(e, x, y);
	if ((op == T_PLUS || op == T_MINUS) && x->type->kind == TYPE_POINTER && !both)
		return pointer_moved(e, op, a, x->type, y);
	if (op == T_PLUS && !both)
		return pointer_moved(e, op, b, y->type, x);
	/* GDB lets masks be applied to addresses. */
	t = type_int(e->env->types, types_address_size(e->env->types), true);
	return integers(e, op, t, x->number, y->number);
}

/* ---- all binary ones ------------------------------------------------------- */

struct value *value_binary(struct eval *e, enum token op, struct value *a, struct value *b)
{
	struct scalar x, y;
	struct type *t;

	a = value_plain(e, a);
	b = value_plain(e, b);
	if (!a || !b || !value_scalar(e, a, &x) || !value_scalar(e, b, &y))
		return NULL;
	if (is_comparison(op))
		return compared(e, op, &x, &y);
	if (x.type->kind == TYPE_POINTER || y.type->kind == TYPE_POINTER)
		return with_pointers(e, op, a, b, &x, &y);
	if (op == T_SHL || op == T_SHR)
		return x.is_float || y.is_float ? reals(e, op, NULL, 0, 0) : shift(e, op, &x, &y);
	t = type_common(e, x.type, y.type);
	if (!t)
		return eval_fail(e, he_error_new(E_NOMEM, "out of memory."));
	if (t->kind == TYPE_FLOAT)
		return reals(e, op, t, scalar_real(&x), scalar_real(&y));
	return integers(e, op, t, x.number, y.number);
}

/* ---- unary ones ------------------------------------------------------------ */

static struct value *negated(struct eval *e, enum token op, const struct scalar *s)
{
	struct type *t = type_promoted(e, s->type);

	if (s->is_float && op != T_TILDE)
		return value_of_real(e, t, op == T_MINUS ? -s->real : s->real);
	if (!type_is_integer(t))
		return eval_wrong(e, "this operator takes a number");
	return value_of_number(e, t,
	    op == T_MINUS   ? 0 - s->number
	    : op == T_TILDE ? ~s->number
			    : s->number);
}

struct value *value_unary(struct eval *e, enum token op, struct value *a)
{
	struct scalar s;

	if (op == T_AND)
		return a ? value_address_of(e, a) : NULL;
	if (op == T_STAR)
		return a ? value_dereference(e, a) : NULL;
	a = value_plain(e, a);
	if (!a || !value_scalar(e, a, &s))
		return NULL;
	return op == T_NOT ? value_bool(e, !scalar_true(&s)) : negated(e, op, &s);
}

struct value *value_address_of(struct eval *e, struct value *v)
{
	struct type *t = type_strip(v->type);
	struct scalar s;

	if (t->kind == TYPE_REFERENCE)
		return value_scalar(e, v, &s)
			   ? value_of_number(e, type_pointer(v->types, t->target), s.number)
			   : NULL;
	if (v->bit_size)
		return eval_wrong(e, "a bit-field has no address");
	if (v->lval != LVAL_MEMORY)
		return eval_wrong(e, v->lval == LVAL_NONE
					 ? "only what is in memory has an address"
					 : "it is in a register, which has no address");
	return value_of_number(e, type_pointer(v->types, v->type), v->addr);
}

struct value *value_dereference(struct eval *e, struct value *v)
{
	struct type *t;
	struct scalar s;

	v = value_referred(e, v);
	if (!v)
		return NULL;
	if (type_strip(v->type)->kind == TYPE_FUNCTION)
		return v;
	v = value_plain(e, v);
	if (!v || !value_scalar(e, v, &s))
		return NULL;
	/* Of an integer GDB shows the word at that address. */
	t = type_is_integer(s.type) ? type_int(v->types, types_address_size(v->types), true)
				    : s.type->target;
	if (s.is_float || !t || type_strip(t)->kind == TYPE_VOID)
		return eval_wrong(
		    e, "only a pointer to something can be dereferenced; cast it first");
	return value_at(e, t, (uint64_t)s.number);
}

/* ---- arrays ---------------------------------------------------------------- */

struct value *value_index(struct eval *e, struct value *a, struct value *i)
{
	struct type *t;
	struct scalar n;
	uint64_t offset;

	a = value_referred(e, a);
	i = value_plain(e, i);
	if (!a || !i || !value_scalar(e, i, &n))
		return NULL;
	if (n.is_float)
		return eval_wrong(e, "an index is an integer");
	t = type_strip(a->type);
	if (t->kind != TYPE_ARRAY || (a->lval == LVAL_MEMORY && !t->vector))
		return value_dereference(e, value_binary(e, T_PLUS, a, i));
	if (n.number >= t->count ||
	    __builtin_mul_overflow((uint64_t)n.number, t->target->size, &offset))
		return eval_wrong(e, "this array has no such element");
	return value_part(e, a, t->target, offset, 0, 0);
}

struct value *value_repeat(struct eval *e, struct value *a, struct value *n)
{
	struct scalar count;
	struct type *t;

	a = value_referred(e, a);
	n = value_plain(e, n);
	if (!a || !n || !value_scalar(e, n, &count))
		return NULL;
	if (count.is_float || (wide_signed)count.number <= 0 || count.number > INT32_MAX)
		return eval_wrong(e, "behind @ goes how many there are, at least 1");
	if (a->lval != LVAL_MEMORY || a->bit_size)
		return eval_wrong(e, "@ takes something in memory on its left");
	t = type_array(a->types, a->type, (uint64_t)count.number);
	return t ? value_at(e, t, a->addr) : eval_wrong(e, "so many are too large together");
}
