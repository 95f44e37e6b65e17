/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Memory that is given back all at once: what a result object that the engine
 * hands out is made of.  Bounded, because its contents come from a box.
 */
#ifndef HOST_ARENA_H
#define HOST_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"

enum { ARENA_MAX = 256 * 1024 * 1024 };

struct arena_block;

/* All zero is an empty arena. */
struct arena {
	struct arena_block *blocks;
	size_t used; /* bytes in all blocks together */
	bool bad;    /* a request failed: no memory, or more than ARENA_MAX */
};

/* Zeroed, aligned for any object; NULL (and bad) when there is none. */
void *arena_alloc(struct arena *a, size_t size);
/* n elements of that size; the product is checked. */
void *arena_array(struct arena *a, size_t n, size_t size);
/* NUL-terminated copies; a NUL inside s ends it. */
const char *arena_str(struct arena *a, struct span s);
const char *arena_hex(struct arena *a, struct span s); /* NULL when s is empty */
void arena_free(struct arena *a);

#endif
