/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How breakpoints look: what is said when one is set, and info breakpoints.
 */
#ifndef HOST_BREAK_SHOW_H
#define HOST_BREAK_SHOW_H

#include "host/hdb/front.h"

/* "Breakpoint 1 at 0x…: file x.c, line 3."  1 when it could not be planted. */
int break_say_set(struct hdb *h, unsigned number);
/* Delete it with what hdb keeps about it. */
struct he_error *break_delete(struct hdb *h, unsigned number);
/* What a catchpoint catches, as in "(fork)". */
void break_say_caught(struct hdb *h, const struct he_breakpoint *b);

#endif
