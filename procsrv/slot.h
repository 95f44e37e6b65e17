/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Slots: copies of instructions beside the program, each followed by the way back behind
 * the original.  A thread passes a patch by going on in its slot; any number of them may be
 * in the same one, and they find their way even when we are gone.
 *
 * They are in pages (readable and executable) that a thread of the program was made to map
 * near its code.  Never in a process with a system call filter, which could kill it for
 * that.
 */
#ifndef PROCSRV_SLOT_H
#define PROCSRV_SLOT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/user.h>

struct patches;
struct site;
struct target;
struct tracee;

/* Give a site its slot, mapping a page if there is no room by way of the thread, which
 * stands with nothing to be delivered.  False: it cannot have one (that is remembered). */
bool slot_give(struct tracee *t, struct site *s);

/* Whose slot the address is in; NULL = nobody's. */
struct site *slot_of(const struct target *tg, uint64_t pc);

/* The site is about to be freed, and nobody is in its slot. */
void slot_take_back(struct patches *ps, struct site *s);

/* Is a page of them mapped? */
bool slots_any(const struct patches *ps);

/* Nobody is in a slot or will be: have the thread, which stands, unmap them.  False: they
 * stay; which does no harm. */
bool slots_unmap(struct tracee *t);

void slots_free(struct patches *ps);

#endif
