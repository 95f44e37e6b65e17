/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a register held when the function was entered: the compiler that no longer keeps
 * it tells at the call how the caller came to it.
 */
#include <dwarf.h>
#include <string.h>

#include "host/errtext.h"
#include "host/sym/cfi.h"
#include "host/sym/dwarf_expr.h"
#include "host/sym/dwarf_index.h"

enum { LOOKED_AT_MAX = 200000 };

static bool is_call(int tag)
{
	return tag == DW_TAG_call_site || tag == DW_TAG_GNU_call_site;
}

static bool returns_to(Dwarf_Die *call, Dwarf_Addr pc)
{
	Dwarf_Attribute a;
	Dwarf_Addr v;
	unsigned name = dwarf_tag(call) == DW_TAG_call_site ? DW_AT_call_return_pc : DW_AT_low_pc;

	return dwarf_attr(call, name, &a) && dwarf_formaddr(&a, &v) == 0 && v == pc;
}

static bool find_call(
    Dwarf_Die *parent, Dwarf_Addr pc, unsigned *left, unsigned depth, Dwarf_Die *ret)
{
	Dwarf_Die die;

	if (depth > DIE_DEPTH_MAX || dwarf_child(parent, &die) != 0)
		return false;
	do {
		int tag = dwarf_tag(&die);

		if (tag == DW_TAG_invalid || !*left)
			return false;
		--*left;
		if (is_call(tag) && returns_to(&die, pc)) {
			*ret = die;
			return true;
		}
		if ((tag == DW_TAG_lexical_block || tag == DW_TAG_inlined_subroutine ||
			tag == DW_TAG_try_block || tag == DW_TAG_catch_block) &&
		    find_call(&die, pc, left, depth + 1, ret))
			return true;
	} while (dwarf_siblingof(&die, &die) == 0);
	return false;
}

/* A call by name may have reached us through another's tail call: then what it says is not
 * about us. */
static bool calls(Dwarf_Die *call, Dwarf_Die *function)
{
	Dwarf_Attribute a;
	Dwarf_Die callee;
	const char *theirs, *ours;

	if (!dwarf_attr(call, DW_AT_call_origin, &a) &&
	    !dwarf_attr(call, DW_AT_abstract_origin, &a))
		return false;
	if (!dwarf_formref_die(&a, &callee))
		return false;
	theirs = dwarf_diename(&callee);
	ours = dwarf_diename(function);
	return theirs && ours && !strcmp(theirs, ours);
}

/* What is asked for: the register at entry, or a parameter that the function's clone no
 * longer has. */
struct asked {
	unsigned reg;
	const Dwarf_Die *parameter; /* NULL: reg */
};

static bool is_that_parameter(Dwarf_Die *die, const Dwarf_Die *parameter)
{
	Dwarf_Attribute a;
	Dwarf_Die to;

	return (dwarf_attr(die, DW_AT_call_parameter, &a) ||
		   dwarf_attr(die, DW_AT_abstract_origin, &a)) &&
	       dwarf_formref_die(&a, &to) && to.addr == parameter->addr;
}

static bool is_in_register(Dwarf_Die *die, unsigned reg)
{
	Dwarf_Attribute a;
	Dwarf_Op *ops;
	size_t n;

	return dwarf_attr(die, DW_AT_location, &a) && dwarf_getlocation(&a, &ops, &n) == 0 &&
	       n == 1 && ops->atom >= DW_OP_reg0 && ops->atom - DW_OP_reg0 == (int)reg;
}

static bool is_asked(Dwarf_Die *die, const struct asked *q)
{
	int tag = dwarf_tag(die);

	if (tag != DW_TAG_call_site_parameter && tag != DW_TAG_GNU_call_site_parameter)
		return false;
	return q->parameter ? is_that_parameter(die, q->parameter) : is_in_register(die, q->reg);
}

static bool find_value(Dwarf_Die *call, const struct asked *q, Dwarf_Attribute *ret)
{
	Dwarf_Die die;

	if (dwarf_child(call, &die) != 0)
		return false;
	do
		if (is_asked(&die, q))
			return dwarf_attr(&die, DW_AT_call_value, ret) ||
			       dwarf_attr(&die, DW_AT_GNU_call_site_value, ret);
	while (dwarf_siblingof(&die, &die) == 0);
	return false;
}

/* In the caller's frame, which may in turn have to ask its own caller. */
static bool evaluate(
    struct dw_context *c, struct scope_chain *caller, Dwarf_Attribute *attr, uint64_t *ret)
{
	const struct sym_regs *regs = &c->frame.of->caller;
	struct sym_frame up = {.pc = regs->pc - 1, .regs = *regs};
	struct dw_context inner = *c;
	struct cfi_step step;
	Dwarf_Op *ops;
	size_t n;
	bool known;

	if (dwarf_getlocation(attr, &ops, &n) != 0 || c->calls >= EXPR_CALLS_MAX)
		return false;
	up.has_caller = cfi_step(caller->file, up.pc, regs, &step) == CFI_OK;
	up.cfa = step.cfa;
	up.caller = step.caller;
	inner.calls++;
	inner.module = caller->module;
	inner.bias = caller->bias;
	inner.attr = attr;
	inner.frame = (struct dw_frame){&up.regs, up.pc, up.cfa, false, &up};
	known = dw_number(&inner, ops, n, ret);
	c->error = inner.error;
	return known;
}

static bool from_caller(struct dw_context *c, const struct asked *q, uint64_t *ret)
{
	const struct sym_frame *f = c->frame.of;
	struct sym_scope here = {.has_pc = true, .pc = c->frame.pc};
	struct sym_scope there = {.has_pc = true};
	struct scope_chain chain;
	Dwarf_Die function, call;
	Dwarf_Attribute attr;
	unsigned left = LOOKED_AT_MAX;
	bool known;

	if (!f || !f->has_caller)
		return false;
	there.pc = f->caller.pc - 1;
	c->error = scope_find(c->s, &here, &chain, &known);
	if (c->error || !known || !chain.n)
		return false;
	function = chain.v[0];
	c->error = scope_find(c->s, &there, &chain, &known);
	return !c->error && known && chain.n &&
	       find_call(&chain.v[0], f->caller.pc - chain.bias, &left, 0, &call) &&
	       calls(&call, &function) && find_value(&call, q, &attr) &&
	       evaluate(c, &chain, &attr, ret);
}

bool dw_entry_value(struct dw_context *c, unsigned reg, uint64_t *ret)
{
	return from_caller(c, &(struct asked){.reg = reg}, ret);
}

bool dw_parameter_value(struct dw_context *c, const Dwarf_Die *parameter, uint64_t *ret)
{
	return from_caller(c, &(struct asked){.parameter = parameter}, ret);
}
