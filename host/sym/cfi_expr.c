/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/sym/cfi_expr.h"

#include <dwarf.h>

enum { STACK_MAX = 64, STEPS_MAX = 10000 };

struct machine {
	struct expr *e;
	uint64_t stack[STACK_MAX];
	size_t n;
	bool bad, faulted;
};

/* Calculated with as many bits as an address has, kept with leading zeros. */
static void push(struct machine *m, uint64_t v)
{
	if (m->n == STACK_MAX)
		m->bad = true;
	else
		m->stack[m->n++] = m->e->width == 4 ? (uint32_t)v : v;
}

static int64_t as_signed(const struct machine *m, uint64_t v)
{
	return m->e->width == 4 ? (int32_t)v : (int64_t)v;
}

static uint64_t pop(struct machine *m)
{
	if (!m->n) {
		m->bad = true;
		return 0;
	}
	return m->stack[--m->n];
}

/* The entry so far below the top. */
static uint64_t peek(struct machine *m, uint64_t depth)
{
	if (depth >= m->n) {
		m->bad = true;
		return 0;
	}
	return m->stack[m->n - 1 - depth];
}

static void push_reg(struct machine *m, uint64_t regno, uint64_t offset)
{
	const struct sym_regs *r = m->e->regs;

	if (regno >= sizeof(r->reg) / sizeof(r->reg[0]) || !(r->valid >> regno & 1))
		m->bad = true;
	else
		push(m, r->reg[regno] + offset);
}

static void deref(struct machine *m, uint64_t size)
{
	const struct sym_source *src = m->e->src;
	uint64_t addr = pop(m), value = 0;

	if (m->bad || !size || size > sizeof(value)) {
		m->bad = true;
		return;
	}
	if (src->read(src->arg, addr, &value, (size_t)size) != size) {
		m->e->fault = addr;
		m->faulted = true;
		return;
	}
	push(m, value);
}

static uint64_t shift_right(uint64_t a, uint64_t b, bool negative)
{
	uint64_t sign = negative ? ~(uint64_t)0 : 0;

	if (b >= 64)
		return sign;
	return b ? a >> b | sign << (64 - b) : a;
}

static uint64_t divide(struct machine *m, int64_t a, int64_t b)
{
	if (!b || (a == INT64_MIN && b == -1)) {
		m->bad = true;
		return 0;
	}
	return (uint64_t)(a / b);
}

static void unary(struct machine *m, uint8_t op)
{
	uint64_t a = pop(m);

	if (op == DW_OP_abs)
		push(m, as_signed(m, a) < 0 ? 0 - a : a);
	else
		push(m, op == DW_OP_neg ? 0 - a : ~a);
}

static uint64_t compare(struct machine *m, uint8_t op, int64_t a, int64_t b)
{
	switch (op) {
	case DW_OP_eq:
		return a == b;
	case DW_OP_ne:
		return a != b;
	case DW_OP_lt:
		return a < b;
	case DW_OP_le:
		return a <= b;
	case DW_OP_gt:
		return a > b;
	case DW_OP_ge:
		return a >= b;
	default: /* nothing that is known here */
		m->bad = true;
		return 0;
	}
}

static uint64_t calculate(struct machine *m, uint8_t op, uint64_t a, uint64_t b)
{
	switch (op) {
	case DW_OP_and:
		return a & b;
	case DW_OP_or:
		return a | b;
	case DW_OP_xor:
		return a ^ b;
	case DW_OP_plus:
		return a + b;
	case DW_OP_minus:
		return a - b;
	case DW_OP_mul:
		return a * b;
	case DW_OP_div:
		return divide(m, as_signed(m, a), as_signed(m, b));
	case DW_OP_mod:
		m->bad |= !b;
		return b ? a % b : 0;
	case DW_OP_shl:
		return b < 64 ? a << b : 0;
	case DW_OP_shr:
		return shift_right(a, b, false);
	case DW_OP_shra:
		a = (uint64_t)as_signed(m, a);
		return shift_right(a, b, a >> 63);
	default:
		return compare(m, op, as_signed(m, a), as_signed(m, b));
	}
}

