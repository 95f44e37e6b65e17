/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The value history and the convenience variables of a session.
 */
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "host/errtext.h"
#include "host/expr/value.h"

enum { HISTORY_MAX = 100000, VARIABLES_MAX = 10000 };

struct variable {
	char *name;
	struct value *value;
};

struct value_store {
	struct value **history; /* $1 is the first */
	size_t n;
	struct variable *v;
	size_t n_variables;
};

struct value_store *value_store_new(void)
{
	return calloc(1, sizeof(struct value_store));
}

void value_store_free(struct value_store *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		value_free(s->history[i]);
	for (size_t i = 0; i < s->n_variables; i++) {
		free(s->v[i].name);
		value_free(s->v[i].value);
	}
	free(s->history);
	free(s->v);
	free(s);
}

size_t value_store_add(struct value_store *s, const struct value *v)
{
	struct value **more;
	struct value *copy;

	if (s->n == HISTORY_MAX)
		return 0;
	more = reallocarray(s->history, s->n + 1, sizeof(*more));
	if (!more)
		return 0;
	s->history = more;
	copy = value_copy(v);
	if (copy)
		s->history[s->n++] = copy;
	return copy ? s->n : 0;
}

/* "" is the last, "$" the one before it, "$2" the second before it, "1" the first. */
static struct he_error *from_history(
    const struct value_store *s, const char *name, struct value **ret)
{
	bool from_end = !*name || *name == '$';
	size_t back = !*name ? 0 : 1, n;

	if (*name == '$' && name[1])
		back = strtoul(name + 1, NULL, 10);
	n = from_end ? s->n - back : strtoul(name, NULL, 10);
	if (from_end && back >= s->n)
		return NULL; /* as GDB: void */
	if (!n || n > s->n)
		return he_error_new(
		    E_NO_FILE, "the history has no value $%s; its last is $%zu", name, s->n);
	*ret = value_copy(s->history[n - 1]);
	return *ret ? NULL : he_error_new(E_NOMEM, "out of memory.");
}

static struct variable *find(const struct value_store *s, const char *name)
{
	for (size_t i = 0; i < s->n_variables; i++)
		if (!strcmp(s->v[i].name, name))
			return &s->v[i];
	return NULL;
}

struct he_error *value_store_get(const struct value_store *s, const char *name, struct value **ret)
{
	const struct variable *known;

	*ret = NULL;
	if (name[strspn(name, "$0123456789")] == 0)
		return from_history(s, name, ret);
	known = find(s, name);
	if (!known)
		return NULL;
	*ret = value_copy(known->value);
	return *ret ? NULL : he_error_new(E_NOMEM, "out of memory.");
}

static struct variable *add(struct value_store *s, const char *name)
{
	struct variable *more;

	if (s->n_variables == VARIABLES_MAX)
		return NULL;
	more = reallocarray(s->v, s->n_variables + 1, sizeof(*more));
	if (!more)
		return NULL;
	s->v = more;
	more = &s->v[s->n_variables];
	*more = (struct variable){.name = strdup(name)};
	s->n_variables += more->name != NULL;
	return more->name ? more : NULL;
}

struct he_error *value_store_set(struct value_store *s, const char *name, const struct value *v)
{
	struct value *copy = value_copy(v);
	struct variable *to = copy ? find(s, name) : NULL;

	if (copy && !to)
		to = add(s, name);
	if (!to) {
		value_free(copy);
		return he_error_new(E_NOMEM, "no room for the variable $%s", name);
	}
	/* A variable is no longer where its value came from. */
	copy->lval = LVAL_NONE;
	value_free(to->value);
	to->value = copy;
	return NULL;
}
