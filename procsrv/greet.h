/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The start of a link: our hello, and judging theirs.  Over TLS conn does it, over
 * stdio the tracer.
 */
#ifndef PROCSRV_GREET_H
#define PROCSRV_GREET_H

#include <sys/utsname.h>

#include "common/wire.h"

struct greet {
	struct wire_hello hello; /* points into what follows */
	struct utsname un;
	char os[140];
};

/* Our hello; valid as long as g. */
void greet_hello(struct greet *g);

/* A host's hello: E_OK, or VERSION or PROTOCOL, the reason to close for. */
int greet_judge(const struct wire_hello *h);

#endif
