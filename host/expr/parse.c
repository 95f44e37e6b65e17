/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Precedence parsing: one table row per binary operator.
 */
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "host/errtext.h"
#include "host/expr/parse.h"

/* How tightly binary operators bind.  a@n (n objects from a on) stands where GDB has it. */
static const struct binary {
	uint8_t left, right; /* right < left: groups to the right */
	enum node_kind kind;
	enum token token; /* of the node */
} binaries[] = {
    [T_COMMA] = {1, 2, N_COMMA, T_COMMA},
    [T_ASSIGN] = {4, 3, N_ASSIGN, T_END},
    [T_MUL_ASSIGN] = {4, 3, N_ASSIGN, T_STAR},
    [T_DIV_ASSIGN] = {4, 3, N_ASSIGN, T_SLASH},
    [T_MOD_ASSIGN] = {4, 3, N_ASSIGN, T_PERCENT},
    [T_ADD_ASSIGN] = {4, 3, N_ASSIGN, T_PLUS},
    [T_SUB_ASSIGN] = {4, 3, N_ASSIGN, T_MINUS},
    [T_SHL_ASSIGN] = {4, 3, N_ASSIGN, T_SHL},
    [T_SHR_ASSIGN] = {4, 3, N_ASSIGN, T_SHR},
    [T_AND_ASSIGN] = {4, 3, N_ASSIGN, T_AND},
    [T_XOR_ASSIGN] = {4, 3, N_ASSIGN, T_XOR},
    [T_OR_ASSIGN] = {4, 3, N_ASSIGN, T_OR},
    [T_QUESTION] = {6, 5, N_CONDITION, T_QUESTION},
    [T_OROR] = {7, 8, N_OR, T_OROR},
    [T_ANDAND] = {9, 10, N_AND, T_ANDAND},
    [T_OR] = {11, 12, N_BINARY, T_OR},
    [T_XOR] = {13, 14, N_BINARY, T_XOR},
    [T_AND] = {15, 16, N_BINARY, T_AND},
    [T_EQ] = {17, 18, N_BINARY, T_EQ},
    [T_NE] = {17, 18, N_BINARY, T_NE},
    [T_LT] = {19, 20, N_BINARY, T_LT},
    [T_GT] = {19, 20, N_BINARY, T_GT},
    [T_LE] = {19, 20, N_BINARY, T_LE},
    [T_GE] = {19, 20, N_BINARY, T_GE},
    [T_SHL] = {21, 22, N_BINARY, T_SHL},
    [T_SHR] = {21, 22, N_BINARY, T_SHR},
    [T_AT] = {23, 24, N_REPEAT, T_AT},
    [T_PLUS] = {25, 26, N_BINARY, T_PLUS},
    [T_MINUS] = {25, 26, N_BINARY, T_MINUS},
    [T_STAR] = {27, 28, N_BINARY, T_STAR},
    [T_SLASH] = {27, 28, N_BINARY, T_SLASH},
    [T_PERCENT] = {27, 28, N_BINARY, T_PERCENT},
};
enum { ASSIGNMENT = 2 }; /* binds tighter than a comma */

/* ---- helpers --------------------------------------------------------------- */

void *parse_fail(struct parser *p, const char *what)
{
	const struct lexer *l = &p->lex;

	if (p->error)
		return NULL;
	if (l->token == T_WRONG)
		what = l->why;
	if (l->token == T_END)
		p->error = he_error_new(E_MALFORMED, "%s: the expression ends too early", what);
	else
		p->error = he_error_new(E_MALFORMED, "%s, at \"%.40s\"", what, l->start);
	return NULL;
}

void *parse_no_memory(struct parser *p)
{
	if (!p->error)
		p->error = he_error_new(E_NOMEM, "out of memory.");
	return NULL;
}

bool parse_take(struct parser *p, enum token token, const char *what)
{
	if (p->error)
		return false;
	if (p->lex.token != token) {
		parse_fail(p, what);
		return false;
	}
	lex_next(&p->lex);
	return true;
}

bool parse_deeper(struct parser *p)
{
	if (++p->depth <= EXPR_DEPTH_MAX)
		return true;
	parse_fail(p, "the expression is nested too deeply");
	return false;
}

struct node *parse_node(struct parser *p, enum node_kind kind)
{
	struct node *n = p->error ? NULL : arena_alloc(&p->x->arena, sizeof(*n));

	if (!n)
		return parse_no_memory(p);
	n->kind = kind;
	return n;
}

static unsigned height(const struct node *n)
{
	return n ? n->height : 0;
}

/* n has its operands: a long row of operators makes a tree as high, which is walked by
 * functions that call themselves. */
