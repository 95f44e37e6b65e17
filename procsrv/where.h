/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where things are on this machine: our private programs, and the files and the
 * run-time directory of root's or of a user's procsrv.
 */
#ifndef PROCSRV_WHERE_H
#define PROCSRV_WHERE_H

#include <stddef.h>

enum { WHERE_MAX = 4096 }; /* size that holds every answer */

/* All write an absolute path into buf and return 0, or -1 and a sentence in it. */

/* A private program ("procsrv-monitor").  Root looks at the compiled-in place only;
 * other users look beside the program that asks, so that a build tree works. */
int where_program(char buf[WHERE_MAX], const char *name);

/* "key.pem", "authorized_keys": /etc/procsrv for root, else $XDG_CONFIG_HOME/procsrv
 * or ~/.config/procsrv. */
int where_config(char buf[WHERE_MAX], const char *name);

#endif
