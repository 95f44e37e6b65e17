/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One step up the stack by a module's call frame information.
 *
 * libdw parses the CFI; finding what a frame's rules yield is done here and not by
 * libdwfl's own unwinder, because people need to know what that one does not tell:
 * whether a step failed for want of CFI, of memory, or of sense (it silently follows
 * the frame pointer instead), every frame's CFA, and the registers of every frame.
 * The rules of a pc are kept, so that a thousand like threads parse them once.
 */
#ifndef HOST_CFI_H
#define HOST_CFI_H

#include "host/sym/symfile.h"

enum cfi_result {
	CFI_OK,
	CFI_NONE,      /* nothing known of this pc */
	CFI_OUTERMOST, /* the CFI says that there is no caller */
	CFI_FAULT,     /* fault: memory that it needs cannot be read */
	CFI_BAD,       /* damaged, or it needs a register that is not known */
};

struct cfi_step {
	struct sym_regs caller;
	uint64_t cfa;
	uint64_t fault;
	bool signal; /* this frame is a signal trampoline; set also without a caller */
};

/* pc: in the function (for a caller one less than its return address). */
enum cfi_result cfi_step(
    struct symfile *f, uint64_t pc, const struct sym_regs *regs, struct cfi_step *ret);
/* Where the caller's register reg is kept: true and *ret (in a register: of this frame). */
bool cfi_saved(struct symfile *f, uint64_t pc, const struct sym_regs *regs, unsigned reg,
    struct sym_saved *ret);
/* The CFA as a register and an offset from it; false where it is not so simple. */
bool cfi_cfa_rule(struct symfile *f, uint64_t pc, unsigned *reg, int64_t *offset);
/* Drops a value of symfile.rules. */
void cfi_rules_free(void *rules);

#endif
