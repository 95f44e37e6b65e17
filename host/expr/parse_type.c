/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Names of types: "unsigned long", "struct point *", "char (*)[16]", "int (*)(void)".
 */
#include <string.h>

#include "common/err.h"
#include "host/errtext.h"
#include "host/expr/parse.h"

/* ---- specifiers ------------------------------------------------------------ */

/* How often each word of a base type was said. */
enum spec_word {
	W_SIGNED,
	W_UNSIGNED,
	W_SHORT,
	W_LONG,
	W_CHAR,
	W_INT,
	W_FLOAT,
	W_DOUBLE,
	W_BOOL,
	W_CBOOL,
	W_VOID,
	W_INT128,
	W_WCHAR,
	W_CHAR16,
	W_CHAR32,
	WORDS
};

static const struct {
	const char *word;
	enum spec_word is;
} words[] = {
    {"signed", W_SIGNED},
    {"__signed__", W_SIGNED},
    {"unsigned", W_UNSIGNED},
    {"short", W_SHORT},
    {"long", W_LONG},
    {"char", W_CHAR},
    {"int", W_INT},
    {"float", W_FLOAT},
    {"double", W_DOUBLE},
    {"bool", W_BOOL},
    {"_Bool", W_CBOOL},
    {"void", W_VOID},
    {"__int128", W_INT128},
    {"wchar_t", W_WCHAR},
    {"char16_t", W_CHAR16},
    {"char32_t", W_CHAR32},
};

static const char *const qualifiers[] = {
    "const", "volatile", "restrict", "__restrict", "_Atomic", "typename"};
static const char *const tags[] = {"struct", "union", "enum", "class"};

/* What may be said together; the first row that fits. */
static const struct {
	const char *name;
	uint8_t n[WORDS]; /* exactly so often, W_INT at most */
} bases[] = {
    {"void", {[W_VOID] = 1}},
    {"bool", {[W_BOOL] = 1}},
    {"_Bool", {[W_CBOOL] = 1}},
    {"float", {[W_FLOAT] = 1}},
    {"double", {[W_DOUBLE] = 1}},
    {"long double", {[W_DOUBLE] = 1, [W_LONG] = 1}},
    {"char", {[W_CHAR] = 1}},
    {"signed char", {[W_CHAR] = 1, [W_SIGNED] = 1}},
    {"unsigned char", {[W_CHAR] = 1, [W_UNSIGNED] = 1}},
    {"short", {[W_SHORT] = 1, [W_INT] = 1}},
    {"short", {[W_SHORT] = 1, [W_INT] = 1, [W_SIGNED] = 1}},
    {"unsigned short", {[W_SHORT] = 1, [W_INT] = 1, [W_UNSIGNED] = 1}},
    {"int", {[W_INT] = 1}},
    {"int", {[W_INT] = 1, [W_SIGNED] = 1}},
    {"unsigned int", {[W_INT] = 1, [W_UNSIGNED] = 1}},
    {"long", {[W_LONG] = 1, [W_INT] = 1}},
    {"long", {[W_LONG] = 1, [W_INT] = 1, [W_SIGNED] = 1}},
    {"unsigned long", {[W_LONG] = 1, [W_INT] = 1, [W_UNSIGNED] = 1}},
    {"long long", {[W_LONG] = 2, [W_INT] = 1}},
    {"long long", {[W_LONG] = 2, [W_INT] = 1, [W_SIGNED] = 1}},
    {"unsigned long long", {[W_LONG] = 2, [W_INT] = 1, [W_UNSIGNED] = 1}},
    {"__int128", {[W_INT128] = 1}},
    {"__int128", {[W_INT128] = 1, [W_SIGNED] = 1}},
    {"unsigned __int128", {[W_INT128] = 1, [W_UNSIGNED] = 1}},
    {"wchar_t", {[W_WCHAR] = 1}},
    {"char16_t", {[W_CHAR16] = 1}},
    {"char32_t", {[W_CHAR32] = 1}},
};

static bool fits(const uint8_t said[WORDS], const uint8_t row[WORDS])
{
	for (int i = 0; i < WORDS; i++)
		if (i == W_INT ? said[i] > row[i] : said[i] != row[i])
			return false;
	return true;
}

static struct type *base(struct parser *p, const uint8_t said[WORDS])
{
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++)
		if (fits(said, bases[i].n))
			return type_named_base(p->env->types, bases[i].name);
	return parse_fail(p, "these words are no type together");
}

static int word_at(const struct parser *p)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (lex_is(&p->lex, words[i].word))
			return (int)words[i].is;
	return -1;
}

static bool one_of(const struct parser *p, const char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (lex_is(&p->lex, v[i]))
			return true;
	return false;
}

static bool at_qualifier(const struct parser *p)
{
	return one_of(p, qualifiers, sizeof(qualifiers) / sizeof(qualifiers[0]));
}

static bool at_tag(const struct parser *p)
{
	return one_of(p, tags, sizeof(tags) / sizeof(tags[0]));
}

/* The type that a name stands for; NULL: it is no type's. */
static struct type *type_called(struct parser *p, const char *name, unsigned what)
{
	struct sym_name found;
	struct he_error *e;

	if (!p->env->symbols)
		return NULL;
	e = symbols_look_up(p->env->symbols, &p->env->scope, name, what, &found);
	if (e && (e->code == E_NO_FILE || p->error))
		he_error_free(e);
	else if (e)
		p->error = e;
	return !e && found.kind == NAME_TYPE ? found.type : NULL;
}

