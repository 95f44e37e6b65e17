/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Types as C and C++ write them: what stands before a name, and what behind it.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "host/errtext.h"
#include "host/expr/print.h"

enum { INDENT = 4, NEST_MAX = 30 };

struct type_printer {
	FILE *f;
	struct types *types;
	unsigned nest;
};

static const char *keyword(const struct type *t)
{
	if (t->cplus && t->name)
		return "";
	return t->kind == TYPE_UNION ? "union " : t->kind == TYPE_ENUM ? "enum " : "struct ";
}

int type_scope_length(const struct type *t)
{
	const char *last = NULL;

	if (!t->name || !t->cplus)
		return 0;
	if (t->scoped)
		return (int)strlen(t->name);
	for (const char *p = t->name; (p = strstr(p, "::")); p += 2)
		last = p;
	return last ? (int)(last - t->name) : 0;
}

struct qualifiers {
	bool is_const, is_volatile;
	const char *other; /* "restrict", "_Atomic" */
};

/* Those of t; what is qualified goes to *of. */
static struct qualifiers qualifiers(struct type *t, struct type **of)
{
	struct qualifiers q = {.other = NULL};

	for (int i = 0; t && i < TYPE_CHAIN_MAX; i++, t = t->target) {
		if (t->kind == TYPE_CONST)
			q.is_const = true;
		else if (t->kind != TYPE_VOLATILE)
			break;
		else if (t->name)
			q.other = t->name;
		else
			q.is_volatile = true;
	}
	*of = t;
	return q;
}

static void leading(FILE *f, const struct qualifiers *q)
{
	fprintf(f, "%s%s%s%s", q->is_const ? "const " : "", q->is_volatile ? "volatile " : "",
	    q->other ? q->other : "", q->other ? " " : "");
}

/* Behind a star. */
static void trailing(FILE *f, const struct qualifiers *q, bool blank)
{
	bool any = q->is_const || q->is_volatile || q->other;

	fprintf(f, "%s%s%s%s", q->is_const ? " const" : "", q->is_volatile ? " volatile" : "",
	    q->other ? " " : "", q->other ? q->other : "");
	fputs(any && blank ? " " : "", f);
}

/* Is it written around a name, and not before it? */
static bool is_declarator(const struct type *t)
{
	return t->kind == TYPE_POINTER || t->kind == TYPE_REFERENCE || t->kind == TYPE_ARRAY ||
	       (t->kind == TYPE_FUNCTION && !t->name) || t->kind == TYPE_MEMBER_POINTER;
}

/* Has a pointer to it to be put in parentheses? */
static bool binds_tighter(struct type *t)
{
	struct type *to = t->target ? type_unqualified(t->target) : NULL;

	return to && (to->kind == TYPE_ARRAY || to->kind == TYPE_FUNCTION) && is_declarator(to);
}

static void base_name(struct type_printer *p, struct type *t)
{
	if (t->kind == TYPE_STRUCT || t->kind == TYPE_UNION || t->kind == TYPE_ENUM)
		fprintf(p->f, "%s%s", keyword(t), t->name ? t->name : "{...}");
	else
		fputs(t->name ? t->name : "<unknown type>", p->f);
}

static void pointer_sign(struct type_printer *p, struct type *t)
{
	if (t->kind == TYPE_REFERENCE)
		fputs(t->rvalue ? "&&" : "&", p->f);
	else if (t->kind == TYPE_MEMBER_POINTER)
		fprintf(p->f, "%s::*", t->owner && t->owner->name ? t->owner->name : "");
	else
		fputc('*', p->f);
}

/* The stars. */
static void prefix(struct type_printer *p, struct type *t, bool blank)
{
	struct qualifiers q = qualifiers(t, &t);

	if (!t || !is_declarator(t) || ++p->nest > NEST_MAX)
		return;
	if (t->kind == TYPE_ARRAY || t->kind == TYPE_FUNCTION) {
		prefix(p, t->target, false);
	} else {
		prefix(p, t->target, true);
		fputs(binds_tighter(t) ? "(" : "", p->f);
		pointer_sign(p, t);
		trailing(p->f, &q, blank);
	}
	p->nest--;
}

