/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Code taken apart: which ways lead out of a line.
 */
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "host/engine/decoder.h"
#include "host/engine/step.h"
#include "host/errtext.h"

enum {
	WINDOW = 8192,
	INSN_MOST = 15,
	SCANNED = 16 * 1024,
	STUB_MOST = 16,
	RESOLVER_MOST = 1024,
};

enum flow {
	FLOW_ON,
	FLOW_JUMP,   /* to target */
	FLOW_BRANCH, /* to target or on */
	FLOW_CALL,   /* target 0: not known */
	FLOW_RETURN,
	FLOW_COMPUTED, /* jumps who knows where */
	FLOW_END,      /* does not go on */
	FLOW_STRANGE,
};

struct decoded {
	enum flow flow;
	uint8_t len;
	uint64_t target;
	uint64_t slot; /* of an indirect jump: where its address lies, 0 = not so simple */
	unsigned reg;  /* of an indirect call through a register: x86_reg; 0 = none */
};

/* ---- one instruction ---------------------------------------------------------------- */

static const cs_x86_op *operand(const cs_insn *i)
{
	return i->detail->x86.op_count ? &i->detail->x86.operands[0] : NULL;
}

static void branch(const cs_insn *i, struct decoded *d)
{
	const cs_x86_op *op = operand(i);

	if (op && op->type == X86_OP_IMM) {
		d->flow = i->id == X86_INS_JMP ? FLOW_JUMP : FLOW_BRANCH;
		d->target = (uint64_t)op->imm;
		return;
	}
	d->flow = FLOW_COMPUTED;
	if (op && op->type == X86_OP_MEM && op->mem.base == X86_REG_RIP)
		d->slot = i->address + i->size + (uint64_t)op->mem.disp;
	else if (op && op->type == X86_OP_MEM && !op->mem.base && !op->mem.index)
		d->slot = (uint64_t)op->mem.disp;
}

static void call(const cs_insn *i, struct decoded *d)
{
	const cs_x86_op *op = operand(i);

	d->flow = FLOW_CALL;
	if (op && op->type == X86_OP_IMM)
		d->target = (uint64_t)op->imm;
	else if (op && op->type == X86_OP_REG)
		d->reg = op->reg;
	/* i386 finds its own address so: no function. */
	if (d->target == i->address + i->size)
		d->flow = FLOW_ON;
}

static bool relative_branch(const cs_insn *i)
{
	return decoder_in_group(i, CS_GRP_JUMP) || decoder_in_group(i, CS_GRP_BRANCH_RELATIVE) ||
	       i->id == X86_INS_LOOP || i->id == X86_INS_LOOPE || i->id == X86_INS_LOOPNE ||
	       i->id == X86_INS_JCXZ || i->id == X86_INS_JECXZ || i->id == X86_INS_JRCXZ;
}

static void classify(const cs_insn *i, struct decoded *d)
{
	static const unsigned ends[] = {X86_INS_UD2, X86_INS_HLT, X86_INS_INT3};

	if (i->id == X86_INS_RET)
		d->flow = FLOW_RETURN;
	else if (decoder_in_group(i, CS_GRP_CALL))
		call(i, d);
	else if (i->id == X86_INS_LJMP || decoder_in_group(i, CS_GRP_IRET) ||
		 decoder_in_group(i, CS_GRP_RET) || i->id == X86_INS_XBEGIN)
		d->flow = FLOW_STRANGE;
	else if (relative_branch(i))
		branch(i, d);
	for (size_t k = 0; k < sizeof(ends) / sizeof(*ends); k++)
		if (i->id == ends[k])
			d->flow = FLOW_END;
}

static struct decoded decode(csh h, uint64_t addr, const uint8_t *bytes, size_t n)
{
	struct decoded d = {.flow = FLOW_STRANGE};
	cs_insn *i = NULL;

	if (cs_disasm(h, bytes, n, addr, 1, &i) == 1) {
		d.flow = FLOW_ON;
		d.len = (uint8_t)i->size;
		classify(i, &d);
	}
	cs_free(i, i ? 1 : 0);
	return d;
}

