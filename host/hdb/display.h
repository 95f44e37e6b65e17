/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Expressions that are shown at every stop.
 */
#ifndef HOST_DISPLAY_H
#define HOST_DISPLAY_H

#include "host/hdb/front.h"

struct display {
	struct display *next; /* by number */
	unsigned number;
	bool enabled;
	struct he_format format;
	char *text;
};

/* The next number; NULL without memory. */
struct display *display_add(struct display **all, const struct he_format *f, const char *text);
bool display_delete(struct display **all, unsigned number); /* false: there is none */
void display_free(struct display *all);
/* Show those that are enabled. */
void display_all(struct hdb *h);

/* "$1 = 42", which is in the history then; 0, or 1 after saying why not. (cmd_print.c) */
int print_numbered(struct hdb *h, struct he_value *v, const struct he_format *f);

#endif
