/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What names stand for: variables, functions, enumerators; $registers, $variables and the
 * history of values.
 */
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "host/errtext.h"
#include "host/expr/registers.h"
#include "host/expr/value.h"

/* ---- variables ------------------------------------------------------------- */

static bool wide_register(void *arg, unsigned dwarf, void *buf, size_t len)
{
	struct eval *e = arg;
	struct expr_register r;
	struct he_error *err = e->env->ops->get_register(e->env->arg, NULL, dwarf, &r);

	if (err) {
		he_error_free(err);
		return false;
	}
	memset(buf, 0, len);
	memcpy(buf, r.value, len < r.size ? len : r.size);
	return true;
}

static struct he_error *tls(void *arg, const struct module *m, uint64_t offset, uint64_t *addr)
{
	const struct expr_env *env = ((struct eval *)arg)->env;

	if (env->ops->tls)
		return env->ops->tls(env->arg, m, offset, addr);
	return he_error_new(E_STATE, "thread-local variables cannot be found here");
}

/* The frame is asked for only by what depends on it; without one, statics can be had. */
static struct he_error *place(struct eval *e, const struct sym_name *n, struct place *ret)
{
	const struct expr_env *env = e->env;
	struct place_at at = {.tls = tls, .wide = wide_register, .arg = e};
	struct he_error *err = symbols_place(env->symbols, n, &at, ret), *no_frame;

	if (!err || err->code != E_STATE || !env->ops->frame)
		return err;
	no_frame = env->ops->frame(env->arg, &at.frame);
	if (no_frame && no_frame->code != E_LOST && no_frame->code != E_CANCELLED) {
		he_error_free(err);
		return no_frame;
	}
	he_error_free(err);
	return no_frame ? no_frame : symbols_place(env->symbols, n, &at, ret);
}

static struct value *lost(struct eval *e, struct type *type)
{
	struct value *v = value_of_number(e, type, 0);

	if (v)
		v->lost = true;
	return v;
}

static struct value *in_place(struct eval *e, struct type *type, const struct place *p)
{
	const struct place_piece *only = &p->v[0];
	struct value *v;

	if (p->n == 1 && only->kind == PLACE_MEMORY && !only->bit_offset)
		return value_at(e, type, only->addr);
	if (p->n == 1 && only->kind == PLACE_LOST)
		return lost(e, type);
	if (p->n == 1 && only->kind == PLACE_VALUE && !only->bit_offset &&
	    type_complete(e->env->types, type)->size <= PLACE_BYTES)
		return value_of_bytes(e, type, only->bytes, PLACE_BYTES);
	v = value_new(e, type);
	if (!v)
		return NULL;
	v->place = malloc(sizeof(*v->place));
	if (!v->place)
		return eval_fail(e, he_error_new(E_NOMEM, "out of memory."));
	*v->place = *p;
	v->lval = LVAL_PLACE;
	return v;
}

/* ---- arrays of variable length -------------------------------------------------- */

static bool count_in_frame(struct eval *e, const struct type *array, uint64_t *ret)
{
	const struct expr_env *env = e->env;
	struct place_at at = {.tls = tls, .wide = wide_register, .arg = e};
	struct he_error *err;

	if (!env->ops || !env->ops->frame)
		return false;
	err = env->ops->frame(env->arg, &at.frame);
	he_error_free(err);
	return !err && symbols_count(env->symbols, array, &at, ret);
}

static bool depends(struct type *t, unsigned depth)
{
	t = type_strip(t);
	if (depth > TYPE_CHAIN_MAX || (t->kind != TYPE_ARRAY && t->kind != TYPE_POINTER))
		return false;
	return t->bound || depends(t->target, depth + 1);
}

/* The type with the lengths it has in this frame; as it is where they cannot be told. */
static struct type *in_frame(struct eval *e, struct type *type)
{
	struct types *types = e->env->types;
	struct type *t, *of;
	uint64_t count;

	if (!depends(type, 0))
		return type;
	t = type_strip(type);
	of = in_frame(e, t->target);
	if (t->kind == TYPE_POINTER)
		t = type_pointer(types, of);
	else if (!t->bound || !count_in_frame(e, t, &count))
		t = of == t->target || t->count == TYPE_NO_COUNT ? type
								 : type_array(types, of, t->count);
	else
		t = type_sized(types, t, of, count);
	return t ? t : type;
}

struct value *value_of_variable(struct eval *e, const struct sym_name *n)
{
	struct type *type = in_frame(e, n->type);
	struct place p;
	struct he_error *err;

