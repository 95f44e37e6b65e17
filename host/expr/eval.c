/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Walking the tree.
 */
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/gdb_reg.h"
#include "host/errtext.h"
#include "host/expr/registers.h"
#include "host/expr/tree.h"
#include "host/expr/value.h"

static struct value *string(struct eval *e, const struct node *n)
{
	struct types *p = e->env->types;
	struct type *t = type_array(p, type_named_base(p, "char"), n->n + 1);

	return t ? value_of_bytes(e, t, n->text, n->n + 1) : NULL;
}

static bool truth(struct eval *e, const struct node *n, bool *ret)
{
	struct value *v = value_plain(e, eval_node(e, n));
	struct scalar s;

	if (!v || !value_scalar(e, v, &s))
		return false;
	*ret = scalar_true(&s);
	return true;
}

/* && and ||: the right side only when the left leaves it open. */
static struct value *logical(struct eval *e, const struct node *n)
{
	bool is_or = n->kind == N_OR, v;

	if (!truth(e, n->a, &v))
		return NULL;
	if (v != is_or && !truth(e, n->b, &v))
		return NULL;
	return value_bool(e, v);
}

/* Of two numbers the result has the type both come to, whichever is taken. */
static struct value *condition(struct eval *e, const struct node *n)
{
	struct eval probe = {.env = e->env, .types_only = true};
	struct value *v, *other;
	struct type *t = NULL;
	bool first;

	if (!truth(e, n->a, &first))
		return NULL;
	v = value_plain(e, eval_node(e, first ? n->b : n->c));
	if (!v)
		return NULL;
	other = value_plain(&probe, eval_node(&probe, first ? n->c : n->b));
	if (other &&
	    (type_is_integer(type_strip(v->type)) || type_strip(v->type)->kind == TYPE_FLOAT) &&
	    (type_is_integer(type_strip(other->type)) ||
		type_strip(other->type)->kind == TYPE_FLOAT))
		t = type_common(e, v->type, other->type);
	eval_end(&probe);
	he_error_free(probe.error);
	return t ? value_cast(e, t, v) : v;
}

static struct value *size_of(struct eval *e, const struct node *n)
{
	struct types *p = e->env->types;
	struct eval probe = {.env = e->env, .types_only = true};
	struct type *t = n->a->kind == N_TYPE ? n->a->type : NULL;
	struct value *v;

	if (!t) {
		v = eval_node(&probe, n->a);
		t = v ? v->type : NULL;
		eval_end(&probe);
		if (probe.error)
			return eval_fail(e, probe.error);
	}
	t = t ? type_strip(t) : type_void(p);
	if (t->kind == TYPE_REFERENCE)
		t = t->target;
	t = type_complete(p, t);
	return value_of_number(e, type_named_base(p, "unsigned long"), t->size);
}

static struct value *assign(struct eval *e, const struct node *n)
{
	struct value *to = eval_node(e, n->a), *v = to ? eval_node(e, n->b) : NULL;

	if (v && n->token != T_END)
		v = value_binary(e, n->token, to, v);
	return v ? value_assign(e, to, v) : NULL;
}

/* ++ and --: behind it, the value is the one before. */
static struct value *step(struct eval *e, const struct node *n)
{
	struct types *p = e->env->types;
	struct value *to = eval_node(e, n->a), *one, *before = NULL, *v;

	if (!to)
		return NULL;
	one = value_of_number(e, type_named_base(p, "int"), 1);
	if (n->postfix) {
		to = value_referred(e, to);
		before =
		    to && value_fetch(e, to) ? value_of_bytes(e, to->type, to->bytes, to->n) : NULL;
		if (!before)
			return NULL;
	}
	v = value_binary(e, n->token, to, one);
	v = v ? value_assign(e, to, v) : NULL;
	return v && n->postfix ? before : v;
}

static struct value *two(struct eval *e, const struct node *n)
{
	struct value *a = eval_node(e, n->a), *b = a ? eval_node(e, n->b) : NULL;

	if (!b)
		return NULL;
	switch (n->kind) {
	case N_INDEX:
		return value_index(e, a, b);
	case N_REPEAT:
		return value_repeat(e, a, b);
	case N_COMMA:
		return b;
	default:
		return value_binary(e, n->token, a, b);
	}
}

struct value *eval_node(struct eval *e, const struct node *n)
{
	if (e->error)
		return NULL;
	switch (n->kind) {
	case N_INTEGER:
		return value_of_number(e, n->type, (wide)(wide_signed)(int64_t)n->number);
	case N_FLOAT:
		return value_of_real(e, n->type, n->real);
	case N_STRING:
		return string(e, n);
	case N_NAME:
		return value_of_name(e, n->text);
	case N_DOLLAR:
		return value_of_dollar(e, n->text);
	case N_TYPE:
		return eval_wrong(e, "a type is no value; ptype shows it");
	case N_UNARY:
		return value_unary(e, n->token, eval_node(e, n->a));
	case N_AND:
	case N_OR:
		return logical(e, n);
	case N_CONDITION:
		return condition(e, n);
	case N_ASSIGN:
		return assign(e, n);
	case N_STEP:
		return step(e, n);
	case N_CAST:
		return value_cast(e, n->type, eval_node(e, n->a));
	case N_SIZEOF:
		return size_of(e, n);
	case N_MEMBER:
	case N_ARROW:
		return value_member(e, eval_node(e, n->a), n->text);
	default:
		return two(e, n);
	}
}

/* ---- for the caller -------------------------------------------------------- */

struct he_error *expr_evaluate(const struct expr_env *env, const struct expr *x, struct value **ret)
{
	struct eval e = {.env = env};
	struct value *v = eval_node(&e, x->root);

	if (v)
		*ret = value_take(&e, v);
	eval_end(&e);
	return e.error;
}

struct he_error *expr_variable(
    const struct expr_env *env, const struct sym_name *var, struct value **ret)
{
	struct eval e = {.env = env};
	struct value *v = value_of_variable(&e, var);

	if (v)
		*ret = value_take(&e, v);
	eval_end(&e);
	return e.error;
}

struct he_error *expr_truth(const struct expr_env *env, const struct expr *x, bool *ret)
{
	struct eval e = {.env = env};

	truth(&e, x->root, ret);
	eval_end(&e);
	return e.error;
}

struct he_error *expr_type(const struct expr_env *env, const struct expr *x, struct type **ret)
{
	struct eval e = {.env = env, .types_only = true};
	struct value *v;

	if (x->root->kind == N_TYPE) {
		*ret = x->root->type;
		return NULL;
	}
	v = eval_node(&e, x->root);
	if (v)
		*ret = v->type;
	eval_end(&e);
	return e.error;
}

/* ---- what it depends on ---------------------------------------------------- */

static bool name_is_local(const struct expr_env *env, const char *name)
{
	struct sym_name found;

	if (!env->symbols || strstr(name, "::"))
		return false;
	return symbols_has_local(env->symbols, &env->scope, name, &found);
}

static bool is_local(const struct expr_env *env, const struct node *n)
{
	struct register_name r;

	if (!n)
		return false;
	if (n->kind == N_NAME && name_is_local(env, n->text))
		return true;
	if (n->kind == N_DOLLAR && register_find(n->text, types_address_size(env->types), &r) &&
	    gdb_reg_number(env->arch, r.base) >= 0)
		return true;
	return is_local(env, n->a) || is_local(env, n->b) || is_local(env, n->c);
}

bool expr_is_local(const struct expr_env *env, const struct expr *x)
{
	return is_local(env, x->root);
}
