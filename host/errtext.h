/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Error objects, and the sentences made of what a box reports.
 */
#ifndef HOST_ERRTEXT_H
#define HOST_ERRTEXT_H

#include "common/wire.h"
#include "host/hosteng.h"

/* A new error with a formatted sentence; never NULL (a static one when memory is
 * out, which he_error_free knows). */
struct he_error *he_error_new(int code, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* The same about an address or with an errno. */
struct he_error *he_error_fault(uint64_t addr, int os_errno, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
struct he_error *he_error_os(int os_errno, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* What a box's `error` reply means to a person: box = server's name, doing = what
 * was asked, e.g. "attach to 4242". One table, by code. */
struct he_error *he_error_wire(const char *box, const char *doing, const struct wire_error *w);

#endif
