/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Packets of the internal pipes, as a lying peer sends them: u16 length and
 * bytes, one after the other, on each kind of pipe.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "procsrv/ipc.h"

static void receive(int fd, struct ipc_state *state)
{
	uint8_t body[IPC_MAX];
	uint16_t type;
	size_t size;
	int err = ipc_recv(fd, &type, body, sizeof(body), &size);

	FUZZ_CHECK(err == 0 || err == EPROTO || err == EPIPE);
	if (err)
		return;
	FUZZ_CHECK(size <= sizeof(body) && type < IPC_TYPES);
	if (ipc_check(state, type))
		FUZZ_CHECK(strcmp(ipc_name(type), "?") != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ipc_state state = {.pipe = size ? data[0] % 4 : 0,
	    .phase = (enum ipc_phase)(1 << (size ? data[0] / 4 % 5 : 0))};
	int pair[2];

	if (size < 3 || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) != 0)
		return 0;
	for (size_t at = 1; at + 2 <= size;) {
		size_t n = (size_t)(data[at] | data[at + 1] << 8);

		at += 2;
		if (n > size - at)
			n = size - at;
		if (send(pair[0], data + at, n, MSG_NOSIGNAL) == (ssize_t)n)
			receive(pair[1], &state);
		at += n;
	}
	close(pair[0]);
	receive(pair[1], &state);
	close(pair[1]);
	return 0;
}
