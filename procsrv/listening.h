/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What listeners run here: each writes a record into the run-time directory beside
 * the sessions and holds a lock on it, so that procsrv -status finds it and knows
 * one that is left over.
 */
#ifndef PROCSRV_LISTENING_H
#define PROCSRV_LISTENING_H

#include <sys/types.h>

#include "common/fingerprint.h"

struct listening {
	pid_t pid;
	char transport[256]; /* "tls:bind=...,port=..." */
	char pin[FINGERPRINT_SIZE];
	char map[1024]; /* escaped as in the log */
	unsigned keys;
};

/* Add one transport to our record.  It is a help only: without a run-time directory
 * there is none. */
void listening_add(const struct listening *l);

/* The record's descriptor, with its lock, for the program this process becomes: no
 * longer close-on-exec.  The record is valid until that closes it.  -1 = there is none. */
int listening_hand_over(void);

/* Call each() for every transport of every listener that lives, and remove the records
 * of those that do not. */
void listening_list(void (*each)(const struct listening *l, void *arg), void *arg);
void listening_sweep(void); /* the latter alone */

#endif
