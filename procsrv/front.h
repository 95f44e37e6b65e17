/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One -t of procsrv: where it listens, and whose keys its monitors use.
 */
#ifndef PROCSRV_FRONT_H
#define PROCSRV_FRONT_H

#include <stdbool.h>

#include "listen.h"
#include "where.h"

struct front {
	struct transport transport;
	struct listen listen;
	char key[WHERE_MAX], map[WHERE_MAX];
	char pin[FINGERPRINT_SIZE];
	const char *audit; /* the record; NULL = none */
	unsigned keys; /* in the map, when the listener started */
};

/* Each returns 0, or the exit status to end with and a sentence in why (empty: a
 * child has said it already). */

/* Understand the string and find the files it means. */
int front_init(struct front *f, const char *transport, char *why, size_t size);

/* Have a monitor judge key, map and record; a missing key in its usual place is made. */
int front_check(struct front *f, bool verbose, char *why, size_t size);

/* Listen. */
int front_open(struct front *f, char *why, size_t size);

/* "tls:bind=127.0.0.1,port=40123,pin=SHA256:..." into text; returns text. */
const char *front_describe(const struct front *f, char *text, size_t size);

/* Leave the record that -status shows. */
void front_record(const struct front *f);

void front_free(struct front *f);

/* Make the key file with procsrv-keygen, and its directory in user mode; pin gets the
 * new key's fingerprint. */
int front_make_key(const char *path, char pin[FINGERPRINT_SIZE], char *why, size_t size);

#endif
