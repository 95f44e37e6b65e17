/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Files of the box, by number, as vFile packets have them.
 */
#ifndef HOST_RSP_FILE_H
#define HOST_RSP_FILE_H

#include "host/rsp/rsp.h"

struct rsp_cache_counts;

/* How to open, apart from either debugger's own numbers for it. */
enum rsp_open {
	RSP_OPEN_READ = 1,
	RSP_OPEN_WRITE = 2,
	RSP_OPEN_APPEND = 4,
	RSP_OPEN_CREATE = 8,
	RSP_OPEN_EMPTY = 16,
	RSP_OPEN_NEW = 32,
};

/* Where paths begin: at the root of process pid, 0 = of the user we are there. */
int rsp_file_setfs(struct rsp *r, uint32_t pid);
struct he_root rsp_file_root(struct rsp *r);

/* A number, or an errno value below zero; so do the following. */
int rsp_file_open(struct rsp *r, const char *path, unsigned how, uint32_t mode);
int rsp_file_close(struct rsp *r, uint64_t fd);
/* *got fewer than len: the end. */
int rsp_file_read(struct rsp *r, uint64_t fd, uint64_t offset, void *buf, size_t len, size_t *got);
int rsp_file_write(struct rsp *r, uint64_t fd, uint64_t offset, struct span data);
int rsp_file_stat(struct rsp *r, uint64_t fd, struct he_file_stat *ret);

/* The debugger will probably open it to read (rsp_looks.h). */
void rsp_file_expect(struct rsp *r, const char *path);

void rsp_files_closed(struct rsp *r);
void rsp_files_stale(struct rsp *r, struct rsp_process *p);

/* What reading has cost; zeros when nothing was read. */
void rsp_file_counts(const struct rsp *r, struct rsp_cache_counts *ret);

#endif
