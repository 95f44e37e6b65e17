/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit_line.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/log.h"

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

const char *audit_text(char to[AUDIT_TEXT], const struct audit_line *l)
{
	char key[160], from[160], text[4 * AUDIT_WHY], process[64] = "pid=- start=-";
	char session[48] = "-";

	if (l->pid)
		snprintf(
		    process, sizeof(process), "pid=%" PRIu32 " start=%" PRIu64, l->pid, l->start);
	if (l->session)
		snprintf(session, sizeof(session), "%" PRIu32 ".%02x%02x%02x%02x", l->session,
		    l->id[0], l->id[1], l->id[2], l->id[3]);
	snprintf(to, AUDIT_TEXT, "event=%s session=%s key=%s from=%s %s result=%s why=\"%s\"",
	    l->event, session, word(key, sizeof(key), l->key), word(from, sizeof(from), l->from),
	    process, err_name(l->result), quoted(text, sizeof(text), l->why));
	return to;
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
    [IPC_LINK_LOST] = "lost",
    [IPC_EXPIRED] = "expired",
    [IPC_REPAIRED] = "repaired",
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

void audit_take(struct audit_line *l, const struct ipc_audit *a, char *why, size_t size)
{
	const char *event = a->event < sizeof(events) / sizeof(events[0]) ? events[a->event] : NULL;

	snprintf(why, size, "%.*s", (int)strnlen(a->name, sizeof(a->name)), a->name);
	if (a->exe_ino)
		append(why, size, "exe=%" PRIx64 ":%" PRIu64, a->exe_dev, a->exe_ino);
	if (a->size)
		append(why, size, "%s=%" PRIu64,
		    a->event == IPC_WROTE_MEM || a->event == IPC_WROTE_REGS ? "requests" : "size",
		    a->size);
	l->event = event ? event : "unknown";
	l->pid = a->pid;
	l->start = a->start;
	l->result = (int)a->result;
	l->why = why;
}

void audit_of(const struct ipc_session *s, const struct ipc_audit *a)
{
	struct audit_line l = {.session = s->number, .id = s->id, .key = s->key, .from = s->from};
	char why[AUDIT_WHY], text[AUDIT_TEXT];

	audit_take(&l, a, why, sizeof(why));
	log_info("%s", audit_text(text, &l));
}
