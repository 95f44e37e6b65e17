/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Memory mappings of a process, copied out of map_list pieces.
 */
#ifndef HOST_MAPS_H
#define HOST_MAPS_H

#include "common/wire.h"
#include "host/arena.h"
#include "host/hosteng.h"

/* All zero is empty.  In ascending order, not overlapping: a record that is out of
 * order or empty is dropped (and counted), since lookups lean on the order. */
struct maps {
	struct arena arena; /* owns the texts */
	struct he_mapping *v;
	size_t n, cap;
	size_t dropped;
};

/* false: no memory, or more than the engine will hold. */
bool maps_put(struct maps *m, struct span list /* of wire_rec_map */);
void maps_free(struct maps *m); /* and ready for use again */
/* The mapping addr lies in; NULL = none. */
const struct he_mapping *maps_find(const struct maps *m, uint64_t addr);

#endif
