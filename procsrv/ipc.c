/* SPDX-License-Identifier: BSD-2-Clause */
#include "ipc.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* In front of every body.  The version lets sessions outlive an upgrade. */
struct head {
	uint16_t version;
	uint16_t type;
	uint32_t size;
};

static const size_t sizes[IPC_TYPES] = {
#define IPC(number, name, pipe, phase, most, body) [number] = sizeof(struct body),
#include "ipc.def"
};

union control {
	struct cmsghdr head;
	char room[CMSG_SPACE(IPC_FDS * sizeof(int))];
};

static void attach(struct msghdr *msg, union control *room, const int *fds, unsigned n)
{
	struct cmsghdr *c;

	if (!n)
		return;
	memset(room, 0, sizeof(*room));
	msg->msg_control = room;
	msg->msg_controllen = CMSG_SPACE(n * sizeof(int));
	c = CMSG_FIRSTHDR(msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(c), fds, n * sizeof(int));
}

int ipc_send_fds(
    int fd, enum ipc_type type, const void *body, size_t size, const int *fds, unsigned n)
{
	struct head head = {IPC_VERSION, (uint16_t)type, (uint32_t)size};
	struct iovec iov[2] = {{&head, sizeof(head)}, {(void *)body, size}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
	union control room;
	ssize_t sent;

	attach(&msg, &room, fds, n);
	do
		sent = sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return errno == EWOULDBLOCK ? EAGAIN : errno;
	return 0;
}

int ipc_send(int fd, enum ipc_type type, const void *body, size_t size)
{
	return ipc_send_fds(fd, type, body, size, NULL, 0);
}

static int judge(const struct head *h, size_t got)
{
	if (got < sizeof(*h) || h->version != IPC_VERSION || h->type >= IPC_TYPES)
		return EPROTO;
	if (h->size != got - sizeof(*h) || !sizes[h->type] || h->size != sizes[h->type])
		return EPROTO;
	return 0;
}

static void detach(struct msghdr *msg, int fds[IPC_FDS])
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	size_t n = c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS
		       ? c->cmsg_len - CMSG_LEN(0)
		       : 0;

	for (unsigned i = 0; i < IPC_FDS; i++)
		fds[i] = -1;
	if (n)
		memcpy(fds, CMSG_DATA(c), n < IPC_FDS * sizeof(int) ? n : IPC_FDS * sizeof(int));
}

void ipc_close_fds(const int fds[IPC_FDS])
{
	for (unsigned i = 0; i < IPC_FDS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* fds NULL: room for a descriptor is not offered; the kernel closes what was sent along
 * and says so with MSG_CTRUNC. */
static int receive(
    int fd, uint16_t *type, void *body, size_t max, size_t *size, int *fds, union control *room)
{
	struct head head = {0};
	struct iovec iov[2] = {{&head, sizeof(head)}, {body, max}};
	struct msghdr msg = {.msg_iov = iov,
	    .msg_iovlen = 2,
	    .msg_control = room,
	    .msg_controllen = room ? sizeof(*room) : 0};
	ssize_t n;

	do
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? EPIPE : errno;
	if (n == 0)
		return EPIPE;
	if (room)
		detach(&msg, fds);
	if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC) || judge(&head, (size_t)n) != 0)
		return EPROTO;
	*type = head.type;
	*size = head.size;
	return 0;
}

int ipc_recv_fds(int fd, uint16_t *type, void *body, size_t max, size_t *size, int fds[IPC_FDS])
{
	union control room;
	int err;

	for (unsigned i = 0; i < IPC_FDS; i++)
		fds[i] = -1;
	err = receive(fd, type, body, max, size, fds, &room);
	if (err)
		ipc_close_fds(fds);
	return err;
}

int ipc_recv(int fd, uint16_t *type, void *body, size_t max, size_t *size)
{
	return receive(fd, type, body, max, size, NULL, NULL);
}
