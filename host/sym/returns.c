/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the function around an address returns.
 */
#include <dwarf.h>

#include "common/err.h"
#include "host/errtext.h"
#include "host/sym/dwarf_index.h"
#include "host/sym/spot.h"
#include "host/sym/symstate.h"
#include "host/sym/type_store.h"

/* Through typedefs and qualifiers. */
static bool stripped(Dwarf_Die *die, Dwarf_Die *ret)
{
	Dwarf_Attribute a;

	return dwarf_formref_die(dwarf_attr_integrate(die, DW_AT_type, &a), ret) &&
	       dwarf_peel_type(ret, ret) == 0;
}

/* Its class has a destructor or copy constructor of its own: it is built where the caller
 * wants it. */
static bool by_reference(Dwarf_Die *function)
{
	Dwarf_Attribute a;
	Dwarf_Word how;
	Dwarf_Die type;

	return stripped(function, &type) &&
	       dwarf_formudata(dwarf_attr(&type, DW_AT_calling_convention, &a), &how) == 0 &&
	       how == DW_CC_pass_by_reference;
}

static struct he_error *read_type(
    struct symbols *s, struct symfile *f, Dwarf_Die *function, struct type **ret)
{
	struct types *types = symbols_types(s);
	struct type_module *m = types ? type_module_of(types, f) : NULL;

	if (!m)
		return he_error_new(E_NOMEM, "no memory for types");
	*ret = type_of_attr(m, function);
	return NULL;
}

struct he_error *symbols_returns(
    struct symbols *s, uint64_t addr, struct type **ret, bool *reference)
{
	struct module *m = modules_at(&s->modules, addr);
	struct symfile *f = NULL;
	struct he_error *e = m ? symfile_get(&s->src, m, true, &f) : NULL;
	Dwarf_Die cu, lines, function;
	uint64_t bias;
	Dwarf *dw;

	*ret = NULL;
	*reference = false;
	if (e || !f)
		return e;
	dw = symfile_dwarf(f, &bias);
	if (!dw || !dwarf_index_unit(f, dw, addr - bias, &cu, &lines) ||
	    !dwarf_index_function(f, &cu, addr - bias, &function))
		return NULL;
	*reference = by_reference(&function);
	return read_type(s, f, &function, ret);
}
