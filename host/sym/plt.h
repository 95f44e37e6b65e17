/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Names of procedure linkage table stubs: no symbol table has them.
 */
#ifndef HOST_PLT_H
#define HOST_PLT_H

#include <libelf.h>

#include "host/sym/symtab.h"

/* At most so many symbols plt_symbols makes. */
size_t plt_count(Elf *elf);
/* One symbol per stub whose slot a relocation names; how many.  bias: address in the
 * target - address in elf. */
size_t plt_symbols(Elf *elf, uint64_t bias, struct sym *v, size_t max);

/* Slots that get the address of what a function of that name is, or what the resolver at that
 * address (in elf; 0 = none) has chosen: up to max of their addresses in elf.  name may have
 * a version behind @. */
size_t plt_slots(Elf *elf, const char *name, uint64_t resolver, uint64_t *v, size_t max);
/* Is that address (in elf) amid stubs? */
bool plt_holds(Elf *elf, uint64_t addr);

#endif
