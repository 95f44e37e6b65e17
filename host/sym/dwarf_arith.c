/* SPDX-License-Identifier: BSD-2-Clause */
#include <dwarf.h>
#include <string.h>

#include "host/sym/dwarf_machine.h"
#include "host/sym/type_store.h"

/* ---- the stack ------------------------------------------------------------- */

static uint64_t cut(uint64_t v, unsigned size, bool is_signed)
{
	unsigned shift = size < 8 ? 64 - 8 * size : 0;

	if (!size || !shift)
		return v;
	return is_signed ? (uint64_t)((int64_t)(v << shift) >> shift) : v << shift >> shift;
}

void dw_push_entry(struct dw_machine *m, struct dw_entry e)
{
	if (e.sort != FLOATING)
		e.v = cut(e.v, e.size, e.sort == SIGNED);
	if (m->n == DW_STACK_MAX)
		m->bad = true;
	else
		m->stack[m->n++] = e;
}

void dw_push(struct dw_machine *m, uint64_t v)
{
	dw_push_entry(m, (struct dw_entry){v, (uint8_t)m->c->s->types->address_size, GENERIC});
}

struct dw_entry dw_pop_entry(struct dw_machine *m)
{
	if (m->n)
		return m->stack[--m->n];
	m->bad = true;
	return (struct dw_entry){0};
}

uint64_t dw_pop(struct dw_machine *m)
{
	return dw_pop_entry(m).v;
}

double dw_double(struct dw_entry e)
{
	double d;

	memcpy(&d, &e.v, sizeof(d));
	return e.sort == FLOATING ? d : e.sort == UNSIGNED ? (double)e.v : (double)(int64_t)e.v;
}

static void push_double(struct dw_machine *m, double d, uint8_t size)
{
	struct dw_entry e = {0, size, FLOATING};

	if (size == 4)
		d = (double)(float)d;
	memcpy(&e.v, &d, sizeof(d));
	dw_push_entry(m, e);
}

/* ---- arithmetic ------------------------------------------------------------ */

static void calculate_floating(
    struct dw_machine *m, uint8_t op, struct dw_entry a, struct dw_entry b)
{
	double x = dw_double(a), y = dw_double(b);

	switch (op) {
	case DW_OP_plus:
		push_double(m, x + y, a.size);
		return;
	case DW_OP_minus:
		push_double(m, x - y, a.size);
		return;
	case DW_OP_mul:
		push_double(m, x * y, a.size);
		return;
	case DW_OP_div:
		push_double(m, x / y, a.size);
		return;
	case DW_OP_lt:
		dw_push(m, x < y);
		return;
	case DW_OP_le:
		dw_push(m, x <= y);
		return;
	case DW_OP_gt:
		dw_push(m, x > y);
		return;
	case DW_OP_ge:
		dw_push(m, x >= y);
		return;
	case DW_OP_eq:
		dw_push(m, !(x < y) && !(x > y));
		return;
	case DW_OP_ne:
		dw_push(m, (uint64_t)(x < y || x > y));
		return;
	default:
		m->bad = true;
	}
}

static uint64_t divide(struct dw_machine *m, uint8_t op, uint64_t a, uint64_t b, bool is_signed)
{
	int64_t x = (int64_t)a, y = (int64_t)b;

	if (!b || (is_signed && x == INT64_MIN && y == -1)) {
		m->bad = true;
		return 0;
	}
	if (op == DW_OP_div)
		return is_signed ? (uint64_t)(x / y) : a / b;
	return is_signed ? (uint64_t)(x % y) : a % b;
}

static uint64_t shift(uint8_t op, uint64_t a, uint64_t n, unsigned bits)
{
	uint64_t sign = op == DW_OP_shra && a >> (bits - 1) & 1 ? ~UINT64_C(0) : 0;

	if (n >= bits)
		return sign;
	if (op == DW_OP_shl)
		return a << n;
	return n ? a >> n | sign << (bits - n) : a;
}

