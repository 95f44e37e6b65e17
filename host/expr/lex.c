/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/expr/lex.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *text;
	enum token token;
} punctuators[] = {
    /* longer ones first */
    {"<<=", T_SHL_ASSIGN},
    {">>=", T_SHR_ASSIGN},
    {"*=", T_MUL_ASSIGN},
    {"/=", T_DIV_ASSIGN},
    {"%=", T_MOD_ASSIGN},
    {"+=", T_ADD_ASSIGN},
    {"-=", T_SUB_ASSIGN},
    {"&=", T_AND_ASSIGN},
    {"^=", T_XOR_ASSIGN},
    {"|=", T_OR_ASSIGN},
    {"||", T_OROR},
    {"&&", T_ANDAND},
    {"==", T_EQ},
    {"!=", T_NE},
    {"<=", T_LE},
    {">=", T_GE},
    {"<<", T_SHL},
    {">>", T_SHR},
    {"++", T_PLUSPLUS},
    {"--", T_MINUSMINUS},
    {"->", T_ARROW},
    {"::", T_SCOPE},
    {",", T_COMMA},
    {"=", T_ASSIGN},
    {"?", T_QUESTION},
    {":", T_COLON},
    {"|", T_OR},
    {"^", T_XOR},
    {"&", T_AND},
    {"<", T_LT},
    {">", T_GT},
    {"@", T_AT},
    {"+", T_PLUS},
    {"-", T_MINUS},
    {"*", T_STAR},
    {"/", T_SLASH},
    {"%", T_PERCENT},
    {"!", T_NOT},
    {"~", T_TILDE},
    {"(", T_OPEN},
    {")", T_CLOSE},
    {"[", T_INDEX},
    {"]", T_INDEX_END},
    {".", T_DOT},
    {"{", T_BRACE},
    {"}", T_BRACE_END},
};

static void wrong(struct lexer *l, const char *why)
{
	l->token = T_WRONG;
	l->why = why;
}

