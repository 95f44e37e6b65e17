/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tls.c, both ends in one process over a socket pair.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/keymake.h"
#include "common/tls.h"

static char dir[] = "/tmp/test_tls.XXXXXX";
static char paths[2][64];
static struct key *keys[2]; /* server's, client's */
static char why[256];

/* One end of the link under test. */
struct end {
	struct tls *tls;
	struct chan *chan;
	struct event_base *base;
	struct evbuffer *got; /* what arrived, drained as it comes */
	unsigned readys, closeds, signatures;
	int closed_why;
	bool trust;
	struct end *other;
};

static void on_readable(struct chan *c, void *arg)
{
	struct end *e = arg;

	evbuffer_add_buffer(e->got, chan_in(c));
	chan_more(c);
}

static void on_closed(struct chan *c, int err, void *arg)
{
	struct end *e = arg;

	(void)c;
	e->closeds++;
	e->closed_why = err;
	if (e->other->closeds || e->other->chan == NULL)
		event_base_loopbreak(e->base);
}

static const struct chan_cb callbacks = {.readable = on_readable, .closed = on_closed};

static bool accept_peer(void *arg, const uint8_t peer[32])
{
	struct end *e = arg;

	(void)peer;
	return e->trust;
}

static void on_ready(void *arg)
{
	struct end *e = arg;

	e->readys++;
}

static int sign_elsewhere(void *arg, const uint8_t hash[32], uint8_t sig[64])
{
	struct end *e = arg;

	e->signatures++;
	return key_sign(keys[0], hash, sig);
}

static struct tls *make_tls(struct end *e, bool server, const char *alpn)
{
	if (server) {
		struct tls_server how = {
		    .alpn = alpn,
		    .cert = key_cert(keys[0]),
		    .sign = sign_elsewhere,
		    .accept = accept_peer,
		    .ready = on_ready,
		    .arg = e,
		};
		memcpy(how.point, key_point(keys[0]), KEY_POINT);
		return tls_server_new(&how);
	}
	return tls_client_new(&(struct tls_client){
	    .alpn = alpn, .key = keys[1], .accept = accept_peer, .ready = on_ready, .arg = e});
}

static void end_init(
    struct end *e, struct event_base *base, int fd, bool server, const char *alpn, bool trust)
{
	*e = (struct end){.base = base, .trust = trust, .got = evbuffer_new()};
	e->tls = make_tls(e, server, alpn);
	assert_non_null(e->tls);
	e->chan = chan_new(base, fd, fd, &callbacks, e);
	assert_non_null(e->chan);
	chan_set_filter(e->chan, &tls_filter, e->tls);
}

static void end_free(struct end *e)
{
	chan_free(e->chan);
	tls_free(e->tls);
	evbuffer_free(e->got);
}

struct link {
	struct event_base *base;
	struct end server, client;
};

static void link_init(struct link *l, const char *alpn, bool server_trusts, bool client_trusts)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	l->base = event_base_new();
	end_init(&l->server, l->base, fds[0], true, "procsrv/1", server_trusts);
	end_init(&l->client, l->base, fds[1], false, alpn, client_trusts);
	l->server.other = &l->client;
	l->client.other = &l->server;
	chan_flush(l->client.chan);
}

static void link_free(struct link *l)
{
	end_free(&l->server);
	end_free(&l->client);
	event_base_free(l->base);
}

/* Until the condition holds, or nothing can happen any more. */
#define RUN_UNTIL(l, condition)                                                                    \
	for (unsigned turns = 0; !(condition) && turns < 100000; turns++)                          \
	event_base_loop((l)->base, EVLOOP_ONCE)

static int make_keys(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	for (int i = 0; i < 2; i++) {
		snprintf(paths[i], sizeof(paths[i]), "%s/%d.pem", dir, i);
		if (key_make(paths[i], "test", why, sizeof(why)) != 0)
			return -1;
		keys[i] = key_load(paths[i], why, sizeof(why));
		if (!keys[i])
			return -1;
	}
	return 0;
}

static int drop_keys(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		key_free(keys[i]);
		unlink(paths[i]);
	}
	return rmdir(dir);
}

