/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Breakpoints on functions that are chosen when the program runs (STT_GNU_IFUNC): until the
 * choice is known they stand at what makes it, whose return is waited for.
 */
#ifndef HOST_ENGINE_IFUNC_H
#define HOST_ENGINE_IFUNC_H

#include "host/engine/patches.h"
#include "host/engine/run.h"

/* A thread is about to choose: the place it will return to is planted. */
enum run_verdict ifunc_called(struct he_target *t, const struct cause *c, uint64_t resolver);
/* It has: all breakpoints are found anew.  Nothing is told of either. */
enum run_verdict ifunc_returned(struct he_target *t, const struct cause *c, struct patch *p);

#endif
