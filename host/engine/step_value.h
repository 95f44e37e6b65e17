/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What functions return: where the calling convention leaves it (System V ABI for x86-64,
 * 3.2.3; for i386, 3.4).
 */
#ifndef HOST_STEP_VALUE_H
#define HOST_STEP_VALUE_H

#include "host/engine/target.h"

struct step;
struct standing;

/* Of st, which has just seen its function return; NULL: void, or not known.  The engine's,
 * until the next stop is told. */
struct he_value *step_value(struct step *st, const struct standing *now);

/* A value on its way to where a caller looks for it. */
struct returning {
	uint8_t bytes[16];
	size_t n;
	bool sse[2]; /* of each eightbyte */
};

/* Of an expression, seen from that frame, as the function at pc would return it. */
struct he_error *returning_evaluate(struct he_target *t, uint64_t tid, unsigned frame, uint64_t pc,
    const char *text, struct returning *ret);
struct he_error *returning_put(struct he_target *t, uint64_t tid, const struct returning *r);

#endif