static struct node *grown(struct parser *p, struct node *n)
{
	unsigned most = 0;

	if (!n)
		return NULL;
	if (height(n->a) > most)
		most = height(n->a);
	if (height(n->b) > most)
		most = height(n->b);
	if (height(n->c) > most)
		most = height(n->c);
	n->height = most + 1;
	return most < TREE_HEIGHT_MAX ? n : parse_fail(p, "the expression is too long");
}

const char *parse_copy(struct parser *p, const char *s, size_t n)
{
	char *to = arena_alloc(&p->x->arena, n + 1);

	if (!to)
		parse_no_memory(p);
	else
		memcpy(to, s, n);
	return to;
}

/* "<int, 3>" behind a name, in the compiler's spelling, when that makes the name of a type
 * or a function: bytes appended to text; 0: it does not. */
static size_t template_arguments(struct parser *p, char *text, size_t used)
{
	const char *at = p->lex.start;
	size_t n = used;
	int depth = 0;

	if (!p->env->cplus || p->lex.token != T_LT)
		return 0;
	do {
		depth += *at == '<';
		depth -= *at == '>';
		if (*at != ' ' || (n > used && text[n - 1] != ',' && text[n - 1] != ' '))
			text[n++] = *at;
		if (*at == ',')
			text[n++] = ' ';
		at++;
	} while (depth && *at && n + 2 < EXPR_TEXT_MAX);
	text[n] = 0;
	if (depth || !parse_is_known(p, text))
		return 0;
	p->lex.at = at;
	lex_next(&p->lex);
	return n - used;
}

static size_t put_scope(char *text, size_t used)
{
	text[used] = text[used + 1] = ':';
	return used + 2;
}

const char *parse_name(struct parser *p)
{
	char text[EXPR_TEXT_MAX + 8];
	size_t used = 0;

	/* The whole expression is no longer than that. */
	if (p->lex.token == T_SCOPE) {
		used = put_scope(text, used);
		lex_next(&p->lex);
	}
	while (p->lex.token == T_NAME) {
		memcpy(text + used, p->lex.word, p->lex.n);
		used += p->lex.n;
		lex_next(&p->lex);
		used += template_arguments(p, text, used);
		if (p->lex.token != T_SCOPE)
			return parse_copy(p, text, used);
		used = put_scope(text, used);
		lex_next(&p->lex);
	}
	return parse_fail(p, "a name is wanted");
}

static struct node *name(struct parser *p)
{
	struct node *n = parse_node(p, N_NAME);

	if (n)
		n->text = parse_name(p);
	return n && n->text ? n : NULL;
}

/* ---- prefixes -------------------------------------------------------------- */

static struct node *binary(struct parser *p, unsigned least);
static struct node *unary(struct parser *p);

static struct node *cast(struct parser *p, struct type *type, struct node *of)
{
	struct node *n = of ? parse_node(p, N_CAST) : NULL;

	if (!n)
		return NULL;
	n->type = type;
	n->a = of;
	return n;
}

static struct node *type_node(struct parser *p, struct type *type)
{
	struct node *n = type ? parse_node(p, N_TYPE) : NULL;

	if (n)
		n->type = type;
	return n;
}

/* Can an operand begin here?  Else "(type)" is the type itself and no cast. */
static bool at_operand(const struct parser *p)
{
	switch (p->lex.token) {
	case T_NAME:
		return !lex_is(&p->lex, "if") && !lex_is(&p->lex, "thread") &&
		       !lex_is(&p->lex, "task");
	case T_DOLLAR:
	case T_INTEGER:
	case T_FLOAT:
	case T_CHAR:
	case T_STRING:
	case T_OPEN:
	case T_PLUS:
	case T_MINUS:
	case T_STAR:
	case T_AND:
	case T_NOT:
	case T_TILDE:
	case T_PLUSPLUS:
	case T_MINUSMINUS:
	case T_SCOPE:
	case T_BRACE:
		return true;
	default:
		return false;
	}
}

static struct node *parenthesis(struct parser *p)
{
	struct node *n;
	struct type *type;

	lex_next(&p->lex);
	if (!parse_at_type(p)) {
		n = binary(p, 0);
		return n && parse_take(p, T_CLOSE, "a closing parenthesis is missing") ? n : NULL;
	}
	type = parse_type(p);
	if (!type || !parse_take(p, T_CLOSE, "a closing parenthesis is missing"))
		return NULL;
	return at_operand(p) ? cast(p, type, unary(p)) : type_node(p, type);
}

/* {type} address: GDB's way to look at memory. */
static struct node *brace(struct parser *p)
{
	struct type *type;
	struct node *n;

