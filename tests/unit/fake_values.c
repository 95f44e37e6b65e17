/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Expressions made up for the front end's tests: a value is the text it was asked for.
 * "nothing" is not known, a number is itself, anything else is 0x1000.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "host/hosteng.h"

struct he_value {
	char *text;
};

static unsigned remembered;

static struct he_error *unknown(void)
{
	static const char message[] = "no symbol \"nothing\" in this context";
	struct he_error *e = malloc(sizeof(*e) + sizeof(message));

	*e = (struct he_error){.code = E_NO_FILE};
	memcpy(e->message, message, sizeof(message));
	return e;
}

struct he_error *he_evaluate(
    struct he_target *t, uint64_t tid, unsigned frame, const char *text, struct he_value **ret)
{
	(void)t;
	(void)tid;
	(void)frame;
	if (strcmp(text, "nothing") == 0)
		return unknown();
	*ret = calloc(1, sizeof(**ret));
	(*ret)->text = strdup(text);
	return NULL;
}

void he_value_free(struct he_value *v)
{
	if (v)
		free(v->text);
	free(v);
}

struct he_error *he_value_text(
    struct he_target *t, struct he_value *v, const struct he_format *f, char **ret)
{
	(void)t;
	if (asprintf(ret, "%c<%s>\033[2J", f->letter ? f->letter : '-', v->text) < 0)
		abort();
	return NULL;
}

struct he_error *he_value_number(struct he_target *t, struct he_value *v, uint64_t *ret)
{
	char *end;

	(void)t;
	errno = 0;
	*ret = strtoull(v->text, &end, 0);
	return *end || errno ? unknown() : NULL;
}

struct he_error *he_remember(struct he_target *t, struct he_value *v, unsigned *number)
{
	(void)t;
	(void)v;
	*number = ++remembered;
	return NULL;
}

struct he_error *he_type_text(
    struct he_target *t, uint64_t tid, unsigned frame, const char *text, bool expand, char **ret)
{
	(void)t;
	(void)tid;
	(void)frame;
	if (strcmp(text, "nothing") == 0)
		return unknown();
	if (asprintf(ret, expand ? "struct %s {\n    int x;\n}" : "struct %s", text) < 0)
		abort();
	return NULL;
}

struct he_error *he_locals(struct he_target *t, uint64_t tid, unsigned frame, bool args,
    const struct he_format *f, struct he_locals **ret)
{
	static struct he_local one = {"n", "42", 0};
	static struct he_locals none = {NULL, 0}, some = {&one, 1};

	(void)t;
	(void)tid;
	(void)f;
	*ret = args || frame ? &none : &some;
	return NULL;
}

void he_locals_free(struct he_locals *p)
{
	(void)p;
}

struct he_error *he_stack_arguments(
    struct he_target *t, uint64_t tid, struct he_stack *s, size_t from, size_t to)
{
	(void)t;
	(void)tid;
	(void)s;
	(void)from;
	(void)to;
	return NULL;
}

struct he_error *he_prefetch_arguments(struct he_target *t)
{
	(void)t;
	return NULL;
}
