/* SPDX-License-Identifier: BSD-2-Clause */
#define ERRTEXT_INSIDE
#include "host/errtext.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"

enum { SENTENCE_MAX = 4096 };

/* Static, because it is needed when nothing can be allocated.  (A flexible array
 * with an initialiser is GNU C, and there is no other way to have one.) */
__extension__ static struct he_error no_memory = {.code = E_NOMEM, .message = "out of memory"};

struct he_error *he_error_va(int code, const char *fmt, va_list ap)
{
	char text[SENTENCE_MAX];
	struct he_error *e;
	size_t n;

	vsnprintf(text, sizeof(text), fmt, ap);
	n = strlen(text) + 1;
	e = malloc(sizeof(*e) + n);
	if (!e)
		return &no_memory;
	*e = (struct he_error){.code = code};
	memcpy(e->message, text, n);
	return e;
}

struct he_error *he_error_new(int code, const char *fmt, ...)
{
	struct he_error *e;
	va_list ap;

	va_start(ap, fmt);
	e = he_error_va(code, fmt, ap);
	va_end(ap);
	return e;
}

struct he_error *he_error_fault(uint64_t addr, int os_errno, const char *fmt, ...)
{
	struct he_error *e;
	va_list ap;

	va_start(ap, fmt);
	e = he_error_va(E_FAULT, fmt, ap);
	va_end(ap);
	if (e != &no_memory) {
		e->addr = addr;
		e->os_errno = os_errno;
	}
	return e;
}

struct he_error *he_error_os(int os_errno, const char *fmt, ...)
{
	struct he_error *e;
	va_list ap;

	va_start(ap, fmt);
	e = he_error_va(E_OS, fmt, ap);
	va_end(ap);
	if (e != &no_memory)
		e->os_errno = os_errno;
	return e;
}

struct he_error *he_error_copy(const struct he_error *e)
{
	struct he_error *copy = he_error_new(e->code, "%s", e->message);

	if (copy != &no_memory) {
		copy->addr = e->addr;
		copy->os_errno = e->os_errno;
	}
	return copy;
}

void he_error_free(struct he_error *e)
{
	if (e != &no_memory)
		free(e);
}
