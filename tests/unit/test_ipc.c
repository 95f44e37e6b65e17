/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Packets between our processes: what is not as the table says is EPROTO.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "procsrv/ipc.h"

static int pair[2];

static int open_pair(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
}

static int close_pair(void **state)
{
	(void)state;
	close(pair[0]);
	if (pair[1] >= 0)
		close(pair[1]);
	return 0;
}

static int receive(uint16_t *type)
{
	static uint8_t body[IPC_MAX];
	size_t size;

	return ipc_recv(pair[0], type, body, sizeof(body), &size);
}

static void a_packet_arrives_as_it_was_sent(void **state)
{
	struct ipc_verdict v = {.result = 7}, got = {0};
	uint16_t type;
	size_t size;

	(void)state;
	assert_int_equal(ipc_send(pair[1], IPC_PROVEN, &v, sizeof(v)), 0);
	assert_int_equal(ipc_recv(pair[0], &type, &got, sizeof(got), &size), 0);
	assert_int_equal(type, IPC_PROVEN);
	assert_int_equal(size, sizeof(v));
	assert_int_equal(got.result, 7);
}

static void every_type_has_one_size(void **state)
{
	static const uint8_t zeros[IPC_MAX];
	uint16_t type;

	(void)state;
	assert_int_equal(ipc_send(pair[1], IPC_PROVEN, zeros, sizeof(struct ipc_verdict) - 1), 0);
	assert_int_equal(receive(&type), EPROTO);
	assert_int_equal(ipc_send(pair[1], IPC_PROVEN, zeros, sizeof(struct ipc_verdict) + 1), 0);
	assert_int_equal(receive(&type), EPROTO);
	assert_int_equal(ipc_send(pair[1], (enum ipc_type)15, zeros, 4), 0);
	assert_int_equal(receive(&type), EPROTO);
	assert_int_equal(ipc_send(pair[1], (enum ipc_type)4000, zeros, 4), 0);
	assert_int_equal(receive(&type), EPROTO);
	assert_int_equal(ipc_send(pair[1], (enum ipc_type)0, zeros, 0), 0);
	assert_int_equal(receive(&type), EPROTO);
}

static void a_packet_longer_than_its_room_is_refused(void **state)
{
	struct ipc_session s = {0};
	uint16_t type;
	uint8_t small[8];
	size_t size;

	(void)state;
	assert_int_equal(ipc_send(pair[1], IPC_SESSION, &s, sizeof(s)), 0);
	assert_int_equal(ipc_recv(pair[0], &type, small, sizeof(small), &size), EPROTO);
}

static void anything_else_is_refused(void **state)
{
	static const uint8_t bad[][8] = {
	    {0}, {2, 0, 7, 0, 4, 0, 0, 0}, {1, 0, 7, 0, 0xff, 0xff, 0xff, 0xff}};
	uint16_t type;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(send(pair[1], bad[i], 8, 0), 8);
		assert_int_equal(receive(&type), EPROTO);
	}
	assert_int_equal(send(pair[1], "x", 1, 0), 1);
	assert_int_equal(receive(&type), EPROTO);
}

static int open_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 64; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void a_descriptor_sent_along_is_refused_and_closed(void **state)
{
	struct {
		uint16_t version, type;
		uint32_t size;
		struct ipc_verdict v;
	} packet = {IPC_VERSION, IPC_PROVEN, sizeof(struct ipc_verdict), {0}};
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.h = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
	struct iovec iov = {&packet, sizeof(packet)};
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = CMSG_SPACE(sizeof(int))};
	int before = open_descriptors();
	uint16_t type;

	(void)state;
	memcpy(CMSG_DATA(&control.h), &pair[1], sizeof(int));
	assert_int_equal(sendmsg(pair[1], &msg, 0), sizeof(packet));
	assert_int_equal(receive(&type), EPROTO);
	assert_int_equal(open_descriptors(), before);
}

static void the_end_is_told_from_everything_else(void **state)
{
	struct ipc_verdict v = {0};
	uint16_t type;

	(void)state;
	assert_int_equal(ipc_send(pair[1], IPC_PROVEN, &v, sizeof(v)), 0);
	close(pair[1]);
	pair[1] = -1;
	assert_int_equal(receive(&type), 0);
	assert_int_equal(receive(&type), EPIPE);
	assert_int_equal(ipc_send(pair[0], IPC_PROVEN, &v, sizeof(v)), EPIPE);
}

static void a_full_pipe_does_not_block(void **state)
{
	struct ipc_audit a = {0};
	int err = 0;

	(void)state;
	for (unsigned i = 0; i < 100000 && !err; i++)
		err = ipc_send(pair[1], IPC_AUDIT, &a, sizeof(a));
	assert_int_equal(err, EAGAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_packet_arrives_as_it_was_sent, open_pair, close_pair),
	    cmocka_unit_test_setup_teardown(every_type_has_one_size, open_pair, close_pair),
	    cmocka_unit_test_setup_teardown(
		a_packet_longer_than_its_room_is_refused, open_pair, close_pair),
	    cmocka_unit_test_setup_teardown(anything_else_is_refused, open_pair, close_pair),
	    cmocka_unit_test_setup_teardown(
		a_descriptor_sent_along_is_refused_and_closed, open_pair, close_pair),
	    cmocka_unit_test_setup_teardown(
		the_end_is_told_from_everything_else, open_pair, close_pair),
	    cmocka_unit_test_setup_teardown(a_full_pipe_does_not_block, open_pair, close_pair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
