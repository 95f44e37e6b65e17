/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A parsed expression, for the files of this room.
 */
#ifndef HOST_EXPR_TREE_H
#define HOST_EXPR_TREE_H

#include "host/arena.h"
#include "host/expr/expr.h"
#include "host/expr/lex.h"

enum node_kind {
	N_INTEGER, /* number, type */
	N_FLOAT,   /* real, type */
	N_STRING,  /* text, n: without its NUL */
	N_NAME,    /* text */
	N_DOLLAR,  /* text without the $ */
	N_TYPE,    /* type */
	N_UNARY,   /* token a: + - ! ~ * & */
	N_BINARY,  /* a token b */
	N_AND,     /* a && b */
	N_OR,
	N_CONDITION, /* a ? b : c */
	N_ASSIGN,    /* a = b, or with token the operator a = a token b */
	N_STEP,      /* ++ or --: token PLUS or MINUS; b set: behind */
	N_COMMA,
	N_CAST,   /* (type) a */
	N_SIZEOF, /* of a */
	N_MEMBER, /* a.text */
	N_ARROW,  /* a->text */
	N_INDEX,  /* a[b] */
	N_REPEAT, /* a@b */
};

struct node {
	enum node_kind kind;
	enum token token;
	struct node *a, *b, *c;
	struct type *type;
	const char *text;
	size_t n;
	uint64_t number;
	long double real;
	bool postfix;
	unsigned height; /* of the tree below, with this one */
};

struct eval;
/* Of a part of the tree. */
struct value *eval_node(struct eval *e, const struct node *n);

enum { TREE_HEIGHT_MAX = 1000 };

struct expr {
	struct arena arena;
	struct types *types; /* held */
	char *text;
	struct node *root;
	bool changes;
};

#endif
