/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/sym/cfi.h"

#include <dwarf.h>
#include <stdlib.h>

#include "common/arch.h"
#include "host/sym/cfi_expr.h"

enum { RULES_MAX = 64 * 1024 };

struct rules {
	Dwarf_Frame *frame; /* NULL: looked for in vain */
	uint64_t bias;
	int ra;
	bool signal;
};

void cfi_rules_free(void *rules)
{
	struct rules *r = rules;

	if (r)
		free(r->frame);
	free(r);
}

static void look_up(struct symfile *f, uint64_t pc, struct rules *r)
{
	Dwarf_Addr bias = 0;
	Dwarf_CFI *cfi = dwfl_module_eh_cfi(f->mod, &bias);

	if (!cfi || dwarf_cfi_addrframe(cfi, pc - bias, &r->frame) != 0) {
		r->frame = NULL;
		cfi = dwfl_module_dwarf_cfi(f->mod, &bias);
		if (!cfi || dwarf_cfi_addrframe(cfi, pc - bias, &r->frame) != 0)
			r->frame = NULL;
	}
	r->bias = bias;
	if (r->frame)
		r->ra = dwarf_frame_info(r->frame, NULL, NULL, &r->signal);
}

/* NULL without memory.  Valid until the next call. */
static const struct rules *rules_of(struct symfile *f, uint64_t pc)
{
	struct rules *r = pcmap_get(&f->rules, pc);

	if (r)
		return r;
	if (f->rules.used >= RULES_MAX)
		pcmap_clear(&f->rules, cfi_rules_free);
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	look_up(f, pc, r);
	if (pcmap_put(&f->rules, pc, r))
		return r;
	cfi_rules_free(r);
	return NULL;
}

bool cfi_cfa_rule(struct symfile *f, uint64_t pc, unsigned *reg, int64_t *offset)
{
	const struct rules *r = rules_of(f, pc);
	Dwarf_Op *ops;
	size_t n;

	if (!r || !r->frame || dwarf_frame_cfa(r->frame, &ops, &n) != 0 || n != 1)
		return false;
	if (ops->atom == DW_OP_bregx) {
		*reg = (unsigned)ops->number;
		*offset = (int64_t)ops->number2;
		return true;
	}
	*reg = (unsigned)ops->atom - DW_OP_breg0;
	*offset = (int64_t)ops->number;
	return ops->atom >= DW_OP_breg0 && ops->atom <= DW_OP_breg31;
}

/* ---- one step ------------------------------------------------------------ */

static enum cfi_result find_cfa(struct expr *e, const struct rules *r, uint64_t *cfa)
{
	Dwarf_Op *ops;
	size_t n;
	bool is_value;

	if (dwarf_frame_cfa(r->frame, &ops, &n) != 0 || !n)
		return CFI_BAD;
	return expr_eval(e, ops, n, cfa, &is_value);
}

static enum cfi_result still_in(const struct expr *e, uint64_t regno, uint64_t *value)
{
	if (regno >= sizeof(e->regs->reg) / sizeof(e->regs->reg[0]) ||
	    !(e->regs->valid >> regno & 1))
		return CFI_NONE;
	*value = e->regs->reg[regno];
	return CFI_OK;
}

/* Where no rule is given the ABI's holds, but elfutils (0.188, x86_64_cfi.c) takes rax to be
 * what rbx is: preserved. */
static bool is_kept(const struct expr *e, int regno, bool said)
{
	enum { RAX, RBX = 3 };

	if (e->width != 8 || (regno != RAX && regno != RBX))
		return said;
	return regno == RBX;
}

/* A rule as it stands in this frame. */
struct kept {
	enum { IN_REGISTER, IN_MEMORY, IS_VALUE } how;
	uint64_t at; /* the register, the address, the value */
};

/* The rule of the caller's register regno; CFI_NONE: it is undefined there. */
static enum cfi_result rule(struct expr *e, const struct rules *r, int regno, struct kept *ret)
{
	Dwarf_Op mem[3], *ops;
	enum cfi_result result;
	size_t n;
	bool is_value;

