/* SPDX-License-Identifier: BSD-2-Clause
 *
 * DWARF expressions (DWARF 5, sections 2.5 and 2.6) as variables use them: with types,
 * pieces, frame base, thread-local storage and values at a function's entry.  (Those
 * of call frame information are cfi_expr.h's: simpler, and on the way of each frame.)
 */
#ifndef HOST_DWARF_EXPR_H
#define HOST_DWARF_EXPR_H

#include <elfutils/libdw.h>

#include "host/sym/scope.h"
#include "host/sym/symstate.h"

enum { EXPR_CALLS_MAX = 8 }; /* frame bases and entry values inside one another */

/* Where an expression is evaluated. */
struct dw_frame {
	const struct sym_regs *regs; /* NULL: there is no frame */
	uint64_t pc;                 /* to look it up */
	uint64_t cfa;                /* 0 = not known */
	bool innermost;              /* place_at.wide tells of it */
	const struct sym_frame *of;  /* whose caller is known; NULL: not */
};

struct dw_context {
	struct symbols *s;
	const struct place_at *at;
	struct dw_frame frame;
	const struct module *module; /* whose expression it is */
	uint64_t bias;
	Dwarf_Attribute *attr; /* the expression's */
	unsigned calls;
	struct he_error *error; /* why it failed, when a callback or memory did */
};

/* False: it makes no sense, needs what is not there, or c->error. */
bool dw_place(struct dw_context *c, const Dwarf_Op *ops, size_t n, struct place *ret);
/* An address, calculated from one that is on the stack first. */
bool dw_from(struct dw_context *c, const Dwarf_Op *ops, size_t n, uint64_t first, uint64_t *ret);
/* The same for an expression that yields a number (a frame base, an argument's value): the
 * content of a register, the value, or the address itself. */
bool dw_number(struct dw_context *c, const Dwarf_Op *ops, size_t n, uint64_t *ret);

/* dw_entry.c: the value that register reg had when the function was entered, from what its
 * caller says about the call (DWARF 5, section 3.4). */
bool dw_entry_value(struct dw_context *c, unsigned reg, uint64_t *ret);
/* The same of a parameter that the compiler has removed. */
bool dw_parameter_value(struct dw_context *c, const Dwarf_Die *parameter, uint64_t *ret);

/* Helpers of both. */
bool dw_register(struct dw_context *c, uint64_t reg, void *buf, size_t len);

#endif
