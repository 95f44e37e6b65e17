/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Expressions and values, for the caller of the engine.
 */
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "host/engine/asking.h"
#include "host/engine/engine.h"
#include "host/errtext.h"

/* What the caller holds. */
struct he_value {
	struct value *value;
	uint64_t tid; /* the frame it was evaluated in: what is in registers is read there */
	unsigned frame;
};

void he_value_free(struct he_value *v)
{
	if (!v)
		return;
	value_free(v->value);
	free(v);
}

/* v changes hands; it is freed when there is no memory. */
struct he_error *asking_wrap(
    struct value *v, uint64_t tid, unsigned frame, struct he_value **ret)
{
	struct he_value *box = malloc(sizeof(*box));

	if (!box) {
		value_free(v);
		return he_error_new(E_NOMEM, "out of memory.");
	}
	*box = (struct he_value){v, tid, frame};
	*ret = box;
	return NULL;
}

/* ---- evaluating -------------------------------------------------------------- */

static struct he_error *evaluate(struct asking *a, const char *text, struct value **ret)
{
	struct expr *x;
	struct he_error *err = expr_parse(&a->env, text, &x);

	if (err)
		return err;
	err = expr_evaluate(&a->env, x, ret);
	expr_free(x);
	return err;
}

struct he_error *he_evaluate(
    struct he_target *t, uint64_t tid, unsigned frame, const char *text, struct he_value **ret)
{
	struct he_error *err = target_enter(t);
	struct value *v = NULL;
	struct asking a;

	if (err)
		return err;
	err = asking_open(&a, t, tid, frame);
	if (!err)
		err = evaluate(&a, text, &v);
	err = target_leave(t, asking_close(&a, err));
	if (err) {
		value_free(v);
		return err;
	}
	return asking_wrap(v, tid, frame, ret);
}

struct he_error *he_value_number(struct he_target *t, struct he_value *v, uint64_t *ret)
{
	struct he_error *err = target_enter(t);
	struct asking a;

	if (err)
		return err;
	err = asking_open(&a, t, v->tid, v->frame);
	if (!err)
		err = value_number(&a.env, v->value, ret);
	return target_leave(t, asking_close(&a, err));
}

bool he_value_address(const struct he_value *v, uint64_t *ret)
{
	uint64_t size;

	return value_in_memory(v->value, ret, &size);
}

/* ---- showing --------------------------------------------------------------------- */

static struct he_error *show(
    struct asking *a, struct value *v, const struct he_format *f, char **ret)
{
	struct value_format format = {.letter = f->letter, .elements = f->elements, .top = f->top};

	return value_text(&a->env, v, &format, ret);
}

struct he_error *he_value_text(
    struct he_target *t, struct he_value *v, const struct he_format *f, char **ret)
{
	struct he_error *err = target_enter(t);
	char *text = NULL;
	struct asking a;

	if (err)
		return err;
	err = asking_open(&a, t, v->tid, v->frame);
	if (!err)
		err = show(&a, v->value, f, &text);
	err = target_leave(t, asking_close(&a, err));
	if (err)
		free(text);
	else
		*ret = text;
	return err;
}

static struct he_error *type_of(struct asking *a, const char *text, bool expand, char **ret)
{
	struct expr *x;
	struct type *type;
	struct he_error *err = expr_parse(&a->env, text, &x);

	if (err)
		return err;
	err = expr_type(&a->env, x, &type);
	/* whatis looks through one typedef when it is asked about it by name */
	if (!err && !expand && expr_as_type(x) && type->kind == TYPE_TYPEDEF && type->target)
		type = type->target;
	if (!err)
		err = type_text(a->env.types, type, expand, ret);
	expr_free(x);
	return err;
}

struct he_error *he_type_text(
    struct he_target *t, uint64_t tid, unsigned frame, const char *text, bool expand, char **ret)
{
	struct he_error *err = target_enter(t);
	char *got = NULL;
	struct asking a;

	if (err)
		return err;
	err = asking_open(&a, t, tid, frame);
	if (!err)
		err = type_of(&a, text, expand, &got);
	err = target_leave(t, asking_close(&a, err));
	if (err)
		free(got);
	else
		*ret = got;
	return err;
}

/* ---- locals -------------------------------------------------------------------------- */

void he_locals_free(struct he_locals *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++) {
		free((char *)p->v[i].name);
		free((char *)p->v[i].text);
	}
	free(p->v);
	free(p);
}

static struct he_error *local(
    struct asking *a, const struct sym_local *from, const struct he_format *f, struct he_local *to)
{
	struct value *v = NULL;
	char *text = NULL;
	struct he_error *err = expr_variable(&a->env, &from->var, &v);

	if (!err)
		err = show(a, v, f, &text);
	value_free(v);
	if (err && (err->code == E_LOST || err->code == E_CANCELLED || err->code == E_NOMEM))
		return err;
	if (err) {
		if (asprintf(&text, "<error: %s>", err->message) < 0)
			text = NULL;
		he_error_free(err);
	}
	*to = (struct he_local){.name = strdup(from->name), .text = text, .depth = from->depth};
	return NULL;
}

static struct he_error *locals(
    struct asking *a, bool args, const struct he_format *f, struct he_locals *to)
{
	struct sym_local *v = NULL;
	size_t n = 0;
	struct he_error *err;

	if (!a->has_frame)
		return a->no_frame ? he_error_copy(a->no_frame)
				   : he_error_new(E_STATE, "locals need a thread that stands");
	err = symbols_locals(a->env.symbols, &a->env.scope, args, &v, &n);
	if (!err)
		to->v = calloc(n + 1, sizeof(*to->v));
	if (!err && !to->v)
		err = he_error_new(E_NOMEM, "out of memory.");
	for (; !err && to->n < n; to->n++)
		err = local(a, &v[to->n], f, &to->v[to->n]);
	free(v);
	return err;
}

struct he_error *he_locals(struct he_target *t, uint64_t tid, unsigned frame, bool args,
    const struct he_format *f, struct he_locals **ret)
{
	struct he_error *err = target_enter(t);
	struct he_locals *to = calloc(1, sizeof(*to));
	struct asking a;

	if (err) {
		free(to);
		return err;
	}
	err = asking_open(&a, t, tid, frame);
	if (!err)
		err = to ? locals(&a, args, f, to) : he_error_new(E_NOMEM, "out of memory.");
	err = target_leave(t, asking_close(&a, err));
	if (err)
		he_locals_free(to);
	else
		*ret = to;
	return err;
}

/* ---- history and variables ---------------------------------------------------------------- */

struct he_error *he_remember(struct he_target *t, struct he_value *v, unsigned *number)
{
	struct he_error *err = target_enter(t);
	struct asking a;

	if (err)
		return err;
	*number = 0;
	err = asking_open(&a, t, v->tid, v->frame);
	if (!err)
		err = value_settle(&a.env, v->value);
	err = target_leave(t, asking_close(&a, err));
	if (!err)
		*number = (unsigned)value_store_add(t->engine->values, v->value);
	return err;
}

struct he_error *he_set_number(struct he_target *t, const char *name, uint64_t number)
{
	struct he_error *err = target_enter(t);
	struct value *v = NULL;
	struct asking a;

	if (err)
		return err;
	err = asking_open(&a, t, 0, 0);
	if (!err)
		err = value_make_number(a.env.types, type_int(a.env.types, 8, true), number, &v);
	if (!err)
		err = value_store_set(t->engine->values, name, v);
	value_free(v);
	return target_leave(t, asking_close(&a, err));
}
