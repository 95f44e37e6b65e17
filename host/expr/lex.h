/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The words of an expression.
 */
#ifndef HOST_EXPR_LEX_H
#define HOST_EXPR_LEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Punctuators that are operators come first: a parse table has a row for each. */
enum token {
	T_END,
	T_COMMA,
	T_ASSIGN,
	T_MUL_ASSIGN,
	T_DIV_ASSIGN,
	T_MOD_ASSIGN,
	T_ADD_ASSIGN,
	T_SUB_ASSIGN,
	T_SHL_ASSIGN,
	T_SHR_ASSIGN,
	T_AND_ASSIGN,
	T_XOR_ASSIGN,
	T_OR_ASSIGN,
	T_QUESTION,
	T_COLON,
	T_OROR,
	T_ANDAND,
	T_OR,
	T_XOR,
	T_AND,
	T_EQ,
	T_NE,
	T_LT,
	T_GT,
	T_LE,
	T_GE,
	T_SHL,
	T_SHR,
	T_AT,
	T_PLUS,
	T_MINUS,
	T_STAR,
	T_SLASH,
	T_PERCENT,
	T_NOT,
	T_TILDE,
	T_PLUSPLUS,
	T_MINUSMINUS,
	T_OPEN,
	T_CLOSE,
	T_INDEX,
	T_INDEX_END,
	T_DOT,
	T_ARROW,
	T_SCOPE,
	T_BRACE,
	T_BRACE_END,
	T_NAME,   /* an identifier, or a 'quoted name' */
	T_DOLLAR, /* $name: text without the $ */
	T_INTEGER,
	T_FLOAT,
	T_CHAR,
	T_STRING,
	T_WRONG, /* why says what */
};

struct lexer {
	const char *text; /* all of it */
	const char *at;   /* behind the current token */
	enum token token;
	const char *start; /* of the token */
	/* NAME, DOLLAR: those bytes of text; STRING, CHAR: between the quotes, escapes as
	 * they are */
	const char *word;
	size_t n;
	bool quoted;
	/* INTEGER */
	uint64_t number;
	bool is_unsigned, decimal;
	unsigned longs; /* how many l's it ends in */
	/* FLOAT */
	long double real;
	bool is_float, is_long;
	const char *why;
};

void lex_init(struct lexer *l, const char *text);
void lex_next(struct lexer *l);
bool lex_is(const struct lexer *l, const char *word); /* an unquoted name */
/* One character (after its escape, if it is one) at *p, which moves on. */
uint32_t lex_unescape(const char **p, const char *end);

#endif