/* ---- a piece of code ------------------------------------------------------------------ */

struct walk {
	struct he_target *t;
	const struct sym_regs *regs;
	csh h;
	uint64_t lo, hi;
	uint8_t *bytes; /* of [lo, hi) */
	uint8_t *seen;  /* for each of them */
	uint64_t todo[CODE_WAYS];
	unsigned n_todo, insns;
	struct code_ways *ways;
};

static bool put(uint64_t *v, unsigned *n, uint64_t addr)
{
	for (unsigned i = 0; i < *n; i++)
		if (v[i] == addr)
			return true;
	if (*n == CODE_WAYS)
		return false;
	v[(*n)++] = addr;
	return true;
}

/* It may go to addr next. */
static bool way(struct walk *w, uint64_t from, uint64_t addr)
{
	if (addr < w->lo || addr >= w->hi)
		return put(w->ways->exits, &w->ways->n_exits, addr);
	w->ways->loops |= addr <= from;
	return w->seen[addr - w->lo] || put(w->todo, &w->n_todo, addr);
}

static const int16_t dwarf_of[][2] = {
    {X86_REG_RAX, 0},
    {X86_REG_RDX, 1},
    {X86_REG_RCX, 2},
    {X86_REG_RBX, 3},
    {X86_REG_RSI, 4},
    {X86_REG_RDI, 5},
    {X86_REG_RBP, 6},
    {X86_REG_R8, 8},
    {X86_REG_R9, 9},
    {X86_REG_R10, 10},
    {X86_REG_R11, 11},
    {X86_REG_R12, 12},
    {X86_REG_R13, 13},
    {X86_REG_R14, 14},
    {X86_REG_R15, 15},
    {X86_REG_EAX, 0},
    {X86_REG_ECX, 1},
    {X86_REG_EDX, 2},
    {X86_REG_EBX, 3},
    {X86_REG_EBP, 5},
    {X86_REG_ESI, 6},
    {X86_REG_EDI, 7},
};

/* What the register of a call that comes next holds; 0 = not known. */
static uint64_t register_now(const struct sym_regs *regs, unsigned reg)
{
	for (size_t i = 0; reg && i < sizeof(dwarf_of) / sizeof(*dwarf_of); i++)
		if (dwarf_of[i][0] == (int)reg && (regs->valid >> dwarf_of[i][1] & 1))
			return regs->reg[dwarf_of[i][1]];
	return 0;
}

static bool add_call(struct walk *w, uint64_t at, const struct decoded *d)
{
	struct code_ways *ways = w->ways;
	struct code_call *c = &ways->calls[ways->n_calls];
	bool first = at == w->regs->pc;

	if (ways->n_calls == CODE_WAYS)
		return false;
	*c = (struct code_call){.at = at, .next = at + d->len, .target = d->target};
	if (!c->target && first)
		c->target = register_now(w->regs, d->reg);
	ways->n_calls++;
	return way(w, at, c->next);
}

static bool computed(struct walk *w, uint64_t at)
{
	if (at != w->regs->pc)
		return put(w->ways->computed, &w->ways->n_computed, at);
	w->ways->computed_now = true;
	return true;
}

/* Where one instruction leads; *on: also to the next. */
static bool follow(struct walk *w, uint64_t at, const struct decoded *d, bool *on)
{
	*on = false;
	switch (d->flow) {
	case FLOW_ON:
		*on = true;
		return true;
	case FLOW_BRANCH:
		*on = true;
		return way(w, at, d->target);
	case FLOW_JUMP:
		return way(w, at, d->target);
	case FLOW_CALL:
		return add_call(w, at, d);
	case FLOW_RETURN:
		w->ways->returns = true;
		return true;
	case FLOW_COMPUTED:
		return computed(w, at);
	case FLOW_END:
		return true;
	case FLOW_STRANGE:
		break;
	}
	return false;
}

