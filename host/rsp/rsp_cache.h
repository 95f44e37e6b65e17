/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Files of the box as the debugger reads them: in small pieces, often, and again.  One that
 * this machine has, which its build-id, its size and its beginning tell, is read here.  Of
 * others large pieces are brought over and kept while the debugger is connected; one with a
 * build-id that has come whole is kept for later, where the engine looks, too.
 */
#ifndef HOST_RSP_CACHE_H
#define HOST_RSP_CACHE_H

#include "host/hosteng.h"

struct rsp_cache;
struct cached_file;

enum { CACHE_HEAD = 4096 }; /* bytes of a file's beginning that tell it from others */

/* For a copy in DIR/BUILD-ID/elf; NULL: nothing is kept for later.  NULL without memory. */
struct rsp_cache *rsp_cache_new(const char *dir);
/* Every file has to be closed. */
void rsp_cache_free(struct rsp_cache *c);

/* A regular file, as he_file_open has just found it.  NULL without memory. */
struct cached_file *rsp_cache_open(struct rsp_cache *c, const struct he_file_stat *st,
    const char *path, const void *head, size_t head_len);
void rsp_cache_close(struct cached_file *f);

/* The path by which root leads to it, as he_file_pread wants it.  *got fewer than len: its
 * end. */
struct he_error *rsp_cache_read(struct cached_file *f, const struct he_root *root, const char *path,
    uint64_t offset, void *buf, size_t len, size_t *got);

/* What was found here, and what had to come: for people. */
struct rsp_cache_counts {
	unsigned opened, local; /* files; those that this machine has */
	uint64_t fetched;       /* bytes */
};
void rsp_cache_counts(const struct rsp_cache *c, struct rsp_cache_counts *ret);

/* The build-id's hexadecimal digits out of an ELF file's beginning; false: there is none. */
enum { CACHE_ID = 2 * 64 + 1 };
bool rsp_build_id(const void *head, size_t len, char id[CACHE_ID]);

#endif
