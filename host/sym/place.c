/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where a variable is kept: in one frame, or as a formula for any at the same pc.
 */
#include <dwarf.h>
#include <string.h>

#include "common/err.h"
#include "host/errtext.h"
#include "host/sym/cfi.h"
#include "host/sym/dwarf_expr.h"
#include "host/sym/type_store.h"

/* ---- in a frame ------------------------------------------------------------ */

static void lost(struct place *ret)
{
	ret->n = 1;
	ret->v[0] = (struct place_piece){.kind = PLACE_LOST};
}

/* DW_AT_const_value: it is nowhere, because it never changes. */
static bool constant(Dwarf_Die *die, struct place_piece *ret)
{
	Dwarf_Attribute a;
	Dwarf_Block block;
	Dwarf_Sword v;
	const char *text;

	*ret = (struct place_piece){.kind = PLACE_VALUE};
	if (!dwarf_attr_integrate(die, DW_AT_const_value, &a))
		return false;
	if (dwarf_formblock(&a, &block) == 0) {
		ret->n_bytes = block.length < PLACE_BYTES ? block.length : PLACE_BYTES;
		memcpy(ret->bytes, block.data, ret->n_bytes);
		return true;
	}
	if (dwarf_formsdata(&a, &v) == 0) {
		memcpy(ret->bytes, &v, sizeof(v));
		memset(ret->bytes + sizeof(v), v < 0 ? 0xff : 0, 8); /* of an __int128 */
		ret->n_bytes = 16;
		return true;
	}
	text = dwarf_formstring(&a);
	if (!text)
		return false;
	ret->n_bytes = strnlen(text, PLACE_BYTES);
	memcpy(ret->bytes, text, ret->n_bytes);
	return true;
}

/* The operations in force; 0: none are there, it is optimized out; -1 makes no sense. */
static int operations(Dwarf_Attribute *a, bool has_pc, uint64_t pc, Dwarf_Op **ops, size_t *n)
{
	if (dwarf_getlocation(a, ops, n) == 0)
		return *n ? 1 : 0;
	return has_pc ? dwarf_getlocation_addr(a, pc, ops, n, 1) : -1;
}

struct he_error *symbols_place(
    struct symbols *s, const struct sym_name *var, const struct place_at *at, struct place *ret)
{
	const struct module *m = var->module;
	Dwarf_Die die = die_of(&var->die);
	struct dw_context c = {.s = s, .at = at, .module = m};
	const struct sym_frame *f = at->frame;
	Dwarf_Attribute attr;
	Dwarf_Op *ops;
	size_t n;
	int known;

	if (!m || !m->file || !symfile_dwarf(m->file, &c.bias))
		return he_error_new(E_NO_FILE, "its debug information is gone");
	if (!dwarf_attr_integrate(&die, DW_AT_location, &attr)) {
		ret->n = 1;
		if (var->addr)
			ret->v[0] = (struct place_piece){.kind = PLACE_MEMORY, .addr = var->addr};
		else if (!constant(&die, &ret->v[0]))
			lost(ret);
		return NULL;
	}
	if (f)
		c.frame = (struct dw_frame){&f->regs, f->pc, f->cfa, f->physical == 0, f};
	c.attr = &attr;
	known = operations(&attr, f != NULL, f ? f->pc - c.bias : 0, &ops, &n);
	if (known < 0 && !f)
		return he_error_new(E_STATE, "this needs a thread that stands");
	if (known <= 0) {
		lost(ret);
		return NULL;
	}
	/* What depends on something that is not kept is gone with it. */
	if (!dw_place(&c, ops, n, ret) && !c.error)
		lost(ret);
	return c.error;
}

/* ---- in any frame at a pc -------------------------------------------------- */

static struct formula of_base(struct scope_chain *c, uint64_t pc, int64_t offset)
{
	struct formula none = {FORMULA_NONE, 0, 0}, f = {.kind = FORMULA_BASED, .offset = offset};
	Dwarf_Attribute attr;
	Dwarf_Op *ops;
	size_t n;
	int64_t more = 0;

	if (!dwarf_attr_integrate(&c->v[0], DW_AT_frame_base, &attr) ||
	    dwarf_getlocation_addr(&attr, pc - c->bias, &ops, &n, 1) != 1 || n != 1)
		return none;
	if (ops->atom >= DW_OP_reg0 && ops->atom <= DW_OP_reg31) {
		f.reg = (unsigned)ops->atom - DW_OP_reg0;
	} else if (ops->atom >= DW_OP_breg0 && ops->atom <= DW_OP_breg31) {
		f.reg = (unsigned)ops->atom - DW_OP_breg0;
		more = (int64_t)ops->number;
	} else if (ops->atom != DW_OP_call_frame_cfa || !cfi_cfa_rule(c->file, pc, &f.reg, &more)) {
		return none;
	}
	f.offset = (int64_t)((uint64_t)f.offset + (uint64_t)more);
	return f;
}

static struct formula of_op(struct scope_chain *c, uint64_t pc, uint64_t bias, const Dwarf_Op *op)
{
	struct formula none = {FORMULA_NONE, 0, 0};

	if (op->atom == DW_OP_addr)
		return (struct formula){FORMULA_ADDRESS, 0, (int64_t)(op->number + bias)};
	if (op->atom >= DW_OP_reg0 && op->atom <= DW_OP_reg31)
		return (struct formula){FORMULA_REGISTER, (unsigned)op->atom - DW_OP_reg0, 0};
	if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31)
		return (struct formula){
		    FORMULA_BASED, (unsigned)op->atom - DW_OP_breg0, (int64_t)op->number};
	if (op->atom == DW_OP_fbreg && c->n)
		return of_base(c, pc, (int64_t)op->number);
	return none;
}

static bool of_constant(Dwarf_Die *die, struct formula *ret)
{
	struct place_piece p;
	uint64_t v;

	if (!constant(die, &p) || p.n_bytes < 8)
		return false;
	memcpy(&v, p.bytes, sizeof(v));
	*ret = (struct formula){FORMULA_VALUE, 0, (int64_t)v};
	return true;
}

struct formula symbols_formula(
    struct symbols *s, const struct sym_scope *scope, const struct sym_name *var)
{
	struct formula ret = {FORMULA_NONE, 0, 0};
	Dwarf_Die die = die_of(&var->die);
	struct scope_chain c;
	Dwarf_Attribute attr;
	Dwarf_Op *ops;
	size_t n;
	uint64_t bias;
	bool known;
	struct he_error *e;

	if (var->kind != NAME_VARIABLE || !var->module || !var->module->file ||
	    !symfile_dwarf(var->module->file, &bias))
		return ret;
	if (!dwarf_attr_integrate(&die, DW_AT_location, &attr)) {
		if (var->addr)
			return (struct formula){FORMULA_ADDRESS, 0, (int64_t)var->addr};
		of_constant(&die, &ret);
		return ret;
	}
	e = scope_find(s, scope, &c, &known);
	if (e || operations(&attr, scope->has_pc, scope->pc - bias, &ops, &n) != 1 || n != 1) {
		he_error_free(e);
		return ret;
	}
	return of_op(&c, scope->pc, bias, ops);
}
