/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Numbers, characters, strings and $names.
 */
#include <string.h>

#include "host/expr/parse.h"

/* The first type of C's list that holds it (C17, 6.4.4.1). */
static struct type *type_of_integer(struct parser *p, const struct lexer *l)
{
	struct types *types = p->env->types;
	unsigned size = l->longs == 0 ? 4 : l->longs == 1 ? types_address_size(types) : 8;

	for (; size <= 8; size *= 2) {
		unsigned bits = size * 8;

		if (!l->is_unsigned && l->number >> (bits - 1) == 0)
			return type_int(types, size, true);
		if ((l->is_unsigned || !l->decimal) && (bits == 64 || l->number >> bits == 0))
			return type_int(types, size, false);
	}
	return type_int(types, 8, false);
}

struct node *parse_integer(struct parser *p)
{
	struct node *n = parse_node(p, N_INTEGER);

	if (!n)
		return NULL;
	n->number = p->lex.number;
	n->type = type_of_integer(p, &p->lex);
	lex_next(&p->lex);
	return n->type ? n : parse_no_memory(p);
}

struct node *parse_real(struct parser *p)
{
	struct node *n = parse_node(p, N_FLOAT);
	const char *name = p->lex.is_float ? "float" : p->lex.is_long ? "long double" : "double";

	if (!n)
		return NULL;
	n->real = p->lex.real;
	n->type = type_named_base(p->env->types, name);
	lex_next(&p->lex);
	return n->type ? n : parse_no_memory(p);
}

struct node *parse_character(struct parser *p)
{
	struct node *n = parse_node(p, N_INTEGER);
	const char *at = p->lex.word;

	if (!n)
		return NULL;
	n->number = (uint64_t)(int64_t)(signed char)lex_unescape(&at, at + p->lex.n);
	n->type = type_named_base(p->env->types, "char");
	lex_next(&p->lex);
	return n->type ? n : parse_no_memory(p);
}

/* Strings that follow one another are one. */
struct node *parse_string(struct parser *p)
{
	struct node *n = parse_node(p, N_STRING);
	char text[EXPR_TEXT_MAX];
	size_t used = 0;

	while (n && p->lex.token == T_STRING) {
		const char *at = p->lex.word, *end = at + p->lex.n;

		while (at < end)
			text[used++] = (char)lex_unescape(&at, end);
		lex_next(&p->lex);
	}
	if (!n)
		return NULL;
	n->text = parse_copy(p, text, used);
	n->n = used;
	return n->text ? n : NULL;
}

struct node *parse_constant(struct parser *p, const char *type, uint64_t v)
{
	struct node *n = parse_node(p, N_INTEGER);

	if (!n)
		return NULL;
	n->number = v;
	n->type = type_named_base(p->env->types, type);
	lex_next(&p->lex);
	return n->type ? n : parse_no_memory(p);
}

struct node *parse_null_pointer(struct parser *p)
{
	struct node *n = parse_constant(p, "void", 0);

	if (n)
		n->type = type_pointer(p->env->types, type_void(p->env->types));
	return n && n->type ? n : NULL;
}

struct node *parse_dollar(struct parser *p)
{
	struct node *n = parse_node(p, N_DOLLAR);

	if (n)
		n->text = parse_copy(p, p->lex.word, p->lex.n);
	lex_next(&p->lex);
	return n && n->text ? n : NULL;
}
