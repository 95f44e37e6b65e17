/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Ending the sessions of this machine (root's, or the user's own).
 */
#ifndef PROCSRV_RELEASE_H
#define PROCSRV_RELEASE_H

#include <sys/types.h>

/* Tell the guards of all sessions to let go (only of those below process ancestor,
 * unless it is 0) and wait for at most ms until they have.  An exit status: 1 when
 * some have not. */
int release_sessions(pid_t ancestor, int ms);

/* Put right what dead sessions left in processes, then remove what they left in the
 * run-time directory.  An exit status. */
int release_sweep(void);

#endif