/* From at on to where another path was, or the way ends.  False: cannot be followed. */
static bool path(struct walk *w, uint64_t at)
{
	bool on = true;

	while (on) {
		struct decoded d;

		if (at >= w->hi)
			return put(w->ways->exits, &w->ways->n_exits, at);
		if (w->seen[at - w->lo])
			return true;
		w->seen[at - w->lo] = 1;
		d = decode(w->h, at, w->bytes + (at - w->lo), (size_t)(w->hi - at));
		if (!d.len || ++w->insns > CODE_INSNS || !follow(w, at, &d, &on))
			return false;
		at += d.len;
	}
	return true;
}

static bool walk_all(struct walk *w)
{
	w->todo[w->n_todo++] = w->regs->pc;
	while (w->n_todo)
		if (!path(w, w->todo[--w->n_todo]))
			return false;
	return true;
}

/* All of [lo, hi), or *got = 0. */
static struct he_error *fetch(
    struct he_target *t, uint64_t lo, uint8_t *bytes, size_t n, size_t *got)
{
	struct he_error *err;
	bool file;

	err = target_code(t, lo, bytes, n, got, &file);
	if (!err && *got < n)
		*got = 0;
	return err;
}

struct he_error *step_code(struct he_target *t, const struct sym_regs *regs, uint64_t lo,
    uint64_t hi, struct code_ways *ret)
{
	struct walk w = {.t = t, .regs = regs, .lo = lo, .hi = hi, .ways = ret};
	size_t n = (size_t)(hi - lo), got = 0;
	struct he_error *err = NULL;

	*ret = (struct code_ways){.known = false};
	if (regs->pc < lo || regs->pc >= hi || hi - lo > WINDOW)
		return NULL;
	w.bytes = calloc(2, n);
	if (!w.bytes)
		return he_error_new(E_NOMEM, "out of memory.");
	w.seen = w.bytes + n;
	err = fetch(t, lo, w.bytes, n, &got);
	if (!err && got && decoder_open(t->arch_id, &w.h)) {
		ret->known = walk_all(&w);
		cs_close(&w.h);
	}
	free(w.bytes);
	return err;
}

/* ---- single questions --------------------------------------------------------------------- */

static struct he_error *look(struct he_target *t, uint64_t addr, struct decoded *ret)
{
	uint8_t bytes[INSN_MOST];
	size_t got = 0;
	bool file;
	struct he_error *err = target_code(t, addr, bytes, sizeof(bytes), &got, &file);
	csh h;

	*ret = (struct decoded){.flow = FLOW_STRANGE};
	if (err || !got || !decoder_open(t->arch_id, &h))
		return err;
	*ret = decode(h, addr, bytes, got);
	cs_close(&h);
	return NULL;
}

struct he_error *step_call(struct he_target *t, uint64_t addr, uint64_t *next)
{
	struct decoded d;
	struct he_error *err = look(t, addr, &d);

	*next = !err && d.flow == FLOW_CALL ? addr + d.len : 0;
	return err;
}

struct he_error *step_slot(struct he_target *t, uint64_t addr, uint64_t *slot)
{
	struct decoded d = {.flow = FLOW_ON};
	struct he_error *err = NULL;

	/* endbr64 may stand before the jump */
	for (int i = 0; i < 2 && !err && d.flow == FLOW_ON; i++, addr += d.len)
		err = look(t, addr, &d);
	*slot = !err && d.flow == FLOW_COMPUTED ? d.slot : 0;
	return err;
}

/* The first jump from addr on, over at most n bytes, that goes where fits says. */
static struct he_error *find_jump(struct he_target *t, uint64_t addr, size_t n,
    bool (*fits)(const struct decoded *), struct decoded *ret, uint64_t *at)
{
	uint8_t bytes[RESOLVER_MOST];
	size_t got = 0;
	struct he_error *err = fetch(t, addr, bytes, n, &got);
	struct decoded d = {.len = 1};
	csh h;

	*at = 0;
	if (err || !got || !decoder_open(t->arch_id, &h))
		return err;
	for (size_t i = 0; i < got && d.len && !*at; i += d.len) {
		d = decode(h, addr + i, bytes + i, got - i);
		if (d.len && fits(&d)) {
			*ret = d;
			*at = addr + i;
		}
	}
	cs_close(&h);
	return NULL;
}

