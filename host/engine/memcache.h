/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is known of a target's memory during one stop.  Byte-exact: a byte is
 * known, known to be unreadable, or not known.  Whoever lets the target run
 * empties it (memcache_flush), so that nothing of an earlier stop is ever served.
 */
#ifndef HOST_MEMCACHE_H
#define HOST_MEMCACHE_H

#include <stddef.h>
#include <stdint.h>

struct memcache;

/* Half open would not do for the last page of the address space: a range is an
 * address and a length, and may end at 2^64. */
struct mem_range {
	uint64_t addr, len;
};

enum { MEMCACHE_PAGE = 4096 };

/* max_pages: what it holds at most; a live target's cache starts anew when it is
 * full (keep = false), a snapshot's refuses more (keep = true), since what it has
 * cannot be fetched again.  NULL without memory. */
struct memcache *memcache_new(size_t max_pages, int keep);
void memcache_free(struct memcache *m);
void memcache_flush(struct memcache *m);
size_t memcache_pages(const struct memcache *m);

/* What is learned.  Later knowledge replaces earlier.  A length that would run
 * past the end of the address space is cut there. */
void memcache_put(struct memcache *m, uint64_t addr, const void *data, size_t len);
void memcache_put_zeros(struct memcache *m, uint64_t addr, uint64_t len);
void memcache_put_unreadable(struct memcache *m, uint64_t addr, uint64_t len, int os_errno);

/* Copy the known prefix of [addr, addr + len) and return its length.  *why: 0 when
 * the next byte is not known, else the errno with which it cannot be read;
 * untouched when all of it was there. */
size_t memcache_get(const struct memcache *m, uint64_t addr, void *buf, size_t len, int *why);

/* The first part of [addr, addr + len) that is not known (unreadable is knowledge);
 * its len is 0 when there is none. */
struct mem_range memcache_missing(const struct memcache *m, uint64_t addr, uint64_t len);

#endif