	lex_next(&p->lex);
	type = parse_at_type(p) ? parse_type(p) : parse_fail(p, "a type is wanted");
	if (!type || !parse_take(p, T_BRACE_END, "a closing brace is missing"))
		return NULL;
	type = type_pointer(p->env->types, type);
	n = type ? parse_node(p, N_UNARY) : parse_no_memory(p);
	if (!n)
		return NULL;
	n->token = T_STAR;
	n->a = cast(p, type, unary(p));
	return n->a ? n : NULL;
}

/* static_cast<T>(x) and the like. */
static bool at_cast(const struct parser *p)
{
	return lex_is(&p->lex, "static_cast") || lex_is(&p->lex, "reinterpret_cast") ||
	       lex_is(&p->lex, "const_cast") || lex_is(&p->lex, "dynamic_cast");
}

static struct node *named_cast(struct parser *p)
{
	struct type *type;
	struct node *n;

	lex_next(&p->lex);
	if (!parse_take(p, T_LT, "a cast goes cast<TYPE>(EXPRESSION)"))
		return NULL;
	type = parse_at_type(p) ? parse_type(p) : parse_fail(p, "a type is wanted");
	if (!type || !parse_take(p, T_GT, "a cast goes cast<TYPE>(EXPRESSION)") ||
	    !parse_take(p, T_OPEN, "a cast goes cast<TYPE>(EXPRESSION)"))
		return NULL;
	n = binary(p, 0);
	return n && parse_take(p, T_CLOSE, "a closing parenthesis is missing") ? cast(p, type, n)
									       : NULL;
}

/* A type, or T(x), which casts. */
static struct node *type_or_cast(struct parser *p)
{
	struct type *type = parse_type(p);
	struct node *n;

	if (!type || p->lex.token != T_OPEN)
		return type_node(p, type);
	lex_next(&p->lex);
	n = binary(p, 0);
	return n && parse_take(p, T_CLOSE, "a closing parenthesis is missing") ? cast(p, type, n)
									       : NULL;
}

static struct node *size_of(struct parser *p)
{
	struct node *n = parse_node(p, N_SIZEOF);

	lex_next(&p->lex);
	if (n)
		n->a = unary(p);
	return n && n->a ? n : NULL;
}

static struct node *word(struct parser *p)
{
	if (lex_is(&p->lex, "sizeof"))
		return size_of(p);
	if (lex_is(&p->lex, "true") || lex_is(&p->lex, "false"))
		return parse_constant(p, "bool", lex_is(&p->lex, "true"));
	if (lex_is(&p->lex, "nullptr"))
		return parse_null_pointer(p);
	if (at_cast(p))
		return named_cast(p);
	return parse_at_type(p) ? type_or_cast(p) : name(p);
}

static struct node *primary(struct parser *p)
{
	switch (p->lex.token) {
	case T_INTEGER:
		return parse_integer(p);
	case T_FLOAT:
		return parse_real(p);
	case T_CHAR:
		return parse_character(p);
	case T_STRING:
		return parse_string(p);
	case T_DOLLAR:
		return parse_dollar(p);
	case T_OPEN:
		return parenthesis(p);
	case T_BRACE:
		return brace(p);
	case T_NAME:
	case T_SCOPE:
		return word(p);
	default:
		return parse_fail(p, "a value is wanted");
	}
}

/* ---- suffixes -------------------------------------------------------------- */

static struct node *member(struct parser *p, struct node *of)
{
	struct node *n = parse_node(p, p->lex.token == T_DOT ? N_MEMBER : N_ARROW);

	lex_next(&p->lex);
	if (!n)
		return NULL;
	n->a = of;
	n->text = parse_name(p);
	return n->text ? n : NULL;
}

static struct node *indexed(struct parser *p, struct node *of)
{
	struct node *n = parse_node(p, N_INDEX);

	lex_next(&p->lex);
	if (!n)
		return NULL;
	n->a = of;
	n->b = binary(p, 0);
	return n->b && parse_take(p, T_INDEX_END, "a closing bracket is missing") ? n : NULL;
}

static struct node *step(struct parser *p, struct node *of, bool postfix)
{
	struct node *n = parse_node(p, N_STEP);

	if (!n)
		return NULL;
	n->token = p->lex.token == T_PLUSPLUS ? T_PLUS : T_MINUS;
	n->postfix = postfix;
	n->a = of;
	p->x->changes = true;
	lex_next(&p->lex);
	if (!postfix)
		n->a = unary(p);
	return n->a ? n : NULL;
}

static struct node *postfix(struct parser *p)
{
	struct node *n = primary(p);

