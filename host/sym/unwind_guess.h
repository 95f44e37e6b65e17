/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The caller of a frame for which there is no unwind information (x86-64, i386), by
 * the means GDB has, but taken only when the outcome is plausible: the return address lies
 * in code and a call stands before it.
 */
#ifndef HOST_UNWIND_GUESS_H
#define HOST_UNWIND_GUESS_H

#include "host/sym/cfi.h"
#include "host/sym/symstate.h"

/* innermost: the frame's pc is where it stands (also one interrupted by a signal).
 * f: its module opened, NULL when it has none.  CFI_NONE: no plausible way; CFI_FAULT:
 * memory for it cannot be read.  A signal trampoline that has no CFI (musl, Go) is
 * known by its code; ret->signal then, and certain is set. */
enum cfi_result unwind_guess(struct symbols *s, struct symfile *f, const struct sym_regs *regs,
    bool innermost, struct cfi_step *ret, bool *certain);

#endif
