/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/expr/value.h"

#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "host/errtext.h"

/* ---- evaluations ----------------------------------------------------------- */

void *eval_fail(struct eval *e, struct he_error *error)
{
	if (e->error)
		he_error_free(error);
	else
		e->error = error;
	return NULL;
}

void *eval_wrong(struct eval *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	eval_fail(e, he_error_va(E_MALFORMED, fmt, ap));
	va_end(ap);
	return NULL;
}

static void *no_memory(struct eval *e)
{
	return eval_fail(e, he_error_new(E_NOMEM, "out of memory."));
}

void eval_end(struct eval *e)
{
	while (e->all) {
		struct value *v = e->all;

		e->all = v->next;
		value_free(v);
	}
}

/* ---- making values --------------------------------------------------------- */

void value_free(struct value *v)
{
	if (!v)
		return;
	types_drop(v->types);
	free(v->place);
	free(v->name);
	free(v->bytes);
	free(v);
}

struct value *value_new(struct eval *e, struct type *type)
{
	struct value *v = e->error ? NULL : calloc(1, sizeof(*v));

	if (!v)
		return no_memory(e);
	v->types = types_hold(e->env->types);
	v->type = type ? type : type_void(v->types);
	v->next = e->all;
	e->all = v;
	return v;
}

struct value *value_take(struct eval *e, struct value *v)
{
	for (struct value **p = &e->all; *p; p = &(*p)->next)
		if (*p == v) {
			*p = v->next;
			v->next = NULL;
			break;
		}
	return v;
}

/* Room for the bytes of v. */
static bool make_room(struct eval *e, struct value *v)
{
	uint64_t size = type_complete(v->types, v->type)->size;

	if (size > VALUE_MAX) {
		eval_fail(e, he_error_new(E_TOO_BIG,
				 "a value of %llu bytes is larger than the %d that are taken",
				 (unsigned long long)size, (int)VALUE_MAX));
		return false;
	}
	v->bytes = calloc(1, size + 16); /* no less than any scalar */
	v->n = (size_t)size;
	if (!v->bytes)
		no_memory(e);
	return v->bytes != NULL;
}

struct value *value_at(struct eval *e, struct type *type, uint64_t addr)
{
	struct value *v = value_new(e, type);

	if (v) {
		v->lval = LVAL_MEMORY;
		v->addr = addr;
	}
	return v;
}

struct value *value_of_bytes(struct eval *e, struct type *type, const void *bytes, size_t n)
{
	struct value *v = value_new(e, type);

	if (!v || !make_room(e, v))
		return NULL;
	if (n)
		memcpy(v->bytes, bytes, n < v->n ? n : v->n);
	return v;
}

struct value *value_of_number(struct eval *e, struct type *type, wide n)
{
	return value_of_bytes(e, type, &n, sizeof(n));
}

struct value *value_of_real(struct eval *e, struct type *type, long double x)
{
	float single = (float)x;
	double twice = (double)x;

	switch (type_strip(type)->size) {
	case 4:
		return value_of_bytes(e, type, &single, sizeof(single));
	case 8:
		return value_of_bytes(e, type, &twice, sizeof(twice));
	default: /* x87's ten bytes, whatever follows them */
		return value_of_bytes(e, type, &x, 10);
	}
}

struct value *value_copy(const struct value *from)
{
	struct value *v = malloc(sizeof(*v));

	if (!v)
		return NULL;
	*v = *from;
	v->next = NULL;
	types_hold(v->types);
	v->place = from->place ? malloc(sizeof(*v->place)) : NULL;
	v->name = from->name ? strdup(from->name) : NULL;
	v->bytes = from->bytes ? malloc(from->n + 16) : NULL;
	if ((from->place && !v->place) || (from->name && !v->name) || (from->bytes && !v->bytes)) {
		value_free(v);
		return NULL;
	}
	if (v->place)
		*v->place = *from->place;
	if (v->bytes)
		memcpy(v->bytes, from->bytes, from->n + 16);
	return v;
}

/* ---- parts ----------------------------------------------------------------- */

