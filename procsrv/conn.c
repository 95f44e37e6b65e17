/* SPDX-License-Identifier: BSD-2-Clause
 *
 * procsrv-conn: one per connection, as a user of its own, locked in before the
 * first remote byte is read.  Speaks TLS with the host, checks every frame against
 * the wire table, and relays them to and from the session's tracer.  It holds no
 * key and decides nothing: its monitor signs and judges.
 *
 * Started by procsrv-monitor: see ipc.h for its descriptors.
 */
#include "conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/wire.h"
#include "sandbox.h"

enum {
	EXIT_USAGE = 2,
	EXIT_SETUP = 3,
	LINGER_MS = 1000,       /* for the last words to arrive */
	ORPHAN_MS = 100,        /* for the monitor's end to show, when the tracer's side has */
	LOW_WATER = 128 * 1024, /* waiting for the network: the tracer is read again */
	FRAMES_MAX = 2 * (WIRE_HEAD + WIRE_PIECE),
	SILENCE_MS = 15000,
	UNSENT_MAX = 128 * 1024, /* in the kernel: what comes later does not wait long */
};

static struct conn self;

/* ---- the monitor ------------------------------------------------------------------ */

/* Receive one message that the table allows now, of this type. */
static bool receive(struct conn *c, uint16_t *type, void *body, size_t max)
{
	size_t size;
	int err = ipc_recv(FD_PIPE, type, body, max, &size);

	return err == 0 && ipc_check(&c->phase, *type);
}

bool conn_ask(struct conn *c, enum ipc_type ask, const void *body, size_t size, enum ipc_type reply,
    void *answer, size_t answer_size)
{
	uint16_t type;

	return ipc_send(FD_PIPE, ask, body, size) == 0 && receive(c, &type, answer, answer_size) &&
	       type == reply;
}

/* Last words.  Said once, and early: the peer may take its time to go. */
static void tell_monitor(struct conn *c)
{
	const struct tls_report *rep = tls_report(c->tls);
	struct ipc_ended e = {
	    .end = rep->end,
	    .code = c->code,
	    .alert_sent = rep->alert_sent,
	    .alert_got = rep->alert_got,
	    .error = rep->error,
	    .ready = rep->ready,
	    .first_n = (uint32_t)rep->first_n,
	    .has_peer = rep->has_peer,
	    .bytes_in = chan_bytes_in(c->net),
	    .bytes_out = chan_bytes_out(c->net),
	};

	if (c->told)
		return;
	c->told = true;
	memcpy(e.first, rep->first, sizeof(e.first));
	memcpy(e.peer, rep->peer, sizeof(e.peer));
	ipc_send(FD_PIPE, IPC_ENDED, &e, sizeof(e));
}

/* ---- the end ------------------------------------------------------------------------ */

static void leave(struct conn *c)
{
	tell_monitor(c);
	event_base_loopbreak(c->base);
}

/* The tracer's side closes at once: what is in its channel still reaches it. */
static void drop_tracer(struct conn *c)
{
	heart_stop(&c->heart);
	if (!c->tracer)
		return;
	link_farewell(c, (enum err)c->code);
	chan_flush(c->tracer);
	chan_free(c->tracer);
	c->tracer = NULL;
}

static void say_goodbye(struct conn *c, enum err code)
{
	struct wire_goodbye bye = {.code = (uint16_t)code, .text = span_str(err_text((int)code))};
	struct buf b;

	buf_init(&b, WIRE_PIECE);
	wire_encode_goodbye(&b, &bye);
	link_put(c, WIRE_goodbye, 0, &b);
	buf_free(&b);
	tls_close(c->tls);
}

static void set_deadline(struct conn *c, uint32_t ms)
{
	struct timeval t = {ms / 1000, (suseconds_t)(ms % 1000) * 1000};

	event_add(c->deadline, &t);
}

void conn_end(struct conn *c, enum err code, enum tls_alert alert)
{
	if (c->ending)
		return;
	c->ending = true;
	c->code = code;
	evbuffer_drain(chan_in(c->net), evbuffer_get_length(chan_in(c->net)));
	if (c->phase.phase >= PHASE_PROVED && !c->farewell)
		say_goodbye(c, code);
	else if (c->farewell || alert == TLS_ALERT_CLOSE_NOTIFY)
		tls_close(c->tls);
	else if (alert != TLS_ALERT_NONE)
		tls_refuse(c->tls, alert);
	chan_flush(c->net);
	set_deadline(c, LINGER_MS);
	event_active(c->linger, EV_TIMEOUT, 1);
}