static int compare(const struct dw_entry *a, const struct dw_entry *b)
{
	int64_t x = (int64_t)a->v, y = (int64_t)b->v;

	if (a->sort == UNSIGNED)
		return a->v < b->v ? -1 : a->v > b->v;
	return x < y ? -1 : x > y;
}

static bool relation(uint8_t op, int order, uint64_t *ret)
{
	switch (op) {
	case DW_OP_eq:
		*ret = order == 0;
		return true;
	case DW_OP_ne:
		*ret = order != 0;
		return true;
	case DW_OP_lt:
		*ret = order < 0;
		return true;
	case DW_OP_le:
		*ret = order <= 0;
		return true;
	case DW_OP_gt:
		*ret = order > 0;
		return true;
	case DW_OP_ge:
		*ret = order >= 0;
		return true;
	default:
		return false;
	}
}

static uint64_t integer(struct dw_machine *m, uint8_t op, struct dw_entry a, struct dw_entry b)
{
	switch (op) {
	case DW_OP_and:
		return a.v & b.v;
	case DW_OP_or:
		return a.v | b.v;
	case DW_OP_xor:
		return a.v ^ b.v;
	case DW_OP_plus:
		return a.v + b.v;
	case DW_OP_minus:
		return a.v - b.v;
	case DW_OP_mul:
		return a.v * b.v;
	case DW_OP_div: /* of addresses: signed; mod: not (DWARF 5, 2.5.1.4) */
		return divide(m, op, a.v, b.v, a.sort != UNSIGNED);
	case DW_OP_mod:
		return divide(m, op, a.v, b.v, a.sort == SIGNED);
	case DW_OP_shl:
	case DW_OP_shr:
	case DW_OP_shra:
		return shift(op, a.v, b.v, a.size ? a.size * 8u : 64);
	default:
		m->bad = true;
		return 0;
	}
}

void dw_binary(struct dw_machine *m, uint8_t op)
{
	struct dw_entry b = dw_pop_entry(m), a = dw_pop_entry(m);
	uint64_t v;

	if (m->bad)
		return;
	if (a.sort == FLOATING || b.sort == FLOATING) {
		calculate_floating(m, op, a, b);
		return;
	}
	if (a.sort == GENERIC) { /* kept without sign, but most operations have one */
		bool is_signed = op != DW_OP_mod && op != DW_OP_shr;

		a.v = cut(a.v, a.size, is_signed);
		b.v = cut(b.v, b.size, is_signed && b.sort != UNSIGNED);
	}
	if (relation(op, compare(&a, &b), &v))
		dw_push(m, v);
	else
		dw_push_entry(m, (struct dw_entry){integer(m, op, a, b), a.size, a.sort});
}

void dw_unary(struct dw_machine *m, uint8_t op)
{
	struct dw_entry a = dw_pop_entry(m);

	if (a.sort == FLOATING) {
		double d = dw_double(a);

		m->bad |= op == DW_OP_not;
		push_double(m, op == DW_OP_neg || d < 0 ? -d : d, a.size);
		return;
	}
	if (op == DW_OP_not)
		a.v = ~a.v;
	else if (op == DW_OP_neg || (a.sort != UNSIGNED && cut(a.v, a.size, true) >> 63))
		a.v = 0 - a.v;
	dw_push_entry(m, a);
}

void dw_convert(struct dw_machine *m, const struct dw_entry *like, bool reinterpret)
{
	struct dw_entry a = dw_pop_entry(m);
	double d = dw_double(a);

	if (m->bad)
		return;
	if (like->sort == FLOATING && !reinterpret) {
		push_double(m, d, like->size);
		return;
	}
	if (a.sort == FLOATING || like->sort == FLOATING) {
		/* the bits of a float, and what does not fit: too rare */
		m->bad |= reinterpret || !(d > -9.2e18 && d < 9.2e18);
		a.v = m->bad ? 0 : (uint64_t)(int64_t)d;
	}
	dw_push_entry(m, (struct dw_entry){a.v, like->size, like->sort});
}