struct value *value_part(struct eval *e, struct value *v, struct type *type, uint64_t offset,
    unsigned bit_offset, unsigned bit_size)
{
	struct value *part = value_new(e, type);

	if (!part)
		return NULL;
	part->lval = v->lval == LVAL_MEMORY || v->lval == LVAL_PLACE ? v->lval : LVAL_NONE;
	part->addr = v->addr + offset;
	part->offset = v->offset + offset;
	part->bit_offset = bit_offset;
	part->bit_size = bit_size;
	if (v->place) {
		part->place = malloc(sizeof(*part->place));
		if (!part->place)
			return no_memory(e);
		*part->place = *v->place;
	}
	if (part->lval == LVAL_NONE && v->lost) {
		part->lost = true;
		return make_room(e, part) ? part : NULL;
	}
	if (part->lval == LVAL_NONE && !value_fetch(e, v))
		return NULL;
	/* What was read with the whole need not be read again. */
	if (v->bytes && !v->lost && !bit_size && make_room(e, part)) {
		if (offset <= v->n && part->n <= v->n - offset)
			memcpy(part->bytes, v->bytes + offset, part->n);
		else if (part->lval == LVAL_NONE)
			return eval_wrong(e, "this lies outside of the value");
		else {
			free(part->bytes);
			part->bytes = NULL;
		}
	}
	return e->error ? NULL : part;
}

/* ---- having the bytes ------------------------------------------------------ */

static void copy_bits(
    uint8_t *to, uint64_t to_bit, const uint8_t *from, uint64_t from_bit, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++, to_bit++, from_bit++) {
		unsigned bit = from[from_bit / 8] >> (from_bit % 8) & 1;

		to[to_bit / 8] =
		    (uint8_t)((to[to_bit / 8] & ~(1u << (to_bit % 8))) | bit << (to_bit % 8));
	}
}

static bool read_memory(struct eval *e, uint64_t addr, void *buf, size_t n)
{
	struct he_error *err = n ? e->env->ops->read(e->env->arg, addr, buf, n) : NULL;

	if (err)
		eval_fail(e, err);
	return !err;
}

static bool read_register(struct eval *e, unsigned reg, uint8_t *buf, size_t n)
{
	struct expr_register r;
	struct he_error *err = e->env->ops->get_register(e->env->arg, NULL, reg, &r);

	if (err) {
		eval_fail(e, err);
		return false;
	}
	memset(buf, 0, n);
	memcpy(buf, r.value, n < r.size ? n : r.size);
	return true;
}

/* n bits of one piece, from its bit on. */
static bool read_piece(struct eval *e, const struct place_piece *p, uint64_t bit, uint64_t n,
    uint8_t *to, uint64_t to_bit, bool *lost)
{
	uint64_t from = bit + p->bit_offset, bytes = (from % 8 + n + 7) / 8;
	uint8_t *buf = calloc(1, bytes + from / 8 + PLACE_BYTES);
	bool fine = true;

	if (!buf) {
		no_memory(e);
		return false;
	}
	switch (p->kind) {
	case PLACE_MEMORY:
		fine = read_memory(e, p->addr + from / 8, buf + from / 8, bytes);
		break;
	case PLACE_REGISTER:
		fine = read_register(e, p->reg, buf, from / 8 + bytes);
		break;
	case PLACE_VALUE:
		memcpy(buf, p->bytes, p->n_bytes);
		break;
	case PLACE_LOST:
		*lost = true;
	}
	if (fine)
		copy_bits(to, to_bit, buf, from, n);
	free(buf);
	return fine;
}

/* Bits [at, at + n) of a place into buf, from its first bit on. */
static bool read_place(struct eval *e, struct value *v, uint64_t at, uint64_t n, uint8_t *buf)
{
	uint64_t begin = 0, done = 0;
	bool lost = false;

	for (size_t i = 0; i < v->place->n && done < n; i++) {
		const struct place_piece *p = &v->place->v[i];
		uint64_t size = p->bit_size ? p->bit_size : at + n; /* the only one: all */
		uint64_t from = at + done, part;

		if (from < begin + size) {
			part = begin + size - from;
			part = part < n - done ? part : n - done;
			if (!read_piece(e, p, from - begin, part, buf, done, &lost))
				return false;
			done += part;
		}
		begin += size;
	}
	v->lost = lost || done < n;
	return true;
}