	if (e->types_only)
		return value_at(e, type, 0);
	err = place(e, n, &p);
	return err ? eval_fail(e, err) : in_place(e, type, &p);
}

static struct value *of_found(struct eval *e, const char *name, const struct sym_name *n)
{
	switch (n->kind) {
	case NAME_VARIABLE:
		return value_of_variable(e, n);
	case NAME_FUNCTION:
		if (!n->addr)
			return eval_wrong(
			    e, "%s has no code of its own: it is inlined everywhere", name);
		return value_at(e, n->type, n->addr);
	case NAME_SYMBOL:
		return value_at(e, n->type, n->addr);
	case NAME_CONSTANT:
		return value_of_number(e, n->type, (wide)(wide_signed)n->value);
	default:
		return eval_wrong(e, "%s is a type; a value is wanted", name);
	}
}

/* In a method its object's members need no this->. */
static struct value *of_this(struct eval *e, const char *name)
{
	const struct expr_env *env = e->env;
	struct member_found member;
	struct sym_name found;
	struct type *t;

	if (!env->cplus || !strcmp(name, "this"))
		return NULL;
	if (!symbols_has_local(env->symbols, &env->scope, "this", &found))
		return NULL;
	t = type_strip(found.type);
	if (t->kind != TYPE_POINTER ||
	    (!strstr(name, "::") && !type_find_member(env->types, t->target, name, &member)))
		return NULL;
	return value_member(e, value_of_variable(e, &found), name);
}

struct value *value_of_name(struct eval *e, const char *name)
{
	const struct expr_env *env = e->env;
	struct sym_name found;
	struct value *v;
	struct he_error *err;

	if (!env->symbols)
		return eval_wrong(e, "no symbol \"%s\": no process is attached", name);
	if (env->cplus && !strstr(name, "::") &&
	    !symbols_has_local(env->symbols, &env->scope, name, &found)) {
		v = of_this(e, name);
		if (v || e->error)
			return v;
	}
	err = symbols_look_up(env->symbols, &env->scope, name, LOOK_VALUES | LOOK_TYPES, &found);
	if (!err)
		return of_found(e, name, &found);
	/* Base::member */
	v = err->code == E_NO_FILE && strstr(name, "::") ? of_this(e, name) : NULL;
	if (!v && !e->error)
		return eval_fail(e, err);
	he_error_free(err);
	return v;
}

/* ---- $ --------------------------------------------------------------------- */

static struct value *of_register(struct eval *e, const char *name, bool *known)
{
	const struct expr_env *env = e->env;
	struct register_name r;
	struct expr_register got;
	struct he_error *err;
	struct type *type;
	struct value *v;

	*known = false;
	if (!env->ops->get_register || !register_find(name, types_address_size(env->types), &r))
		return NULL;
	err = env->ops->get_register(env->arg, r.base, 0, &got);
	if (err && err->code == E_NO_FILE) {
		he_error_free(err);
		return NULL;
	}
	*known = true;
	if (err)
		return eval_fail(e, err);
	if (!r.size)
		r.size = got.size;
	type = register_type(env->types, r.base, r.size, env->cplus);
	if (!type || r.offset + r.size > sizeof(got.value))
		return eval_fail(e, he_error_new(E_NOMEM, "out of memory."));
	v = value_of_bytes(e, type, got.value + r.offset, r.size);
	if (!v)
		return NULL;
	v->lval = LVAL_REGISTER;
	v->offset = r.offset;
	v->name = strdup(r.base);
	return v->name ? v : eval_fail(e, he_error_new(E_NOMEM, "out of memory."));
}

/* $1, $, $$, $$2: counted from the history's end. */
static bool is_history(const char *name)
{
	return name[strspn(name, "$0123456789")] == 0;
}

static struct value *of_variable(struct eval *e, const char *name)
{
	const struct expr_env *env = e->env;
	struct value *v = NULL;
	struct he_error *err =
	    env->ops->get_variable ? env->ops->get_variable(env->arg, name, &v) : NULL;

	if (err)
		return eval_fail(e, err);
	if (v) {
		v->next = e->all;
		e->all = v;
	} else {
		v = value_new(e, NULL); /* void until it is set */
	}
	if (!v || is_history(name))
		return v;
	v->lval = LVAL_CONVENIENCE;
	free(v->name);
	v->name = strdup(name);
	return v->name ? v : eval_fail(e, he_error_new(E_NOMEM, "out of memory."));
}

struct value *value_of_dollar(struct eval *e, const char *name)
{
	bool known = false;
	struct value *v = is_history(name) ? NULL : of_register(e, name, &known);

	return known ? v : of_variable(e, name);
}
