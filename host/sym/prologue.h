/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where a breakpoint on a function goes: behind what sets up its frame, so that its
 * arguments can be seen.
 */
#ifndef HOST_PROLOGUE_H
#define HOST_PROLOGUE_H

#include "host/sym/symfile.h"

/* entry: address of a function in the target.  entry itself where nothing is known. */
uint64_t prologue_end(struct symfile *f, uint64_t entry);

#endif
