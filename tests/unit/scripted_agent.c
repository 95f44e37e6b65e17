/* SPDX-License-Identifier: BSD-2-Clause */
#include "scripted_agent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/err.h"
#include "host/errtext.h"

enum { PATIENCE_MS = 20000 };

unsigned agent_links_ended;

void agent_wrong(struct agent *a, const char *what)
{
	if (!a->wrong[0])
		snprintf(a->wrong, sizeof(a->wrong), "%s", what);
}

static bool read_all(struct agent *a, void *to, size_t n)
{
	uint8_t *p = to;

	while (n) {
		struct pollfd ready = {.fd = a->fd, .events = POLLIN};
		ssize_t got;

		if (poll(&ready, 1, PATIENCE_MS) <= 0) {
			agent_wrong(a, "nothing came");
			return false;
		}
		got = read(a->fd, p, n);
		if (got <= 0)
			return false;
		p += got;
		n -= (size_t)got;
	}
	return true;
}

static bool get_one(struct agent *a)
{
	uint8_t head[WIRE_HEAD];
	struct rd r = rd_init(head, sizeof(head));

	if (!read_all(a, head, sizeof(head)))
		return false;
	wire_get_head(&r, &a->m.h);
	if (wire_check_head(&a->m.h, WIRE_FROM_HOST) != E_OK) {
		agent_wrong(a, "the host sent a bad header");
		return false;
	}
	if (!read_all(a, a->body, a->m.h.len))
		return false;
	a->m.body = (struct span){a->body, a->m.h.len};
	if (!wire_valid(a->m.h.type, a->m.body)) {
		agent_wrong(a, "the host sent a bad body");
		return false;
	}
	return true;
}

bool agent_get(struct agent *a)
{
	struct wire_ack ack;

	while (get_one(a)) {
		if (a->m.h.type == WIRE_ack && wire_decode_ack(a->m.body, &ack)) {
			a->granted += ack.credit_bytes;
			a->acks++;
			continue;
		}
		if (a->m.h.id && a->m.h.id <= a->last_request)
			agent_wrong(a, "request ids do not rise");
		if (a->m.h.id)
			a->last_request = a->m.h.id;
		return true;
	}
	return false;
}

bool agent_expect(struct agent *a, enum wire_type type)
{
	if (!agent_get(a)) {
		agent_wrong(a, "the host closed");
		return false;
	}
	if (a->m.h.type != type) {
		char text[128];

		snprintf(text, sizeof(text), "got %s, expected %s", wire_row(a->m.h.type)->name,
		    wire_row((uint16_t)type)->name);
		agent_wrong(a, text);
		return false;
	}
	return true;
}

void agent_raw(struct agent *a, const void *p, size_t n)
{
	const uint8_t *at = p;

	while (n) {
		ssize_t put = send(a->fd, at, n, MSG_NOSIGNAL);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return; /* the host has had enough */
		at += put;
		n -= (size_t)put;
	}
}

void agent_put(struct agent *a, const struct wire_head *h, const void *body, size_t n)
{
	static _Thread_local uint8_t room[WIRE_HEAD + WIRE_PIECE + 64];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};

	wire_put_head(&b, h);
	buf_raw(&b, body, n);
	if (!a->corked) {
		agent_raw(a, b.p, b.len);
		return;
	}
	if (a->n_out + b.len > sizeof(a->out)) {
		agent_raw(a, a->out, a->n_out);
		a->n_out = 0;
	}
	memcpy(a->out + a->n_out, b.p, b.len);
	a->n_out += b.len;
}

void agent_uncork(struct agent *a)
{
	agent_raw(a, a->out, a->n_out);
	a->n_out = 0;
	a->corked = false;
}

void agent_piece(struct agent *a, enum wire_type type, uint64_t id, uint32_t piece, bool more,
    const struct buf *body)
{
	struct wire_head h = {.type = (uint16_t)type,
	    .id = id,
	    .piece = piece,
	    .flags = more ? WIRE_MORE : 0,
	    .len = body ? (uint32_t)body->len : 0};

	agent_put(a, &h, body ? body->p : NULL, h.len);
}

void agent_say(struct agent *a, enum wire_type type, uint64_t id, const struct buf *body)
{
	agent_piece(a, type, id, 0, false, body);
}

void agent_hello(struct agent *a)
{
	struct buf b;

	buf_init(&b, WIRE_PIECE);
	wire_encode_hello(&b, &a->hello);
	agent_say(a, WIRE_hello, 0, &b);
	buf_free(&b);
}

void agent_open(struct agent *a)
{
	struct wire_opened o = {.uid = 1000, .user = span_str("alice"), .rights = 6, .yama = 1};
	struct buf b;

	agent_hello(a);
	if (!agent_expect(a, WIRE_hello) || !agent_expect(a, WIRE_open))
		return;
	buf_init(&b, WIRE_PIECE);
	wire_encode_opened(&b, &o);
	agent_say(a, WIRE_opened, a->m.h.id, &b);
	buf_free(&b);
}

void agent_bytes(struct agent *a, uint64_t id, size_t n)
{
	static const uint8_t zeros[60000];
	uint32_t piece = 0;
	struct buf b;

	buf_init(&b, WIRE_PIECE);
	do {
		uint32_t part = n < sizeof(zeros) ? (uint32_t)n : (uint32_t)sizeof(zeros);
		struct wire_bytes m = {.data = {zeros, part}};

		n -= part;
		buf_reset(&b);
		wire_encode_bytes(&b, &m);
		agent_piece(a, WIRE_bytes, id, piece++, n > 0, &b);
	} while (n);
	buf_free(&b);
}

/* ---- life ------------------------------------------------------------------------- */

static void *run(void *arg)
{
	struct agent *a = arg;

	a->play(a);
	shutdown(a->fd, SHUT_WR);
	while (agent_get(a))
		;
	return NULL;
}

int agent_start(struct agent *a, script *play, const void *arg)
{
	int pair[2];

	*a = (struct agent){.play = play, .arg = arg};
	a->hello = (struct wire_hello){
	    .kind = WIRE_PEER_PROCSRV,
	    .version_min = 1,
	    .version_max = 1,
	    .heartbeat_ms = 3000,
	    .credit_requests = 64,
	    .credit_bytes = 1024 * 1024,
	    .max_read = 1024 * 1024,
	    .page_size = 4096,
	    .machine = span_str("x86_64"),
	    .os = span_str("Linux 6.1"),
	    .host = span_str("box\033[31m"),
	    .build = span_str("procsrv 0.1"),
	};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	a->fd = pair[0];
	assert_int_equal(pthread_create(&a->thread, NULL, run, a), 0);
	return pair[1];
}

void agent_join(struct agent *a)
{
	pthread_join(a->thread, NULL);
	close(a->fd);
	if (a->wrong[0])
		fail_msg("the agent says: %s", a->wrong);
}

/* ---- the link ------------------------------------------------------------------------ */

static struct he_error *on_closed(void *arg, int os_errno, bool hello)
{
	(void)arg;
	return he_error_new(E_LOST, "closed, errno %d%s", os_errno, hello ? ", after hello" : "");
}

static const char *on_lost(void *arg, int os_errno)
{
	(void)arg;
	(void)os_errno;
	return "cut";
}

static void on_end(void *arg)
{
	(void)arg;
	agent_links_ended++;
}

struct rpc_via agent_via(int fd)
{
	return (struct rpc_via){.fd = fd,
	    .closed = on_closed,
	    .lost = on_lost,
	    .end = on_end,
	    .name = strdup("box:7000"),
	    .box = strdup("box"),
	    .hello_ms = 10000};
}
