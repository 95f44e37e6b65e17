/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A stranger's bytes against the server's side of TLS, as conn has it: whatever
 * comes, nothing is accepted, and nothing but TLS alerts and handshake goes back.
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/chan.h"
#include "common/keymake.h"
#include "common/tls.h"
#include "common/wire.h"
#include "fuzz.h"

static struct key *server;

static int sign(void *arg, const uint8_t hash[KEY_HASH], uint8_t sig[KEY_SIG])
{
	(void)arg;
	return key_sign(server, hash, sig);
}

static bool accept_any(void *arg, const uint8_t peer[FINGERPRINT_BYTES])
{
	(void)arg;
	(void)peer;
	return true;
}

static void on_readable(struct chan *c, void *arg)
{
	(void)arg;
	evbuffer_drain(chan_in(c), evbuffer_get_length(chan_in(c)));
}

static void on_closed(struct chan *c, int why, void *arg)
{
	(void)c;
	(void)why;
	*(bool *)arg = true;
}

static const struct chan_cb cb = {.readable = on_readable, .closed = on_closed};

/* Every record that came back is a handshake, cipher change or alert. */
static void check_answer(int fd)
{
	uint8_t got[65536];
	ssize_t n = recv(fd, got, sizeof(got), MSG_DONTWAIT);

	for (ssize_t at = 0; n > 0 && at + 5 <= n; at += 5 + (got[at + 3] << 8 | got[at + 4]))
		FUZZ_CHECK(got[at] >= 20 && got[at] <= 22);
}

static struct key *a_key(void)
{
	char directory[] = "/tmp/fuzzXXXXXX", path[64], why[256];
	struct key *k = NULL;

	if (!mkdtemp(directory))
		abort();
	snprintf(path, sizeof(path), "%s/key.pem", directory);
	if (key_make(path, "fuzz", why, sizeof(why)) == 0)
		k = key_load(path, why, sizeof(why));
	unlink(path);
	rmdir(directory);
	FUZZ_CHECK(k);
	return k;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tls_server how = {.alpn = WIRE_ALPN_PROCSRV, .sign = sign, .accept = accept_any};
	static struct event_base *base;
	bool closed = false;
	struct chan *c;
	struct tls *t;
	int pair[2];

	if (!base) {
		base = event_base_new();
		server = a_key();
	}
	if (size > 60000 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		return 0;
	how.cert = key_cert(server);
	memcpy(how.point, key_point(server), sizeof(how.point));
	t = tls_server_new(&how);
	c = chan_new(base, pair[1], pair[1], &cb, &closed);
	chan_set_filter(c, &tls_filter, t);
	if (size && send(pair[0], data, size, MSG_NOSIGNAL) != (ssize_t)size)
		abort();
	shutdown(pair[0], SHUT_WR);
	for (int i = 0; i < 20 && !closed; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
	FUZZ_CHECK(closed && !tls_ready(t));
	check_answer(pair[0]);
	chan_free(c);
	tls_free(t);
	close(pair[0]);
	return 0;
}
