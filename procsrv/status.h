/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Looking at the listeners and sessions of this machine (root's, or the user's own).
 */
#ifndef PROCSRV_STATUS_H
#define PROCSRV_STATUS_H

#include <stdbool.h>

/* Print them on stdout.  An exit status. */
int status_print(bool json);

#endif
