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

/* Does the person mean it?  Nobody is asked, and it is meant, where the command comes from a
 * script, nobody is there, or `set confirm off` was said. */
bool confirm(struct hdb *h, const char *question);
/* The same, but the end of the input means it, too: a terminal that is gone shall not keep
 * hdb. */
bool confirm_end(struct hdb *h, const char *question);

/* A line typed at the terminal, without its newline, cut to what fits; false: there is
 * no terminal, or Ctrl-C or a signal that ends hdb came first. */
bool query_line(struct hdb *h, char *buf, size_t size);

#endif