/* As many bits from the value's beginning as the type or the bit-field has. */
static bool read_bits(struct eval *e, struct value *v, uint64_t n, uint8_t *buf)
{
	uint8_t raw[24];

	if (v->lval == LVAL_PLACE)
		return read_place(e, v, v->offset * 8 + v->bit_offset, n, buf);
	if (!v->bit_size)
		return read_memory(e, v->addr, buf, v->n);
	if (!read_memory(e, v->addr + v->bit_offset / 8, raw, (v->bit_offset % 8 + n + 7) / 8))
		return false;
	copy_bits(buf, 0, raw, v->bit_offset % 8, n);
	return true;
}

static void extend_bits(struct value *v)
{
	struct type *t = type_strip(v->type);
	unsigned last = v->bit_size - 1;
	bool sign = type_is_signed(t) && v->bytes[last / 8] >> (last % 8) & 1;

	for (uint64_t i = v->bit_size; sign && i < v->n * 8; i++)
		v->bytes[i / 8] |= (uint8_t)(1u << (i % 8));
}

static bool lost(struct eval *e)
{
	eval_fail(e, he_error_new(E_STATE, "value has been optimized out"));
	return false;
}

void value_forget(struct value *v)
{
	free(v->bytes);
	v->bytes = NULL;
	v->lost = false;
}

bool value_fetch(struct eval *e, struct value *v)
{
	uint64_t bits;

	if (e->error)
		return false;
	if (v->bytes)
		return v->lost ? lost(e) : true;
	if (!make_room(e, v))
		return false;
	if (v->lval == LVAL_CONVENIENCE || e->types_only)
		return true;
	bits = v->bit_size ? v->bit_size : (uint64_t)v->n * 8;
	if (bits > (uint64_t)v->n * 8)
		return eval_wrong(e, "its debug information is damaged") != NULL;
	if ((v->lval == LVAL_MEMORY || v->lval == LVAL_PLACE) && bits &&
	    !read_bits(e, v, bits, v->bytes)) {
		free(v->bytes);
		v->bytes = NULL;
		return false;
	}
	if (v->bit_size)
		extend_bits(v);
	return v->lost ? lost(e) : true;
}

/* ---- numbers --------------------------------------------------------------- */

bool type_is_integer(const struct type *t)
{
	return t->kind == TYPE_INT || t->kind == TYPE_CHAR || t->kind == TYPE_BOOL ||
	       t->kind == TYPE_ENUM;
}

bool type_is_signed(const struct type *t)
{
	return type_is_integer(t) && t->is_signed;
}

wide wide_cut(wide v, uint64_t size, bool is_signed)
{
	unsigned shift = size < 16 ? 128 - 8 * (unsigned)size : 0;

	if (!size || !shift)
		return size ? v : 0;
	return is_signed ? (wide)((wide_signed)(v << shift) >> shift) : v << shift >> shift;
}

static bool real_of(const struct value *v, uint64_t size, long double *ret)
{
	float single;
	double twice;

	*ret = 0;
	if (size == 4) {
		memcpy(&single, v->bytes, sizeof(single));
		*ret = (long double)single;
	} else if (size == 8) {
		memcpy(&twice, v->bytes, sizeof(twice));
		*ret = (long double)twice;
	} else if (size >= 10) {
		memcpy(ret, v->bytes, 10);
	}
	return size == 4 || size == 8 || size == 10 || size == 12 || size == 16;
}

bool value_scalar(struct eval *e, struct value *v, struct scalar *ret)
{
	struct type *t = type_complete(v->types, v->type);
	wide raw = 0;

	*ret = (struct scalar){.type = t};
	if (t->kind == TYPE_FLOAT) {
		ret->is_float = true;
		return value_fetch(e, v) && real_of(v, t->size, &ret->real);
	}
	if (!type_is_integer(t) && t->kind != TYPE_POINTER && t->kind != TYPE_REFERENCE &&
	    t->kind != TYPE_MEMBER_POINTER) {
		if (t->kind == TYPE_UNKNOWN)
			eval_wrong(e, "its type is not known; cast it to its declared type");
		else
			eval_wrong(e, "a number is wanted here");
		return false;
	}
	if (!value_fetch(e, v))
		return false;
	memcpy(&raw, v->bytes, v->n < sizeof(raw) ? v->n : sizeof(raw));
	ret->number = wide_cut(raw, t->size, type_is_signed(t));
	return true;
}

