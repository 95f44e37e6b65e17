/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Values as text: structures and arrays around scalars.
 */
#include "host/expr/print.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "host/errtext.h"

/* ---- what went wrong ------------------------------------------------------- */

static bool is_fatal(const struct he_error *err)
{
	return err->code == E_LOST || err->code == E_CANCELLED || err->code == E_NOMEM;
}

/* In place of a part; what ends everything is kept. */
static void print_trouble(struct printer *p)
{
	struct he_error *err = p->e->error;

	if (!err || is_fatal(err))
		return;
	p->e->error = NULL;
	if (err->code == E_FAULT)
		fprintf(p->f, "<error: Cannot access memory at address 0x%" PRIx64 ">", err->addr);
	else if (err->code == E_STATE && strstr(err->message, "optimized out"))
		fputs("<optimized out>", p->f);
	else
		fprintf(p->f, "<error: %s>", err->message);
	he_error_free(err);
}

/* A part that is made for being written only. */
static void print_part(struct printer *p, struct value *part)
{
	if (part) {
		print_value(p, part);
		value_free(value_take(p->e, part));
	}
	if (p->e->error)
		print_trouble(p);
}

static bool may_go_on(struct printer *p)
{
	return !p->e->error && ++p->parts < PRINT_PARTS_MAX;
}

/* ---- structures ------------------------------------------------------------ */

static void field(struct printer *p, struct value *v, const struct type_member *m)
{
	struct type *t = type_strip(m->type);

	if (m->base) {
		fputc('<', p->f);
		print_type_name(p->f, v->types, m->type);
		fputs("> = ", p->f);
	} else if (m->name) {
		fprintf(p->f, "%s%s = ", m->is_static ? "static " : "", m->name);
	}
	/* A static one may hold its own kind: GDB follows them once. */
	if (m->is_static && t == type_strip(v->type))
		fputs("<same as static member of an already seen type>", p->f);
	else {
		p->as_base = m->base;
		print_part(p, value_field(p->e, v, m));
		p->as_base = false;
	}
}

/* Was this virtual base shown already?  It is from now on. */
static bool was_shown(struct printer *p, const struct value *v, const struct type_member *m)
{
	struct type *t;

	if (!m->base || !m->is_virtual)
		return false;
	t = type_complete(v->types, m->type);
	for (unsigned i = p->first_seen; i < p->n_seen; i++)
		if (p->seen[i] == t)
			return true;
	if (p->n_seen < PRINT_VIRTUAL_MAX)
		p->seen[p->n_seen++] = t;
	return false;
}

static void structure(struct printer *p, struct value *v)
{
	struct type *t = type_complete(v->types, v->type);
	unsigned first = p->first_seen, n_seen = p->n_seen;
	bool was_inside = p->inside, as_base = p->as_base;
	size_t shown = 0;

	if (t->incomplete) {
		fputs("<incomplete type>", p->f);
		return;
	}
	p->inside = true;
	p->as_base = false;
	if (!as_base)
		p->first_seen = n_seen;
	fputc('{', p->f);
	for (size_t i = 0; i < t->n_members && may_go_on(p); i++) {
		const struct type_member *m = &t->member[i];

		if (!m->name && !m->base && m->bit_size) /* an unnamed bit-field is a gap */
			continue;
		if (was_shown(p, v, m))
			continue;
		if (shown++)
			fputs(", ", p->f);
		field(p, v, m);
	}
	fputs(shown ? "}" : "<No data fields>}", p->f);
	p->inside = was_inside;
	if (!as_base)
		p->n_seen = n_seen;
	p->first_seen = first;
}

/* ---- arrays ---------------------------------------------------------------- */

/* How many elements from i on have the same bytes. */
static uint64_t run(const struct value *v, uint64_t size, uint64_t i, uint64_t n)
{
	uint64_t k = i + 1;

	while (k < n && !memcmp(v->bytes + i * size, v->bytes + k * size, size))
		k++;
	return k - i;
}

static void elements(struct printer *p, struct value *v, struct type *of, uint64_t n)
{
	uint64_t size = of->size, shown = 0, i = 0, same;

	fputc('{', p->f);
	while (i < n && shown < p->elements && may_go_on(p)) {
		same = v->bytes && size ? run(v, size, i, n) : 1;
		if (i)
			fputs(", ", p->f);
		print_part(p, value_part(p->e, v, type_strip(v->type)->target, i * size, 0, 0));
		if (same >= PRINT_REPEATS) {
			fprintf(p->f, " <repeats %" PRIu64 " times>", same);
			shown += PRINT_REPEATS;
			i += same;
		} else {
			shown++;
			i++;
		}
	}
	fputs(i < n ? "...}" : "}", p->f);
}

