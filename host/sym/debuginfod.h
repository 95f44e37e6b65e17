/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Files from debuginfod servers, through elfutils' client library.  It is loaded when
 * first needed: it brings libcurl and a dozen more, and without DEBUGINFOD_URLS in the
 * environment nothing here touches the network.
 */
#ifndef HOST_DEBUGINFOD_H
#define HOST_DEBUGINFOD_H

#include "host/sym/module.h"

enum debuginfod_kind { DEBUGINFOD_ELF, DEBUGINFOD_DEBUG };

/* Are there servers to ask? */
bool debuginfod_wanted(void);
/* A descriptor, or -1.  *path: the file in the client's own cache, for the caller to
 * free.  name: for the progress line. */
int debuginfod_get(const struct sym_source *src, enum debuginfod_kind kind,
    const struct build_id *id, const char *name, char **path);

#endif