bool parse_is_known(struct parser *p, const char *name)
{
	struct sym_name found;
	struct he_error *e;

	if (!p->env->symbols)
		return false;
	e = symbols_look_up(
	    p->env->symbols, &p->env->scope, name, LOOK_VALUES | LOOK_TYPES | LOOK_TAGS, &found);
	he_error_free(e);
	return !e;
}

/* Is the name at the current token (with what scopes follow it) a type's?  Nothing is taken. */
static bool at_typedef_name(struct parser *p)
{
	struct lexer here = p->lex;
	const char *name;
	struct type *t;

	if (p->lex.token != T_NAME && p->lex.token != T_SCOPE)
		return false;
	if (p->lex.token == T_NAME && lex_is(&p->lex, "this"))
		return false;
	name = parse_name(p);
	if (!name)
		return false;
	p->lex = here;
	/* What is called both, is a value here. */
	t = type_called(p, name, LOOK_VALUES | LOOK_TYPES);
	return t != NULL;
}

bool parse_at_type(struct parser *p)
{
	return word_at(p) >= 0 || at_qualifier(p) || at_tag(p) || at_typedef_name(p);
}

static struct type *tagged(struct parser *p)
{
	const char *name;
	struct type *t;

	lex_next(&p->lex);
	name = parse_name(p);
	if (!name)
		return NULL;
	t = type_called(p, name, LOOK_TAGS);
	if (!t && !p->error)
		p->error = he_error_new(
		    E_NO_FILE, "no struct, union or enum is called \"%s\" in this context", name);
	return t;
}

static struct type *specifiers(struct parser *p)
{
	uint8_t said[WORDS] = {0};
	struct type *t = NULL;
	bool any = false;

	while (!p->error) {
		int word = word_at(p);

		if (word >= 0 && !t) {
			any = true;
			said[word] = (uint8_t)(said[word] + (said[word] < 9));
		} else if (at_tag(p) && !t && !any) {
			t = tagged(p);
			continue;
		} else if (!at_qualifier(p)) {
			if (t || any || !at_typedef_name(p))
				break;
			t = type_called(p, parse_name(p), LOOK_TYPES | LOOK_VALUES);
			continue;
		}
		lex_next(&p->lex);
	}
	if (p->error || t)
		return p->error ? NULL : t;
	return any ? base(p, said) : parse_fail(p, "a type is wanted");
}

/* ---- declarators ----------------------------------------------------------- */

static struct type *checked(struct parser *p, struct type *t)
{
	if (!t && !p->error)
		p->error = he_error_new(E_MALFORMED, "this type is too large");
	return t;
}

static struct type *pointers(struct parser *p, struct type *t)
{
	while (t && !p->error) {
		if (p->lex.token == T_STAR)
			t = checked(p, type_pointer(p->env->types, t));
		else if (p->lex.token == T_AND || p->lex.token == T_ANDAND)
			t = checked(p, type_reference(p->env->types, t, p->lex.token == T_ANDAND));
		else if (!at_qualifier(p))
			break;
		lex_next(&p->lex);
	}
	return p->error ? NULL : t;
}

/* The parameters are of no use here, but have to be gone over. */
static struct type *function(struct parser *p, struct type *returned)
{
	lex_next(&p->lex);
	while (!p->error && p->lex.token != T_CLOSE) {
		if (!parse_at_type(p) || !parse_type(p))
			return parse_fail(p, "a parameter's type is wanted");
		if (p->lex.token == T_COMMA)
			lex_next(&p->lex);
	}
	if (!parse_take(p, T_CLOSE, "a closing parenthesis is missing"))
		return NULL;
	return checked(p, type_function(p->env->types, returned, true));
}

static struct type *suffixes(struct parser *p, struct type *t);

static struct type *array(struct parser *p, struct type *of)
{
	uint64_t n = TYPE_NO_COUNT;

	lex_next(&p->lex);
	if (p->lex.token == T_INTEGER) {
		n = p->lex.number;
		lex_next(&p->lex);
	}
	if (!parse_take(p, T_INDEX_END, "a closing bracket is missing") || !parse_deeper(p))
		return NULL;
	of = suffixes(p, of); /* int [2][3]: two of int [3] */
	p->depth--;
	return of ? checked(p, type_array(p->env->types, of, n)) : NULL;
}

static struct type *suffixes(struct parser *p, struct type *t)
{
	if (t && p->lex.token == T_INDEX)
		return array(p, t);
	return t;
}

/* "(*)(int)", "(*)[4]": what stands in the parentheses applies to what comes behind. */
static struct type *nested(struct parser *p, struct type *t)
{
	struct lexer inner = p->lex, behind;
	struct type *made;

	lex_next(&p->lex);
	if (p->lex.token != T_STAR && p->lex.token != T_AND) {
		p->lex = inner;
		return t;
	}
	inner = p->lex;
	pointers(p, type_void(p->env->types));
	if (!parse_take(p, T_CLOSE, "a closing parenthesis is missing"))
		return NULL;
	made = p->lex.token == T_OPEN ? function(p, t) : suffixes(p, t);
	behind = p->lex;
	p->lex = inner;
	made = made ? pointers(p, made) : NULL;
	p->lex = behind;
	return made;
}

struct type *parse_type(struct parser *p)
{
	struct type *t;

	if (!parse_deeper(p))
		return NULL;
	t = specifiers(p);
	if (t)
		t = pointers(p, t);
	if (t && p->lex.token == T_OPEN)
		t = nested(p, t);
	if (t)
		t = suffixes(p, t);
	p->depth--;
	return p->error ? NULL : t;
}
