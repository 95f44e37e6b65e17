/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/sym/dwarf_expr.h"

#include <dwarf.h>
#include <string.h>

#include "common/err.h"
#include "host/errtext.h"
#include "host/sym/cfi_expr.h"
#include "host/sym/dwarf_machine.h"
#include "host/sym/type_store.h"

enum { STEPS_MAX = 10000 };

static void pick(struct dw_machine *m, uint64_t depth)
{
	if (depth < m->n)
		dw_push_entry(m, m->stack[m->n - 1 - depth]);
	else
		m->bad = true;
}

/* ---- registers and memory -------------------------------------------------- */

bool dw_register(struct dw_context *c, uint64_t reg, void *buf, size_t len)
{
	const struct sym_regs *r = c->frame.regs;

	memset(buf, 0, len);
	if (!r) {
		if (!c->error)
			c->error = he_error_new(E_STATE, "this needs a thread that stands");
		return false;
	}
	if (reg < sizeof(r->reg) / sizeof(r->reg[0]) && r->valid >> reg & 1) {
		memcpy(buf, &r->reg[reg], len < 8 ? len : 8);
		return len <= 8;
	}
	return c->frame.innermost && c->at->wide && reg <= UINT32_MAX &&
	       c->at->wide(c->at->arg, (unsigned)reg, buf, len);
}

static void push_register(struct dw_machine *m, uint64_t reg, uint64_t offset)
{
	uint64_t v;

	if (dw_register(m->c, reg, &v, m->c->s->types->address_size))
		dw_push(m, v + offset);
	else
		m->bad = true;
}

/* Read as the base type: floats come to double. */
static bool typed(Dwarf_Die *type, const uint8_t *bytes, struct dw_entry *ret)
{
	Dwarf_Attribute a;
	Dwarf_Word encoding = 0;
	int size = dwarf_bytesize(type);
	float single;
	double twice;

	dwarf_formudata(dwarf_attr_integrate(type, DW_AT_encoding, &a), &encoding);
	if (size < 1 || size > 8)
		return false;
	*ret = (struct dw_entry){.size = (uint8_t)size};
	memcpy(&ret->v, bytes, (size_t)size);
	if (encoding == DW_ATE_float) {
		ret->sort = FLOATING;
		if (size == 4) {
			memcpy(&single, bytes, 4);
			twice = (double)single;
			memcpy(&ret->v, &twice, 8);
		}
		return size == 4 || size == 8;
	}
	ret->sort = encoding == DW_ATE_signed || encoding == DW_ATE_signed_char ? SIGNED : UNSIGNED;
	return true;
}

static void push_typed(struct dw_machine *m, const Dwarf_Op *op, const uint8_t *bytes)
{
	struct dw_entry e;
	Dwarf_Die type;

	if (dwarf_getlocation_die(m->c->attr, op, &type) == 0 && typed(&type, bytes, &e))
		dw_push_entry(m, e);
	else
		m->bad = true;
}

static bool read_memory(struct dw_machine *m, uint64_t addr, void *buf, uint64_t size)
{
	const struct sym_source *src = &m->c->s->src;

	if (!size || size > 8) {
		m->bad = true;
		return false;
	}
	if (src->read(src->arg, addr, buf, (size_t)size) == size)
		return true;
	m->bad = true;
	if (!m->c->error)
		m->c->error = he_error_fault(
		    addr, 0, "memory at %#llx cannot be read.", (unsigned long long)addr);
	return false;
}

static void deref(struct dw_machine *m, const Dwarf_Op *op)
{
	bool has_type = op->atom == DW_OP_deref_type || op->atom == DW_OP_GNU_deref_type;
	uint64_t size = op->number;
	uint64_t addr = dw_pop(m), v = 0;

	if (op->atom == DW_OP_deref)
		size = m->c->s->types->address_size;
	if (m->bad || !read_memory(m, addr, &v, size))
		return;
	if (has_type)
		push_typed(m, op, (const uint8_t *)&v);
	else
		dw_push(m, v);
}

static void convert(struct dw_machine *m, const Dwarf_Op *op, bool reinterpret)
{
	struct dw_entry like = {.size = (uint8_t)m->c->s->types->address_size};
	static const uint8_t zero[8];
	Dwarf_Die type;

	if (op->number &&
	    (dwarf_getlocation_die(m->c->attr, op, &type) != 0 || !typed(&type, zero, &like)))
		m->bad = true;
	else
		dw_convert(m, &like, reinterpret);
}

