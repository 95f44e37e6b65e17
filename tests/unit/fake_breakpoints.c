/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The breakpoints of the scripted engine: a list of numbers, all at one place.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "host/hosteng.h"

enum { FAKE_BREAKS = 16 };

static struct {
	struct he_breakpoint v[FAKE_BREAKS];
	struct he_location place;
	unsigned n, last;
	struct he_settings settings;
	struct he_handling handling[HE_SIGNALS + 1];
} self = {.place = {.number = 1,
	      .addr = 0x401136,
	      .enabled = true,
	      .function = "processCommand",
	      .file = "server.c",
	      .line = 3312}};

static struct he_error *none(const char *text)
{
	struct he_error *e = calloc(1, sizeof(*e) + strlen(text) + 1);

	if (!e)
		abort();
	e->code = E_NO_FILE;
	strcpy(e->message, text);
	return e;
}

static struct he_breakpoint *find(unsigned number)
{
	for (unsigned i = 0; i < self.n; i++)
		if (self.v[i].number == number)
			return &self.v[i];
	return NULL;
}

struct he_error *he_break(
    struct he_engine *e, struct he_target *t, const struct he_break *q, unsigned *number)
{
	struct he_breakpoint *b = &self.v[self.n];

	(void)e;
	(void)t;
	if (q->where && strcmp(q->where, "nowhere") == 0 && !q->pending)
		return none("Function \"nowhere\" not defined.");
	if (self.n == FAKE_BREAKS)
		return none("No room.");
	*b = (struct he_breakpoint){.number = ++self.last,
	    .kind = q->kind,
	    .catch = q->catch,
	    .where = q->where ? strdup(q->where) : NULL,
	    .condition = q->condition ? strdup(q->condition) : NULL,
	    .temporary = q->temporary,
	    .pending = q->pending,
	    .enabled = true,
	    .tid = q->tid};
	if (q->kind <= HE_BREAK_HARD && !q->pending) {
		b->v = &self.place;
		b->n = 1;
	}
	self.n++;
	*number = b->number;
	return NULL;
}

struct he_error *he_breakpoints(struct he_engine *e, unsigned number, struct he_breakpoints **ret)
{
	struct he_breakpoint *one = number ? find(number) : self.v;
	size_t n = number ? 1 : self.n;

	(void)e;
	if (!one)
		return none("No breakpoint number 9.");
	*ret = calloc(1, sizeof(**ret));
	(*ret)->v = calloc(n + 1, sizeof(*one));
	memcpy((*ret)->v, one, n * sizeof(*one));
	(*ret)->n = n;
	return NULL;
}

void he_breakpoints_free(struct he_breakpoints *p)
{
	if (p)
		free(p->v);
	free(p);
}

struct he_error *he_break_delete(struct he_engine *e, unsigned number)
{
	struct he_breakpoint *b = find(number);

	(void)e;
	if (!b)
		return none("No breakpoint number 9.");
	free((char *)b->where);
	free((char *)b->condition);
	*b = self.v[--self.n];
	return NULL;
}

struct he_error *he_break_enable(
    struct he_engine *e, unsigned number, unsigned location, enum he_enable how, uint64_t count)
{
	struct he_breakpoint *b = find(number);

	(void)e;
	(void)location;
	(void)count;
	if (!b)
		return none("No breakpoint number 9.");
	b->enabled = how != HE_DISABLE;
	return NULL;
}

struct he_error *he_break_condition(struct he_engine *e, unsigned number, const char *text)
{
	struct he_breakpoint *b = find(number);

	(void)e;
	if (!b)
		return none("No breakpoint number 9.");
	free((char *)b->condition);
	b->condition = text ? strdup(text) : NULL;
	return NULL;
}

struct he_error *he_break_ignore(struct he_engine *e, unsigned number, uint64_t count)
{
	struct he_breakpoint *b = find(number);

	(void)e;
	if (!b)
		return none("No breakpoint number 9.");
	b->ignore = count;
	return NULL;
}

static struct he_error *places(struct he_places **ret)
{
	*ret = calloc(1, sizeof(**ret));
	(*ret)->v = calloc(1, sizeof(*(*ret)->v));
	(*ret)->v[0] = (struct he_place){.function = self.place.function,
	    .file = self.place.file,
	    .line = self.place.line,
	    .addr = self.place.addr};
	(*ret)->n = 1;
	return NULL;
}

struct he_error *he_functions(
    struct he_target *t, const char *regex, const char *file, struct he_places **ret)
{
	(void)t;
	(void)regex;
	(void)file;
	return places(ret);
}

struct he_error *he_names(
    struct he_target *t, enum he_names_of what, const char *regex, struct he_names **ret)
{
	static const struct he_name known[] = {
	    {.name = "serve", .file = "a.c", .line = 12, .addr = 0x401000},
	    {.name = "start", .file = "a.c"},
	    {.name = "serve", .file = "b.c", .line = 3},
	    {.name = "e\033[mvil", .addr = 0x402000},
	};

	(void)t;
	(void)regex;
	*ret = calloc(1, sizeof(**ret));
	(*ret)->v = calloc(4, sizeof(struct he_name));
	memcpy((*ret)->v, known, sizeof(known));
	(*ret)->n = what == HE_NAMES_FUNCTIONS ? 4 : what == HE_NAMES_VARIABLES ? 3 : 0;
	(*ret)->left = what == HE_NAMES_VARIABLES ? 5 : 0;
	return NULL;
}

void he_names_free(struct he_names *p)
{
	if (p)
		free(p->v);
	free(p);
}

struct he_error *he_locate(
    struct he_target *t, const char *where, const char *file, struct he_places **ret)
{
	(void)t;
	(void)where;
	(void)file;
	return places(ret);
}

void he_places_free(struct he_places *p)
{
	if (p)
		free(p->v);
	free(p);
}

struct he_error *he_handling(struct he_engine *e, uint32_t signal, struct he_handling *ret)
{
	(void)e;
	*ret = self.handling[signal];
	return NULL;
}

struct he_error *he_handle(struct he_engine *e, uint32_t signal, const struct he_handling *h)
{
	(void)e;
	self.handling[signal] = *h;
	return NULL;
}

void he_settings(const struct he_engine *e, struct he_settings *ret)
{
	(void)e;
	*ret = self.settings;
}

struct he_error *he_set_settings(struct he_engine *e, const struct he_settings *s)
{
	(void)e;
	self.settings = *s;
	return NULL;
}

struct he_error *he_continue_with(struct he_target *t, uint64_t tid, uint32_t signal, bool others)
{
	(void)signal;
	(void)others;
	return he_continue(t, tid);
}
