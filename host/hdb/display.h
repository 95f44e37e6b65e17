/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Expressions that are shown at every stop.
 */
#ifndef HOST_DISPLAY_H
#define HOST_DISPLAY_H

#include "host/hdb/examine.h"
#include "host/hdb/front.h"

struct display {
	struct display *next; /* by number */
	unsigned number;
	bool enabled;
	struct he_format format;
	struct examine memory; /* format 0: the value is shown, by the one above */
	char *text;
};

/* The next number; NULL without memory. */
struct display *display_add(struct display **all, const struct he_format *f,
    const struct examine *memory, const char *text);
bool display_delete(struct display **all, unsigned number); /* false: there is none */
void display_free(struct display *all);
/* Show those that are enabled. */
void display_all(struct hdb *h);

/* "/x" in front of an expression; *args moves behind it.  0, or 1 after saying what is wrong.
 * (cmd_print.c) */
int print_format(struct hdb *h, const char **args, struct he_format *f);
/* "$1 = 42", which is in the history then; 0, or 1 after saying why not. (cmd_print.c) */
int print_numbered(struct hdb *h, struct he_value *v, const struct he_format *f);

#endif
