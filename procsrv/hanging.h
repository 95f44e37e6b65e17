/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Processes that were given up because they hang in the kernel: killed, they end when the
 * kernel lets them.  There are never more than so many.
 */
#ifndef PROCSRV_HANGING_H
#define PROCSRV_HANGING_H

#include <stdbool.h>

enum { HANGING_MOST = 16 };

struct hanging {
	int pidfds[HANGING_MOST]; /* -1 = none */
};

void hanging_init(struct hanging *h);

/* Is there room for one more?  Those that have ended make it. */
bool hanging_room(struct hanging *h);

/* Kill the process and keep its pidfd, as far as there is room; it is ours from now on. */
void hanging_add(struct hanging *h, int pidfd);

void hanging_free(struct hanging *h);

#endif
