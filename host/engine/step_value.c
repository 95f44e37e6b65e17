/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/engine/step_value.h"

#include <linux/audit.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "host/engine/asking.h"
#include "host/engine/step.h"
#include "host/errtext.h"

enum {
	WORDS = 2, /* eightbytes that registers hold */
	WORDS_BYTES = 8 * WORDS,
	DEPTH_MAX = 8, /* of structures in structures */
	X87_BYTES = 10,
};

/* Where a value of some type is returned. */
enum where {
	IN_WORDS,  /* each eightbyte in the next register of its class */
	IN_X87,    /* st0 */
	IN_MEMORY, /* its address in rax */
	NOWHERE,
};

struct layout {
	enum where where;
	size_t size;
	bool sse[WORDS];
	bool used[WORDS];
};

/* ---- where it is ------------------------------------------------------------------------ */

static void classify(
    struct layout *l, struct types *p, struct type *t, uint64_t at, unsigned depth);

static void classify_members(
    struct layout *l, struct types *p, struct type *t, uint64_t at, unsigned depth)
{
	t = type_complete(p, t);
	for (size_t i = 0; i < t->n_members; i++)
		if (!t->member[i].is_static)
			classify(l, p, t->member[i].type, at + t->member[i].offset, depth + 1);
}

/* One that is no SSE makes its eightbyte no SSE. */
static void classify_scalar(struct layout *l, const struct type *t, uint64_t at)
{
	for (uint64_t w = at / 8; w < WORDS && w * 8 < at + t->size; w++) {
		bool sse = t->kind == TYPE_FLOAT;

		l->sse[w] = sse && (l->sse[w] || !l->used[w]);
		l->used[w] = true;
	}
}

static void classify(struct layout *l, struct types *p, struct type *t, uint64_t at, unsigned depth)
{
	t = type_strip(t);
	if (depth > DEPTH_MAX || at >= WORDS_BYTES)
		return;
	switch (t->kind) {
	case TYPE_STRUCT:
	case TYPE_UNION:
		classify_members(l, p, t, at, depth);
		break;
	case TYPE_ARRAY:
		for (uint64_t i = 0; t->target && i < t->count && i < WORDS_BYTES; i++)
			classify(l, p, t->target, at + i * type_strip(t->target)->size, depth + 1);
		break;
	default:
		classify_scalar(l, t, at);
	}
}

static bool is_aggregate(const struct type *t)
{
	return t->kind == TYPE_STRUCT || t->kind == TYPE_UNION || t->kind == TYPE_ARRAY;
}

static struct layout layout_32(const struct type *t)
{
	struct layout l = {.where = IN_WORDS, .size = (size_t)t->size};

	if (is_aggregate(t))
		l.where = IN_MEMORY;
	else if (t->kind == TYPE_FLOAT)
		l.where = IN_X87;
	l.used[0] = true;
	return l;
}

static struct layout layout_64(struct types *p, struct type *t)
{
	struct layout l = {.where = IN_WORDS, .size = (size_t)t->size};

	if (t->kind == TYPE_FLOAT && t->size == 16)
		l.where = IN_X87;
	else if (t->size > WORDS_BYTES)
		l.where = IN_MEMORY;
	else
		classify(&l, p, t, 0, 0);
	return l;
}

static struct layout layout_of(
    const struct he_target *t, struct types *p, struct type *type, bool reference)
{
	struct type *s = type_complete(p, type_strip(type));
	struct layout l;

	if (s->kind == TYPE_VOID || s->kind == TYPE_UNKNOWN || s->kind == TYPE_FUNCTION ||
	    s->incomplete || !s->size || s->size > VALUE_MAX)
		return (struct layout){.where = NOWHERE};
	l = t->arch_id == AUDIT_ARCH_I386 ? layout_32(s) : layout_64(p, s);
	if (reference)
		l.where = IN_MEMORY;
	return l;
}

/* ---- reading it ----------------------------------------------------------------------------- */

static const struct he_register *find(const struct he_registers *all, const char *name)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->v[i].name, name) == 0)
			return &all->v[i];
	return NULL;
}

/* An extended double to one of the size. */
static void from_x87(const uint8_t raw[X87_BYTES], uint8_t *to, size_t size)
{
	struct rd r = rd_init(raw, X87_BYTES);
	uint64_t mantissa = rd_u64(&r);
	unsigned head = rd_u16(&r);
	int exponent = (int)(head & 0x7fff) - 16383 - 63;
	double d = ldexp((double)mantissa, exponent);
	float f;

	if ((head & 0x7fff) == 0x7fff)
		d = mantissa << 1 ? (double)NAN : (double)INFINITY;
	d = head & 0x8000 ? -d : d;
	f = (float)d;
	if (size == sizeof(d))
		memcpy(to, &d, sizeof(d));
	else if (size == sizeof(f))
		memcpy(to, &f, sizeof(f));
	else
		memcpy(to, raw, size < X87_BYTES ? size : X87_BYTES);
}

static bool words(
    const struct he_target *t, const struct layout *l, const struct he_registers *all, uint8_t *to)
{
	static const char *const names[2][2] = {{"rax", "rdx"}, {"xmm0", "xmm1"}};
	static const char *const names_32[] = {"eax", "edx"};
	size_t width = t->arch_id == AUDIT_ARCH_I386 ? 4 : 8;
	unsigned next[2] = {0, 0};

	for (size_t w = 0; w * width < l->size && w < WORDS; w++) {
		bool sse = width == 8 && l->sse[w];
		const char *name = width == 4 ? names_32[w] : names[sse][next[sse]++];
		const struct he_register *r = find(all, name);
		size_t n = l->size - w * width < width ? l->size - w * width : width;

		if (!r)
			return false;
		memcpy(to + w * width, r->value, n);
	}
	return true;
}