/* Out of the callbacks in which it was decided. */
static void on_linger(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	char waste[4096];
	struct iovec v = {waste, sizeof(waste)};
	ssize_t n;

	(void)fd;
	if (what & EV_TIMEOUT) {
		drop_tracer(c);
		tell_monitor(c);
		if (tls_report(c->tls)->end == TLS_OPEN)
			return; /* the channel goes on reading, until the peer closes */
		event_add(c->linger, NULL);
		return;
	}
	/* TLS is over.  Unread bytes would turn our close into a reset, which can
	 * overtake the alert: read until the peer has gone. */
	n = readv(FD_SOCKET, &v, 1);
	if (n == 0 || (n < 0 && errno != EAGAIN))
		leave(c);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	if (c->ending) {
		leave(c);
		return;
	}
	if (c->orphan) {
		conn_end(c, E_INTERNAL, TLS_ALERT_NONE);
		return;
	}
	conn_end(c, E_TIMEOUT, tls_ready(c->tls) ? TLS_ALERT_ACCESS_DENIED : TLS_ALERT_NONE);
	if (!tls_ready(c->tls))
		leave(c);
}

/* Nothing comes from the monitor unasked but its end. */
static void on_monitor(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	event_del(c->monitor);
	/* The session does not end with the monitor: its host may come back. */
	conn_end(c, c->introduced || c->resumed ? E_LOST : E_SHUTDOWN, TLS_ALERT_INTERNAL_ERROR);
}

/* ---- the channels --------------------------------------------------------------------- */

static void net_readable(struct chan *net, void *arg)
{
	struct conn *c = arg;

	if (c->ending) {
		evbuffer_drain(chan_in(net), evbuffer_get_length(chan_in(net)));
		return;
	}
	heart_heard(&c->heart);
	relay_from_host(c);
}

static void net_writable(struct chan *net, void *arg)
{
	(void)net;
	relay_writable(arg);
}

static enum err code_of(const struct conn *c, int os_errno)
{
	enum tls_end end = tls_report(c->tls)->end;

	/* Whoever reaches the connection can break it with a byte: that is no word of the
	 * host's, which may come back. */
	if (c->phase.phase == PHASE_OPENED && end != TLS_CLOSED)
		return E_LOST;
	switch (end) {
	case TLS_CLOSED:
		return E_OK;
	case TLS_CUT:
		return E_LOST;
	case TLS_WRONG_KEY:
		return E_NO_KEY;
	default:
		return os_errno > 0 ? E_LOST : E_PROTOCOL;
	}
}

static void net_closed(struct chan *net, int os_errno, void *arg)
{
	struct conn *c = arg;
	const struct tls_report *rep = tls_report(c->tls);
	bool refused = rep->end != TLS_CLOSED && rep->end != TLS_CUT && os_errno <= 0;

	(void)net;
	if (!c->ending) {
		c->ending = true;
		c->code = code_of(c, os_errno);
	}
	drop_tracer(c);
	tell_monitor(c);
	if (refused && rep->alert_sent != TLS_ALERT_NONE) {
		set_deadline(c, LINGER_MS);
		event_add(c->linger, NULL);
	} else {
		leave(c);
	}
}

static void tracer_readable(struct chan *tracer, void *arg)
{
	(void)tracer;
	relay_from_tracer(arg);
}

static void tracer_closed(struct chan *tracer, int os_errno, void *arg)
{
	struct conn *c = arg;

	(void)tracer;
	(void)os_errno;
	if (c->farewell)
		conn_end(c, E_SHUTDOWN, TLS_ALERT_NONE);
	if (c->ending)
		return; /* its last words have their own time */
	/* When a monitor dies its guard drops the channel, and may have seen it before we do:
	 * the session waits for its host then (on_monitor). */
	c->orphan = true;
	set_deadline(c, ORPHAN_MS);
}

static const struct chan_cb net_callbacks = {net_readable, net_writable, net_closed};
static const struct chan_cb tracer_callbacks = {tracer_readable, NULL, tracer_closed};

/* ---- what TLS asks ------------------------------------------------------------------- */

static int ask_signature(void *arg, const uint8_t hash[KEY_HASH], uint8_t sig[KEY_SIG])
{
	struct conn *c = arg;
	struct ipc_hash ask;
	struct ipc_signature answer;

	memcpy(ask.hash, hash, sizeof(ask.hash));
	if (!conn_ask(c, IPC_SIGN, &ask, sizeof(ask), IPC_SIGNATURE, &answer, sizeof(answer)) ||
	    answer.result != E_OK)
		return -1;
	c->phase.phase = PHASE_SIGNED;
	memcpy(sig, answer.sig, sizeof(answer.sig));
	return 0;
}

/* The early filter only: what counts is the proof, which the monitor judges. */
static bool is_known(void *arg, const uint8_t peer[FINGERPRINT_BYTES])
{
	const struct conn *c = arg;

	for (size_t i = 0; i < c->nkeys; i++)
		if (memcmp(c->keys[i], peer, FINGERPRINT_BYTES) == 0)
			return true;
	return c->setup.any_key;
}

static void on_ready(void *arg)
{
	struct conn *c = arg;
	log_debug("%s %s", tls_version(c->tls), tls_suite(c->tls));
	set_deadline(c, c->setup.proof_ms);
	link_greet(c);
}

/* ---- start ---------------------------------------------------------------------------- */

