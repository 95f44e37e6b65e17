/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One debugger's connection: bytes in, packets handled, bytes out.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/rsp/rsp_again.h"
#include "host/rsp/rsp_alive.h"
#include "host/rsp/rsp_launch.h"
#include "host/rsp/rsp_lldb.h"
#include "host/rsp/rsp_run.h"
#include "host/rsp/rsp_terminal.h"

enum {
	WRITE_MAX = 4096,          /* that much a pipe takes that poll says is writable */
	BREAK = 0x03,              /* Ctrl-C */
	WAITING_MAX = 1024 * 1024, /* what a pipe or socket may hold for the debugger */
};

struct rsp *rsp_new(struct he_engine *e, struct he_server *s)
{
	struct rsp *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->engine = e;
	r->server = s;
	r->in = r->out = -1;
	buf_init(&r->reply, RSP_REPLY);
	rsp_frame_init(&r->frame);
	r->run = rsp_run_new();
	r->launch = rsp_launch_new();
	r->alive = rsp_alive_new();
	if (r->run && r->launch)
		return r;
	rsp_free(r);
	return NULL;
}

void rsp_free(struct rsp *r)
{
	if (!r)
		return;
	rsp_close(r);
	rsp_alive_free(r->alive);
	r->alive = NULL;
	while (r->processes)
		rsp_process_remove(r, r->processes, !r->processes->attached);
	rsp_terminal_end(r);
	rsp_run_free(r->run);
	rsp_launch_free(r->launch);
	rsp_frame_free(&r->frame);
	buf_free(&r->reply);
	free(r);
}

/* The longest reply fits in: else the debugger and we wait for each other, piece by piece.
 * (TCP finds the size itself.)  What is neither is left as it is. */
static void make_room(int out)
{
	int domain = AF_UNSPEC, size = WAITING_MAX;
	socklen_t n = sizeof(domain);

	if (getsockopt(out, SOL_SOCKET, SO_DOMAIN, &domain, &n) != 0)
		fcntl(out, F_SETPIPE_SZ, size);
	else if (domain == AF_UNIX)
		setsockopt(out, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

void rsp_open(struct rsp *r, int in, int out)
{
	make_room(out);
	r->in = in;
	r->out = out;
	r->knows = 0;
	r->extended = r->non_stop = r->hang_up = false;
	r->general = r->resume = (struct rsp_id){0};
	rsp_frame_free(&r->frame);
	rsp_frame_init(&r->frame);
	rsp_run_reset(r);
}

void rsp_close(struct rsp *r)
{
	for (size_t i = 0; rsp_parts[i]; i++)
		if (rsp_parts[i]->closed)
			rsp_parts[i]->closed(r);
	if (r->in > STDERR_FILENO)
		close(r->in);
	if (r->out > STDERR_FILENO && r->out != r->in)
		close(r->out);
	r->in = r->out = -1;
}

/* ---- out -------------------------------------------------------------------------------- */

static ssize_t put(int fd, struct span s)
{
	ssize_t n = send(fd, s.p, s.n, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n >= 0 || errno != ENOTSOCK)
		return n;
	return write(fd, s.p, s.n < WRITE_MAX ? s.n : WRITE_MAX);
}

static void flush(struct rsp *r)
{
	while (r->out >= 0) {
		struct span s = rsp_frame_waiting(&r->frame);
		struct pollfd fd = {.fd = r->out, .events = POLLOUT};
		ssize_t n;

		if (!s.n || poll(&fd, 1, 0) <= 0)
			return;
		n = put(r->out, s);
		if (n > 0) {
			rsp_frame_sent(&r->frame, (size_t)n);
		} else if (n < 0 && errno != EINTR && errno != EAGAIN) {
			r->hang_up = true;
			rsp_frame_sent(&r->frame, s.n);
		}
	}
}

void rsp_flush(struct rsp *r)
{
	rsp_alive_lock(r->alive);
	flush(r);
	rsp_alive_unlock(r->alive);
}

static void send_body(struct rsp *r, const struct buf *body)
{
	rsp_alive_lock(r->alive);
	if (r->out >= 0 && !rsp_frame_reply(&r->frame, body))
		r->hang_up = true;
	flush(r);
	rsp_alive_unlock(r->alive);
}

void rsp_send(struct rsp *r)
{
	send_body(r, &r->reply);
}

void rsp_console(struct rsp *r, const void *text, size_t n)
{
	struct buf b;

	buf_init(&b, RSP_REPLY);
	rsp_put_char(&b, 'O');
	rsp_put_hex(&b, text, n);
	send_body(r, &b);
	buf_free(&b);
}

/* ---- in --------------------------------------------------------------------------------- */

bool rsp_interrupted(struct rsp *r)
{
	uint8_t first = 0;
	/* Of a pipe nothing can be seen without taking it. */
	ssize_t n = recv(r->in, &first, 1, MSG_PEEK | MSG_DONTWAIT);

	if (n < 0 || (n == 1 && first != BREAK))
		return false;
	if (n == 1)
		(void)!recv(r->in, &first, 1, MSG_DONTWAIT);
	rsp_fail_errno(r, EINTR);
	return true;
}

/* What was asked when a process was let go is asked of it once more. */
static void handle(struct rsp *r, const struct rd *packet)
{
	/* The packet may be the one that tells that it is LLDB. */
	struct rsp_alive *alive = r->lldb ? NULL : r->alive;
	unsigned before = r->agains;

	rsp_alive_begin(alive, &r->frame, r->out);
	r->let_go = false;
	rsp_handle(r, packet);
	rsp_again_look(r, r->let_go);
	if (r->agains != before && !r->later)
		rsp_handle(r, packet);
	rsp_alive_end(alive);
}

static void answer(struct rsp *r, const struct rd *packet)
{
	handle(r, packet);
	if (!r->later)
		rsp_send(r);
	rsp_run_settle(r);
}

void rsp_take(struct rsp *r, const void *data, size_t n)
{
	struct rd in = rd_init(data, n), packet;

	while (in.left && !r->hang_up) {
		switch (rsp_frame_take(&r->frame, &in, &packet)) {
		case RSP_IN_PACKET:
			answer(r, &packet);
			break;
		case RSP_IN_BREAK:
			if (!r->lldb || !rsp_lldb_break(r))
				rsp_run_break(r);
			break;
		case RSP_IN_BAD:
			rsp_bad(r);
			rsp_send(r);
			break;
		case RSP_IN_LOST:
			rsp_say("what the debugger sends are no packets of GDB's remote protocol; "
				"the connection is closed.");
			r->hang_up = true;
			break;
		case RSP_IN_NONE:
			break;
		}
	}
	rsp_flush(r);
}

/* ---- what the engine has to tell ----------------------------------------------------------- */

void rsp_event(struct rsp *r, const struct he_event *ev)
{
	if (ev->kind == HE_E_OUTPUT) {
		rsp_terminal_output(r, ev);
	} else if (ev->kind == HE_E_LINK_LOST) {
		rsp_say("link to box lost: %s", ev->text);
		r->hang_up = r->end = true;
		r->status = 1;
	} else if (ev->kind == HE_E_LINK_AWAY || ev->kind == HE_E_LINK_BACK) {
		rsp_again_link(r, ev);
	} else {
		rsp_run_event(r, ev);
	}
}
