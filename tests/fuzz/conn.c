/* SPDX-License-Identifier: BSD-2-Clause
 *
 * All a client may say to conn behind the handshake, from the first byte of the link to
 * its last: hello, proof, open, requests, in any order and any shape.  The monitor is
 * one here that holds conn to the rules of their pipe, the tracer one that listens.
 *
 * The first byte of the input says how they judge and how the bytes arrive.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "procsrv/conn.h"

/* Descriptors 3 to 5 may be the fuzzer's own. */
static int pipe_fd, channel_fd, socket_fd;
#define FD_PIPE pipe_fd
#define FD_CHANNEL channel_fd
#define FD_SOCKET socket_fd

int conn_main(void);
#define main conn_main
#include "procsrv/conn.c"
#undef main

enum how { PROOF_HOLDS = 1, MAY_OPEN = 2, MONITOR_GOES = 4, SMALL_PIECES = 8 };

static const size_t sizes[IPC_TYPES] = {
#define IPC(number, name, pipe, phase, most, body) [number] = sizeof(struct body),
#include "procsrv/ipc.def"
};

/* The other ends. */
static struct {
	int how;
	struct ipc_state said; /* by conn */
	uint16_t asked;        /* and not answered */
	int host, tracer;
	struct evbuffer *to_host, *to_tracer;
	bool greeted, introduced;
} world;

/* ---- the monitor, in place of ipc.c --------------------------------------------- */

int ipc_send(int fd, enum ipc_type type, const void *body, size_t size)
{
	const struct ipc_proof *proof = body;

	FUZZ_CHECK(fd == pipe_fd && size == sizes[type] && !world.asked);
	FUZZ_CHECK(ipc_check(&world.said, (uint16_t)type));
	if (world.how & MONITOR_GOES && type != IPC_ENDED)
		return EPIPE;
	if (type == IPC_PROOF)
		FUZZ_CHECK(proof->user_n <= sizeof(proof->user) && proof->granted <= 1);
	world.asked = type == IPC_ENDED ? 0 : (uint16_t)type;
	return 0;
}

int ipc_recv(int fd, uint16_t *type, void *body, size_t max, size_t *size)
{
	FUZZ_CHECK(fd == pipe_fd && (world.asked == IPC_PROOF || world.asked == IPC_OPEN));
	*type = (uint16_t)(world.asked + 1);
	*size = sizes[*type];
	FUZZ_CHECK(*size <= max);
	memset(body, 0, *size);
	if (world.asked == IPC_PROOF) {
		bool holds = world.how & PROOF_HOLDS;

		((struct ipc_verdict *)body)->result = holds ? E_OK : E_BAD_PROOF;
		if (holds)
			world.said.phase = PHASE_PROVED;
	} else {
		bool may = world.how & MAY_OPEN;

		/* Not terminated: conn has to mind. */
		memset(((struct ipc_opened *)body)->user, 'u',
		    sizeof(((struct ipc_opened *)body)->user));
		memset(((struct ipc_opened *)body)->key, 'k',
		    sizeof(((struct ipc_opened *)body)->key));
		((struct ipc_opened *)body)->result = may ? E_OK : E_EXPIRED;
		if (may)
			world.said.phase = PHASE_OPENED;
	}
	world.asked = 0;
	return 0;
}

/* ---- what must hold of all conn sends ---------------------------------------------- */

/* Before the proof nobody hears more than who we are, and that we live. */
static void check_to_host(void)
{
	struct wire_msg m;

	evbuffer_read(world.to_host, world.host, -1);
	while (frame_next(world.to_host, WIRE_FROM_AGENT, &m) == E_OK) {
		FUZZ_CHECK(world.greeted || m.h.type == WIRE_hello);
		world.greeted = true;
		if (world.said.phase < PHASE_PROVED)
			FUZZ_CHECK(m.h.type == WIRE_hello || m.h.type == WIRE_challenge ||
				   m.h.type == WIRE_heartbeat_ack);
		frame_drop(world.to_host, &m);
	}
	FUZZ_CHECK(frame_next(world.to_host, WIRE_FROM_AGENT, &m) == FRAME_WAIT);
}

/* Nothing before a session is open, and nothing ever but whole, valid frames. */
static void check_to_tracer(void)
{
	struct wire_msg m;
	int verdict;

	evbuffer_read(world.to_tracer, world.tracer, -1);
	if (world.said.phase < PHASE_OPENED)
		FUZZ_CHECK(evbuffer_get_length(world.to_tracer) == 0);
	while ((verdict = frame_next(world.to_tracer, WIRE_FROM_HOST, &m)) != FRAME_WAIT) {
		FUZZ_CHECK(verdict == E_OK || verdict == E_UNKNOWN);
		FUZZ_CHECK(world.introduced || m.h.type == WIRE_hello);
		FUZZ_CHECK(m.h.type != WIRE_proof && m.h.type != WIRE_open);
		world.introduced = true;
		frame_drop(world.to_tracer, &m);
	}
}

/* ---- a link ------------------------------------------------------------------------- */

static void make_pair(int *ours, int *theirs)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		abort();
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	*ours = pair[0];
	*theirs = pair[1];
}

static void open_link(struct conn *c, int *monitor)
{
	*c = (struct conn){.phase = {M_C, PHASE_SIGNED, {0}},
	    .setup = {.handshake_ms = 10000, .proof_ms = 10000, .cert_n = 1}};
	make_pair(&world.host, &socket_fd);
	make_pair(&world.tracer, &channel_fd);
	make_pair(monitor, &pipe_fd);
	world.to_host = evbuffer_new();
	world.to_tracer = evbuffer_new();
	greet_hello(&c->greet);
	if (!make_tls(c) || !make_events(c))
		abort();
}

static void turn(struct conn *c)
{
	for (int i = 0; i < 4; i++)
		event_base_loop(c->base, EVLOOP_NONBLOCK);
	check_to_host();
	check_to_tracer();
}

static void close_link(struct conn *c, int monitor)
{
	heart_stop(&c->heart);
	chan_free(c->net);
	chan_free(c->tracer);
	event_free(c->deadline);
	event_free(c->linger);
	event_free(c->monitor);
	event_base_free(c->base);
	tls_free(c->tls);
	evbuffer_free(world.to_host);
	evbuffer_free(world.to_tracer);
	close(world.host);
	close(world.tracer);
	close(monitor);
	close(pipe_fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t piece, at = 1;
	int monitor;

	if (size < 1 || size > 70000)
		return 0;
	memset(&world, 0, sizeof(world));
	world.how = data[0];
	world.said = (struct ipc_state){C_M, PHASE_SIGNED, {0}};
	open_link(&self, &monitor);
	piece = world.how & SMALL_PIECES ? 1 + size / 64 : size;
	turn(&self);
	while (at < size && !self.told) {
		size_t n = size - at < piece ? size - at : piece;

		/* It takes nothing any more when it has closed. */
		if (send(world.host, data + at, n, MSG_NOSIGNAL) != (ssize_t)n)
			break;
		at += n;
		turn(&self);
	}
	shutdown(world.host, SHUT_WR);
	turn(&self);
	turn(&self);
	FUZZ_CHECK(self.told); /* the monitor always hears why */
	close_link(&self, monitor);
	return 0;
}
