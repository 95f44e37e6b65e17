/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a struct symbols holds, for the files of the symbol side only.
 */
#ifndef HOST_SYMSTATE_H
#define HOST_SYMSTATE_H

#include "host/sym/module.h"
#include "host/sym/strpool.h"

/* A function that chooses, and what it was seen to choose (ifunc.c). */
struct chosen {
	uint64_t resolver, target;
};

struct symbols {
	struct sym_source src;
	struct modules modules;
	struct strpool *pool;
	struct types *types; /* NULL: not asked for yet */
	struct chosen *chosen;
	size_t n_chosen;
	char *cache_dir; /* what src.cache_dir points to */
};

/* The module around addr, opened by every means; E_NO_FILE: there is none, or it cannot be
 * had. */
struct symfile;
struct he_error *symbols_open_at(
    struct symbols *s, uint64_t addr, struct module **m, struct symfile **f);

#endif
