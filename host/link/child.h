/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A server that we start ourselves, behind a pair of sockets.
 */
#ifndef HOST_CHILD_H
#define HOST_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct child {
	pid_t pid;  /* and of its process group; 0 = none */
	int tty;    /* the terminal it was lent, -1 = none */
	int status; /* wait status, once reaped */
};

/* Start argv (path: argv[0] is only its name) in a process group of its own, with
 * *fd's other end as stdin and stdout, and our stderr.  terminal: in the foreground of
 * our controlling terminal, if we are, so that it can ask (child_take_back ends
 * that).  0, or an errno value. */
int child_start(struct child *c, const char *path, char *const argv[], bool terminal, int *fd);

/* Be in the foreground of the terminal again.  Harmless when nothing was lent. */
void child_take_back(struct child *c);

/* Has it ended?  Waits that long; then c->status is set and pid is 0. */
bool child_ended(struct child *c, int wait_ms);

/* Its channel is closed: let it end by itself, then with force. */
void child_end(struct child *c);

/* "status 127", "killed by signal 9 (Killed)"; returns text. */
char *child_how(const struct child *c, char *text, size_t size);

#endif
