/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where a call or jump through a register or memory goes (Intel's manual volume 2, chapter
 * 2: ModRM, SIB and REX bytes, displacements).
 */
#ifndef PROCSRV_OPERAND_X86_H
#define PROCSRV_OPERAND_X86_H

#include <stddef.h>

#include "machine.h"

struct operand_x86 {
	const uint8_t *modrm;
	size_t left;   /* bytes from there to the instruction's end */
	uint8_t rex;   /* 0 = none */
	bool wide;     /* of a 64-bit program */
	uint64_t base; /* of the segment that a prefix names; 0 = it names none */
	uint64_t next; /* behind the instruction */
};

/* What it holds, memory being read by way of read.  False: it is not understood, does not end
 * with the instruction, or cannot be read, or changes at that moment. */
bool operand_x86(const struct user_regs_struct *r, const struct operand_x86 *o, machine_read *read,
    void *arg, uint64_t *value);

#endif
