/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/bytecode.h"

#include <stdlib.h>
#include <string.h>

#include "common/gdb_reg.h"

struct bytecode {
	uint32_t n;
	bool narrow;             /* addresses have 32 bits */
	bytecode_allows *allows; /* NULL: it is a condition */
	uint8_t code[];
};

/* An evaluation under way.  The stack's bounds were proved by check(). */
struct machine {
	const struct bytecode_env *env;
	bool narrow;
	unsigned depth;
	uint64_t stack[BYTECODE_STACK];
	uint64_t arg;        /* the instruction's operand */
	const uint8_t *text; /* what is behind that */
	uint64_t fault;      /* address that could not be read */
};

static uint64_t *top(struct machine *m)
{
	return &m->stack[m->depth - 1];
}

static void push(struct machine *m, uint64_t v)
{
	m->stack[m->depth++] = v;
}

static uint64_t pop(struct machine *m)
{
	return m->stack[--m->depth];
}

/* ---- arithmetic ------------------------------------------------------------------- */

static int64_t sign(uint64_t v)
{
	return (int64_t)v;
}

static uint64_t all_signs(uint64_t v)
{
	return sign(v) < 0 ? UINT64_MAX : 0;
}

/* a b => a OP b */
#define BINARY(name, expression)                                                                   \
	static int name(struct machine *m)                                                         \
	{                                                                                          \
		uint64_t b = pop(m), a = *top(m);                                                  \
                                                                                                   \
		*top(m) = (expression);                                                            \
		return E_OK;                                                                       \
	}

/* clang-format off */
BINARY(op_add, a + b)
BINARY(op_sub, a - b)
BINARY(op_mul, a * b)
BINARY(op_lsh, b < 64 ? a << b : 0)
BINARY(op_rsh_unsigned, b < 64 ? a >> b : 0)
BINARY(op_rsh_signed,
    b < 64 ? (a >> b) | (sign(a) < 0 && b ? UINT64_MAX << (64 - b) : 0) : all_signs(a))
BINARY(op_bit_and, a & b)
BINARY(op_bit_or, a | b)
BINARY(op_bit_xor, a ^ b)
BINARY(op_equal, a == b)
BINARY(op_less_signed, sign(a) < sign(b))
BINARY(op_less_unsigned, a < b)
/* clang-format on */

/* The same, but b = 0 has no answer. */
#define DIVIDING(name, expression)                                                                 \
	static int name(struct machine *m)                                                         \
	{                                                                                          \
		uint64_t b = pop(m), a = *top(m);                                                  \
                                                                                                   \
		if (b == 0)                                                                        \
			return E_DIVIDED;                                                          \
		*top(m) = (expression);                                                            \
		return E_OK;                                                                       \
	}

/* The processor faults at the least number divided by -1. */
DIVIDING(op_div_signed, b == UINT64_MAX ? -a : (uint64_t)(sign(a) / sign(b)))
DIVIDING(op_rem_signed, b == UINT64_MAX ? 0 : (uint64_t)(sign(a) % sign(b)))
DIVIDING(op_div_unsigned, a / b)
DIVIDING(op_rem_unsigned, a % b)

static int op_log_not(struct machine *m)
{
	*top(m) = !*top(m);
	return E_OK;
}

static int op_bit_not(struct machine *m)
{
	*top(m) = ~*top(m);
	return E_OK;
}

static int op_zero_ext(struct machine *m)
{
	if (m->arg < 64)
		*top(m) &= (1ULL << m->arg) - 1;
	return E_OK;
}

static int op_ext(struct machine *m)
{
	uint64_t bit;

	if (m->arg >= 64)
		return E_OK;
	op_zero_ext(m);
	bit = 1ULL << (m->arg - 1);
	*top(m) = (*top(m) ^ bit) - bit;
	return E_OK;
}

/* ---- the stack --------------------------------------------------------------------- */

static int op_const(struct machine *m)
{
	push(m, m->arg);
	return E_OK;
}

static int op_dup(struct machine *m)
{
	push(m, *top(m));
	return E_OK;
}

static int op_pop(struct machine *m)
{
	m->depth--;
	return E_OK;
}