static void array(struct printer *p, struct value *v)
{
	struct type *t = type_strip(v->type), *of = type_complete(v->types, t->target);
	uint64_t n = t->count;

	if (n == TYPE_NO_COUNT) { /* "extern int a[]" and flexible members */
		if (type_is_text(t->target) && v->lval == LVAL_MEMORY)
			print_string_at(p, t->target, v->addr);
		else
			fprintf(p->f, "0x%" PRIx64, v->addr);
		return;
	}
	if (type_is_text(t->target) && v->bytes && (!p->format.letter || p->format.letter == 's') &&
	    !t->vector)
		print_characters(p, t->target, v->bytes, (size_t)n, false);
	else
		elements(p, v, of, n);
}

/* ---- others ---------------------------------------------------------------- */

static bool is_aggregate(const struct type *t)
{
	return t->kind == TYPE_STRUCT || t->kind == TYPE_UNION || t->kind == TYPE_ARRAY;
}

static void reference(struct printer *p, struct value *v)
{
	struct value *to = value_referred(p->e, v);

	if (!to)
		return;
	if (p->format.brief && is_aggregate(type_complete(to->types, to->type))) {
		fputs("...", p->f);
		return;
	}
	fprintf(p->f, "@0x%" PRIx64, to->addr);
	if (p->inside)
		return;
	fputs(": ", p->f);
	print_part(p, to);
}

static void function(struct printer *p, struct value *v)
{
	fputc('{', p->f);
	print_type_name(p->f, v->types, v->type);
	fprintf(p->f, "} 0x%" PRIx64, v->addr);
	print_symbol(p, v->addr, true);
}

static void aggregate(struct printer *p, struct value *v, struct type *t)
{
	if (p->format.brief) {
		fputs("...", p->f);
		return;
	}
	/* Pieces of it may be gone: then the others are written. */
	if (!v->lost && t->size && !(t->kind == TYPE_ARRAY && t->count == TYPE_NO_COUNT) &&
	    !value_fetch(p->e, v) && v->lval != LVAL_PLACE)
		return;
	if (v->lost && v->lval != LVAL_PLACE) {
		fputs("<optimized out>", p->f);
		return;
	}
	if (v->lost) {
		he_error_free(p->e->error);
		p->e->error = NULL;
	}
	if (t->kind == TYPE_ARRAY)
		array(p, v);
	else
		structure(p, v);
}

void print_value(struct printer *p, struct value *v)
{
	struct type *t = type_complete(v->types, v->type);

	if (++p->nest > PRINT_NEST_MAX) {
		fputs("...", p->f);
		p->nest--;
		return;
	}
	switch (t->kind) {
	case TYPE_VOID:
		fputs("void", p->f);
		break;
	case TYPE_STRUCT:
	case TYPE_UNION:
	case TYPE_ARRAY:
		aggregate(p, v, t);
		break;
	case TYPE_REFERENCE:
		reference(p, v);
		break;
	case TYPE_FUNCTION:
		function(p, v);
		break;
	case TYPE_UNKNOWN:
		eval_wrong(p->e, "its type is not known; cast it to its declared type");
		break;
	default:
		if (value_fetch(p->e, v))
			print_scalar(p, v);
	}
	p->nest--;
}

/* ---- for the caller -------------------------------------------------------- */

/* Pointers and references standing alone are shown with their type, but for strings. */
static void lead(struct printer *p, struct value *v)
{
	struct type *t = type_strip(v->type), *to = t->target;

	if ((t->kind != TYPE_POINTER && t->kind != TYPE_REFERENCE) || p->format.letter)
		return;
	if (t->kind == TYPE_POINTER && v->type->kind != TYPE_TYPEDEF) {
		while (to && (to->kind == TYPE_CONST || to->kind == TYPE_VOLATILE))
			to = to->target;
		if (to && to->name && !strcmp(to->name, "char"))
			return;
	}
	fputc('(', p->f);
	print_type_name(p->f, v->types, v->type);
	fputs(") ", p->f);
}

static void whole(struct printer *p, struct value *v)
{
	struct type *t = type_complete(v->types, v->type);
	bool parts = is_aggregate(t);

	/* What cannot be read at all is an error and not a text about one. */
	if (!parts && t->kind != TYPE_VOID && t->kind != TYPE_FUNCTION && t->kind != TYPE_UNKNOWN &&
	    !value_fetch(p->e, v)) {
		if (v->lost)
			print_trouble(p);
		return;
	}
	if (p->format.top)
		lead(p, v);
	print_value(p, v);
}

struct he_error *value_text(
    const struct expr_env *env, struct value *v, const struct value_format *f, char **ret)
{
	struct eval e = {.env = env};
	struct printer p = {.e = &e, .format = *f};
	char *text = NULL;
	size_t size = 0;

	p.elements = f->elements ? f->elements : PRINT_ELEMENTS;
	p.f = open_memstream(&text, &size);
	if (!p.f)
		return he_error_new(E_NOMEM, "out of memory.");
	whole(&p, v);
	if (fclose(p.f) != 0 || !text)
		eval_fail(&e, he_error_new(E_NOMEM, "out of memory."));
	eval_end(&e);
	if (e.error)
		free(text);
	else
		*ret = text;
	return e.error;
}
