/* SPDX-License-Identifier: BSD-2-Clause */
#include "ipc.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

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

int ipc_send(int fd, enum ipc_type type, const void *body, size_t size)
{
	struct head head = {IPC_VERSION, (uint16_t)type, (uint32_t)size};
	struct iovec iov[2] = {{&head, sizeof(head)}, {(void *)body, size}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
	ssize_t n;

	do
		n = sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EWOULDBLOCK ? EAGAIN : errno;
	return 0;
}

static int judge(const struct head *h, size_t got)
{
	if (got < sizeof(*h) || h->version != IPC_VERSION || h->type >= IPC_TYPES)
		return EPROTO;
	if (h->size != got - sizeof(*h) || !sizes[h->type] || h->size != sizes[h->type])
		return EPROTO;
	return 0;
}

int ipc_recv(int fd, uint16_t *type, void *body, size_t max, size_t *size)
{
	struct head head = {0};
	struct iovec iov[2] = {{&head, sizeof(head)}, {body, max}};
	/* Room for one descriptor is not offered: the kernel closes what was sent
	 * along and says so with MSG_CTRUNC. */
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
	ssize_t n;

	do
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? EPIPE : errno;
	if (n == 0)
		return EPIPE;
	if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC) || judge(&head, (size_t)n) != 0)
		return EPROTO;
	*type = head.type;
	*size = head.size;
	return 0;
}
