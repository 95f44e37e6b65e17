/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Functions that choose which function a name stands for (STT_GNU_IFUNC): what they chose.
 */
#ifndef HOST_IFUNC_H
#define HOST_IFUNC_H

#include "host/sym/symfile.h"
#include "host/sym/symstate.h"
#include "host/sym/symtab.h"

/* Where the function is that sym of f has chosen, as somebody has seen it return, or as a
 * slot has it that the dynamic linker has filled.  0: not known (yet).  Reads the target. */
uint64_t ifunc_chosen(struct symbols *s, struct symfile *f, const struct sym *sym);

#endif
