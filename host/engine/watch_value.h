/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The value that is watched, and what of the target it depends on.
 */
#ifndef HOST_WATCH_VALUE_H
#define HOST_WATCH_VALUE_H

#include "host/engine/memcache.h"
#include "host/engine/target.h"

enum { WATCH_RANGES = 16 };

/* Which frame's locals are meant. */
struct watch_frame {
	bool local; /* else any: globals only */
	uint64_t tid, cfa;
	unsigned level; /* of inlined functions */
};

struct watch_value {
	uint8_t *bytes; /* NULL: it could not be read */
	size_t n;
	char *text; /* for people; why it could not be read */
	/* Memory that was read for it. */
	struct mem_range range[WATCH_RANGES];
	unsigned n_ranges;
	bool elsewhere; /* registers, or more memory than that */
};

void watch_value_free(struct watch_value *v); /* and as new */
bool watch_value_same(const struct watch_value *a, const struct watch_value *b);

/* text in that frame, read now.  *left: the frame is no more.  That a value cannot be read
 * is no error, but a value of its own. */
struct he_error *watch_value_read(struct he_target *t, const char *text,
    const struct watch_frame *f, struct watch_value *ret, bool *left);

/* A new one: frame number index of thread tid (0 = none).  *frame: as it turned out, and
 * where that frame returns to.  location: *text (freed and made anew) means the same place
 * from anywhere. */
struct he_error *watch_value_begin(struct he_target *t, uint64_t tid, unsigned index, bool location,
    char **text, struct watch_frame *frame, uint64_t *back, struct watch_value *ret);

#endif