	*ret = (struct kept){IN_REGISTER, (uint64_t)regno};
	if (dwarf_frame_register(r->frame, regno, mem, &ops, &n) != 0)
		return CFI_BAD;
	if (!n)
		return is_kept(e, regno, ops != mem) ? CFI_OK : CFI_NONE;
	/* Kept in another register, as glibc's vfork keeps its return address. */
	if (n == 1 && ops->atom == DW_OP_regx) {
		ret->at = ops->number;
		return CFI_OK;
	}
	if (n == 1 && ops->atom >= DW_OP_reg0 && ops->atom <= DW_OP_reg31) {
		ret->at = (uint64_t)ops->atom - DW_OP_reg0;
		return CFI_OK;
	}
	result = expr_eval(e, ops, n, &ret->at, &is_value);
	ret->how = is_value ? IS_VALUE : IN_MEMORY;
	return result;
}

/* The caller's register regno. */
static enum cfi_result restore(struct expr *e, const struct rules *r, int regno, uint64_t *value)
{
	const struct sym_source *src = e->src;
	struct kept k;
	enum cfi_result result = rule(e, r, regno, &k);

	if (result != CFI_OK)
		return result;
	if (k.how == IN_REGISTER)
		return still_in(e, k.at, value);
	*value = k.how == IS_VALUE ? k.at : 0;
	if (k.how == IS_VALUE || src->read(src->arg, k.at, value, e->width) == e->width)
		return CFI_OK;
	e->fault = k.at;
	return CFI_FAULT;
}

bool cfi_saved(struct symfile *f, uint64_t pc, const struct sym_regs *regs, unsigned reg,
    struct sym_saved *ret)
{
	const struct arch *a = arch_find(f->src->arch);
	const struct rules *r = rules_of(f, pc);
	struct expr e = {.src = f->src, .regs = regs, .width = a ? a->width : 0};
	struct kept k;

	if (!a || !r || !r->frame)
		return false;
	e.bias = r->bias;
	if (find_cfa(&e, r, &e.cfa) != CFI_OK || rule(&e, r, (int)reg, &k) != CFI_OK ||
	    k.how == IS_VALUE || (k.how == IN_REGISTER && k.at > a->dwarf_pc))
		return false;
	if (k.how == IN_MEMORY)
		*ret = (struct sym_saved){.kind = SYM_SAVED_MEMORY, .addr = k.at};
	else
		*ret = (struct sym_saved){.kind = SYM_SAVED_REGISTER, .reg = (unsigned)k.at};
	return true;
}

enum cfi_result cfi_step(
    struct symfile *f, uint64_t pc, const struct sym_regs *regs, struct cfi_step *ret)
{
	const struct arch *a = arch_find(f->src->arch);
	const struct rules *r = rules_of(f, pc);
	struct expr e = {.src = f->src, .regs = regs, .width = a ? a->width : 0};
	enum cfi_result result;
	uint64_t value;

	*ret = (struct cfi_step){.cfa = 0};
	if (!r || !r->frame)
		return CFI_NONE;
	if (!a || r->ra != (int)a->dwarf_pc)
		return CFI_BAD;
	e.bias = r->bias;
	ret->signal = r->signal;
	result = find_cfa(&e, r, &ret->cfa);
	ret->fault = e.fault;
	if (result != CFI_OK)
		return result;
	e.cfa = ret->cfa;
	for (unsigned i = 0; i <= a->dwarf_pc; i++) {
		result = restore(&e, r, (int)i, &value);
		if (result == CFI_OK) {
			ret->caller.reg[i] = value;
			ret->caller.valid |= (uint64_t)1 << i;
		}
	}
	/* The last was the return address.  What else is lost is missed when needed. */
	ret->fault = e.fault;
	if (result == CFI_NONE)
		return CFI_OUTERMOST;
	ret->caller.pc = ret->caller.reg[a->dwarf_pc];
	ret->caller.sp = ret->caller.reg[a->dwarf_sp];
	return result;
}
