/* SPDX-License-Identifier: BSD-2-Clause */
#include "hanging.h"

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

static bool has_ended(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static int *room_of(struct hanging *h)
{
	int *room = NULL;

	for (unsigned i = 0; i < HANGING_MOST; i++) {
		int *fd = &h->pidfds[i];

		if (*fd >= 0 && has_ended(*fd)) {
			close(*fd);
			*fd = -1;
		}
		if (*fd < 0)
			room = fd;
	}
	return room;
}

void hanging_init(struct hanging *h)
{
	memset(h->pidfds, -1, sizeof(h->pidfds));
}

bool hanging_room(struct hanging *h)
{
	return room_of(h) != NULL;
}

void hanging_add(struct hanging *h, int pidfd)
{
	int *room = room_of(h);

	pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
	if (room)
		*room = pidfd;
	else
		close(pidfd);
}

void hanging_free(struct hanging *h)
{
	for (unsigned i = 0; i < HANGING_MOST; i++)
		if (h->pidfds[i] >= 0)
			close(h->pidfds[i]);
	hanging_init(h);
}