static void binary(struct machine *m, uint8_t op)
{
	uint64_t b = pop(m), a = pop(m);

	push(m, calculate(m, op, a, b));
}

static void shuffle(struct machine *m, uint8_t op)
{
	uint64_t a = pop(m), b = pop(m), c;

	if (op == DW_OP_swap) {
		push(m, a);
		push(m, b);
		return;
	}
	c = pop(m); /* rot: the top goes below the next two */
	push(m, a);
	push(m, c);
	push(m, b);
}

static void simple(struct machine *m, const Dwarf_Op *op)
{
	switch (op->atom) {
	case DW_OP_addr:
		push(m, op->number + m->e->bias);
		break;
	case DW_OP_bregx:
		push_reg(m, op->number, op->number2);
		break;
	case DW_OP_dup:
		push(m, peek(m, 0));
		break;
	case DW_OP_drop:
		pop(m);
		break;
	case DW_OP_over:
		push(m, peek(m, 1));
		break;
	case DW_OP_pick:
		push(m, peek(m, op->number));
		break;
	case DW_OP_swap:
	case DW_OP_rot:
		shuffle(m, op->atom);
		break;
	case DW_OP_deref:
		deref(m, m->e->width);
		break;
	case DW_OP_deref_size:
		deref(m, op->number);
		break;
	case DW_OP_abs:
	case DW_OP_neg:
	case DW_OP_not:
		unary(m, op->atom);
		break;
	case DW_OP_plus_uconst:
		push(m, pop(m) + op->number);
		break;
	case DW_OP_call_frame_cfa:
		push(m, m->e->cfa);
		break;
	case DW_OP_nop:
		break;
	default:
		binary(m, op->atom);
	}
}

size_t expr_branch(const Dwarf_Op *ops, size_t n, size_t i, bool *bad)
{
	/* A branch is three bytes long and counts from its end. */
	uint64_t to = ops[i].offset + 3 + (uint64_t)(int64_t)(int16_t)ops[i].number;

	for (size_t k = 0; k < n; k++)
		if (ops[k].offset == to)
			return k;
	if (to <= ops[n - 1].offset)
		*bad = true;
	return n;
}

static size_t step(struct machine *m, const Dwarf_Op *ops, size_t n, size_t i)
{
	const Dwarf_Op *op = &ops[i];

	if (op->atom == DW_OP_skip)
		return expr_branch(ops, n, i, &m->bad);
	if (op->atom == DW_OP_bra)
		return pop(m) ? expr_branch(ops, n, i, &m->bad) : i + 1;
	if (op->atom >= DW_OP_lit0 && op->atom <= DW_OP_lit31)
		push(m, (uint64_t)op->atom - DW_OP_lit0);
	else if (op->atom >= DW_OP_const1u && op->atom <= DW_OP_consts)
		push(m, op->number);
	else if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31)
		push_reg(m, (uint64_t)op->atom - DW_OP_breg0, op->number);
	else
		simple(m, op);
	return i + 1;
}

enum cfi_result expr_eval(
    struct expr *e, const Dwarf_Op *ops, size_t n, uint64_t *value, bool *is_value)
{
	struct machine m = {.e = e};
	unsigned steps = 0;

	*is_value = false;
	for (size_t i = 0; i < n && !m.bad && !m.faulted;) {
		if (++steps > STEPS_MAX)
			return CFI_BAD;
		if (ops[i].atom == DW_OP_stack_value) {
			*is_value = true;
			break;
		}
		i = step(&m, ops, n, i);
	}
	if (m.faulted)
		return CFI_FAULT;
	*value = pop(&m);
	return m.bad ? CFI_BAD : CFI_OK;
}
