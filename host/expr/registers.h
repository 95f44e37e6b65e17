/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What $name means among the registers, as GDB has it on x86: parts of registers, other
 * names, and the type each is shown as.
 */
#ifndef HOST_EXPR_REGISTERS_H
#define HOST_EXPR_REGISTERS_H

#include "host/sym/type.h"

struct register_name {
	char base[16];   /* the register the target knows */
	unsigned offset; /* bytes */
	unsigned size;   /* 0: all of it */
};

/* False when name cannot be that of a register. */
bool register_find(const char *name, unsigned address_size, struct register_name *ret);
/* The type of register (or part) of so many bytes, as the language has it; NULL without
 * memory. */
struct type *register_type(struct types *p, const char *name, unsigned size, bool cplus);

#endif
