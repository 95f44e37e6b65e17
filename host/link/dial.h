/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A TCP connection to a name, with a bound and a way to break it off.
 */
#ifndef HOST_DIAL_H
#define HOST_DIAL_H

#include "host/hosteng.h"
#include "host/link/rpc.h"

enum {
	DIAL_RESOLVE_MS = 20000, /* for the name */
	DIAL_CONNECT_MS = 10000, /* for all addresses together */
	DIAL_NEXT_MS = 250,      /* an address that hesitates gets company (RFC 8305) */
};

/* where: "host:port" for sentences.  *fd: connected, non-blocking, without Nagle's
 * delay; the caller's.  inbox_cancel(inbox) ends the wait. */
struct he_error *dial_tcp(
    const char *host, uint16_t port, const char *where, struct inbox *inbox, int *fd);

/* Begin a connection to where one led before, without waiting: its socket, or -1. */
struct sockaddr;
int dial_again(const struct sockaddr *sa);

#endif
