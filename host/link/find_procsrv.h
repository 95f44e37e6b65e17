/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a local look starts: $HDB_PROCSRV; the procsrv beside the running program (so
 * that a build tree uses its own); the one in the compiled-in directory.
 */
#ifndef HOST_FIND_PROCSRV_H
#define HOST_FIND_PROCSRV_H

#include <stdbool.h>

#include "host/hosteng.h"

struct local_server {
	char *path;
	char *argv[4]; /* NULL-terminated; not to be freed */
};

/* *ret: what to execute; its path is freed by the caller.  For root only a program
 * that nobody but root can change or replace will do. */
struct he_error *find_procsrv(struct local_server *ret);

/* Can only root change what is found there?  path: without symbolic links. */
bool only_roots(const char *path);

#endif
