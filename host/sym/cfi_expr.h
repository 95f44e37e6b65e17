/* SPDX-License-Identifier: BSD-2-Clause
 *
 * DWARF expressions (DWARF 5, section 2.5) as call frame information uses them: the
 * operations on a stack of addresses, without types, pieces, calls and entry values.
 */
#ifndef HOST_CFI_EXPR_H
#define HOST_CFI_EXPR_H

#include <elfutils/libdw.h>

#include "host/sym/cfi.h"

struct expr {
	const struct sym_source *src;
	const struct sym_regs *regs;
	unsigned width; /* of an address and all that is calculated, 4 or 8 bytes */
	uint64_t cfa;   /* for DW_OP_call_frame_cfa, with which libdw begins a register's rule */
	uint64_t bias;  /* for DW_OP_addr */
	uint64_t fault; /* out, with CFI_FAULT */
};

/* CFI_OK: *value, and whether it is the value itself and not its address. */
enum cfi_result expr_eval(
    struct expr *e, const Dwarf_Op *ops, size_t n, uint64_t *value, bool *is_value);

/* Of an expression of n operations: the index of the one that the branch at i leads to; n = its
 * end.  *bad: it leads into the midst of one. */
size_t expr_branch(const Dwarf_Op *ops, size_t n, size_t i, bool *bad);

#endif
