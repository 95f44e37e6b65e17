/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whom a session debugs at this moment: what the kernel says, not what a record
 * remembers.
 */
#ifndef PROCSRV_TRACED_H
#define PROCSRV_TRACED_H

#include <stddef.h>
#include <sys/types.h>

enum { TRACED_NAME = 64 };

struct traced {
	pid_t pid;
	char name[TRACED_NAME]; /* its comm, escaped */
};

/* Up to most processes traced by a child of guard, by number; how many were found. */
size_t traced_by(pid_t guard, struct traced *list, size_t most);

#endif
