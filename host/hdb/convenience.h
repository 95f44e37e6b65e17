/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The variables that hdb sets by itself, as GDB does: $bpnum, $_exitcode, $_ and their like.
 * The engine keeps variables with their types, which are a target's; what is set while there
 * is none is given to it when there is one.
 */
#ifndef HOST_CONVENIENCE_H
#define HOST_CONVENIENCE_H

#include <stdint.h>

#include "host/hdb/front.h"

/* $name = value; name stays where it is. */
void convenience_set(struct hdb *h, const char *name, int64_t value);
/* The same to what an expression means; it is evaluated at once. */
void convenience_set_to(struct hdb *h, const char *name, const char *expression);
/* Give the engine what it does not know yet; before anything is evaluated. */
void convenience_tell(struct hdb *h);
/* Without a target: the value of "$name"; false: it is none of these. */
bool convenience_value(const struct hdb *h, const char *text, int64_t *ret);

#endif
