/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which procsrv a local look starts: $HDB_PROCSRV; beside the running program (so that
 * a build tree uses its own); the compiled-in directory.
 */
#ifndef HOST_FIND_PROCSRV_H
#define HOST_FIND_PROCSRV_H

#include <stdbool.h>

#include "host/hosteng.h"

/* *ret: its path, freed by the caller.  For root only a program that nobody but root
 * can change or replace will do. */
struct he_error *find_procsrv(char **ret);

/* Can only root change what is found there?  path: without symbolic links. */
bool only_roots(const char *path);

#endif
