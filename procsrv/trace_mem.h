/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Memory of a target.
 */
#ifndef PROCSRV_TRACE_MEM_H
#define PROCSRV_TRACE_MEM_H

#include <stddef.h>
#include <stdint.h>

struct pack;
struct target;

/* A piece of memory somebody wants. */
struct mem_want {
	uint64_t addr;
	size_t len;
	uint8_t *to; /* len bytes */
	size_t most; /* out: of it may be read without waiting (touch.h) */
	size_t got;  /* out: readable prefix */
	int err;     /* out: the errno it ended with, 0 = whole; EBUSY: the rest does not come */
};

/* Read all of them, many at once, as if nothing were planted.  E_OK (whatever each one got), or
 * GONE: the process has no memory any more, or is another. */
int mem_gather(struct target *tg, struct mem_want *w, size_t n);

/* One; how much of it could be read. */
size_t mem_read_one(struct target *tg, uint64_t addr, void *to, size_t len);

/* As it is, with what we have planted; how much of it could be read, errno says why not all. */
size_t mem_read_raw(struct target *tg, uint64_t addr, void *to, size_t len);
/* The same for writing, whatever the mapping allows (text is written so); less than
 * len: *os_errno says why. */
size_t mem_write_raw(struct target *tg, uint64_t addr, const void *from, size_t len, int *os_errno);

/* Open /proc/PID/mem unless it is.  0, or an errno value. */
int mem_open(struct target *tg);
void mem_close(struct target *tg);

/* Put records of chunks on a list: bytes, and runs of whole zero pages as such. */
void mem_put(struct pack *p, unsigned list, uint64_t addr, const uint8_t *data, size_t len);
void mem_put_unreadable(
    struct pack *p, unsigned list, uint32_t space, uint64_t addr, uint64_t len, int err);

#endif