static int op_swap(struct machine *m)
{
	uint64_t b = pop(m), a = *top(m);

	*top(m) = b;
	push(m, a);
	return E_OK;
}

static int op_pick(struct machine *m)
{
	push(m, m->stack[m->depth - 1 - m->arg]);
	return E_OK;
}

/* a b c => c a b */
static int op_rot(struct machine *m)
{
	uint64_t *s = top(m) - 2, c = s[2];

	s[2] = s[1];
	s[1] = s[0];
	s[0] = c;
	return E_OK;
}

/* Jumps look at the stack alone; run() does the rest. */
static int op_flow(struct machine *m)
{
	(void)m;
	return E_OK;
}

/* ---- registers and memory -------------------------------------------------------------- */

static int op_reg(struct machine *m)
{
	const struct bytecode_env *e = m->env;
	unsigned number = (unsigned)m->arg;
	uint64_t v;

	if (e->reg ? !e->reg(e->arg, number, &v)
		   : !gdb_reg_value(e->arch, number, e->regs, e->nregs, &v))
		return E_BAD_CONDITION;
	push(m, v);
	return E_OK;
}

static int ref(struct machine *m, size_t n)
{
	uint64_t addr = m->narrow ? (uint32_t)*top(m) : *top(m), v = 0;

	if (!m->env->read(m->env->arg, addr, &v, n)) {
		m->fault = addr;
		return E_FAULT;
	}
	*top(m) = v; /* little-endian, as every machine we run on */
	return E_OK;
}

static int op_ref8(struct machine *m)
{
	return ref(m, 1);
}

static int op_ref16(struct machine *m)
{
	return ref(m, 2);
}

static int op_ref32(struct machine *m)
{
	return ref(m, 4);
}

static int op_ref64(struct machine *m)
{
	return ref(m, 8);
}

/* ---- output ----------------------------------------------------------------------------- */

/* The operand: how many arguments, and how long the text behind it with its NUL. */
static unsigned n_args(uint64_t operand)
{
	return (unsigned)(operand >> 16);
}

static uint32_t text_bytes(uint64_t operand)
{
	return operand & 0xffff;
}

/* ... second first channel function => ...  The last two choose a function in the program and
 * where that writes to: there is none. */
static int op_printf(struct machine *m)
{
	struct span format = {m->text, text_bytes(m->arg) - 1};
	uint64_t args[BYTECODE_STACK];
	unsigned n = n_args(m->arg);

	m->depth -= 2;
	for (unsigned i = 0; i < n; i++)
		args[i] = pop(m);
	return m->env->print(m->env->arg, format, args, n, &m->fault);
}

/* ---- the instructions ------------------------------------------------------------------- */

enum flow { NEXT, END_HERE, JUMP, BRANCH };

/* What an operand must be beside there. */
enum operand { ANY, BITS, REGISTER, DEEP, TEXT };

