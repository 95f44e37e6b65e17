/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The ELF symbols of a module, by address: what names code without DWARF.
 */
#ifndef HOST_SYMTAB_H
#define HOST_SYMTAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SYMTAB_MAX = 8 * 1024 * 1024 }; /* symbols; more are not looked at */

struct symfile;

enum sym_kind { SYM_FUNCTION, SYM_LABEL /* no type, in code */, SYM_DATA };
struct sym {
	uint64_t addr, size; /* in the target */
	const char *name;    /* as in the symbol table; lives as long as the symfile */
	uint8_t kind, bind;  /* enum sym_kind, STB_* */
	bool plt;            /* a stub that jumps to name: GDB's name@plt */
	bool ifunc;          /* it is not the function but chooses which it is */
};

struct symtab {
	struct sym *v; /* by address; of those at one, the best name is last */
	size_t n;
	uint64_t end; /* of the module by its own account, in the target */
};

/* Read on the first call; an empty table when there are none or no memory. */
const struct symtab *symtab_of(struct symfile *f);
void symtab_free(struct symtab *t);

/* The symbol that addr belongs to, by size where symbols have one; NULL. */
const struct sym *symtab_code(const struct symtab *t, uint64_t addr);
/* The same of any kind. */
const struct sym *symtab_at(const struct symtab *t, uint64_t addr);
/* Its name for people: demangled with parameters, or name@plt.  The caller frees it;
 * NULL without memory. */
char *symtab_text(const struct sym *s);
/* By name as in the table, or (demangled) without or with its parameters. */
const struct sym *symtab_named(const struct symtab *t, const char *name, bool demangled);

#endif
