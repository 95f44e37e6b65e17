/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/hdb/display.h"

#include <stdlib.h>
#include <string.h>

struct display *display_add(
    struct display **all, const struct he_format *f, const struct examine *memory, const char *text)
{
	struct display *d = calloc(1, sizeof(*d));
	unsigned last = 0;

	if (!d)
		return NULL;
	d->text = strdup(text);
	if (!d->text) {
		free(d);
		return NULL;
	}
	for (; *all; all = &(*all)->next)
		last = (*all)->number;
	d->number = last + 1;
	d->enabled = true;
	d->format = *f;
	d->memory = *memory;
	*all = d;
	return d;
}

static void drop(struct display *d)
{
	free(d->text);
	free(d);
}

bool display_delete(struct display **all, unsigned number)
{
	for (; *all; all = &(*all)->next) {
		struct display *d = *all;

		if (d->number != number)
			continue;
		*all = d->next;
		drop(d);
		return true;
	}
	return false;
}

void display_free(struct display *all)
{
	while (all) {
		struct display *next = all->next;

		drop(all);
		all = next;
	}
}
