/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which part of a stack a snapshot takes.  Pure.
 */
#ifndef PROCSRV_SNAPSHOT_PLAN_H
#define PROCSRV_SNAPSHOT_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

struct plan_map {
	uint64_t lo, hi; /* hi exclusive; only readable ones, in order */
};

/* Readable mappings of a text of proc_pid_maps(5); *out is the caller's to free,
 * NULL without memory (and 0 returned). */
size_t plan_maps(struct span text, struct plan_map **out);

/* The mapping that holds addr; NULL = none. */
const struct plan_map *plan_find(const struct plan_map *maps, size_t n, uint64_t addr);

struct plan_window {
	uint64_t sp;
	uint64_t addr; /* first byte taken: below sp by the red zone, inside the mapping */
	size_t len;
	uint64_t want; /* bytes from sp to the end of the mapping */
};

/* The window of a thread: at most window bytes from sp up and at most room bytes in
 * all.  A stack pointer outside all mappings gets a window all the same (what can be
 * read of it will be); want is then the window. */
struct plan_window plan_window(const struct plan_map *maps, size_t n, uint64_t sp,
    unsigned red_zone, uint32_t window, size_t room);

#endif