/* ---- operations that lead elsewhere ---------------------------------------- */

static bool frame_base(struct dw_context *c, uint64_t *ret)
{
	struct sym_scope scope = {.has_pc = true, .pc = c->frame.pc};
	struct dw_context inner = *c;
	struct scope_chain chain;
	Dwarf_Attribute attr;
	Dwarf_Op *ops;
	size_t n;
	bool known;

	if (!c->frame.regs)
		return dw_register(c, 0, &n, 1); /* says why */
	if (c->calls >= EXPR_CALLS_MAX)
		return false;
	c->error = scope_find(c->s, &scope, &chain, &known);
	if (c->error || !known || !chain.n ||
	    !dwarf_attr_integrate(&chain.v[0], DW_AT_frame_base, &attr) ||
	    dwarf_getlocation_addr(&attr, c->frame.pc - chain.bias, &ops, &n, 1) != 1)
		return false;
	inner.calls++;
	inner.module = chain.module;
	inner.bias = chain.bias;
	inner.attr = &attr;
	known = dw_number(&inner, ops, n, ret);
	c->error = inner.error;
	return known;
}

static void entry_value(struct dw_machine *m, const Dwarf_Op *op)
{
	Dwarf_Attribute attr;
	Dwarf_Op *ops;
	size_t n;
	uint64_t v;
	bool is_reg = dwarf_getlocation_attr(m->c->attr, op, &attr) == 0 &&
		      dwarf_getlocation(&attr, &ops, &n) == 0 && n == 1 &&
		      ops->atom >= DW_OP_reg0 && ops->atom <= DW_OP_reg31;

	if (is_reg && dw_entry_value(m->c, (unsigned)ops->atom - DW_OP_reg0, &v))
		dw_push(m, v);
	else
		m->bad = true;
}

static void parameter(struct dw_machine *m, const Dwarf_Op *op)
{
	Dwarf_Die die;
	uint64_t v;

	if (dwarf_getlocation_die(m->c->attr, op, &die) == 0 && dw_parameter_value(m->c, &die, &v))
		dw_push(m, v);
	else
		m->bad = true;
}

static void thread_local(struct dw_machine *m)
{
	uint64_t offset = dw_pop(m), addr = 0;
	struct dw_context *c = m->c;

	if (m->bad)
		return;
	if (!c->at->tls)
		c->error = he_error_new(E_STATE, "thread-local variables cannot be found here");
	else
		c->error = c->at->tls(c->at->arg, c->module, offset, &addr);
	if (c->error)
		m->bad = true;
	else
		dw_push(m, addr);
}

static void indexed(struct dw_machine *m, const Dwarf_Op *op)
{
	bool is_addr = op->atom == DW_OP_addrx || op->atom == DW_OP_GNU_addr_index;
	Dwarf_Attribute attr;
	Dwarf_Addr v;

	if (dwarf_getlocation_attr(m->c->attr, op, &attr) == 0 && dwarf_formaddr(&attr, &v) == 0)
		dw_push(m, v + (is_addr ? m->c->bias : 0));
	else
		m->bad = true;
}

static void constant_of_type(struct dw_machine *m, const Dwarf_Op *op)
{
	uint8_t bytes[16] = {0};
	Dwarf_Attribute attr;
	Dwarf_Block block;

	if (dwarf_getlocation_attr(m->c->attr, op, &attr) != 0 ||
	    dwarf_formblock(&attr, &block) != 0 || block.length > sizeof(bytes)) {
		m->bad = true;
		return;
	}
	memcpy(bytes, block.data, block.length);
	push_typed(m, op, bytes);
}

static void register_of_type(struct dw_machine *m, const Dwarf_Op *op)
{
	uint8_t bytes[8];

	if (dw_register(m->c, op->number, bytes, sizeof(bytes)))
		push_typed(m, op, bytes);
	else
		m->bad = true;
}

static void push_frame_base(struct dw_machine *m, uint64_t offset)
{
	uint64_t base = 0;

	if (frame_base(m->c, &base))
		dw_push(m, base + offset);
	else
		m->bad = true;
}

