/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a person wants done when a breakpoint is hit: the lines of `commands`.
 */
#ifndef HOST_ACTIONS_H
#define HOST_ACTIONS_H

#include "host/hdb/front.h"

struct actions; /* front.h: h->actions; NULL is an empty one */

/* Lines that follow belong to these breakpoints, until one says end. */
int actions_begin(struct hdb *h, const unsigned *numbers, size_t n);
/* Is a block open?  Then every line goes here. */
bool actions_open(const struct hdb *h);
int actions_line(struct hdb *h, const char *line);
/* The end of the input ends an open block, too. */
void actions_end(struct hdb *h);

/* The lines of a breakpoint, each with its newline; NULL = none. */
const char *actions_text(const struct hdb *h, unsigned number);
/* Is the stop not to be shown (silent)? */
bool actions_silent(const struct hdb *h, unsigned number);
/* It was hit: its lines wait for actions_run. */
void actions_due(struct hdb *h, const unsigned *numbers, size_t n);
/* Do what waits, also what that makes due.  The status of what failed. */
int actions_run(struct hdb *h, int (*run)(struct hdb *h, const char *line));

void actions_forget(struct hdb *h, unsigned number);
void actions_free(struct hdb *h);

#endif
