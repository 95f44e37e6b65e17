/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What parse.c and parse_type.c share.
 */
#ifndef HOST_EXPR_PARSE_H
#define HOST_EXPR_PARSE_H

#include "host/expr/tree.h"

struct parser {
	const struct expr_env *env;
	struct expr *x;
	struct lexer lex;
	unsigned depth;
	struct he_error *error; /* the first thing wrong */
};

/* Say what is wrong at the current token.  Returns NULL. */
void *parse_fail(struct parser *p, const char *what);
/* Next token, which must be that. */
bool parse_take(struct parser *p, enum token token, const char *what);
bool parse_deeper(struct parser *p); /* depth++, false when too deep */
struct node *parse_node(struct parser *p, enum node_kind kind);
/* An expression without a comma of its own. */
struct node *parse_assignment(struct parser *p);

void *parse_no_memory(struct parser *p); /* the same; returns NULL */
/* n bytes with a NUL behind; NULL after parse_no_memory. */
const char *parse_copy(struct parser *p, const char *s, size_t n);

/* What the current token is, which is taken; constant: v of that type, for a keyword. */
struct node *parse_integer(struct parser *p);
struct node *parse_real(struct parser *p);
struct node *parse_character(struct parser *p);
struct node *parse_string(struct parser *p);
struct node *parse_constant(struct parser *p, const char *type, uint64_t v);
struct node *parse_null_pointer(struct parser *p);
struct node *parse_dollar(struct parser *p);

/* A name with its scopes at the current token, copied; NULL: none is there. */
const char *parse_name(struct parser *p);

/* Is there anything of that name (a C++ template's instance)? */
bool parse_is_known(struct parser *p, const char *name);
/* Does a type begin at the current token? */
bool parse_at_type(struct parser *p);
/* A type name: specifiers and an abstract declarator.  NULL after parse_fail. */
struct type *parse_type(struct parser *p);

#endif
