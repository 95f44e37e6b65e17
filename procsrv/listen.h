/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Listening sockets: our own or systemd's.
 */
#ifndef PROCSRV_LISTEN_H
#define PROCSRV_LISTEN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/transport.h"

enum { LISTEN_FDS_MAX = 16 };

/* Sockets of one -t. */
struct listen {
	int fd[LISTEN_FDS_MAX]; /* non-blocking, close-on-exec */
	size_t n;
};

/* Bind and listen where t (a TLS one with a port) says: without bind= on all
 * addresses, IPv4 through the IPv6 socket; of a range on the first port that is
 * free.  0; or -1 and a sentence in why. */
int listen_open(struct listen *l, const struct transport *t, char *why, size_t size);

/* Take the sockets systemd handed over (sd_listen_fds(3)), all of them; a second
 * call finds none.  0; or -1 and a sentence in why. */
int listen_inherit(struct listen *l, char *why, size_t size);

/* "bind=127.0.0.1,port=40123" of the first socket, into text; returns text. */
const char *listen_describe(const struct listen *l, char *text, size_t size);

void listen_close(struct listen *l);

#endif
