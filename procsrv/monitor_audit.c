/* SPDX-License-Identifier: BSD-2-Clause */
#include "monitor.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/tls.h"

/* One word of an audit line: anything that could end it is escaped. */
static char *word(char *to, size_t size, const char *s)
{
	size_t at = 0;

	if (!*s)
		s = "-";
	for (; *s && at + 5 <= size; s++)
		if (*s > ' ' && *s < 0x7f && *s != '"' && *s != '\\' && *s != '=')
			to[at++] = *s;
		else
			at += (size_t)snprintf(to + at, size - at, "\\x%02x", (unsigned char)*s);
	to[at] = 0;
	return to;
}

/* The same as the last thing on the line, in quotes: spaces may stay. */
static char *quoted(char *to, size_t size, const char *s)
{
	size_t at = 0;

	for (; *s && at + 5 <= size; s++)
		if (*s >= ' ' && *s < 0x7f && *s != '"' && *s != '\\')
			to[at++] = *s;
		else
			at += (size_t)snprintf(to + at, size - at, "\\x%02x", (unsigned char)*s);
	to[at] = 0;
	return to;
}

void audit(const struct monitor *m, const char *event, uint32_t pid, uint64_t start, int result,
    const char *why)
{
	char key[160], from[160], text[512], process[64] = "pid=- start=-", session[48] = "-";

	if (pid)
		snprintf(process, sizeof(process), "pid=%" PRIu32 " start=%" PRIu64, pid, start);
	if (m->session.number)
		snprintf(session, sizeof(session), "%" PRIu32 ".%.8s", m->session.number,
		    m->dir.facts.id);
	log_info("event=%s session=%s key=%s from=%s %s result=%s why=\"%s\"", event, session,
	    word(key, sizeof(key), m->row ? m->row->name : ""), word(from, sizeof(from), m->from),
	    process, err_name(result), quoted(text, sizeof(text), why));
}

static const char *const events[] = {
    [IPC_ATTACH] = "attach",
    [IPC_DETACH] = "detach",
    [IPC_SNAPSHOT] = "snapshot",
    [IPC_FILE_READ] = "file-read",
    [IPC_EXITED] = "exited",
    [IPC_LAUNCH] = "launch",
    [IPC_KILL] = "kill",
    [IPC_WRITE_MEM] = "write-memory",
    [IPC_WRITE_REGS] = "write-registers",
    [IPC_WROTE_MEM] = "wrote-memory",
    [IPC_WROTE_REGS] = "wrote-registers",
    [IPC_FILE_WRITE] = "file-write",
    [IPC_FILE_CHANGE] = "file-change",
};

/* More facts at the end of a reason, set off by a blank. */
__attribute__((format(printf, 3, 4))) static void append(
    char *why, size_t size, const char *fmt, ...)
{
	size_t at = strlen(why);
	va_list ap;

	if (at && at + 1 < size)
		why[at++] = ' ';
	va_start(ap, fmt);
	vsnprintf(why + at, size - at, fmt, ap);
	va_end(ap);
}

void audit_guard(const struct monitor *m, const struct ipc_audit *a)
{
	const char *event = a->event < sizeof(events) / sizeof(events[0]) ? events[a->event] : NULL;
	char why[400];

	snprintf(why, sizeof(why), "%.*s", (int)strnlen(a->name, sizeof(a->name)), a->name);
	if (a->exe_ino)
		append(why, sizeof(why), "exe=%" PRIx64 ":%" PRIu64, a->exe_dev, a->exe_ino);
	if (a->size)
		append(why, sizeof(why), "%s=%" PRIu64,
		    a->event == IPC_WROTE_MEM || a->event == IPC_WROTE_REGS ? "requests" : "size",
		    a->size);
	audit(m, event ? event : "unknown", a->pid, a->start, (int)a->result, why);
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