long double scalar_real(const struct scalar *s)
{
	if (s->is_float)
		return s->real;
	return type_is_signed(s->type) ? (long double)(wide_signed)s->number
				       : (long double)s->number;
}

bool scalar_true(const struct scalar *s)
{
	return s->is_float ? s->real < 0 || s->real > 0 : s->number != 0;
}

struct value *value_referred(struct eval *e, struct value *v)
{
	struct type *t = v ? type_strip(v->type) : NULL;
	struct scalar s;

	if (!v)
		return NULL;
	if (t->kind != TYPE_REFERENCE)
		return v;
	return value_scalar(e, v, &s) ? value_at(e, t->target, (uint64_t)s.number) : NULL;
}

struct value *value_plain(struct eval *e, struct value *v)
{
	struct type *t;

	v = value_referred(e, v);
	if (!v)
		return NULL;
	t = type_strip(v->type);
	if (t->kind == TYPE_ARRAY && !t->vector) {
		if (v->lval != LVAL_MEMORY)
			return eval_wrong(e, "this array is not in memory");
		return value_of_number(e, type_pointer(v->types, t->target), v->addr);
	}
	if (t->kind == TYPE_FUNCTION)
		return value_of_number(e, type_pointer(v->types, v->type), v->addr);
	return v;
}

/* ---- for the caller -------------------------------------------------------- */

struct he_error *value_make_bytes(
    struct types *types, struct type *type, const void *bytes, size_t n, struct value **ret)
{
	struct expr_env env = {.types = types};
	struct eval e = {.env = &env};
	struct value *v = value_of_bytes(&e, type, bytes, n);

	if (v)
		*ret = value_take(&e, v);
	eval_end(&e);
	return e.error;
}

struct he_error *value_make_at(
    struct types *types, struct type *type, uint64_t addr, struct value **ret)
{
	struct expr_env env = {.types = types};
	struct eval e = {.env = &env};
	struct value *v = value_at(&e, type, addr);

	if (v)
		*ret = value_take(&e, v);
	eval_end(&e);
	return e.error;
}

struct he_error *value_make_number(
    struct types *types, struct type *type, uint64_t n, struct value **ret)
{
	struct expr_env env = {.types = types};
	struct eval e = {.env = &env};
	struct value *v = value_of_number(&e, type, n);

	if (v)
		*ret = value_take(&e, v);
	eval_end(&e);
	return e.error;
}

struct type *value_type(const struct value *v)
{
	return v->type;
}

struct types *value_types(const struct value *v)
{
	return v->types;
}

bool value_in_memory(const struct value *v, uint64_t *addr, uint64_t *size)
{
	if (v->lval != LVAL_MEMORY || v->bit_size)
		return false;
	*addr = v->addr;
	*size = type_complete(v->types, v->type)->size;
	return true;
}

struct he_error *value_bytes(
    const struct expr_env *env, struct value *v, const uint8_t **ret, size_t *n)
{
	struct eval e = {.env = env};

	if (!value_fetch(&e, v))
		return e.error;
	*ret = v->bytes;
	*n = v->n;
	return NULL;
}

/* Registers change: what they hold is kept instead. */
static bool settle_place(struct eval *e, struct place *p)
{
	for (size_t i = 0; i < p->n; i++) {
		struct place_piece *piece = &p->v[i];

		if (piece->kind != PLACE_REGISTER)
			continue;
		if (!read_register(e, piece->reg, piece->bytes, PLACE_BYTES))
			return false;
		piece->kind = PLACE_VALUE;
		piece->n_bytes = PLACE_BYTES;
	}
	return true;
}

struct he_error *value_settle(const struct expr_env *env, struct value *v)
{
	struct eval e = {.env = env};

	if (v->place && !settle_place(&e, v->place))
		return e.error;
	/* What is optimized out stays so. */
	if (!value_fetch(&e, v) && v->lost) {
		he_error_free(e.error);
		e.error = NULL;
	}
	return e.error;
}

struct he_error *value_number(const struct expr_env *env, struct value *v, uint64_t *ret)
{
	struct eval e = {.env = env};
	struct value *plain = value_plain(&e, v);
	struct scalar s;

	if (plain && value_scalar(&e, plain, &s))
		*ret = s.is_float ? (uint64_t)(int64_t)s.real : (uint64_t)s.number;
	eval_end(&e);
	return e.error;
}
