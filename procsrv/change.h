/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Requests that change a target: memory, registers, signals, its end.
 */
#ifndef PROCSRV_CHANGE_H
#define PROCSRV_CHANGE_H

struct call;
struct target;

/* The target is let go or has ended: how often it was written to goes on the record. */
void change_record(struct target *tg);

/* It is about to be written to.  Not E_OK: that cannot be recorded, and is not to be done. */
int change_memory(struct call *c);

#endif
