/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The sessions of this machine (root's, or the user's own), for who looks at them.
 */
#ifndef PROCSRV_SESSION_LIST_H
#define PROCSRV_SESSION_LIST_H

#include "session_dir.h"

/* Call each() for every session directory; the number of calls, or -1 and a
 * sentence. */
int session_list(
    void (*each)(const struct session_facts *f, void *arg), void *arg, char *why, size_t size);

/* Remove the directories whose lock is free, but those that keep (may be NULL) says are
 * still wanted.  How many, or -1 and a sentence. */
int session_sweep(bool (*keep)(int all, const char *id), char *why, size_t size);

#endif
