/* SPDX-License-Identifier: BSD-2-Clause
 *
 * printf of a breakpoint's commands: GDB's own formats for numbers, characters, pointers and
 * strings of the program, written without printf(3).
 *
 * Between quotes a format comes as it was typed, so \n and its like are two characters.
 * Source: GDB's manual, "Dynamic Printf", and its printf command.
 */
#ifndef HOST_RSP_PRINTF_H
#define HOST_RSP_PRINTF_H

#include "common/buf.h"

enum {
	RSP_PRINTF_STRING = 4096, /* of one, at most: "..." follows where it is longer */
	RSP_PRINTF_WIDTH = 4096,
};

struct rsp_printf_env {
	bool narrow; /* long has 32 bits */
	/* The readable bytes at addr, at most n: how many. */
	size_t (*read)(void *arg, uint64_t addr, void *to, size_t n);
	void *arg;
};

/* Is it a format for n arguments?  Taken are d i u o x X c p s with flags, width, precision and
 * h l ll z before an integer's letter; no floating point, no wide characters, no *, no n. */
bool rsp_printf_allows(struct span format, unsigned n);

/* One that was allowed.  Appends text that does no harm on a terminal: what is no printable
 * character, tab or line end is written as \xNN.  false: a string at *addr cannot be read. */
bool rsp_printf(struct buf *out, struct span format, const uint64_t *args,
    const struct rsp_printf_env *env, uint64_t *addr);

#endif
