/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Why a TLS connection to a box came to nothing, in sentences.
 */
#ifndef HOST_TLS_TEXT_H
#define HOST_TLS_TEXT_H

#include "common/tls.h"
#include "host/hosteng.h"

struct tls_story {
	const char *name; /* box:port */
	const char *host; /* box */
	const char *key;  /* our fingerprint */
	bool hello;       /* the server's had come */
	bool granted;     /* we have shown a grant, if it takes any */
};

/* The connection ended before there was a session. */
struct he_error *tls_failure(const struct tls_story *s, const struct tls_report *r, int os_errno);

/* It ended later: words that go after "link to box lost: "; text is returned. */
const char *tls_loss(char *text, size_t size, const struct tls_report *r, int os_errno);

/* The box does not know our key. */
struct he_error *tls_unknown_key(const struct tls_story *s);

#endif
