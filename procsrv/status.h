/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Looking at the sessions of this machine (root's, or the user's own), and ending
 * them.
 */
#ifndef PROCSRV_STATUS_H
#define PROCSRV_STATUS_H

#include <stdbool.h>
#include <sys/types.h>

/* Print listeners and sessions on stdout.  An exit status. */
int status_print(bool json);

/* Tell the guards of all sessions to let go (only of those below process ancestor,
 * unless it is 0) and wait for at most ms until they have.  An exit status: 1 when
 * some have not. */
int status_release(pid_t ancestor, int ms);

/* Remove what dead sessions left in the run-time directory. */
void status_sweep(void);

#endif
