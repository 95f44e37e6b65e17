/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The stack machine of DWARF expressions, for the files that make it up.
 */
#ifndef HOST_DWARF_MACHINE_H
#define HOST_DWARF_MACHINE_H

#include "host/sym/dwarf_expr.h"

enum { DW_STACK_MAX = 64 };

/* A value on the stack: generic ones are as wide as addresses. */
enum dw_sort { GENERIC, SIGNED, UNSIGNED, FLOATING };
struct dw_entry {
	uint64_t v; /* FLOATING: the bits of a double */
	uint8_t size;
	enum dw_sort sort;
};

struct dw_machine {
	struct dw_context *c;
	struct dw_entry stack[DW_STACK_MAX];
	size_t n;
	bool bad;
	struct place_piece now; /* what the operations so far describe ... */
	bool described;         /* ... when it is not the address on the stack */
};

/* Whatever goes wrong sets bad. */
void dw_push_entry(struct dw_machine *m, struct dw_entry e);
void dw_push(struct dw_machine *m, uint64_t v); /* generic */
struct dw_entry dw_pop_entry(struct dw_machine *m);
uint64_t dw_pop(struct dw_machine *m);
/* Arithmetic, comparisons, shifts; an operation that is none of these is bad. */
void dw_binary(struct dw_machine *m, uint8_t op);
void dw_unary(struct dw_machine *m, uint8_t op);
/* To a base type; like: one value of it. */
void dw_convert(struct dw_machine *m, const struct dw_entry *like, bool reinterpret);
double dw_double(struct dw_entry e);

#endif
