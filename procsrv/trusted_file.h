/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Files that decide who may do what (map, key): read whole, and only when nobody
 * else could have put them there.
 */
#ifndef PROCSRV_TRUSTED_FILE_H
#define PROCSRV_TRUSTED_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"

enum trusted_flags {
	TRUSTED_USER = 1,   /* user mode: our own user may own it, not only root */
	TRUSTED_SECRET = 2, /* others may not even read it */
};

/* Append the file at path to *b (b->max bounds it).  It must be a regular file, no
 * symlink, owned by root (or with TRUSTED_USER by us) and writable by nobody else,
 * and so must the directory it stands in.  0; or -1 and a sentence in why. */
int trusted_read(struct buf *b, const char *path, unsigned flags, char *why, size_t size);

#endif
