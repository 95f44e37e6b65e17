/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/expr/ax.h"

static void byte(struct ax *a, uint64_t v)
{
	if (a->code->len >= AX_BYTES)
		a->bad = true;
	else
		buf_u8(a->code, (uint8_t)v);
}

static void big_endian(struct ax *a, uint64_t v, unsigned bytes)
{
	while (bytes--)
		byte(a, v >> (8 * bytes));
}

static void pushed(struct ax *a)
{
	a->bad |= ++a->depth > AX_STACK;
}

void ax_op(struct ax *a, uint8_t op)
{
	byte(a, op);
	/* Two values become one, or one is dropped; the others leave as many as they take. */
	if ((op >= AX_ADD && op <= AX_RSH_UNSIGNED) || (op >= AX_AND && op <= AX_XOR) ||
	    (op >= AX_EQUAL && op <= AX_LESS_UNSIGNED) || op == AX_POP)
		a->depth--;
}

void ax_constant(struct ax *a, uint64_t v)
{
	unsigned size = v >> 32 ? 3 : v >> 16 ? 2 : v >> 8 ? 1 : 0;

	byte(a, AX_CONST8 + size);
	big_endian(a, v, 1u << size);
	pushed(a);
}

void ax_add_constant(struct ax *a, uint64_t v)
{
	bool minus = v >> 63;

	if (!v)
		return;
	ax_constant(a, minus ? 0 - v : v);
	ax_op(a, minus ? AX_SUB : AX_ADD);
}

void ax_register(struct ax *a, unsigned number)
{
	byte(a, AX_REG);
	big_endian(a, number, 2);
	pushed(a);
}

void ax_load(struct ax *a, unsigned size)
{
	byte(a, size == 1   ? AX_REF8
		: size == 2 ? AX_REF8 + 1
		: size == 4 ? AX_REF8 + 2
			    : AX_REF8 + 3);
}

void ax_extend(struct ax *a, unsigned bits, bool is_signed)
{
	if (bits >= 64)
		return;
	byte(a, is_signed ? AX_EXT : AX_ZERO_EXT);
	byte(a, bits);
}

size_t ax_jump(struct ax *a, uint8_t op)
{
	byte(a, op);
	if (op == AX_IF_GOTO)
		a->depth--;
	big_endian(a, 0, 2);
	return a->code->len;
}

void ax_land(struct ax *a, size_t jump)
{
	if (a->bad || a->code->bad)
		return;
	a->code->p[jump - 2] = (uint8_t)(a->code->len >> 8);
	a->code->p[jump - 1] = (uint8_t)a->code->len;
}

void ax_forget(struct ax *a)
{
	a->depth--;
}

void ax_end(struct ax *a)
{
	byte(a, AX_END);
}