static void push_cfa(struct dw_machine *m)
{
	if (m->c->frame.cfa)
		dw_push(m, m->c->frame.cfa);
	else
		m->bad = true;
}

/* ---- one operation --------------------------------------------------------- */

static void shuffle(struct dw_machine *m, uint8_t op)
{
	struct dw_entry a = dw_pop_entry(m), b = dw_pop_entry(m), c;

	if (op == DW_OP_swap) {
		dw_push_entry(m, a);
		dw_push_entry(m, b);
		return;
	}
	c = dw_pop_entry(m);
	dw_push_entry(m, a);
	dw_push_entry(m, c);
	dw_push_entry(m, b);
}

static void elsewhere(struct dw_machine *m, const Dwarf_Op *op)
{
	switch (op->atom) {
	case DW_OP_fbreg:
		push_frame_base(m, op->number);
		break;
	case DW_OP_call_frame_cfa:
		push_cfa(m);
		break;
	case DW_OP_entry_value:
	case DW_OP_GNU_entry_value:
		entry_value(m, op);
		break;
	case DW_OP_GNU_parameter_ref:
		parameter(m, op);
		break;
	case DW_OP_form_tls_address:
	case DW_OP_GNU_push_tls_address:
		thread_local(m);
		break;
	case DW_OP_addrx:
	case DW_OP_constx:
	case DW_OP_GNU_addr_index:
	case DW_OP_GNU_const_index:
		indexed(m, op);
		break;
	case DW_OP_const_type:
	case DW_OP_GNU_const_type:
		constant_of_type(m, op);
		break;
	case DW_OP_regval_type:
	case DW_OP_GNU_regval_type:
		register_of_type(m, op);
		break;
	default:
		dw_binary(m, op->atom);
	}
}

static void simple(struct dw_machine *m, const Dwarf_Op *op)
{
	switch (op->atom) {
	case DW_OP_addr:
		dw_push(m, op->number + m->c->bias);
		break;
	case DW_OP_bregx:
		push_register(m, op->number, op->number2);
		break;
	case DW_OP_dup:
		pick(m, 0);
		break;
	case DW_OP_drop:
		dw_pop(m);
		break;
	case DW_OP_over:
		pick(m, 1);
		break;
	case DW_OP_pick:
		pick(m, op->number);
		break;
	case DW_OP_swap:
	case DW_OP_rot:
		shuffle(m, op->atom);
		break;
	case DW_OP_deref:
	case DW_OP_deref_size:
	case DW_OP_deref_type:
	case DW_OP_GNU_deref_type:
		deref(m, op);
		break;
	case DW_OP_abs:
	case DW_OP_neg:
	case DW_OP_not:
		dw_unary(m, op->atom);
		break;
	case DW_OP_convert:
	case DW_OP_GNU_convert:
		convert(m, op, false);
		break;
	case DW_OP_reinterpret:
	case DW_OP_GNU_reinterpret:
		convert(m, op, true);
		break;
	case DW_OP_plus_uconst:
		dw_push(m, dw_pop(m) + op->number);
		break;
	case DW_OP_nop:
	case DW_OP_GNU_uninit:
		break;
	default:
		elsewhere(m, op);
	}
}

/* ---- what is described ----------------------------------------------------- */

static void in_register(struct dw_machine *m, uint64_t reg)
{
	m->bad |= reg > INT32_MAX;
	m->now = (struct place_piece){.kind = PLACE_REGISTER, .reg = (unsigned)reg};
	m->described = true;
}

static void is_value(struct dw_machine *m)
{
	struct dw_entry e = dw_pop_entry(m);
	float single = (float)dw_double(e);

	m->now = (struct place_piece){.kind = PLACE_VALUE, .n_bytes = e.size};
	if (e.sort == FLOATING && e.size == 4)
		memcpy(m->now.bytes, &single, 4);
	else
		memcpy(m->now.bytes, &e.v, sizeof(e.v));
	m->described = true;
}

static void is_bytes(struct dw_machine *m, const Dwarf_Op *op)
{
	Dwarf_Block block;

	if (dwarf_getlocation_implicit_value(m->c->attr, op, &block) != 0 ||
	    block.length > PLACE_BYTES) {
		m->bad = true;
		return;
	}
	m->now = (struct place_piece){.kind = PLACE_VALUE, .n_bytes = block.length};
	memcpy(m->now.bytes, block.data, block.length);
	m->described = true;
}

