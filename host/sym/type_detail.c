/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What of a type the target has to be asked for.  How long an array of variable length is: gcc
 * describes a calculation, clang (and gcc when it optimizes) a variable without a name.  Where
 * a virtual base lies: the object's table has the distance.
 */
#include <dwarf.h>
#include <string.h>

#include "host/errtext.h"
#include "host/sym/dwarf_expr.h"
#include "host/sym/type_store.h"

static bool calculated(struct dw_context *c, Dwarf_Attribute *attr, uint64_t *ret)
{
	Dwarf_Op *ops;
	size_t n;

	c->attr = attr;
	return dwarf_getlocation_addr(attr, c->frame.pc - c->bias, &ops, &n, 1) == 1 &&
	       dw_number(c, ops, n, ret);
}

/* As wide as its type says. */
static bool cut(Dwarf_Die *variable, uint64_t *v)
{
	Dwarf_Attribute a;
	Dwarf_Word encoding = 0;
	Dwarf_Die type;
	int size;

	if (!dwarf_formref_die(dwarf_attr_integrate(variable, DW_AT_type, &a), &type) ||
	    dwarf_peel_type(&type, &type) != 0)
		return false;
	size = dwarf_bytesize(&type);
	if (size < 1 || size > 8)
		return false;
	dwarf_formudata(dwarf_attr_integrate(&type, DW_AT_encoding, &a), &encoding);
	if (size < 8)
		*v &= (UINT64_C(1) << 8 * size) - 1;
	if (encoding == DW_ATE_signed && size < 8 && *v >> (8 * size - 1))
		*v |= ~UINT64_C(0) << 8 * size;
	return true;
}

static bool in_variable(struct dw_context *c, Dwarf_Die *variable, uint64_t *ret)
{
	struct sym_name name = {
	    .kind = NAME_VARIABLE, .module = c->module, .die = ref_of(variable)};
	const struct sym_source *src = &c->s->src;
	struct place p;
	struct he_error *err = symbols_place(c->s, &name, c->at, &p);

	*ret = 0;
	he_error_free(err);
	if (err || p.n != 1 || p.v[0].bit_offset)
		return false;
	if (p.v[0].kind == PLACE_MEMORY) {
		unsigned width = c->s->types->address_size;

		if (src->read(src->arg, p.v[0].addr, ret, width) != width)
			return false;
	} else if (p.v[0].kind == PLACE_REGISTER) {
		if (!dw_register(c, p.v[0].reg, ret, sizeof(*ret)))
			return false;
	} else if (p.v[0].kind == PLACE_VALUE) {
		memcpy(ret, p.v[0].bytes, sizeof(*ret));
	} else {
		return false;
	}
	return cut(variable, ret);
}

static bool attribute(struct dw_context *c, Dwarf_Die *range, unsigned name, uint64_t *ret)
{
	Dwarf_Attribute attr;
	Dwarf_Die variable;
	bool known;

	if (!dwarf_attr_integrate(range, name, &attr))
		return false;
	if (dwarf_formref_die(&attr, &variable))
		known = in_variable(c, &variable, ret);
	else
		known = calculated(c, &attr, ret);
	c->attr = NULL;
	he_error_free(c->error);
	c->error = NULL;
	return known;
}

bool symbols_count(
    struct symbols *s, const struct type *array, const struct place_at *at, uint64_t *ret)
{
	const struct type_detail *b = array->bound;
	const struct sym_frame *f = at->frame;
	struct dw_context c = {.s = s, .at = at};
	Dwarf_Word lower = 0;
	Dwarf_Attribute a;
	Dwarf_Die range;
	uint64_t upper;

	if (!b || !f || !b->module->file || !symfile_dwarf(b->module->file, &c.bias))
		return false;
	c.module = b->module->file->module;
	c.frame = (struct dw_frame){&f->regs, f->pc, f->cfa, f->physical == 0, f};
	range = b->die;
	if (attribute(&c, &range, DW_AT_count, ret))
		return true;
	if (!attribute(&c, &range, DW_AT_upper_bound, &upper))
		return false;
	dwarf_formudata(dwarf_attr_integrate(&range, DW_AT_lower_bound, &a), &lower);
	*ret = (int64_t)upper < (int64_t)lower ? 0 : upper - lower + 1;
	return true;
}

bool symbols_base(struct symbols *s, const struct type_member *base, uint64_t object, uint64_t *ret)
{
	const struct type_detail *b = base->place;
	struct place_at nowhere = {.frame = NULL};
	struct dw_context c = {.s = s, .at = &nowhere};
	Dwarf_Attribute attr;
	Dwarf_Op *ops;
	size_t n;
	Dwarf_Die die;
	bool known;

	if (!b || !b->module->file || !symfile_dwarf(b->module->file, &c.bias))
		return false;
	c.module = b->module->file->module;
	die = b->die;
	c.attr = &attr;
	known = dwarf_attr_integrate(&die, DW_AT_data_member_location, &attr) &&
		dwarf_getlocation(&attr, &ops, &n) == 0 && dw_from(&c, ops, n, object, ret);
	he_error_free(c.error);
	return known;
}
