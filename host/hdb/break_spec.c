/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/hdb/break_spec.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool is_edge(char c)
{
	return !c || isspace((unsigned char)c) || c == '(';
}

/* Not within quotes, brackets, or the name of something else. */
const char *break_spec_word(const char *text, const char *word)
{
	size_t n = strlen(word);
	int depth = 0;
	char quote = 0;

	for (const char *p = text; *p; p++) {
		if (quote) {
			if (*p == quote)
				quote = 0;
			continue;
		}
		if (*p == '\'' || *p == '"')
			quote = *p;
		depth += *p == '(' || *p == '[';
		depth -= *p == ')' || *p == ']';
		if (depth <= 0 && (p == text || isspace((unsigned char)p[-1])) &&
		    strncmp(p, word, n) == 0 && is_edge(p[n]))
			return p;
	}
	return NULL;
}

static char *cut(const char *from, const char *to)
{
	while (from < to && isspace((unsigned char)*from))
		from++;
	while (to > from && isspace((unsigned char)to[-1]))
		to--;
	return strndup(from, (size_t)(to - from));
}

/* 'file.c:5' and 'a::b(int)' may stand in quotes. */
static void unquote(char *text)
{
	size_t n = strlen(text);

	if (n < 2 || (text[0] != '\'' && text[0] != '"') || text[n - 1] != text[0])
		return;
	memmove(text, text + 1, n - 2);
	text[n - 2] = 0;
}

void break_spec_free(struct break_spec *s)
{
	free(s->where);
	free(s->condition);
	free(s->thread);
	*s = (struct break_spec){0};
}

int break_spec_parse(struct hdb *h, const char *text, struct break_spec *ret)
{
	const char *end = text + strlen(text), *cond = break_spec_word(text, "if");
	const char *thread = break_spec_word(text, "thread"), *location_end;

	*ret = (struct break_spec){0};
	if (thread && cond && thread > cond)
		thread = NULL; /* part of the condition */
	location_end = thread ? thread : cond ? cond : end;
	ret->where = cut(text, location_end);
	if (cond)
		ret->condition = cut(cond + 2, end);
	if (thread)
		ret->thread = cut(thread + 6, cond ? cond : end);
	if (!ret->where || (cond && !ret->condition) || (thread && !ret->thread)) {
		break_spec_free(ret);
		return fail(h, "out of memory");
	}
	unquote(ret->where);
	if (cond && !*ret->condition) {
		break_spec_free(ret);
		return fail(h, "an expression is missing behind if");
	}
	return 0;
}