	while (n) {
		switch (p->lex.token) {
		case T_DOT:
		case T_ARROW:
			n = member(p, n);
			break;
		case T_INDEX:
			n = indexed(p, n);
			break;
		case T_PLUSPLUS:
		case T_MINUSMINUS:
			n = step(p, n, true);
			break;
		case T_OPEN:
			return parse_fail(p, "functions of the program cannot be called yet");
		default:
			return n;
		}
		n = grown(p, n);
	}
	return NULL;
}

static struct node *operator(struct parser *p)
{
	struct node *n = parse_node(p, N_UNARY);

	if (!n)
		return NULL;
	n->token = p->lex.token;
	lex_next(&p->lex);
	n->a = unary(p);
	return n->a ? n : NULL;
}

static struct node *unary(struct parser *p)
{
	struct node *n;

	if (!parse_deeper(p))
		return NULL;
	switch (p->lex.token) {
	case T_PLUS:
	case T_MINUS:
	case T_NOT:
	case T_TILDE:
	case T_STAR:
	case T_AND:
		n = operator(p);
		break;
	case T_PLUSPLUS:
	case T_MINUSMINUS:
		n = step(p, NULL, false);
		break;
	default:
		n = postfix(p);
	}
	p->depth--;
	return grown(p, n);
}

/* ---- binary operators ------------------------------------------------------ */

static struct node *right_side(struct parser *p, const struct binary *row, struct node *left)
{
	struct node *n = parse_node(p, row->kind);

	if (!n)
		return NULL;
	n->token = row->token;
	n->a = left;
	p->x->changes |= row->kind == N_ASSIGN;
	lex_next(&p->lex);
	if (row->kind != N_CONDITION) {
		n->b = binary(p, row->right);
		return n->b ? n : NULL;
	}
	n->b = binary(p, 0);
	if (!n->b || !parse_take(p, T_COLON, "the : of a ?: is missing"))
		return NULL;
	n->c = binary(p, row->right);
	return n->c ? n : NULL;
}

static struct node *binary(struct parser *p, unsigned least)
{
	struct node *n;

	if (!parse_deeper(p))
		return NULL;
	n = unary(p);
	while (n && p->lex.token < sizeof(binaries) / sizeof(binaries[0])) {
		const struct binary *row = &binaries[p->lex.token];

		if (!row->left || row->left <= least)
			break;
		n = grown(p, right_side(p, row, n));
	}
	p->depth--;
	return n;
}

struct node *parse_assignment(struct parser *p)
{
	return binary(p, ASSIGNMENT);
}

/* ---- for the caller -------------------------------------------------------- */

void expr_free(struct expr *x)
{
	if (!x)
		return;
	arena_free(&x->arena);
	types_drop(x->types);
	free(x->text);
	free(x);
}

static struct expr *new_expr(const struct expr_env *env, const char *text)
{
	struct expr *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->types = types_hold(env->types);
	x->text = strdup(text);
	if (x->text)
		return x;
	expr_free(x);
	return NULL;
}

static struct he_error *parse(
    const struct expr_env *env, const char *text, const char **end, struct expr **ret)
{
	struct parser p = {.env = env};

	if (strnlen(text, EXPR_TEXT_MAX) == EXPR_TEXT_MAX)
		return he_error_new(E_MALFORMED, "the expression is longer than %d characters",
		    (int)EXPR_TEXT_MAX - 1);
	p.x = new_expr(env, text);
	if (!p.x)
		return he_error_new(E_NOMEM, "out of memory.");
	lex_init(&p.lex, text);
	p.x->root = binary(&p, end ? ASSIGNMENT : 0);
	if (!p.error && !p.x->root)
		parse_no_memory(&p);
	if (!p.error && !end && p.lex.token != T_END)
		parse_fail(&p, "an operator is wanted");
	if (p.error) {
		expr_free(p.x);
		return p.error;
	}
	if (end) {
		*end = p.lex.start;
		p.x->text[p.lex.start - text] = 0;
	}
	*ret = p.x;
	return NULL;
}

struct he_error *expr_parse(const struct expr_env *env, const char *text, struct expr **ret)
{
	return parse(env, text, NULL, ret);
}

struct he_error *expr_parse_part(
    const struct expr_env *env, const char *text, const char **end, struct expr **ret)
{
	return parse(env, text, end, ret);
}

const char *expr_text(const struct expr *x)
{
	return x->text;
}

bool expr_changes(const struct expr *x)
{
	return x->changes;
}

struct type *expr_as_type(const struct expr *x)
{
	return x->root->kind == N_TYPE ? x->root->type : NULL;
}
