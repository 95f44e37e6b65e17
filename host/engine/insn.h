/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What an agent has to know of the instruction below a breakpoint to let threads pass
 * it out of line (patch.insn, fix, bytes of the wire).
 */
#ifndef HOST_INSN_H
#define HOST_INSN_H

#include "common/wire.h"

enum { INSN_MAX = 16 };

struct insn {
	enum wire_insn class;
	uint8_t len; /* 0: what stands there is no instruction that is known */
	uint8_t fix; /* RELATIVE: offset of the displacement */
};

/* Of n bytes at addr; audit: AUDIT_ARCH_* of the code. */
struct insn insn_look(uint32_t audit, uint64_t addr, const uint8_t *bytes, size_t n);

#endif
