/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Instructions as text.
 */
#ifndef HOST_DISASM_H
#define HOST_DISASM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DISASM_TEXT = 224, INSN_ROOM = 16 /* bytes that hold any instruction */ };

struct disasm {
	uint8_t len;            /* 0: what stands there is no instruction that is known */
	bool has_target;        /* a branch to one address, or an operand beside the pc */
	uint64_t target;        /* which; its symbol belongs behind the text */
	char text[DISASM_TEXT]; /* printable ASCII */
};

/* Of one architecture (AUDIT_ARCH_*); NULL: it is not known here, or no memory. */
struct disassembler;
struct disassembler *disassembler_new(uint32_t audit, bool intel /* else AT&T */);
void disassembler_free(struct disassembler *d);

/* The one at addr, of n bytes there. */
void disasm(
    struct disassembler *d, uint64_t addr, const uint8_t *bytes, size_t n, struct disasm *ret);

#endif