static void both_ends_see_each_others_keys_and_one_signature_is_made(void **state)
{
	struct link l;

	(void)state;
	link_init(&l, "procsrv/1", true, true);
	RUN_UNTIL(&l, l.server.readys && l.client.readys);
	assert_int_equal(l.server.readys, 1);
	assert_int_equal(l.client.readys, 1);
	assert_int_equal(l.server.signatures, 1);
	assert_true(tls_report(l.server.tls)->has_peer);
	assert_memory_equal(tls_report(l.server.tls)->peer, key_fingerprint(keys[1]), 32);
	assert_memory_equal(tls_report(l.client.tls)->peer, key_fingerprint(keys[0]), 32);
	assert_int_equal(strncmp(tls_version(l.client.tls), "TLSv1.", 6), 0);
	link_free(&l);
}

static void megabytes_arrive_whole_in_both_directions_at_once(void **state)
{
	enum { N = 3 * 1024 * 1024 + 17 };
	static uint8_t a[N], b[N];
	struct link l;

	(void)state;
	for (size_t i = 0; i < N; i++) {
		a[i] = (uint8_t)(i * 7 + i / 251);
		b[i] = (uint8_t)(i * 13 + i / 241);
	}
	link_init(&l, "procsrv/1", true, true);
	evbuffer_add(chan_out(l.client.chan), a, N);
	evbuffer_add(chan_out(l.server.chan), b, N);
	chan_flush(l.client.chan);
	RUN_UNTIL(
	    &l, evbuffer_get_length(l.server.got) == N && evbuffer_get_length(l.client.got) == N);
	assert_int_equal(evbuffer_get_length(l.server.got), N);
	assert_memory_equal(evbuffer_pullup(l.server.got, -1), a, N);
	assert_int_equal(evbuffer_get_length(l.client.got), N);
	assert_memory_equal(evbuffer_pullup(l.client.got, -1), b, N);
	link_free(&l);
}

static void a_close_is_told_from_a_cut(void **state)
{
	struct link l;

	(void)state;
	link_init(&l, "procsrv/1", true, true);
	RUN_UNTIL(&l, l.server.readys && l.client.readys);
	evbuffer_add(chan_out(l.client.chan), "bye", 3);
	tls_close(l.client.tls);
	chan_flush(l.client.chan);
	RUN_UNTIL(&l, l.server.closeds);
	assert_int_equal(tls_report(l.server.tls)->end, TLS_CLOSED);
	assert_int_equal(evbuffer_get_length(l.server.got), 3);
	link_free(&l);

	link_init(&l, "procsrv/1", true, true);
	RUN_UNTIL(&l, l.server.readys && l.client.readys);
	end_free(&l.client);
	RUN_UNTIL(&l, l.server.closeds);
	assert_int_equal(tls_report(l.server.tls)->end, TLS_CUT);
	end_free(&l.server);
	event_base_free(l.base);
}

/* In TLS 1.3 a client is done before the server has judged it, and an alert of a
 * client that is not done goes out in clear, where Mbed TLS does not expect it. */
static bool is_tls13(const struct link *l)
{
	return strcmp(tls_version(l->client.tls), "TLSv1.3") == 0;
}

static void an_unknown_client_key_gets_access_denied_before_it_is_ready(void **state)
{
	struct link l;

	(void)state;
	link_init(&l, "procsrv/1", false, true);
	RUN_UNTIL(&l, l.server.closeds && l.client.closeds);
	assert_int_equal(l.server.readys, 0);
	assert_int_equal(l.client.readys, is_tls13(&l));
	assert_int_equal(tls_report(l.server.tls)->end, TLS_WRONG_KEY);
	assert_int_equal(tls_report(l.server.tls)->alert_sent, TLS_ALERT_ACCESS_DENIED);
	assert_int_equal(tls_report(l.client.tls)->end, TLS_ALERTED);
	assert_int_equal(tls_report(l.client.tls)->alert_got, TLS_ALERT_ACCESS_DENIED);
	assert_memory_equal(tls_report(l.server.tls)->peer, key_fingerprint(keys[1]), 32);
	link_free(&l);
}

static void a_server_key_the_client_does_not_trust_ends_it(void **state)
{
	struct link l;

	(void)state;
	link_init(&l, "procsrv/1", true, false);
	RUN_UNTIL(&l, l.server.closeds && l.client.closeds);
	assert_int_equal(l.client.readys, 0);
	assert_int_equal(tls_report(l.client.tls)->end, TLS_WRONG_KEY);
	assert_memory_equal(tls_report(l.client.tls)->peer, key_fingerprint(keys[0]), 32);
	assert_int_equal(tls_report(l.server.tls)->end, is_tls13(&l) ? TLS_BROKEN : TLS_ALERTED);
	link_free(&l);
}