static const struct op {
	int (*run)(struct machine *m); /* NULL: not for us */
	uint8_t bytes;                 /* of the operand, big-endian */
	uint8_t pops, pushes;
	uint8_t flow, operand;
} ops[] = {
    [0x02] = {op_add, 0, 2, 1, NEXT, ANY},
    [0x03] = {op_sub, 0, 2, 1, NEXT, ANY},
    [0x04] = {op_mul, 0, 2, 1, NEXT, ANY},
    [0x05] = {op_div_signed, 0, 2, 1, NEXT, ANY},
    [0x06] = {op_div_unsigned, 0, 2, 1, NEXT, ANY},
    [0x07] = {op_rem_signed, 0, 2, 1, NEXT, ANY},
    [0x08] = {op_rem_unsigned, 0, 2, 1, NEXT, ANY},
    [0x09] = {op_lsh, 0, 2, 1, NEXT, ANY},
    [0x0a] = {op_rsh_signed, 0, 2, 1, NEXT, ANY},
    [0x0b] = {op_rsh_unsigned, 0, 2, 1, NEXT, ANY},
    [0x0e] = {op_log_not, 0, 1, 1, NEXT, ANY},
    [0x0f] = {op_bit_and, 0, 2, 1, NEXT, ANY},
    [0x10] = {op_bit_or, 0, 2, 1, NEXT, ANY},
    [0x11] = {op_bit_xor, 0, 2, 1, NEXT, ANY},
    [0x12] = {op_bit_not, 0, 1, 1, NEXT, ANY},
    [0x13] = {op_equal, 0, 2, 1, NEXT, ANY},
    [0x14] = {op_less_signed, 0, 2, 1, NEXT, ANY},
    [0x15] = {op_less_unsigned, 0, 2, 1, NEXT, ANY},
    [0x16] = {op_ext, 1, 1, 1, NEXT, BITS},
    [0x17] = {op_ref8, 0, 1, 1, NEXT, ANY},
    [0x18] = {op_ref16, 0, 1, 1, NEXT, ANY},
    [0x19] = {op_ref32, 0, 1, 1, NEXT, ANY},
    [0x1a] = {op_ref64, 0, 1, 1, NEXT, ANY},
    [0x20] = {op_flow, 2, 1, 0, BRANCH, ANY},
    [0x21] = {op_flow, 2, 0, 0, JUMP, ANY},
    [0x22] = {op_const, 1, 0, 1, NEXT, ANY},
    [0x23] = {op_const, 2, 0, 1, NEXT, ANY},
    [0x24] = {op_const, 4, 0, 1, NEXT, ANY},
    [0x25] = {op_const, 8, 0, 1, NEXT, ANY},
    [0x26] = {op_reg, 2, 0, 1, NEXT, REGISTER},
    [0x27] = {op_flow, 0, 1, 1, END_HERE, ANY},
    [0x28] = {op_dup, 0, 1, 2, NEXT, ANY},
    [0x29] = {op_pop, 0, 1, 0, NEXT, ANY},
    [0x2a] = {op_zero_ext, 1, 1, 1, NEXT, BITS},
    [0x2b] = {op_swap, 0, 2, 2, NEXT, ANY},
    [0x32] = {op_pick, 1, 0, 1, NEXT, DEEP},
    [0x33] = {op_rot, 0, 3, 3, NEXT, ANY},
    [0x34] = {op_printf, 3, 2, 0, NEXT, TEXT},
};

enum { OPS = sizeof(ops) / sizeof(ops[0]) };

static uint64_t operand(const uint8_t *p, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < bytes; i++)
		v = v << 8 | p[i];
	return v;
}

/* ---- checking ------------------------------------------------------------------------------ */

/* Height of the stack at each byte of the code. */
enum { INSIDE = 0xff /* no instruction starts there */, UNSEEN = 0xfe };

struct check {
	const struct bytecode *b;
	uint8_t height[BYTECODE_BYTES];
	uint16_t todo[BYTECODE_BYTES]; /* reached, what follows not looked at yet */
	unsigned ntodo;
};

/* Bytes of the instruction at p, as far as they are there. */
static uint32_t size_of(const struct op *o, const uint8_t *p)
{
	uint32_t n = 1u + o->bytes;

	return o->operand == TEXT ? n + text_bytes(operand(p + 1, o->bytes)) : n;
}

static bool text_ok(const struct bytecode *b, const uint8_t *text, uint64_t v)
{
	uint32_t n = text_bytes(v);

	return b->allows && n && memchr(text, 0, n) == text + n - 1 &&
	       b->allows((struct span){text, n - 1}, n_args(v));
}

static bool operand_ok(
    const struct bytecode *b, const struct op *o, const uint8_t *at, uint32_t arch)
{
	uint64_t v = operand(at + 1, o->bytes);

	if (o->operand == BITS)
		return v != 0;
	if (o->operand == TEXT)
		return text_ok(b, at + 1 + o->bytes, v);
	return o->operand != REGISTER || gdb_reg_known(arch, (unsigned)v);
}

/* Mark where instructions start; all have to be known and whole. */
static bool mark(struct check *c, uint32_t arch)
{
	const struct bytecode *b = c->b;

	memset(c->height, INSIDE, sizeof(c->height));
	for (uint32_t at = 0; at < b->n;) {
		const struct op *o = b->code[at] < OPS ? &ops[b->code[at]] : NULL;
		const uint8_t *p = b->code + at;

		if (!o || !o->run || b->n - at <= o->bytes || b->n - at < size_of(o, p) ||
		    !operand_ok(b, o, p, arch))
			return false;
		c->height[at] = UNSEEN;
		at += size_of(o, p);
	}
	return b->n > 0;
}

