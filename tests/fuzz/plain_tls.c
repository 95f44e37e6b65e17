/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tls.h without TLS: ready at once, bytes pass as they are, an alert only ends it.  What
 * comes behind the handshake can then be reached by a fuzzer.  In no program that is
 * installed.
 */
#include <stdlib.h>

#include "common/tls.h"

struct tls {
	struct tls_report report;
	void (*ready)(void *arg);
	void *arg;
	enum tls_alert refuse;
};

static int end(struct tls *t, enum tls_end why)
{
	t->report.end = why;
	return -1;
}

static int pump(void *f, struct evbuffer *raw_in, struct evbuffer *raw_out, struct evbuffer *in,
    struct evbuffer *out, bool eof)
{
	struct tls *t = f;

	if (t->report.end != TLS_OPEN)
		return -1;
	if (t->refuse != TLS_ALERT_NONE) {
		t->report.alert_sent = t->refuse;
		return end(t, TLS_REFUSED);
	}
	if (!t->report.ready) {
		t->report.ready = true;
		t->ready(t->arg);
	}
	evbuffer_add_buffer(raw_out, out);
	evbuffer_add_buffer(in, raw_in);
	return eof ? end(t, TLS_CUT) : 0;
}

const struct chan_filter tls_filter = {.pump = pump};

struct tls *tls_server_new(const struct tls_server *how)
{
	struct tls *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->report.alert_sent = t->report.alert_got = t->refuse = TLS_ALERT_NONE;
	t->ready = how->ready;
	t->arg = how->arg;
	return t;
}

void tls_free(struct tls *t)
{
	free(t);
}

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
	(void)t;
	return "no TLS";
}

const char *tls_suite(const struct tls *t)
{
	(void)t;
	return "none";
}

/* What was said before is flushed by the caller; close_notify would be no byte here. */
void tls_close(struct tls *t)
{
	(void)t;
}

void tls_refuse(struct tls *t, enum tls_alert alert)
{
	t->refuse = alert;
}
