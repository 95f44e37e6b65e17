/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A walk up one stack, frame by frame, and why it ends.
 */
#ifndef HOST_UNWIND_H
#define HOST_UNWIND_H

#include "host/sym/symstate.h"

enum { UNWIND_MAX = 100000 }; /* frames, whatever is asked for */

struct unwind {
	struct symbols *s;
	struct sym_regs regs; /* of the current frame */
	bool exact;           /* its pc is where it stands, not a return address */

	/* After unwind_step, about the current frame: */
	uint64_t cfa; /* 0 = not known */
	bool signal;  /* it is a signal trampoline */
	bool more;    /* it has a caller, whose registers are next */
	struct sym_regs next;
	enum he_end end; /* !more: why */
	uint64_t where;  /* the address that end is about, 0 = none */

	/* Of the whole walk: */
	bool guessed;   /* a step was taken without unwind information */
	uint64_t low;   /* the CFA of the frame before, which this one's must exceed */
	unsigned jumps; /* how often a signal frame led to another stack */
	enum he_end fault_end;
};

void unwind_begin(
    struct unwind *u, struct symbols *s, const struct sym_regs *regs, enum he_end fault_end);
/* Find out about the current frame.  Errors: only those of symfile_get. */
struct he_error *unwind_step(struct unwind *u);
/* To the caller; only when more. */
void unwind_advance(struct unwind *u);
/* The pc by which the current frame is looked up. */
uint64_t unwind_lookup_pc(const struct unwind *u);

#endif