static void another_protocol_is_refused_before_anything_is_signed(void **state)
{
	struct link l;

	(void)state;
	link_init(&l, "kdsrv/1", true, true);
	RUN_UNTIL(&l, l.server.closeds && l.client.closeds);
	assert_int_equal(l.server.signatures, 0);
	assert_int_equal(tls_report(l.server.tls)->end, TLS_NO_ALPN);
	assert_int_equal(tls_report(l.server.tls)->alert_sent, TLS_ALERT_NO_APPLICATION_PROTOCOL);
	assert_int_equal(tls_report(l.client.tls)->alert_got, TLS_ALERT_NO_APPLICATION_PROTOCOL);
	link_free(&l);
}

/* A server alone with bytes; what it answers. */
static size_t feed(struct end *e, const void *bytes, size_t n, uint8_t *answer, size_t size)
{
	struct event_base *base = event_base_new();
	struct end nobody = {0};
	int fds[2];
	ssize_t got;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	end_init(e, base, fds[0], true, "procsrv/1", true);
	e->other = &nobody;
	assert_int_equal(write(fds[1], bytes, n), n);
	shutdown(fds[1], SHUT_WR);
	event_base_dispatch(base);
	assert_int_equal(e->closeds, 1);
	got = recv(fds[1], answer, size, MSG_DONTWAIT);
	close(fds[1]);
	chan_free(e->chan);
	event_base_free(base);
	return got > 0 ? (size_t)got : 0;
}

static void end_drop(struct end *e)
{
	tls_free(e->tls);
	evbuffer_free(e->got);
}

static void what_is_not_tls_gets_no_answer_and_its_first_bytes_are_kept(void **state)
{
	static const char *const says[] = {"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
	    "SSH-2.0-OpenSSH_9.2\r\n", "+$qSupported:multiprocess+#c6", "hello\n", "P",
	    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"};
	uint8_t answer[64];
	struct end e;

	(void)state;
	for (size_t i = 0; i < sizeof(says) / sizeof(says[0]); i++) {
		size_t n = strlen(says[i]), kept = n < TLS_FIRST ? n : TLS_FIRST;

		assert_int_equal(feed(&e, says[i], n, answer, sizeof(answer)), 0);
		assert_int_equal(tls_report(e.tls)->end, TLS_STRANGER);
		assert_int_equal(tls_report(e.tls)->first_n, kept);
		assert_memory_equal(tls_report(e.tls)->first, says[i], kept);
		end_drop(&e);
	}
}

/* A handshake message that claims 16 MiB, in endless records. */
static void a_never_ending_handshake_is_cut_off(void **state)
{
	enum { RECORDS = 8, SIZE = 5 + 16384 };
	static uint8_t bytes[RECORDS * SIZE];
	uint8_t answer[64];
	struct end e;
	size_t n;

	(void)state;
	for (unsigned i = 0; i < RECORDS; i++) {
		uint8_t *p = bytes + i * SIZE;

		memcpy(p, "\x16\x03\x03\x40\x00", 5);
		if (i == 0)
			memcpy(p + 5, "\x01\xff\xff\xff", 4);
	}
	n = feed(&e, bytes, sizeof(bytes), answer, sizeof(answer));
	assert_int_not_equal(tls_report(e.tls)->end, TLS_OPEN);
	if (n)
		assert_int_equal(answer[0], 21); /* an alert, if anything */
	assert_int_equal(e.signatures, 0);
	end_drop(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(both_ends_see_each_others_keys_and_one_signature_is_made),
	    cmocka_unit_test(megabytes_arrive_whole_in_both_directions_at_once),
	    cmocka_unit_test(a_close_is_told_from_a_cut),
	    cmocka_unit_test(an_unknown_client_key_gets_access_denied_before_it_is_ready),
	    cmocka_unit_test(a_server_key_the_client_does_not_trust_ends_it),
	    cmocka_unit_test(another_protocol_is_refused_before_anything_is_signed),
	    cmocka_unit_test(what_is_not_tls_gets_no_answer_and_its_first_bytes_are_kept),
	    cmocka_unit_test(a_never_ending_handshake_is_cut_off),
	};

	return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