static bool to_known(const struct decoded *d)
{
	return d->flow == FLOW_JUMP;
}

static bool through_slot(const struct decoded *d)
{
	return d->flow == FLOW_COMPUTED && d->slot;
}

static bool through_register(const struct decoded *d)
{
	return d->flow == FLOW_COMPUTED && !d->slot;
}

/* What a stub's slot holds before it is bound: push number, jmp to the first stub. */
bool step_unbound(struct he_target *t, uint64_t addr)
{
	static const uint8_t mark[] = {0xf3, 0x0f, 0x1e, 0xfa};
	uint8_t bytes[STUB_MOST], *p = bytes;
	size_t got = 0;
	struct he_error *err = fetch(t, addr, bytes, sizeof(bytes), &got);

	he_error_free(err);
	if (err || !got)
		return false;
	if (memcmp(p, mark, sizeof(mark)) == 0)
		p += sizeof(mark);
	return p[0] == 0x68 && (p[5] == 0xe9 || (p[5] == 0xf2 && p[6] == 0xe9));
}

/* The first stub jumps through the third slot to the linker's resolver, which at its end
 * jumps to what it has found. */
struct he_error *step_resolver(struct he_target *t, uint64_t unbound, uint64_t *ret)
{
	struct decoded d = {.target = 0};
	uint64_t at, resolver = 0;
	struct he_error *err = find_jump(t, unbound, STUB_MOST, to_known, &d, &at);

	*ret = 0;
	if (!err && at)
		err = find_jump(t, d.target, STUB_MOST, through_slot, &d, &at);
	if (!err && at)
		err = step_word(t, d.slot, &resolver);
	if (!err && resolver)
		err = find_jump(t, resolver, RESOLVER_MOST, through_register, &d, ret);
	return err;
}

struct he_error *step_word(struct he_target *t, uint64_t addr, uint64_t *ret)
{
	const struct arch *a = arch_find(t->arch_id);
	uint8_t raw[8] = {0};
	struct rd r = rd_init(raw, sizeof(raw));
	size_t got = 0, width = a ? a->width : sizeof(raw);
	int why;
	struct he_error *err = target_read(t, addr, raw, width, &got, &why);

	*ret = !err && got == width ? rd_u64(&r) : 0;
	return err;
}

struct he_error *step_calls(struct he_target *t, uint64_t addr, uint64_t n,
    void (*each)(void *arg, uint64_t target), void *arg)
{
	uint8_t *bytes = n <= SCANNED ? malloc((size_t)n + 1) : NULL;
	struct he_error *err = NULL;
	struct decoded d;
	size_t got = 0;
	csh h;

	if (bytes)
		err = fetch(t, addr, bytes, (size_t)n, &got);
	if (!err && got && decoder_open(t->arch_id, &h)) {
		for (size_t i = 0; i < got; i += d.len ? d.len : 1) {
			d = decode(h, addr + i, bytes + i, got - i);
			if (d.flow == FLOW_CALL && d.target)
				each(arg, d.target);
		}
		cs_close(&h);
	}
	free(bytes);
	return err;
}

/* With endbr in front of it, or not; i386's thunks read the address they return to. */
struct he_error *step_returns_at_once(struct he_target *t, uint64_t addr, bool *ret)
{
	static const uint8_t mark[] = {0xf3, 0x0f, 0x1e};
	uint8_t bytes[sizeof(mark)];
	size_t got = 0;
	struct decoded d = {.flow = FLOW_ON};
	struct he_error *err = fetch(t, addr, bytes, sizeof(bytes), &got);

	if (!err && got && memcmp(bytes, mark, sizeof(mark)) == 0)
		addr += sizeof(mark) + 1;
	if (!err)
		err = look(t, addr, &d);
	*ret = !err && d.flow == FLOW_RETURN;
	return err;
}
