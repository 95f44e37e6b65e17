/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Registers as LLDB counts them: numbers of ours, which it learns from qRegisterInfo or
 * target.xml, in the order its own stub has.  Parts of a register (eax, mm0) are registers
 * of their own there, and each says whose part it is.  Pure: no session, no target.
 *
 * Sources: lldb/docs/lldb-gdb-remote.txt (qRegisterInfo); DWARF numbers of the psABIs of
 * x86-64 and i386.
 */
#ifndef HOST_RSP_LLDB_REGS_H
#define HOST_RSP_LLDB_REGS_H

#include "common/buf.h"
#include "host/hosteng.h"

/* A stop reply has two digits for a register's number. */
enum { LLDB_REGS = 256, LLDB_REG_NONE = -1 };

struct lldb_reg {
	char name[8], from[8];     /* LLDB's name, the engine's register that has its bytes */
	const char *alt, *generic; /* NULL */
	uint8_t at, bytes;         /* which of those, and how many; beyond its end they are 0 */
	uint8_t set;
	uint8_t number; /* of xmm3, ymm3 and zmm3: those share bytes */
	bool vector;
	int16_t dwarf;   /* LLDB_REG_NONE */
	int16_t whole;   /* the register it is a part of; LLDB_REG_NONE */
	uint16_t offset; /* in g */
};

struct lldb_regs {
	struct lldb_reg v[LLDB_REGS];
	unsigned n;
	unsigned general; /* so many at the beginning are whole general ones */
	unsigned size;    /* of g, bytes */
	int pc, sp, fp;   /* LLDB_REG_NONE where there is none */
	bool wide;        /* 64 bits */
};

/* All whose bytes are in have. */
void lldb_regs_build(struct lldb_regs *to, const struct he_registers *have);

/* The value, r->bytes of it; false: not in have. */
bool lldb_reg_get(const struct lldb_reg *r, const struct he_registers *have, uint8_t value[64]);
/* The engine's register *reg with r's bytes set to value; false: not in have. */
bool lldb_reg_set(const struct lldb_reg *r, const struct he_registers *have, const uint8_t *value,
    struct he_register *reg);

/* The answer to qRegisterInfo, and the object features:target.xml. */
void lldb_reg_info(struct buf *b, const struct lldb_regs *regs, unsigned n);
void lldb_regs_xml(struct buf *b, const struct lldb_regs *regs);

#endif
