/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Memory ordered in advance: recipes and registers in, ranges out.
 */
#ifndef PROCSRV_RECIPE_H
#define PROCSRV_RECIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/wire.h"
#include "trace_regs.h"

struct recipe_thread {
	struct regs_points points;
	bool cause;
};

struct recipe_range {
	uint64_t addr;
	uint64_t len;
};

/* What the recipes mean for these threads.  Ranges that would wrap around the
 * address space are cut at its end.  How many were written, at most max. */
size_t recipe_ranges(const struct wire_rec_recipe *recipes, size_t nrecipes,
    const struct recipe_thread *threads, size_t nthreads, struct recipe_range *out, size_t max);

/* Sort, and make one of those that overlap or touch; keep at most total bytes (the
 * lowest addresses).  How many are left. */
size_t recipe_merge(struct recipe_range *ranges, size_t n, uint64_t total);

/* What of the ranges (merged) lies in readable mappings, by the text of
 * proc_pid_maps(5).  How many were written, at most max. */
size_t recipe_clip(struct span maps, const struct recipe_range *ranges, size_t n,
    struct recipe_range *out, size_t max);

#endif