/* What stands before all that: the type at the end of the chain. */
static void base(struct type_printer *p, struct type *t)
{
	struct qualifiers q = qualifiers(t, &t);
	bool any = false;

	for (unsigned i = 0; t && is_declarator(t) && i < NEST_MAX; i++) {
		q = qualifiers(t->target, &t);
		any = true;
	}
	leading(p->f, &q);
	base_name(p, t ? t : type_void(p->types));
	fputs(any ? " " : "", p->f);
}

static void parameters(struct type_printer *p, struct type *t)
{
	t = type_complete(p->types, t);
	fputc('(', p->f);
	for (size_t i = 0; i < t->n_members; i++) {
		fputs(i ? ", " : "", p->f);
		print_type_name(p->f, p->types, t->member[i].type);
	}
	if (t->variadic)
		fputs(t->n_members ? ", ..." : "...", p->f);
	else if (!t->n_members && t->prototyped)
		fputs("void", p->f);
	fputc(')', p->f);
}

static void suffix(struct type_printer *p, struct type *t)
{
	t = t ? type_unqualified(t) : NULL;
	if (!t || !is_declarator(t) || ++p->nest > NEST_MAX)
		return;
	if (t->kind == TYPE_ARRAY && t->count == TYPE_NO_COUNT)
		fputs("[]", p->f);
	else if (t->kind == TYPE_ARRAY && t->vector)
		fprintf(p->f, "__attribute__ ((vector_size(%" PRIu64 ")))", t->count);
	else if (t->kind == TYPE_ARRAY)
		fprintf(p->f, "[%" PRIu64 "]", t->count);
	else if (t->kind == TYPE_FUNCTION)
		parameters(p, t);
	else if (binds_tighter(t))
		fputc(')', p->f);
	suffix(p, t->target);
	p->nest--;
}

/* name in its place: "char buf[16]"; without one "char [16]". */
static void declaration(struct type_printer *p, struct type *t, const char *name)
{
	base(p, t);
	if (name && !is_declarator(type_unqualified(t)))
		fputc(' ', p->f);
	prefix(p, t, name != NULL);
	fputs(name ? name : "", p->f);
	suffix(p, t);
}

void print_type_name(FILE *f, struct types *types, struct type *t)
{
	struct type_printer p = {.f = f, .types = types};

	declaration(&p, t, NULL);
}

/* ---- with its members ------------------------------------------------------ */

static void body(struct type_printer *p, struct type *t, unsigned indent);

static bool unnamed_structure(struct type *t)
{
	return (t->kind == TYPE_STRUCT || t->kind == TYPE_UNION) && !t->name;
}

static void member(struct type_printer *p, const struct type_member *m, unsigned indent)
{
	struct type *t = m->type;

	fprintf(p->f, "%*s%s", (int)indent, "", m->is_static ? "static " : "");
	if (unnamed_structure(t) && indent < INDENT * NEST_MAX) {
		body(p, t, indent);
		if (m->name)
			fprintf(p->f, " %s", m->name);
	} else {
		declaration(p, t, m->name);
	}
	if (m->bit_size)
		fprintf(p->f, " : %u", m->bit_size);
	fputs(";\n", p->f);
}

static void bases(struct type_printer *p, struct type *t)
{
	bool any = false;

	for (size_t i = 0; i < t->n_members; i++) {
		if (!t->member[i].base)
			continue;
		fprintf(p->f, "%s public ", any ? "," : " :");
		fputs(t->member[i].is_virtual ? "virtual " : "", p->f);
		print_type_name(p->f, p->types, t->member[i].type);
		any = true;
	}
}

