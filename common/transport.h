/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Transport strings: where a server listens (procsrv -t) and how a host gets
 * there (hdb -premote).  Pure: text in, struct out; nothing is resolved or opened.
 * transport(7) has the grammar.
 */
#ifndef COMMON_TRANSPORT_H
#define COMMON_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fingerprint.h"

enum { TRANSPORT_PORT = 7000 };

enum transport_kind { TRANSPORT_TLS, TRANSPORT_UNIX, TRANSPORT_STDIO, TRANSPORT_EXEC };

/* Texts are NULL where the string does not say; the struct owns them. */
struct transport {
	enum transport_kind kind;
	bool has_port;             /* listening: false = the sockets systemd hands over */
	uint16_t port_lo, port_hi; /* inclusive; both 0 = any free one; connecting: lo = hi */
	char *server;              /* connecting: name or address, without brackets */
	char *bind;                /* listening: address, without brackets */
	char *key, *map;           /* files */
	char *path;                /* unix */
	char *command;             /* exec: verbatim */
	char *user;                /* mapped user asked for */
	char *as;                  /* the name known_boxes keeps it under */
	bool has_pin;
	uint8_t pin[FINGERPRINT_BYTES];
};

/* A string of procsrv -t, or of hdb -premote.  0; or -1 and a sentence in why that
 * names the word and what is allowed (t needs no transport_free then, which is
 * harmless all the same). */
int transport_parse_listen(struct transport *t, const char *s, char *why, size_t size);
int transport_parse_connect(struct transport *t, const char *s, char *why, size_t size);

void transport_free(struct transport *t); /* and zeroes it */

/* The canonical string: parsing it again gives the same struct.  The caller frees
 * it; NULL without memory. */
char *transport_format(const struct transport *t);

#endif
