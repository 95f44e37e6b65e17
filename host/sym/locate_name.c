/* SPDX-License-Identifier: BSD-2-Clause */
#include <ctype.h>
#include <string.h>

#include "host/sym/locate.h"

static bool in_name(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$' || c == '~' ||
	       (unsigned char)c >= 0x80;
}

/* Behind the bracket that ends what begins at *p; p itself where nothing ends it. */
static const char *behind_bracket(const char *p)
{
	char open = *p, close = open == '<' ? '>' : ')';
	unsigned depth = 0;

	for (const char *at = p; *at; at++) {
		depth += *at == open;
		if (*at == close && --depth == 0)
			return at + 1;
	}
	return p;
}

/* Blanks matter only between two words. */
static const char *skip_blank(const char *p, const char *from)
{
	if (*p != ' ' || (p > from && in_name(p[-1]) && in_name(p[1])))
		return p;
	return p + strspn(p, " ");
}

/* Does text, from its beginning, read as spec does? */
static bool reads_as(const char *text, const char *spec)
{
	const char *t = text, *s = spec;

	for (;;) {
		t = skip_blank(t, text);
		s = skip_blank(s, spec);
		/* "operator<" is a name, what follows any other a template's arguments. */
		if (*t == '<' && *s != '<' && t > text && in_name(t[-1]) &&
		    behind_bracket(t) != t) {
			t = behind_bracket(t);
			continue;
		}
		if (!*s && *t == '<') /* of an operator's template */
			t = behind_bracket(t);
		if (!*s)
			return !*t || *t == '(' || *t == '[';
		if (*t != *s)
			return false;
		t++;
		s++;
	}
}

bool locate_named(const char *full, const char *spec)
{
	const char *p = full;

	if (strncmp(spec, "::", 2) == 0)
		return reads_as(full, spec + 2);
	while (*p && *p != '(') {
		if ((p == full || (p >= full + 2 && p[-1] == ':' && p[-2] == ':')) &&
		    reads_as(p, spec))
			return true;
		if (*p == '<' && behind_bracket(p) != p)
			p = behind_bracket(p);
		else
			p++;
	}
	/* (anonymous namespace)::f */
	if (*p == '(' && behind_bracket(p)[0] == ':')
		return locate_named(behind_bracket(p) + 2, spec);
	return false;
}
