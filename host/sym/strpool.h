/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Strings kept once and for as long as anybody holds the pool: names and paths of
 * frames, which a thousand stacks share.
 */
#ifndef HOST_STRPOOL_H
#define HOST_STRPOOL_H

#include <stdbool.h>
#include <stddef.h>

/* A name's longest part that is kept, and all of them together. */
enum { STRPOOL_NAME = 64 * 1024, STRPOOL_MAX = 256 * 1024 * 1024 };

struct strpool;

struct strpool *strpool_new(void); /* held once; NULL without memory */
struct strpool *strpool_hold(struct strpool *p);
void strpool_drop(struct strpool *p); /* NULL is fine */
/* The kept copy of s, cut at STRPOOL_NAME; NULL for NULL or when there is no room. */
const char *strpool_add(struct strpool *p, const char *s);

#endif
