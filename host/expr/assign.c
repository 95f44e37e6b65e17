/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Changing the target: memory, registers, bit-fields of both.
 */
#include <string.h>

#include "common/err.h"
#include "host/errtext.h"
#include "host/expr/value.h"

static bool may_not(struct eval *e)
{
	eval_fail(e, he_error_new(E_STATE, "nothing can be changed here"));
	return false;
}

static bool done(struct eval *e, struct he_error *error)
{
	if (error)
		eval_fail(e, error);
	return !error;
}

static bool write_memory(struct eval *e, uint64_t addr, const void *bytes, size_t n)
{
	const struct expr_env *env = e->env;

	return env->ops->write ? done(e, env->ops->write(env->arg, addr, bytes, n)) : may_not(e);
}

static bool write_register(
    struct eval *e, const char *name, unsigned reg, const void *bytes, size_t n)
{
	const struct expr_env *env = e->env;

	return env->ops->set_register
		   ? done(e, env->ops->set_register(env->arg, name, reg, bytes, n))
		   : may_not(e);
}

static void put_bits(uint8_t *to, unsigned at, const uint8_t *from, unsigned n)
{
	for (unsigned i = 0; i < n; i++, at++) {
		unsigned bit = from[i / 8] >> (i % 8) & 1;

		to[at / 8] = (uint8_t)((to[at / 8] & ~(1u << (at % 8))) | bit << (at % 8));
	}
}

/* The bytes around a bit-field are read, changed and written. */
static bool write_bit_field(
    struct eval *e, uint64_t addr, const struct value *to, const uint8_t *bytes)
{
	unsigned at = to->bit_offset % 8;
	size_t n = (at + to->bit_size + 7) / 8;
	uint8_t raw[24];

	addr += to->bit_offset / 8;
	if (!done(e, e->env->ops->read(e->env->arg, addr, raw, n)))
		return false;
	put_bits(raw, at, bytes, to->bit_size);
	return write_memory(e, addr, raw, n);
}

/* Registers keep what the variable does not cover. */
static bool write_in_register(
    struct eval *e, const struct value *to, const char *name, unsigned reg, const uint8_t *bytes)
{
	uint64_t at = to->offset * 8 + to->bit_offset;
	uint64_t bits = to->bit_size ? to->bit_size : to->n * 8;
	struct expr_register r;

	if (!done(e, e->env->ops->get_register(e->env->arg, name, reg, &r)))
		return false;
	if (at + bits > (uint64_t)r.size * 8)
		return eval_wrong(e, "it does not fit the register it is in") != NULL;
	put_bits(r.value, (unsigned)at, bytes, (unsigned)bits);
	return write_register(e, name, reg, r.value, r.size);
}

static bool write_place(struct eval *e, const struct value *to, const uint8_t *bytes)
{
	const struct place_piece *p = &to->place->v[0];

	if (to->place->n == 1 && !p->bit_offset && p->kind == PLACE_REGISTER)
		return write_in_register(e, to, NULL, p->reg, bytes);
	if (p->kind == PLACE_LOST)
		eval_fail(e, he_error_new(E_STATE, "value has been optimized out"));
	else
		eval_wrong(e, "a value that is kept in pieces cannot be assigned to");
	return false;
}

static bool store(struct eval *e, struct value *to, const struct value *v)
{
	to->n = v->n;
	switch (to->lval) {
	case LVAL_MEMORY:
		return to->bit_size ? write_bit_field(e, to->addr, to, v->bytes)
				    : write_memory(e, to->addr, v->bytes, v->n);
	case LVAL_PLACE:
		return write_place(e, to, v->bytes);
	case LVAL_REGISTER:
		return write_in_register(e, to, to->name, 0, v->bytes);
	default:
		eval_wrong(e, "only something in memory or in a register can be assigned to");
		return false;
	}
}

static struct value *set_convenience(struct eval *e, const struct value *to, struct value *v)
{
	const struct expr_env *env = e->env;

	/* A lost value would be asked for again each time. */
	if (!value_fetch(e, v))
		return NULL;
	if (!env->ops->set_variable)
		return eval_wrong(e, "there are no convenience variables here");
	return done(e, env->ops->set_variable(env->arg, to->name, v)) ? v : NULL;
}

struct value *value_assign(struct eval *e, struct value *to, struct value *v)
{
	bool whole;

	to = to ? value_referred(e, to) : NULL;
	if (!to || !v)
		return NULL;
	if (e->types_only)
		return to;
	if (to->lval == LVAL_CONVENIENCE)
		return set_convenience(e, to, v);
	whole = type_complete(to->types, to->type) ==
		type_complete(v->types, type_strip(v->type)->kind == TYPE_REFERENCE
					    ? type_strip(v->type)->target
					    : v->type);
	v = whole ? value_referred(e, v) : value_cast(e, to->type, v);
	if (!v || !value_fetch(e, v) || !store(e, to, v))
		return NULL;
	if (to->lval == LVAL_REGISTER)
		memcpy(to->bytes, v->bytes, to->n);
	else
		value_forget(to); /* read again: a bit-field may have cut it */
	return to;
}
