/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A function's whole code: the compiler may have put what is rarely run elsewhere.
 */
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "host/errtext.h"
#include "host/sym/dwarf_index.h"
#include "host/sym/pcinfo.h"
#include "host/sym/sym.h"
#include "host/sym/symfile.h"
#include "host/sym/symstate.h"
#include "host/sym/symtab.h"

enum { PIECES_MAX = 256 };

void he_function_free(struct he_function *f)
{
	if (!f)
		return;
	free(f->name);
	free(f->v);
	free(f);
}

static bool add(struct he_function *to, uint64_t lo, uint64_t hi)
{
	struct he_range *v = realloc(to->v, (to->n + 1) * sizeof(*v));

	if (!v)
		return false;
	to->v = v;
	v[to->n++] = (struct he_range){lo, hi};
	return true;
}

/* False: there is no DWARF of it (or no memory, which shows). */
static bool by_dwarf(struct symfile *f, uint64_t addr, struct he_function *to)
{
	Dwarf_Addr base, lo, hi;
	Dwarf_Die cu, lines, fn;
	ptrdiff_t at = 0;
	uint64_t bias;
	Dwarf *dw = symfile_dwarf(f, &bias);

	if (!dw || !dwarf_index_unit(f, dw, addr - bias, &cu, &lines) ||
	    !dwarf_index_function(f, &cu, addr - bias, &fn))
		return false;
	while (to->n < PIECES_MAX && (at = dwarf_ranges(&fn, at, &base, &lo, &hi)) > 0)
		if (lo < hi && !add(to, lo + bias, hi + bias))
			return false;
	return to->n;
}

/* One without a size goes on to the next. */
static bool by_symbol(struct symfile *f, uint64_t addr, struct he_function *to)
{
	const struct symtab *t = symtab_of(f);
	const struct sym *sym = symtab_code(t, addr);
	uint64_t hi = sym ? sym->addr + sym->size : 0;

	if (!sym || addr < sym->addr)
		return false;
	if (!sym->size) {
		hi = f->module->hi;
		for (const struct sym *next = sym; next < t->v + t->n; next++)
			if (next->addr > sym->addr && next->addr < hi)
				hi = next->addr;
	}
	return add(to, sym->addr, hi);
}

static char *name_of(struct symbols *s, struct symfile *f, uint64_t entry)
{
	const struct sym *sym = symtab_code(symtab_of(f), entry);
	const struct pcinfo *info;

	if (sym && sym->addr == entry)
		return symtab_text(sym);
	info = pcinfo_of(f, s->pool, entry);
	return strdup(info && info->v[info->n - 1].function ? info->v[info->n - 1].function : "??");
}

struct he_error *symbols_function_at(struct symbols *s, uint64_t addr, struct he_function **ret)
{
	struct he_function *to;
	struct module *m;
	struct symfile *f;
	struct he_error *e = symbols_open_at(s, addr, &m, &f);

	if (e)
		return e;
	to = calloc(1, sizeof(*to));
	if (to && !by_dwarf(f, addr, to) && !to->n && !by_symbol(f, addr, to)) {
		he_function_free(to);
		return he_error_new(
		    E_NO_FILE, "no function contains 0x%llx", (unsigned long long)addr);
	}
	if (to) {
		to->entry = to->v[0].lo;
		to->name = name_of(s, f, to->entry);
	}
	if (!to || !to->name) {
		he_function_free(to);
		return he_error_new(E_NOMEM, "no memory for symbols");
	}
	*ret = to;
	return NULL;
}
