/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sockets that a debugger of the same user may connect to.
 */
#ifndef HOST_RSP_LISTEN_H
#define HOST_RSP_LISTEN_H

#include <stddef.h>

struct rsp_listener {
	int fd;     /* -1 = none */
	char *path; /* of a unix socket: removed at the end */
	unsigned port;
};

/* 0 = "unix:path=P" or "tcp:port=N"; else why it is neither. */
int rsp_listen_check(const char *where, char *why, size_t size);
/* The same, listening now. */
int rsp_listen_open(struct rsp_listener *l, const char *where, char *why, size_t size);
void rsp_listen_close(struct rsp_listener *l);
/* The descriptor of a debugger, its address in peer; -1: nobody, or somebody who may not
 * (why says so then, else it is empty). */
int rsp_listen_accept(struct rsp_listener *l, char *peer, size_t peer_size, char *why, size_t size);

#endif
