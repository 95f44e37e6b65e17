/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HDB_ASKPASS_H
#define HDB_ASKPASS_H

#include <stdbool.h>
#include <stddef.h>

struct hdb;

enum { ASKPASS_MAX = 1024 };

/* Ask the person for a passphrase: $HDB_ASKPASS, a program that gets the question as its
 * argument and prints the answer; else at the terminal behind tty (-1 = none), without an
 * echo; else $SSH_ASKPASS, as ssh(1) does.  False: nobody answered. */
bool askpass(struct hdb *h, int tty, const char *question, char *text, size_t size);

#endif