static void enumerators(struct type_printer *p, struct type *t)
{
	int64_t next = 0;

	fputs(" {", p->f);
	for (size_t i = 0; i < t->n_members; i++) {
		const struct type_member *m = &t->member[i];
		int scope = type_scope_length(t);

		fprintf(p->f, "%s%.*s%s%s", i ? ", " : "", scope, t->name ? t->name : "",
		    scope ? "::" : "", m->name ? m->name : "?");
		if (m->value != next)
			fprintf(p->f, " = %" PRId64, m->value);
		next = (int64_t)((uint64_t)m->value + 1);
	}
	fputc('}', p->f);
}

/* In C++ the type below is said, once it is known. */
static void enum_head(struct type_printer *p, struct type *t)
{
	static const char *const names[2][9] = {{[1] = "unsigned char",
						    [2] = "unsigned short",
						    [4] = "unsigned int",
						    [8] = "unsigned long"},
	    {[1] = "signed char", [2] = "short", [4] = "int", [8] = "long"}};

	fprintf(p->f, "enum %s%s", t->scoped ? "class " : "", t->name ? t->name : "");
	if (t->cplus && t->size <= 8 && names[t->is_signed][t->size])
		fprintf(p->f, "%s: %s", t->name ? " " : "", names[t->is_signed][t->size]);
}

static void body(struct type_printer *p, struct type *t, unsigned indent)
{
	const char *word = t->kind == TYPE_UNION ? "union" : t->is_class ? "class" : "struct";
	size_t shown = 0;

	t = type_complete(p->types, t);
	fprintf(p->f, "%s%s%s", word, t->name ? " " : "", t->name ? t->name : "");
	bases(p, t);
	if (t->incomplete) {
		fputs(" {\n    <incomplete type>\n}", p->f);
		return;
	}
	fputs(" {\n", p->f);
	for (size_t i = 0; i < t->n_members; i++) {
		const struct type_member *m = &t->member[i];

		if (m->base || m->artificial || (!m->name && m->bit_size))
			continue;
		if (m->name && !strncmp(m->name, "_vptr", 5))
			continue;
		member(p, m, indent + INDENT);
		shown++;
	}
	if (!shown)
		fprintf(p->f, "%*s<no data fields>\n", (int)indent + INDENT, "");
	fprintf(p->f, "%*s}", (int)indent, "");
}

/* ptype looks through typedefs, also of what is pointed to. */
static void expanded(struct type_printer *p, struct type *t)
{
	struct type *at = t, *inner;
	struct qualifiers q;

	for (int i = 0; i < TYPE_CHAIN_MAX && at->kind == TYPE_TYPEDEF && at->target; i++)
		at = at->target;
	inner = type_strip(at);
	if (inner->kind == TYPE_STRUCT || inner->kind == TYPE_UNION) {
		q = qualifiers(at, &at);
		leading(p->f, &q);
		body(p, inner, 0);
	} else if (inner->kind == TYPE_ENUM) {
		q = qualifiers(at, &at);
		leading(p->f, &q);
		inner = type_complete(p->types, inner);
		enum_head(p, inner);
		enumerators(p, inner);
	} else if (inner->kind == TYPE_POINTER && inner->target &&
		   (type_strip(inner->target)->kind == TYPE_STRUCT ||
		       type_strip(inner->target)->kind == TYPE_UNION)) {
		expanded(p, inner->target);
		fputs(" *", p->f);
	} else {
		declaration(p, at, NULL);
	}
}

struct he_error *type_text(struct types *types, struct type *t, bool expand, char **ret)
{
	char *text = NULL;
	size_t size = 0;
	struct type_printer p = {.types = types, .f = open_memstream(&text, &size)};

	if (!p.f)
		return he_error_new(E_NOMEM, "out of memory.");
	if (expand)
		expanded(&p, t);
	else
		declaration(&p, t, NULL);
	if (fclose(p.f) != 0 || !text) {
		free(text);
		return he_error_new(E_NOMEM, "out of memory.");
	}
	*ret = text;
	return NULL;
}
