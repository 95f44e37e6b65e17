/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What making, listing and sweeping sessions have in common.
 */
#ifndef PROCSRV_SESSION_WALK_H
#define PROCSRV_SESSION_WALK_H

#include "session_dir.h"

/* Is somebody holding that one (all is locked)?  Facts are read in any case. */
bool session_look(int all, const char *id, struct session_facts *f);

/* HOME/s, locked against others who make, count or sweep sessions until it is closed (or
 * unlocked).  A descriptor, or -1 and a sentence in why. */
int session_lock_all(char *why, size_t size);

/* Call each() for every session in HOME/s; all stays open.  How many, or -1 and errno. */
int session_walk(
    int all, void (*each)(int all, const struct session_facts *f, void *arg), void *arg);

/* The directory of a session, and what is in it. */
void session_delete(int all, const char *id);

#endif
