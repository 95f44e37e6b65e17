/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Files that a debugger will probably open: its list of libraries names them, and then it
 * opens one after the other, some of them twice.  The first of them brings what is to be known
 * of all.
 */
#ifndef HOST_RSP_LOOKS_H
#define HOST_RSP_LOOKS_H

#include "host/hosteng.h"
#include "host/rsp/rsp_cache.h"

struct rsp_looks;

/* NULL without memory. */
struct rsp_looks *rsp_looks_new(void);
void rsp_looks_free(struct rsp_looks *l);

/* This path will be asked for.  Nothing is asked of the box yet. */
void rsp_looks_expect(struct rsp_looks *l, const char *path);
/* What was known holds no more. */
void rsp_looks_forget(struct rsp_looks *l);

/* As he_file_open, with CACHE_HEAD bytes of head.  What is told of an expected file was so a
 * moment ago: not more than LOOKS_FRESH_MS, and nothing has run since. */
enum { LOOKS_FRESH_MS = 2000 };
struct he_error *rsp_looks_open(struct rsp_looks *l, const struct he_root *root, const char *path,
    struct he_file_stat *ret, void *head, size_t *got);

#endif