static bool starts_name(char c)
{
	return isalpha((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool in_name(char c)
{
	return starts_name(c) || isdigit((unsigned char)c) || c == '$';
}

/* ---- numbers --------------------------------------------------------------- */

static bool suffix(struct lexer *l, const char *p)
{
	l->is_unsigned = false;
	l->longs = 0;
	for (; isalpha((unsigned char)*p); p++) {
		char c = (char)tolower((unsigned char)*p);

		if (c == 'u' && !l->is_unsigned)
			l->is_unsigned = true;
		else if (c == 'l' && l->longs < 2)
			l->longs++;
		else
			return false;
	}
	l->at = p;
	return !in_name(*p);
}

static void integer(struct lexer *l, const char *p)
{
	bool binary = p[0] == '0' && (p[1] == 'b' || p[1] == 'B');
	char *end;

	l->token = T_INTEGER;
	l->decimal = p[0] != '0' || !isalnum((unsigned char)p[1]);
	errno = 0;
	l->number = binary ? strtoull(p + 2, &end, 2) : strtoull(p, &end, 0);
	if (errno)
		wrong(l, "this number has more than 64 bits");
	else if (!suffix(l, end))
		wrong(l, "this is not a number");
}

static void real(struct lexer *l, const char *p)
{
	char *end;
	char c;

	l->token = T_FLOAT;
	l->real = strtold(p, &end);
	c = (char)tolower((unsigned char)*end);
	l->is_float = c == 'f';
	l->is_long = c == 'l';
	l->at = end + (l->is_float || l->is_long);
	if (in_name(*l->at))
		wrong(l, "this is not a number");
}

/* Has it a point or an exponent? */
static bool is_real(const char *p)
{
	bool hex = p[0] == '0' && (p[1] == 'x' || p[1] == 'X');

	for (; isalnum((unsigned char)*p) || *p == '.'; p++) {
		if (*p == '.')
			return true;
		if (hex ? *p == 'p' || *p == 'P' : *p == 'e' || *p == 'E')
			return true;
	}
	return false;
}

static void number(struct lexer *l, const char *p)
{
	if (is_real(p))
		real(l, p);
	else
		integer(l, p);
}

/* ---- quotes ---------------------------------------------------------------- */

static unsigned octal(const char **p, const char *end, unsigned c)
{
	unsigned v = c - '0';

	for (int i = 0; i < 2 && *p < end && **p >= '0' && **p <= '7'; i++)
		v = v * 8 + (unsigned)(*(*p)++ - '0');
	return v;
}

static unsigned hex(const char **p, const char *end)
{
	unsigned v = 0;

	for (int i = 0; i < 8 && *p < end && isxdigit((unsigned char)**p); i++, ++*p) {
		unsigned char c = (unsigned char)**p;

		v = v * 16 + (unsigned)(isdigit(c) ? c - '0' : tolower(c) - 'a' + 10);
	}
	return v;
}

uint32_t lex_unescape(const char **p, const char *end)
{
	static const char from[] = "abefnrtv", to[] = "\a\b\033\f\n\r\t\v";
	unsigned char c = (unsigned char)*(*p)++;
	const char *known;

	if (c != '\\' || *p == end)
		return c;
	c = (unsigned char)*(*p)++;
	known = c ? strchr(from, c) : NULL;
	if (known)
		return (unsigned char)to[known - from];
	if (c >= '0' && c <= '7')
		return octal(p, end, c);
	return c == 'x' ? hex(p, end) : c;
}

/* The closing quote; NULL when there is none. */
static const char *closing(const char *p, char quote)
{
	for (; *p && *p != quote; p++)
		if (*p == '\\' && p[1])
			p++;
	return *p ? p : NULL;
}

/* 'a' is a character; 'file.c' a name. */
static void quoted(struct lexer *l, const char *p)
{
	const char *end = closing(p + 1, *p), *one = p + 1;

	if (!end) {
		wrong(l, "the closing quote is missing");
		return;
	}
	l->word = p + 1;
	l->n = (size_t)(end - l->word);
	l->at = end + 1;
	l->token = T_STRING;
	if (*p == '"')
		return;
	l->token = T_CHAR;
	if (!l->n) {
		wrong(l, "an empty pair of quotes is no character");
		return;
	}
	lex_unescape(&one, end);
	if (one != end) {
		l->token = T_NAME;
		l->quoted = true;
	}
}

/* ---- all of them ----------------------------------------------------------- */

static void word(struct lexer *l, enum token token, const char *p)
{
	l->token = token;
	l->word = p;
	while (in_name(*p))
		p++;
	l->n = (size_t)(p - l->word);
	l->at = p;
}

static void punctuator(struct lexer *l, const char *p)
{
	for (size_t i = 0; i < sizeof(punctuators) / sizeof(punctuators[0]); i++) {
		size_t n = strlen(punctuators[i].text);

		if (strncmp(p, punctuators[i].text, n) == 0) {
			l->token = punctuators[i].token;
			l->at = p + n;
			return;
		}
	}
	wrong(l, "this character means nothing in an expression");
}

void lex_next(struct lexer *l)
{
	const char *p = l->at + strspn(l->at, " \t\r\n");

	l->start = p;
	l->quoted = false;
	if (!*p) {
		l->at = p;
		l->token = T_END;
	} else if (starts_name(*p))
		word(l, T_NAME, p);
	else if (*p == '$')
		word(l, T_DOLLAR, p + 1);
	else if (isdigit((unsigned char)*p) || (*p == '.' && isdigit((unsigned char)p[1])))
		number(l, p);
	else if (*p == '"' || *p == '\'')
		quoted(l, p);
	else
		punctuator(l, p);
}

void lex_init(struct lexer *l, const char *text)
{
	*l = (struct lexer){.text = text, .at = text};
	lex_next(l);
}

bool lex_is(const struct lexer *l, const char *name)
{
	return l->token == T_NAME && !l->quoted && strlen(name) == l->n &&
	       memcmp(l->word, name, l->n) == 0;
}
