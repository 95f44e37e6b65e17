/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Paths of the host's, below the root of a process.  Neither the path nor what lies there
 * is trusted.
 */
#ifndef PROCSRV_READER_PATH_H
#define PROCSRV_READER_PATH_H

#include <sys/stat.h>

#include "reader.h"

/* The code of an errno value, with the path as the error's subject. */
int reader_failed(struct call *c, int os_errno, struct span path);

/* The root of the process a request means, as an O_PATH descriptor; without process and
 * target our own user's.  E_OK: close *root, reader_done(who). */
int reader_root(struct call *c, uint32_t pid, uint64_t start, struct reader_who *who, int *root);

/* Below root: links lead nowhere but inside of it, and those of /proc that are no real links
 * (exe, fd) nowhere at all.  -1 with errno. */
int reader_openat(int root, struct span path, uint64_t flags, unsigned mode);

/* Both, for what can be looked at but not read: a descriptor with O_PATH and flags in *fd.
 * E_OK: close *fd, reader_done(who). */
int reader_find(struct call *c, uint32_t pid, uint64_t start, struct span path, uint64_t flags,
    struct reader_who *who, int *fd);

/* The same file again, with these flags of open(2). */
int reader_reopen(int fd, int flags);

/* What such a descriptor is, and that it is a regular file of a real file system; with dev
 * or ino not 0, that one.  E_OK, NOT_FILE, CHANGED or OS. */
int reader_judge(int fd, uint64_t dev, uint64_t ino, struct stat *st);

/* Answer with the details of a file. */
int reader_details(struct call *c, const struct stat *st);

/* Record that a file is fetched or stored; from its start, or from anywhere when nothing of
 * it was of late, since it comes in pieces.  E_OK, or LIMIT. */
int reader_record(struct call *c, int event, const struct reader_who *who, struct span path,
    uint64_t offset, const struct stat *st);

#endif
