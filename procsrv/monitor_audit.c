/* SPDX-License-Identifier: BSD-2-Clause */
#include "monitor.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit_chain.h"
#include "audit_line.h"
#include "audit_spool.h"
#include "common/log.h"
#include "common/tls.h"

static struct audit_line line_of(const struct monitor *m)
{
	return (struct audit_line){
	    .session = m->session.number,
	    .id = m->session.id,
	    .key = m->row ? m->row->name : "",
	    .from = m->from,
	};
}

/* On standard error in any case, and with its place in the chain. */
static enum err record(struct monitor *m, const struct audit_line *l)
{
	char text[AUDIT_TEXT], hash[CHAIN_TEXT];
	struct chain_end end;
	int err;

	audit_text(text, l);
	if (!m->record_path) {
		log_info("%s", text);
		return E_OK;
	}
	err = chain_append(m->record_path, text, &end);
	if (!err)
		log_info("%s n=%" PRIu64 " hash=%.16s", text, end.n, chain_text(hash, end.hash));
	else if (!m->unrecorded)
		log_error("%s: the record cannot be written: %s; what has to be recorded is not "
			  "done until it can",
		    m->record_path, strerror(err));
	m->unrecorded = err != 0;
	return err ? E_UNRECORDED : E_OK;
}

/* Not lost, at least: the machine's journal has it. */
static void log_unrecorded(const struct audit_line *l)
{
	char text[AUDIT_TEXT];

	log_warn("not recorded: %s", audit_text(text, l));
}

enum err audit(
    struct monitor *m, const char *event, uint32_t pid, uint64_t start, int result, const char *why)
{
	struct audit_line l = line_of(m);
	enum err err;

	l.event = event;
	l.pid = pid;
	l.start = start;
	l.result = result;
	l.why = why;
	err = record(m, &l);
	if (err != E_OK)
		log_unrecorded(&l);
	return err;
}

static void tell_guard(struct monitor *m, enum err err)
{
	struct ipc_verdict v = {.result = err};

	if (m->guard_pipe >= 0)
		ipc_send(m->guard_pipe, IPC_UNRECORDED, &v, sizeof(v));
}

/* loud: the machine's journal gets what the record does not. */
static enum err record_guard(struct monitor *m, const struct ipc_audit *a, bool loud)
{
	struct audit_line l = line_of(m);
	char why[AUDIT_WHY];
	enum err err;

	audit_take(&l, a, why, sizeof(why));
	err = record(m, &l);
	if (err != E_OK && loud)
		log_unrecorded(&l);
	return err;
}

static void answer(struct monitor *m, const struct ipc_audit *a)
{
	static const struct ipc_none none;

	if (a->kept && m->guard_pipe >= 0)
		ipc_send(m->guard_pipe, IPC_RECORDED, &none, sizeof(none));
}

void audit_guard(struct monitor *m, const struct ipc_audit *a)
{
	if (record_guard(m, a, true) == E_OK) {
		answer(m, a);
		return;
	}
	m->held = *a;
	m->holding = true;
	tell_guard(m, E_UNRECORDED);
}

void audit_retry(struct monitor *m)
{
	if (!m->holding || record_guard(m, &m->held, false) != E_OK)
		return;
	m->holding = false;
	answer(m, &m->held);
	tell_guard(m, E_OK);
}

void audit_spooled(struct monitor *m)
{
	int err = 0;

	if (m->record_path && m->dir.own >= 0 && spool_waits(m->dir.own))
		err = spool_take(m->dir.own, m->record_path, &m->dir.facts);
	if (err)
		log_error("%s: what the session left cannot be recorded yet: %s", m->record_path,
		    strerror(err));
}

/* ---- strangers ------------------------------------------------------------------ */

static const struct {
	const char *start;
	const char *name;
} protocols[] = {
    {"GET ", "an HTTP request"},
    {"POST ", "an HTTP request"},
    {"PUT ", "an HTTP request"},
    {"HEAD ", "an HTTP request"},
    {"OPTIONS ", "an HTTP request"},
    {"CONNECT ", "an HTTP request"},
    {"DELETE ", "an HTTP request"},
    {"PRI * HTTP/2", "an HTTP/2 request"},
    {"SSH-", "an ssh banner"},
    {"+$", "the gdb remote protocol"},
    {"$", "the gdb remote protocol"},
    {"+", "the gdb remote protocol"},
    {"QStartNoAckMode", "the gdb remote protocol"},
};

static const char *stranger(const struct ipc_ended *e)
{
	size_t n = e->first_n < sizeof(e->first) ? e->first_n : sizeof(e->first);

	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		size_t len = strlen(protocols[i].start);

		if (len <= n && memcmp(e->first, protocols[i].start, len) == 0)
			return protocols[i].name;
	}
	return "plain TCP";
}

static const char *of_stranger(char *to, size_t size, const struct ipc_ended *e)
{
	char first[160];
	size_t n = e->first_n < sizeof(e->first) ? e->first_n : sizeof(e->first);
	const char *name = stranger(e);

	snprintf(
	    to, size, "not TLS but %s: %s", name, log_escape(first, sizeof(first), e->first, n));
	return to;
}

static const char *of_key(char *to, size_t size, const struct ipc_ended *e)
{
	char text[FINGERPRINT_SIZE];

	if (e->has_peer)
		snprintf(to, size, "key %s is not in the map", fingerprint_format(text, e->peer));
	else
		snprintf(to, size, "a certificate whose key is not EC P-256");
	return to;
}

const char *audit_reason(char *to, size_t size, const struct ipc_ended *e)
{
	const char *stage = e->ready ? "before the proof" : "in the handshake";

	switch (e->end) {
	case TLS_STRANGER:
		return of_stranger(to, size, e);
	case TLS_WRONG_KEY:
		return of_key(to, size, e);
	case TLS_NO_CERTIFICATE:
		return "the client showed no certificate";
	case TLS_NO_ALPN:
		return "TLS without our protocol name (ALPN)";
	case TLS_TOO_LONG:
		return "a handshake of more than 64 KiB";
	case TLS_ALERTED:
		snprintf(to, size, "the client ended it %s with TLS alert %d", stage, e->alert_got);
		return to;
	case TLS_BROKEN:
		snprintf(to, size, "TLS failed %s: error -0x%04x, alert %d", stage,
		    (unsigned)-e->error, e->alert_sent);
		return to;
	case TLS_CUT:
		if (!e->bytes_in)
			return "closed without a word";
		snprintf(to, size, "the connection broke off %s", stage);
		return to;
	default:
		if (e->code != E_OK)
			snprintf(to, size, "%s %s", err_text((int)e->code), stage);
		else
			snprintf(to, size, "the client left %s", stage);
		return to;
	}
}
