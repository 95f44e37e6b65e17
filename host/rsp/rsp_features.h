/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Target descriptions: which registers there are, in which order they stand in a g
 * packet, and the text of target.xml.  Names, types and order are those of GDB's
 * features/i386/ (gdb 13), which LLDB understands, too.
 */
#ifndef HOST_RSP_FEATURES_H
#define HOST_RSP_FEATURES_H

#include "host/hosteng.h"
#include "host/rsp/rsp_packet.h"

struct rsp_reg {
	char name[10];
	uint16_t bits;
	uint16_t at;        /* in the g packet, bytes */
	uint16_t piece;     /* first byte of what the engine has under source ... */
	uint16_t source_at; /* ... whose index in he_registers is this, SOURCE_NONE = not there */
	char source[10];
	const char *type, *group; /* group NULL = GDB's choice */
};

enum { RSP_REGS_MAX = 192, RSP_SOURCE_NONE = 0xffff };

struct rsp_regs {
	uint32_t arch; /* AUDIT_ARCH_* */
	struct rsp_reg v[RSP_REGS_MAX];
	unsigned n;
	unsigned bytes;       /* of a g packet, before it becomes hexadecimal */
	unsigned expedite[3]; /* numbers: frame pointer, stack pointer, pc */
	struct buf xml;       /* of target.xml */
};

/* What a thread's registers show of its CPU and program.  NULL without memory, or when the
 * architecture is none that GDB has features for. */
struct rsp_regs *rsp_regs_new(uint32_t arch, const struct he_registers *sample);
void rsp_regs_free(struct rsp_regs *d);

#endif