static void take_keys(struct conn *c, const struct ipc_keys *k)
{
	uint8_t(*more)[32];

	if (k->n > IPC_KEYS_EACH)
		fatal(EXIT_SETUP, "a malformed list of keys from the monitor");
	more = realloc(c->keys, (c->nkeys + k->n + 1) * sizeof(*more));
	if (!more)
		fatal(EXIT_SETUP, "out of memory");
	memcpy(more + c->nkeys, k->hash, k->n * sizeof(*more));
	c->keys = more;
	c->nkeys += k->n;
}

static void receive_setup(struct conn *c)
{
	union {
		struct ipc_setup setup;
		struct ipc_keys keys;
		struct ipc_none none;
	} body;
	uint16_t type;

	c->phase = (struct ipc_state){M_C, PHASE_START, {0}};
	do {
		if (!receive(c, &type, &body, sizeof(body)))
			fatal(EXIT_SETUP, "no set-up from the monitor");
		if (type == IPC_SETUP)
			c->setup = body.setup;
		else if (type == IPC_KEYS)
			take_keys(c, &body.keys);
	} while (type != IPC_GO);
	if (c->setup.cert_n == 0 || c->setup.cert_n > sizeof(c->setup.cert))
		fatal(EXIT_SETUP, "no certificate from the monitor");
	c->phase.phase = PHASE_HANDSHAKE;
}

static struct event_base *make_base(void)
{
	struct event_config *cfg = event_config_new();
	struct event_base *base = NULL;

	if (cfg) {
		/* poll(2) with NOFILE 0 is EINVAL, epoll is not. */
		event_config_avoid_method(cfg, "poll");
		event_config_avoid_method(cfg, "select");
		event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV);
		base = event_base_new_with_config(cfg);
		event_config_free(cfg);
	}
	return base;
}

static void tune_socket(void)
{
	int on = 1, silence = SILENCE_MS, unsent = UNSENT_MAX;

	/* A unix socket, as tests use, knows none of these. */
	setsockopt(FD_SOCKET, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(FD_SOCKET, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence, sizeof(silence));
	setsockopt(FD_SOCKET, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
}

static bool make_tls(struct conn *c)
{
	struct tls_server how = {
	    .alpn = WIRE_ALPN_PROCSRV,
	    .cert = {c->setup.cert, c->setup.cert_n},
	    .sign = ask_signature,
	    .accept = is_known,
	    .ready = on_ready,
	    .arg = c,
	};

	memcpy(how.point, c->setup.point, sizeof(how.point));
	c->tls = tls_server_new(&how);
	return c->tls != NULL;
}

static bool make_events(struct conn *c)
{
	c->base = make_base();
	if (!c->base)
		return false;
	c->deadline = event_new(c->base, -1, 0, on_deadline, c);
	c->linger = event_new(c->base, FD_SOCKET, EV_READ | EV_PERSIST, on_linger, c);
	c->monitor = event_new(c->base, FD_PIPE, EV_READ, on_monitor, c);
	c->net = chan_new(c->base, FD_SOCKET, FD_SOCKET, &net_callbacks, c);
	c->tracer = chan_new(c->base, FD_CHANNEL, FD_CHANNEL, &tracer_callbacks, c);
	if (!c->deadline || !c->linger || !c->monitor || !c->net || !c->tracer)
		return false;
	chan_set_filter(c->net, &tls_filter, c->tls);
	chan_set_low(c->net, LOW_WATER);
	chan_set_high(c->tracer, FRAMES_MAX);
	chan_set_low(c->tracer, 0);
	set_deadline(c, c->setup.handshake_ms);
	return event_add(c->monitor, NULL) == 0;
}

/* All that needs files, memory in plenty or new descriptors happens here. */
static void prepare(struct conn *c)
{
	close_range((unsigned)FD_SOCKET + 1, ~0U, 0);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	setvbuf(stderr, NULL, _IOLBF, 0);
	tzset(); /* dates in certificates would look for the time zone later */
	tune_socket();
	greet_hello(&c->greet);
	if (c->setup.any_key)
		c->greet.hello.features = WIRE_FEATURE_GRANTS;
	if (!make_tls(c) || !make_events(c))
		fatal(EXIT_SETUP, "out of memory");
}

int main(void)
{
	struct conn *c = &self;
	struct stat st;
	char why[256];

	prctl(PR_SET_DUMPABLE, 0);
	log_init("procsrv-conn", false);
	if (fstat(FD_PIPE, &st) != 0 || !S_ISSOCK(st.st_mode))
		fatal(EXIT_USAGE, "started by procsrv-monitor, not by hand");
	receive_setup(c);
	log_init("procsrv-conn", c->setup.verbose);
	prepare(c);
	if (sandbox_enter(!c->setup.user_mode, FD_PIPE, why, sizeof(why)) != 0)
		fatal(EXIT_SETUP, "%s", why);
	event_base_dispatch(c->base);
	/* Nothing is freed: closing is all that is left, and the kernel does that. */
	_exit(0);
}
