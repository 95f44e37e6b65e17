/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Address expressions: those of C, whose value is the address (arrays and functions: where they
 * begin).  Where that is none, as without debug information: numbers, $registers of the selected
 * frame, and symbols (which stand for their address; 'quoted' when they hold other characters
 * than those of C), joined by + and -.
 */
#ifndef HOST_ADDRESS_H
#define HOST_ADDRESS_H

#include "host/hdb/front.h"

/* text must be one expression and nothing else.  0, or 1 after saying what is wrong with it.
 * Sums wrap at 64 bits. */
int address_eval(struct hdb *h, const char *text, uint64_t *ret);

/* Does a name mean the register so called?  GDB has names of its own for what each
 * architecture calls differently (pc, sp, fp, ps). */
bool address_means(const char *asked, const char *name);

/* A register's value as a number; false when it is wider than 64 bits. */
bool address_register(const struct he_register *r, uint64_t *ret);

#endif
