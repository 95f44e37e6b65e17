/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Error objects, and the sentences made of what a box reports.
 */
#ifndef HOST_ERRTEXT_H
#define HOST_ERRTEXT_H

#include <stdarg.h>

#include "common/wire.h"
#include "host/hosteng.h"

/* A new error with a formatted sentence; never NULL (a static one when memory is
 * out, which he_error_free knows). */
struct he_error *he_error_new(int code, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), returns_nonnull));
struct he_error *he_error_va(int code, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0), returns_nonnull));
/* The same about an address or with an errno. */
struct he_error *he_error_fault(uint64_t addr, int os_errno, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), returns_nonnull));
struct he_error *he_error_os(int os_errno, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), returns_nonnull));

/* Another one that says the same. */
struct he_error *he_error_copy(const struct he_error *e) __attribute__((returns_nonnull));

/* Who talks to whom, for the sentences. */
struct errtext_where {
	const char *box;  /* the server's short name */
	const char *user; /* who we are there; NULL = not known */
	bool keyed;       /* we are that by a key and a map file, not by how we got there */
};

#if defined(__clang_analyzer__) && !defined(ERRTEXT_INSIDE)
/* It does not know returns_nonnull, and takes an error for success. */
static inline struct he_error *errtext_some(struct he_error *e)
{
	if (!e)
		__builtin_unreachable();
	return e;
}
#define he_error_new(...) errtext_some(he_error_new(__VA_ARGS__))
#define he_error_os(...) errtext_some(he_error_os(__VA_ARGS__))
#define he_error_copy(e) errtext_some(he_error_copy(e))
#endif

/* What a box's `error` reply means to a person.  doing: what was asked, as it
 * goes after "cannot": "attach to 4242". One table, by code. */
struct he_error *he_error_wire(const char *box, const char *doing, const struct wire_error *w)
    __attribute__((returns_nonnull));
struct he_error *he_error_at(const struct errtext_where *where, const char *doing,
    const struct wire_error *w) __attribute__((returns_nonnull));

/* doing of a request, from its type and body (encoded); returns text. */
char *he_doing(char *text, size_t size, uint16_t type, struct span body);

#endif
