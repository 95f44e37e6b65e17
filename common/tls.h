/* SPDX-License-Identifier: BSD-2-Clause
 *
 * TLS as a filter of a channel (chan.h): TLS 1.2 and up, ECDHE with AEAD only,
 * certificates on both sides, ALPN required; no renegotiation, tickets or cache.
 * Certificates are only wrappers of keys: neither chains nor dates are looked
 * at, the caller judges the fingerprint of the peer's key.
 *
 *	struct tls *t = tls_client_new(&how);	(or tls_server_new)
 *	struct chan *c = chan_new(...);
 *	chan_set_filter(c, &tls_filter, t);
 *	chan_flush(c);		a client speaks first
 *	...
 *	chan_free(c);
 *	tls_free(t);		after the channel
 */
#ifndef COMMON_TLS_H
#define COMMON_TLS_H

#include "chan.h"
#include "key.h"

struct tls;

extern const struct chan_filter tls_filter;

enum {
	TLS_FIRST = 32,                /* bytes kept of what a stranger said */
	TLS_HANDSHAKE_MAX = 64 * 1024, /* bytes of the peer's handshake, or it is refused */
};

/* Alerts of ours (RFC 8446 section 6, RFC 7301). */
enum tls_alert {
	TLS_ALERT_NONE = -1,
	TLS_ALERT_CLOSE_NOTIFY = 0,
	TLS_ALERT_UNEXPECTED_MESSAGE = 10,
	TLS_ALERT_HANDSHAKE_FAILURE = 40,
	TLS_ALERT_ACCESS_DENIED = 49,
	TLS_ALERT_PROTOCOL_VERSION = 70,
	TLS_ALERT_INTERNAL_ERROR = 80,
	TLS_ALERT_CERTIFICATE_REQUIRED = 116,
	TLS_ALERT_NO_APPLICATION_PROTOCOL = 120,
};

/* Why it ended, as chan's closed() is told: judge it there. */
enum tls_end {
	TLS_OPEN,           /* it has not */
	TLS_CLOSED,         /* the peer said close_notify */
	TLS_CUT,            /* end of file without it */
	TLS_ALERTED,        /* the peer sent a fatal alert: alert_got */
	TLS_REFUSED,        /* we sent one: alert_sent */
	TLS_STRANGER,       /* what arrived first is not TLS: first[] */
	TLS_TOO_LONG,       /* a handshake above TLS_HANDSHAKE_MAX */
	TLS_WRONG_KEY,      /* accept() said no, or no such key can be used */
	TLS_NO_CERTIFICATE, /* the client showed none */
	TLS_NO_ALPN,        /* the peer speaks no protocol of ours */
	TLS_BROKEN,         /* anything else Mbed TLS objects to: error */
};

struct tls_report {
	enum tls_end end;
	bool ready;               /* the handshake was complete */
	int alert_sent;           /* TLS_ALERT_NONE or a number */
	int alert_got;            /* the same, from the peer */
	int error;                /* Mbed TLS's code, 0 = none */
	uint8_t first[TLS_FIRST]; /* the first bytes that arrived */
	size_t first_n;
	bool has_peer; /* the peer showed a usable key */
	uint8_t peer[FINGERPRINT_BYTES];
};

/* Valid as long as t. */
const struct tls_report *tls_report(const struct tls *t);

/* True once the handshake is complete. */
bool tls_ready(const struct tls *t);

/* "TLSv1.2 TLS-ECDHE-…", for -v.  Static or as long as t. */
const char *tls_version(const struct tls *t);
const char *tls_suite(const struct tls *t);

/* Callbacks run inside chan_flush or the event loop; none may free the channel. */
struct tls_client {
	const char *alpn;
	struct key *key; /* borrowed until tls_free */
	/* The server's key; false ends the handshake with an alert (TLS_WRONG_KEY).
	 * It must not block: to ask a person, refuse, ask, and connect again. */
	bool (*accept)(void *arg, const uint8_t peer[FINGERPRINT_BYTES]);
	void (*ready)(void *arg); /* handshake done; may add to chan_out.  May be NULL */
	void *arg;
};

struct tls_server {
	const char *alpn;
	struct span cert;         /* DER; copied */
	uint8_t point[KEY_POINT]; /* its public key */
	/* Sign with the key, which lives elsewhere.  0, or -1 */
	int (*sign)(void *arg, const uint8_t hash[KEY_HASH], uint8_t sig[KEY_SIG]);
	bool (*accept)(void *arg, const uint8_t peer[FINGERPRINT_BYTES]);
	void (*ready)(void *arg); /* handshake done; may add to chan_out.  May be NULL */
	void *arg;
};

/* NULL: no memory or no randomness. */
struct tls *tls_client_new(const struct tls_client *how);
struct tls *tls_server_new(const struct tls_server *how);
void tls_free(struct tls *t);

/* With the next chan_flush: what is in chan_out, then close_notify. */
void tls_close(struct tls *t);

/* With the next chan_flush: this fatal alert and nothing else; then the channel
 * reports closed(-1). */
void tls_refuse(struct tls *t, enum tls_alert alert);

#endif