static bool registers(
    const struct he_target *t, const struct layout *l, const struct he_registers *all, uint8_t *to)
{
	const struct he_register *st0 = find(all, "st0");

	if (l->where == IN_WORDS)
		return words(t, l, all, to);
	if (st0)
		from_x87(st0->value, to, l->size);
	return st0 != NULL;
}

static struct he_error *fetch(struct he_target *t, uint64_t tid, const struct layout *l,
    struct types *p, struct type *type, struct value **ret)
{
	struct he_registers *all;
	uint8_t bytes[WORDS_BYTES] = {0};
	const struct he_register *rax;
	struct he_error *err = he_registers(t, tid, 0, &all);
	uint64_t addr = 0;

	if (err)
		return err;
	rax = find(all, t->arch_id == AUDIT_ARCH_I386 ? "eax" : "rax");
	if (rax)
		memcpy(&addr, rax->value, rax->bits / 8 < 8 ? rax->bits / 8 : 8);
	if (l->where == IN_MEMORY)
		err = value_make_at(p, type, addr, ret);
	else if (l->size <= sizeof(bytes) && registers(t, l, all, bytes))
		err = value_make_bytes(p, type, bytes, l->size, ret);
	he_registers_free(all);
	return err;
}

static struct he_error *read_value(
    struct he_target *t, uint64_t tid, uint64_t pc, struct he_value **ret)
{
	struct type *type;
	struct types *p = symbols_types(t->symbols);
	struct value *v = NULL;
	struct layout l;
	bool reference;
	struct he_error *err = symbols_returns(t->symbols, pc, &type, &reference);

	if (err || !type || !p)
		return err;
	l = layout_of(t, p, type, reference);
	if (l.where != NOWHERE)
		err = fetch(t, tid, &l, p, type, &v);
	return err || !v ? err : asking_wrap(v, tid, 0, ret);
}

struct he_value *step_value(struct step *st, const struct standing *now)
{
	struct he_target *t = st->target;

	he_value_free(t->result);
	t->result = NULL;
	/* That it returned is told in any case. */
	he_error_free(read_value(t, now->tid, st->value_pc, &t->result));
	return t->result;
}

/* ---- setting it -------------------------------------------------------------------------------
 */

static struct he_error *not_so(const char *text)
{
	return he_error_new(E_UNKNOWN,
	    "%s: where the function returns a value of its type is not known; return alone "
	    "leaves the registers as they are.",
	    text);
}

/* The expression cast to the type, or as it is. */
static struct he_error *evaluate(
    struct asking *a, struct type *type, const char *text, struct value **ret)
{
	char *name = NULL, *cast = NULL;
	struct expr *x = NULL;
	struct he_error *err = NULL;

	if (type && !is_aggregate(type_strip(type)))
		err = type_text(a->env.types, type, false, &name);
	if (!err && asprintf(&cast, name ? "(%s)(%s)" : "%s%s", name ? name : "", text) < 0)
		err = he_error_new(E_NOMEM, "out of memory.");
	if (!err)
		err = expr_parse(&a->env, cast, &x);
	if (!err)
		err = expr_evaluate(&a->env, x, ret);
	expr_free(x);
	free(cast);
	free(name);
	return err;
}

static struct he_error *take(struct asking *a, const struct layout *l, struct value *v,
    const char *text, struct returning *ret)
{
	const uint8_t *bytes;
	size_t n = 0;
	struct he_error *err = value_bytes(&a->env, v, &bytes, &n);

	if (err)
		return err;
	if (l->where != IN_WORDS || (l->size && n != l->size) || n > WORDS_BYTES)
		return not_so(text);
	memcpy(ret->bytes, bytes, n);
	ret->n = n;
	memcpy(ret->sse, l->sse, sizeof(ret->sse));
	return NULL;
}

struct he_error *returning_evaluate(struct he_target *t, uint64_t tid, unsigned frame, uint64_t pc,
    const char *text, struct returning *ret)
{
	struct layout l = {.where = IN_WORDS};
	struct type *type = NULL;
	struct value *v = NULL;
	bool reference = false;
	struct asking a;
	struct he_error *err = asking_open(&a, t, tid, frame);

	if (!err)
		err = symbols_returns(t->symbols, pc, &type, &reference);
	if (!err && type)
		l = layout_of(t, a.env.types, type, reference);
	if (!err && l.where != IN_WORDS)
		err = not_so(text);
	if (!err)
		err = evaluate(&a, type, text, &v);
	if (!err)
		err = take(&a, &l, v, text, ret);
	value_free(v);
	return asking_close(&a, err);
}

struct he_error *returning_put(struct he_target *t, uint64_t tid, const struct returning *r)
{
	static const char *const names[2][2] = {{"rax", "rdx"}, {"xmm0", "xmm1"}};
	static const char *const names_32[] = {"eax", "edx"};
	size_t width = t->arch_id == AUDIT_ARCH_I386 ? 4 : 8;
	struct he_error *err = NULL;
	unsigned next[2] = {0, 0};

	for (size_t w = 0; w * width < r->n && w < WORDS && !err; w++) {
		bool sse = width == 8 && r->sse[w];
		const char *name = width == 4 ? names_32[w] : names[sse][next[sse]++];

		err = he_write_register(t, tid, 0, name, r->bytes + w * width, width);
	}
	return err;
}
