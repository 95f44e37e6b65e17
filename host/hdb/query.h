/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Questions to whoever types.
 */
#ifndef HOST_QUERY_H
#define HOST_QUERY_H

#include "host/hdb/front.h"

/* y or n; without a person nothing is asked, what was answered for them is shown, and that
 * is otherwise.  otherwise is also what an empty answer means, as GDB's "(y or [n])". */
bool query(struct hdb *h, bool otherwise, const char *question);

#endif
