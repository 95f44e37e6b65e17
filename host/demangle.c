/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/demangle.h"

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

char *demangle(const char *name, bool params)
{
	struct sink s = {.text = NULL};
	int options = DMGL_ANSI | DMGL_RET_DROP | (params ? DMGL_PARAMS : 0);

	if (name[0] != '_' || strnlen(name, MANGLED_MAX) == MANGLED_MAX)
		return NULL;
	if (print(&s, name, options) && s.used)
		return s.text;
	free(s.text);
	return NULL;
}
