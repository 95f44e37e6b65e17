/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/sym/demangle.h"

#include <libiberty/demangle.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

struct sink {
	char *text;
	size_t used, size;
	jmp_buf enough;
};

/* The library's printers hold nothing but stack while they call this, and offer no
 * other way to stop them. */
static void sink_add(const char *text, size_t n, void *arg)
{
	struct sink *s = arg;

	if (n >= DEMANGLED_MAX - s->used)
		longjmp(s->enough, 1);
	if (n >= s->size - s->used) {
		size_t size = 2 * (s->used + n) + 128;
		char *more = realloc(s->text, size);

		if (!more)
			longjmp(s->enough, 1);
		s->text = more;
		s->size = size;
	}
	memcpy(s->text + s->used, text, n);
	s->used += n;
	s->text[s->used] = 0;
}

/* Not inlined: what lives across setjmp is in *s only. */
static __attribute__((noinline)) bool print(struct sink *s, const char *name, int options)
{
	if (setjmp(s->enough))
		return false;
	if (rust_demangle_callback(name, options, sink_add, s))
		return true;
	s->used = 0;
	return cplus_demangle_v3_callback(name, options, sink_add, s) != 0;
}

static bool drop_tail(char *text, size_t *n, const char *tail)
{
	size_t k = strlen(tail);

	if (*n <= k || memcmp(text + *n - k, tail, k) != 0)
		return false;
	*n -= k;
	text[*n] = 0;
	return true;
}

/* Cut "(int, char) const" off.  Asking the library for a name without parameters is no
 * way: it then leaves return types out of template arguments too. */
static void drop_params(char *text)
{
	static const char *const qualifiers[] = {" const", " volatile", " &", " &&"};
	size_t n = strlen(text), depth = 0;
	bool dropped;

	do {
		dropped = false;
		for (size_t i = 0; i < sizeof(qualifiers) / sizeof(qualifiers[0]); i++)
			dropped |= drop_tail(text, &n, qualifiers[i]);
	} while (dropped);
	if (!n || text[n - 1] != ')')
		return;
	for (size_t i = n; i-- > 0;) {
		depth += text[i] == ')';
		if (text[i] == '(' && --depth == 0) {
			if (i)
				text[i] = 0;
			return;
		}
	}
}

char *demangle(const char *name, bool params)
{
	struct sink s = {.text = NULL};

	if (name[0] != '_' || strnlen(name, MANGLED_MAX) == MANGLED_MAX)
		return NULL;
	if (!print(&s, name, DMGL_PARAMS | DMGL_ANSI | DMGL_RET_DROP) || !s.used) {
		free(s.text);
		return NULL;
	}
	if (!params && !strncmp(name, "_Z", 2))
		drop_params(s.text);
	return s.text;
}
