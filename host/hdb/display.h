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

#endif