static bool reach(struct check *c, uint64_t at, unsigned height)
{
	if (at >= c->b->n || c->height[at] == INSIDE || height > BYTECODE_STACK)
		return false;
	if (c->height[at] != UNSEEN)
		return c->height[at] == height;
	c->height[at] = (uint8_t)height;
	c->todo[c->ntodo++] = (uint16_t)at;
	return true;
}

/* One instruction's needs and where it leads. */
static bool follow(struct check *c, unsigned at)
{
	const uint8_t *code = c->b->code;
	const struct op *o = &ops[code[at]];
	uint64_t v = operand(code + at + 1, o->bytes);
	unsigned height = c->height[at];
	unsigned pops = o->operand == TEXT ? o->pops + n_args(v) : o->pops;

	if (o->flow == END_HERE && c->b->allows) /* a command has no value */
		return true;
	if (height < pops || (o->operand == DEEP && v >= height))
		return false;
	height = height - pops + o->pushes;
	if ((o->flow == JUMP || o->flow == BRANCH) && !reach(c, v, height))
		return false;
	return o->flow == JUMP || o->flow == END_HERE ||
	       reach(c, at + size_of(o, code + at), height);
}

static bool check(const struct bytecode *b, uint32_t arch)
{
	struct check c = {.b = b};

	if (!mark(&c, arch) || !reach(&c, 0, 0))
		return false;
	while (c.ntodo)
		if (!follow(&c, c.todo[--c.ntodo]))
			return false;
	return true;
}

static int make(struct span code, uint32_t arch, bytecode_allows *allows, struct bytecode **out)
{
	struct bytecode *b;

	if (!code.n || code.n > BYTECODE_BYTES)
		return E_BAD_CONDITION;
	b = malloc(sizeof(*b) + code.n);
	if (!b)
		return E_NOMEM;
	b->n = code.n;
	b->allows = allows;
	b->narrow = !(arch & 0x80000000u); /* __AUDIT_ARCH_64BIT of linux/audit.h */
	memcpy(b->code, code.p, code.n);
	if (!check(b, arch)) {
		free(b);
		return E_BAD_CONDITION;
	}
	*out = b;
	return E_OK;
}

int bytecode_new(struct span code, uint32_t arch, struct bytecode **out)
{
	return make(code, arch, NULL, out);
}

int bytecode_new_command(
    struct span code, uint32_t arch, bytecode_allows *allows, struct bytecode **out)
{
	return make(code, arch, allows, out);
}

void bytecode_free(struct bytecode *b)
{
	free(b);
}

struct span bytecode_code(const struct bytecode *b)
{
	return (struct span){b->code, b->n};
}

/* ---- evaluation ------------------------------------------------------------------------- */

static int run(const struct bytecode *b, struct machine *m)
{
	uint32_t at = 0;

	for (unsigned steps = 0; steps < BYTECODE_STEPS; steps++) {
		const struct op *o = &ops[b->code[at]];
		int err;

		m->text = b->code + at + 1 + o->bytes;
		m->arg = operand(b->code + at + 1, o->bytes);
		err = o->run(m);
		if (err != E_OK || o->flow == END_HERE)
			return err;
		if (o->flow == JUMP || (o->flow == BRANCH && pop(m)))
			at = (uint32_t)m->arg;
		else
			at += size_of(o, b->code + at);
	}
	return E_TOO_LONG;
}

int bytecode_eval(
    const struct bytecode *b, const struct bytecode_env *env, uint64_t *value, uint64_t *addr)
{
	struct machine m = {.env = env, .narrow = b->narrow};
	int err = run(b, &m);

	if (err == E_OK)
		*value = *top(&m);
	else if (err == E_FAULT)
		*addr = m.fault;
	return err;
}

int bytecode_run(const struct bytecode *b, const struct bytecode_env *env, uint64_t *addr)
{
	struct machine m = {.env = env, .narrow = b->narrow};
	int err = run(b, &m);

	if (err == E_FAULT)
		*addr = m.fault;
	return err;
}
