/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls.h"

#include <stdlib.h>

#include <mbedtls/platform_util.h>

#define COMPAT_TLS
#include "tls_compat.h"
#include "tls_remote.h"

enum {
	RECORD = 16384,         /* plain bytes of a record, at most */
	CONTENT_HANDSHAKE = 22, /* record types, RFC 8446 section 5.1 */
	CONTENT_ALERT = 21,
	HEADER = 5, /* bytes of a record's */
};

struct tls {
	mbedtls_ssl_context ssl;
	mbedtls_ssl_config conf;
	mbedtls_x509_crt cert;
	struct tls_remote remote;
	const char *alpn[2]; /* Mbed TLS keeps the pointer */
	bool server;
	bool (*accept)(void *, const uint8_t *);
	void (*ready)(void *);
	void *arg;
	struct evbuffer *raw_in, *raw_out; /* during a pump */
	bool eof;
	size_t taken; /* raw bytes of the peer's handshake */
	bool close_asked, close_said;
	bool unwanted; /* judged already, to be told once the handshake is over */
	int refuse;    /* alert to be sent; TLS_ALERT_NONE */
	struct tls_report report;
};

/* ---- what Mbed TLS calls ------------------------------------------------- */

static int take(void *arg, unsigned char *p, size_t n)
{
	struct tls *t = arg;
	int got = evbuffer_remove(t->raw_in, p, n);

	if (got <= 0)
		return t->eof ? 0 : MBEDTLS_ERR_SSL_WANT_READ;
	if (!t->report.ready)
		t->taken += (size_t)got;
	return got;
}

/* Alerts of the handshake go out in clear: note which. */
static int give(void *arg, const unsigned char *p, size_t n)
{
	struct tls *t = arg;

	if (n == HEADER + 2 && p[0] == CONTENT_ALERT)
		t->report.alert_sent = p[HEADER + 1];
	if (evbuffer_add(t->raw_out, p, n) != 0)
		return MBEDTLS_ERR_SSL_ALLOC_FAILED;
	return (int)n;
}

/* Chain, names and dates are not judged: the leaf's key alone counts. */
static int judge_peer(void *arg, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
	struct tls *t = arg;
	struct tls_report *rep = &t->report;
	struct span spki = {crt->pk_raw.p, (uint32_t)crt->pk_raw.len};

	*flags = 0;
	if (depth > 0)
		return 0;
	/* What does not speak our protocol is told so, and nobody is asked about its key.  (A
	 * server has looked already.) */
	if (!t->server && !mbedtls_ssl_get_alpn_protocol(&t->ssl)) {
		rep->end = TLS_NO_ALPN;
		*flags = MBEDTLS_X509_BADCERT_OTHER;
		return 0;
	}
	rep->has_peer = key_hash_spki(rep->peer, spki);
	if (rep->has_peer && t->accept(t->arg, rep->peer))
		return 0;
	/* A TLS 1.3 client has moved on to other keys by now and could not read the
	 * alert of an unfinished handshake. */
	if (t->server && compat_is_tls13(&t->ssl)) {
		t->unwanted = true;
		return 0;
	}
	rep->end = TLS_WRONG_KEY;
	*flags = MBEDTLS_X509_BADCERT_OTHER; /* makes the alert access_denied */
	return 0;
}

/* ---- set-up ---------------------------------------------------------------- */

/* ChaCha20 first: Mbed TLS moves a third more with it than with AES-GCM, even
 * where the processor has AES instructions (MEASURES). */
static const int suites[] = {
#if MBEDTLS_VERSION_MAJOR >= 3
    MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
    MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
#endif
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    0,
};

