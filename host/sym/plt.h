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

#endif