/* True when op is one of those that say where or what something is. */
static bool describes(struct dw_machine *m, const Dwarf_Op *op)
{
	if (op->atom >= DW_OP_reg0 && op->atom <= DW_OP_reg31)
		in_register(m, (uint64_t)op->atom - DW_OP_reg0);
	else if (op->atom == DW_OP_regx)
		in_register(m, op->number);
	else if (op->atom == DW_OP_stack_value)
		is_value(m);
	else if (op->atom == DW_OP_implicit_value)
		is_bytes(m, op);
	else if (op->atom == DW_OP_implicit_pointer || op->atom == DW_OP_GNU_implicit_pointer) {
		m->now = (struct place_piece){.kind = PLACE_LOST};
		m->described = true;
	} else
		return false;
	return true;
}

static void end_piece(struct dw_machine *m, uint64_t offset, uint64_t bits, struct place *ret)
{
	struct place_piece *p;

	if (ret->n == PLACE_PIECES) {
		m->bad = true;
		return;
	}
	p = &ret->v[ret->n++];
	if (m->described)
		*p = m->now;
	else if (m->n)
		*p = (struct place_piece){.kind = PLACE_MEMORY, .addr = dw_pop(m)};
	else
		*p = (struct place_piece){.kind = PLACE_LOST};
	p->bit_offset = offset;
	p->bit_size = bits;
	m->described = false;
	m->n = 0;
}

/* ---- running --------------------------------------------------------------- */

static size_t step(struct dw_machine *m, const Dwarf_Op *ops, size_t n, size_t i, struct place *ret)
{
	const Dwarf_Op *op = &ops[i];

	if (op->atom == DW_OP_skip)
		return expr_branch(ops, n, i, &m->bad);
	if (op->atom == DW_OP_bra)
		return dw_pop(m) ? expr_branch(ops, n, i, &m->bad) : i + 1;
	if (op->atom == DW_OP_piece)
		end_piece(m, 0, op->number * 8, ret);
	else if (op->atom == DW_OP_bit_piece)
		end_piece(m, op->number2, op->number, ret);
	else if (op->atom >= DW_OP_lit0 && op->atom <= DW_OP_lit31)
		dw_push(m, (uint64_t)op->atom - DW_OP_lit0);
	else if (op->atom >= DW_OP_const1u && op->atom <= DW_OP_consts)
		dw_push(m, op->number);
	else if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31)
		push_register(m, (uint64_t)op->atom - DW_OP_breg0, op->number);
	else if (!describes(m, op))
		simple(m, op);
	return i + 1;
}

static bool run(struct dw_machine *m, const Dwarf_Op *ops, size_t n, struct place *ret)
{
	unsigned steps = 0;

	ret->n = 0;
	for (size_t i = 0; i < n && !m->bad;) {
		if (++steps > STEPS_MAX)
			return false;
		i = step(m, ops, n, i, ret);
	}
	if (!ret->n || m->described || m->n)
		end_piece(m, 0, 0, ret);
	return !m->bad;
}

bool dw_place(struct dw_context *c, const Dwarf_Op *ops, size_t n, struct place *ret)
{
	struct dw_machine m = {.c = c};

	return run(&m, ops, n, ret);
}

bool dw_from(struct dw_context *c, const Dwarf_Op *ops, size_t n, uint64_t first, uint64_t *ret)
{
	struct dw_machine m = {.c = c};
	struct place p;

	dw_push(&m, first);
	if (!run(&m, ops, n, &p) || p.n != 1 || p.v[0].kind != PLACE_MEMORY)
		return false;
	*ret = p.v[0].addr;
	return true;
}

bool dw_number(struct dw_context *c, const Dwarf_Op *ops, size_t n, uint64_t *ret)
{
	struct place p;

	if (!dw_place(c, ops, n, &p) || p.n != 1)
		return false;
	*ret = 0;
	switch (p.v[0].kind) {
	case PLACE_MEMORY:
		*ret = p.v[0].addr;
		return true;
	case PLACE_REGISTER:
		return dw_register(c, p.v[0].reg, ret, c->s->types->address_size);
	case PLACE_VALUE:
		memcpy(ret, p.v[0].bytes, 8);
		return true;
	default:
		return false;
	}
}
