/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What stands at a pc: the function, those inlined into it there, and their lines.
 * Kept by pc, because threads of a program stand at few places.
 */
#ifndef HOST_PCINFO_H
#define HOST_PCINFO_H

#include "host/sym/symfile.h"
#include "host/sym/strpool.h"

enum { INLINED_MAX = 128 };

/* Strings are in the pool. */
struct pc_frame {
	const char *function, *linkage, *file, *directory;
	unsigned line, column;
	uint64_t lo; /* where a statement of that line begins; 0 = not known, or a call's line */
	bool inlined;
	bool begins;                 /* inlined: the pc is where its code begins */
	uint64_t die;                /* inlined: the call's, within its unit's section */
	uint64_t block_lo, block_hi; /* inlined: its code around the pc */
};

struct pcinfo {
	uint64_t entry;      /* of the function's symbol, 0 = not known */
	size_t n;            /* at least one */
	struct pc_frame v[]; /* innermost first; the last is not inlined */
};

/* pc: for a caller one less than its return address.  NULL without memory.  Valid
 * until the next call. */
const struct pcinfo *pcinfo_of(struct symfile *f, struct strpool *pool, uint64_t pc);

#endif
