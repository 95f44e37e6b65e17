/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The run-time directory, HOME below: /run/procsrv for root; for other users
 * $XDG_RUNTIME_DIR/procsrv, else /tmp/procsrv-UID.
 */
#ifndef PROCSRV_RUN_DIR_H
#define PROCSRV_RUN_DIR_H

#include <stddef.h>
#include <sys/types.h>

/* All are made if need be and judged: ours, and writable by nobody else.  A
 * descriptor, or -1 and a sentence in why. */

int run_dir(char *why, size_t size); /* HOME */

/* HOME/name, made with mode. */
int run_dir_below(const char *name, mode_t mode, char *why, size_t size);

/* HOME/empty, where conn is locked in. */
int run_dir_empty(char *why, size_t size);

#endif