static void choose(mbedtls_ssl_config *conf)
{
	compat_conf_protocol(conf);
	mbedtls_ssl_conf_ciphersuites(conf, suites);
	mbedtls_ssl_conf_rng(conf, key_random, NULL);
	mbedtls_ssl_conf_authmode(conf, MBEDTLS_SSL_VERIFY_REQUIRED);
#if defined(MBEDTLS_SSL_RENEGOTIATION)
	mbedtls_ssl_conf_renegotiation(conf, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
#endif
#if defined(MBEDTLS_SSL_SESSION_TICKETS) && defined(MBEDTLS_SSL_CLI_C)
	mbedtls_ssl_conf_session_tickets(conf, MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
#endif
}

static struct tls *make(bool server, struct span cert, const char *alpn,
    int (*own)(struct tls *, const void *), const void *how)
{
	struct tls *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->server = server;
	t->alpn[0] = alpn;
	t->refuse = TLS_ALERT_NONE;
	t->report.alert_sent = t->report.alert_got = TLS_ALERT_NONE;
	mbedtls_ssl_init(&t->ssl);
	mbedtls_ssl_config_init(&t->conf);
	mbedtls_x509_crt_init(&t->cert);
	mbedtls_pk_init(&t->remote.pk);
	if (compat_crypto_init() != 0 ||
	    mbedtls_ssl_config_defaults(&t->conf,
		server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT,
		MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT) != 0 ||
	    mbedtls_x509_crt_parse_der(&t->cert, cert.p, cert.n) != 0)
		goto fail;
	choose(&t->conf);
	/* Without any trusted certificate Mbed TLS refuses before it asks judge_peer. */
	mbedtls_ssl_conf_ca_chain(&t->conf, &t->cert, NULL);
	mbedtls_ssl_conf_verify(&t->conf, judge_peer, t);
	if (mbedtls_ssl_conf_alpn_protocols(&t->conf, t->alpn) != 0 || own(t, how) != 0 ||
	    mbedtls_ssl_setup(&t->ssl, &t->conf) != 0)
		goto fail;
	mbedtls_ssl_set_bio(&t->ssl, t, give, take, NULL);
	return t;
fail:
	tls_free(t);
	return NULL;
}

static int own_remote(struct tls *t, const void *arg)
{
	const struct tls_server *how = arg;

	t->accept = how->accept;
	t->ready = how->ready;
	t->arg = how->arg;
	t->remote.sign = how->sign;
	t->remote.arg = how->arg;
	mbedtls_ssl_conf_cert_req_ca_list(&t->conf, MBEDTLS_SSL_CERT_REQ_CA_LIST_DISABLED);
	return tls_remote_use(&t->remote, &t->conf, &t->cert);
}

struct tls *tls_server_new(const struct tls_server *how)
{
	return make(true, how->cert, how->alpn, own_remote, how);
}

static int own_local(struct tls *t, const void *arg)
{
	const struct tls_client *how = arg;

	t->accept = how->accept;
	t->ready = how->ready;
	t->arg = how->arg;
	return mbedtls_ssl_conf_own_cert(&t->conf, &t->cert, key_pk(how->key));
}

struct tls *tls_client_new(const struct tls_client *how)
{
	struct tls *t = make(false, key_cert(how->key), how->alpn, own_local, how);

	/* No name is checked, the key is; 3.x wants to hear that. */
	if (t && mbedtls_ssl_set_hostname(&t->ssl, NULL) != 0) {
		tls_free(t);
		return NULL;
	}
	return t;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	mbedtls_ssl_free(&t->ssl);
	mbedtls_ssl_config_free(&t->conf);
	mbedtls_x509_crt_free(&t->cert);
	mbedtls_platform_zeroize(t, sizeof(*t));
	free(t);
}

/* ---- the filter ---------------------------------------------------------- */

static int end(struct tls *t, enum tls_end why)
{
	if (t->report.end == TLS_OPEN)
		t->report.end = why;
	return -1;
}

static int refuse(struct tls *t, enum tls_end why, int alert)
{
	end(t, why);
	if (t->report.alert_sent != TLS_ALERT_NONE)
		return -1;
	if (mbedtls_ssl_send_alert_message(
		&t->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL, (unsigned char)alert) == 0)
		t->report.alert_sent = alert;
	return -1;
}

/* Mbed TLS gave up with r.  The peer hears an alert, unless it is gone. */
static int give_up(struct tls *t, int r)
{
	t->report.error = r;
	switch (r) {
	case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
		return end(t, TLS_CLOSED);
	case 0:
	case MBEDTLS_ERR_SSL_CONN_EOF:
		return end(t, TLS_CUT);
	case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
		t->report.alert_got = t->ssl.COMPAT_PRIVATE(in_msg)[1];
		return end(t, TLS_ALERTED);
	case MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE:
		return refuse(t, TLS_NO_CERTIFICATE, TLS_ALERT_HANDSHAKE_FAILURE);
	default:
		if (t->report.alert_sent == TLS_ALERT_NO_APPLICATION_PROTOCOL)
			end(t, TLS_NO_ALPN);
		return refuse(t, TLS_BROKEN, TLS_ALERT_HANDSHAKE_FAILURE);
	}
}

/* What speaks another protocol is recognised by its first byte, and gets no answer. */
static bool is_stranger(struct tls *t)
{
	struct tls_report *rep = &t->report;
	ev_ssize_t n;

	if (t->taken || rep->first_n == TLS_FIRST)
		return false;
	n = evbuffer_copyout(t->raw_in, rep->first, TLS_FIRST);
	rep->first_n = n > 0 ? (size_t)n : 0;
	return rep->first_n && rep->first[0] != CONTENT_HANDSHAKE && rep->first[0] != CONTENT_ALERT;
}

/* No protocol was agreed on.  A server knows once it has read the hello, and can
 * stop before anything is signed; a client looks when it judges the server's key, and
 * at the end. */
static bool no_alpn(const struct tls *t)
{
	bool known = t->server ? t->ssl.COMPAT_PRIVATE(state) > MBEDTLS_SSL_CLIENT_HELLO
			       : compat_handshake_over(&t->ssl);

	return known && !mbedtls_ssl_get_alpn_protocol(&t->ssl);
}

/* 0 = waiting or done; -1 = over. */
static int shake(struct tls *t)
{
	int r = 0;

	if (is_stranger(t))
		return end(t, TLS_STRANGER);
	while (!compat_handshake_over(&t->ssl)) {
		r = mbedtls_ssl_handshake_step(&t->ssl);
		if (r == MBEDTLS_ERR_SSL_WANT_READ && t->taken <= TLS_HANDSHAKE_MAX)
			return 0;
		if (t->taken > TLS_HANDSHAKE_MAX)
			return refuse(t, TLS_TOO_LONG, TLS_ALERT_HANDSHAKE_FAILURE);
		if (r != 0)
			return give_up(t, r);
		if (no_alpn(t))
			return refuse(t, TLS_NO_ALPN, TLS_ALERT_NO_APPLICATION_PROTOCOL);
	}
	if (t->unwanted)
		return refuse(t, TLS_WRONG_KEY, TLS_ALERT_ACCESS_DENIED);
	t->report.ready = true;
	if (t->ready)
		t->ready(t->arg);
	return 0;
}

/* Decrypt all there is, straight into in. */
static int decrypt(struct tls *t, struct evbuffer *in)
{
	for (;;) {
		size_t n = mbedtls_ssl_get_bytes_avail(&t->ssl) + evbuffer_get_length(t->raw_in);
		struct evbuffer_iovec v;
		int r;

		if (n == 0 && !t->eof)
			return 0;
		n = n > RECORD ? RECORD : n ? n : 1;
		if (evbuffer_reserve_space(in, (ev_ssize_t)n, &v, 1) != 1)
			return give_up(t, MBEDTLS_ERR_SSL_ALLOC_FAILED);
		r = mbedtls_ssl_read(&t->ssl, v.iov_base, n);
		v.iov_len = r > 0 ? (size_t)r : 0;
		evbuffer_commit_space(in, &v, 1);
		if (r == MBEDTLS_ERR_SSL_WANT_READ)
			return 0;
		if (r <= 0 && !compat_is_ticket(r))
			return give_up(t, r);
	}
}

/* Encrypt all there is, a record at a time.  Records of many small frames are
 * filled up: a copy costs less than a record of its own. */
static int encrypt(struct tls *t, struct evbuffer *out)
{
	size_t n;

	while ((n = evbuffer_get_length(out)) > 0) {
		unsigned char *p;
		int r;

		n = n > RECORD ? RECORD : n;
		p = evbuffer_pullup(out, (ev_ssize_t)n);
		if (!p)
			return give_up(t, MBEDTLS_ERR_SSL_ALLOC_FAILED);
		r = mbedtls_ssl_write(&t->ssl, p, n);
		if (r <= 0)
			return give_up(t, r);
		evbuffer_drain(out, (size_t)r);
	}
	if (t->close_asked && !t->close_said) {
		t->close_said = true;
		mbedtls_ssl_close_notify(&t->ssl);
	}
	return 0;
}

static int pump(void *f, struct evbuffer *raw_in, struct evbuffer *raw_out, struct evbuffer *in,
    struct evbuffer *out, bool eof)
{
	struct tls *t = f;

	t->raw_in = raw_in;
	t->raw_out = raw_out;
	t->eof = eof;
	if (t->report.end != TLS_OPEN) {
		/* A peer that said close_notify may still hear our answer to it. */
		if (t->report.end == TLS_CLOSED)
			encrypt(t, out);
		return -1;
	}
	if (t->refuse != TLS_ALERT_NONE)
		return refuse(t, TLS_REFUSED, t->refuse);
	if (!t->report.ready && shake(t) != 0)
		return -1;
	if (!t->report.ready)
		return eof ? end(t, TLS_CUT) : 0;
	if (encrypt(t, out) != 0)
		return -1;
	return decrypt(t, in);
}

const struct chan_filter tls_filter = {.pump = pump};

/* ---- the caller's side --------------------------------------------------- */

const struct tls_report *tls_report(const struct tls *t)
{
	return &t->report;
}

bool tls_ready(const struct tls *t)
{
	return t->report.ready;
}

const char *tls_version(const struct tls *t)
{
	return mbedtls_ssl_get_version(&t->ssl);
}

const char *tls_suite(const struct tls *t)
{
	const char *s = mbedtls_ssl_get_ciphersuite(&t->ssl);

	return s ? s : "none";
}

void tls_close(struct tls *t)
{
	t->close_asked = true;
}

void tls_refuse(struct tls *t, enum tls_alert alert)
{
	t->refuse = (int)alert;
}
