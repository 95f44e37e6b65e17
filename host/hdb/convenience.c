/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/hdb/convenience.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool assign(struct hdb *h, uint64_t tid, const char *name, const char *expression)
{
	struct he_value *v = NULL;
	struct he_error *e;
	char *text = NULL;

	if (asprintf(&text, "$%s = %s", name, expression) < 0)
		return false;
	e = he_evaluate(h->target, tid, h->frame, text, &v);
	free(text);
	he_value_free(v);
	he_error_free(e);
	return !e;
}

void convenience_set(struct hdb *h, const char *name, int64_t value)
{
	for (size_t i = 0; i < CONVENIENCES; i++) {
		struct convenience *c = &h->conveniences[i];

		if (c->name && strcmp(c->name, name) != 0)
			continue;
		if (c->name && c->value == value)
			return;
		*c = (struct convenience){.name = name, .value = value};
		return;
	}
}

void convenience_set_to(struct hdb *h, const char *name, const char *expression)
{
	if (h->target)
		assign(h, h->tid, name, expression);
}

/* What is selected. */
static void set_selected(struct hdb *h)
{
	struct he_target_info i;
	unsigned thread;

	he_target_info(h->target, &i);
	thread = numbers_of(h->numbers, i.number, h->tid);
	convenience_set(h, "_inferior", i.number);
	if (thread)
		convenience_set(h, "_thread", thread);
}

void convenience_tell(struct hdb *h)
{
	char text[32];

	if (!h->target || front_state(h->target) == HE_GONE)
		return;
	set_selected(h);
	for (size_t i = 0; i < CONVENIENCES; i++) {
		struct convenience *c = &h->conveniences[i];

		if (!c->name || c->told)
			continue;
		snprintf(text, sizeof(text), "%" PRId64, c->value);
		c->told = assign(h, 0, c->name, text);
	}
}

bool convenience_value(const struct hdb *h, const char *text, int64_t *ret)
{
	for (size_t i = 0; *text == '$' && i < CONVENIENCES; i++)
		if (h->conveniences[i].name && !strcmp(h->conveniences[i].name, text + 1)) {
			*ret = h->conveniences[i].value;
			return true;
		}
	return false;
}
