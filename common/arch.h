/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Register tables, one file per architecture: names as GDB has them, where each
 * register's bytes stand in the regsets of ptrace(2), and DWARF numbers.  To add
 * an architecture: write arch_NAME.c with its struct arch, add a row in arch.c.
 */
#ifndef COMMON_ARCH_H
#define COMMON_ARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

enum arch_group { ARCH_GENERAL, ARCH_FLOAT, ARCH_VECTOR, ARCH_SYSTEM };

enum { ARCH_PIECES = 3, ARCH_NOTES = 4, ARCH_NO_DWARF = -1 };

/* A register is laid together of up to three runs of bytes, least significant
 * first (ymm0 is xmm0 and its upper half, which stand far apart). */
struct arch_piece {
	uint8_t part; /* which block, numbered by the architecture */
	uint8_t bytes;
	uint16_t offset; /* in the block */
};

struct arch_reg {
	const char *name;
	enum arch_group group;
	uint16_t bits;
	int16_t dwarf;                        /* ARCH_NO_DWARF = none */
	struct arch_piece piece[ARCH_PIECES]; /* bytes 0 ends */
};

/* The regsets of one thread, in the order of arch.notes; empty = not there. */
struct arch_regsets {
	struct span v[ARCH_NOTES];
};

struct arch {
	uint32_t audit; /* AUDIT_ARCH_* of linux/audit.h */
	const char *name;
	uint32_t notes[ARCH_NOTES]; /* NT_* of elf.h, the general one first; 0 ends */
	const struct arch_reg *regs;
	unsigned n_regs;
	unsigned width; /* of an address, bytes; tells the ELF class, too */
	/* The pc's is the return address column of call frame information, the highest
	 * that it speaks of. */
	unsigned dwarf_pc, dwarf_sp, dwarf_fp;
	/* Where the general regset has the number of the system call under way, as wide as an
	 * address (orig_rax). */
	unsigned call_at;
	/* A register that the regset has in another form; NULL = there is none.  get: the
	 * value of what stands there; put: back again. */
	const char *odd;
	void (*odd_get)(const struct arch_regsets *s, uint8_t value[64]);
	void (*odd_put)(uint8_t value[64]);
	/* The bytes of a block within the regsets; empty when this thread or CPU has it
	 * not.  Never points outside of them. */
	struct span (*part)(const struct arch_regsets *s, unsigned part);
};

/* NULL: not known here. */
const struct arch *arch_find(uint32_t audit);

/* The value of a register, little-endian, bits/8 bytes into value (64 bytes).
 * False when the regsets do not have it. */
bool arch_get(const struct arch *a, const struct arch_reg *r, const struct arch_regsets *s,
    uint8_t value[64]);

/* Is it the one in another form? */
bool arch_is_odd(const struct arch *a, const struct arch_reg *r);

/* The register with a DWARF number; NULL = none. */
const struct arch_reg *arch_by_dwarf(const struct arch *a, unsigned dwarf);

extern const struct arch arch_x86_64, arch_i386;

#endif
