/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How long something lasts, as people write it in options and in the map file of a box.
 */
#ifndef COMMON_DURATION_H
#define COMMON_DURATION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"

/* A wait: "500ms", "30s", "5m", "1h", or "30" for seconds.  0 is one.  False, and *ms as it
 * was, when the text is none or says more than most_ms. */
bool duration_ms(struct span text, uint32_t most_ms, uint32_t *ms);

/* A term: "90s", "30m", "8h", "7d", "2w".  A bare number is none, for it could be a year.
 * False, and *s as it was, when the text is none, says nothing, or more than 32 bits hold. */
bool duration_s(struct span text, uint32_t *s);

#endif
