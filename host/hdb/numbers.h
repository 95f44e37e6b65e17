/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Thread numbers: short names that stay a thread's own while the target is attached,
 * from 1 in the order the threads were first seen (the main thread first).
 */
#ifndef HOST_NUMBERS_H
#define HOST_NUMBERS_H

#include <stdint.h>

#include "host/hosteng.h"

struct numbers; /* of all targets; NULL is an empty one */

/* Number the threads of a target not seen before; main: the tid that comes first. */
void numbers_see(struct numbers **all, unsigned target, uint64_t main, const struct he_threads *t);
/* 0 = never seen. */
unsigned numbers_of(const struct numbers *all, unsigned target, uint64_t tid);
/* The target is gone. */
void numbers_forget(struct numbers **all, unsigned target);
void numbers_free(struct numbers *all);

#endif
