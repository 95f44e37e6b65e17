/* SPDX-License-Identifier: BSD-2-Clause */
#include "session_record.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

enum { RECORD_MAX = 4096 };

/* Numbers have a fixed width: as long as only they change, a reader at the same moment
 * finds every line where it was. */
int record_write(int fd, const struct session_facts *f)
{
	char text[RECORD_MAX], key[4 * sizeof(f->key)], user[4 * sizeof(f->user)],
	    from[4 * sizeof(f->from)], audit[4 * sizeof(f->audit)];
	int n = snprintf(text, sizeof(text),
	    "version=1\nnumber=%010" PRIu32 "\npid=%010ld\nsince=%020" PRId64 "\nlost=%020" PRId64
	    "\nfingerprint=%s\nuser=%s\nfrom=%s\nkey=%s\naudit=%s\nany=%d\n",
	    f->number, (long)f->pid, f->since, f->lost, f->fingerprint,
	    log_escape(user, sizeof(user), f->user, strlen(f->user)),
	    log_escape(from, sizeof(from), f->from, strlen(f->from)),
	    log_escape(key, sizeof(key), f->key, strlen(f->key)),
	    log_escape(audit, sizeof(audit), f->audit, strlen(f->audit)), f->any);

	return pwrite(fd, text, (size_t)n, 0) == n ? ftruncate(fd, n) : -1;
}

/* One byte as log_escape has written it; -1: it is none of these. */
static int escaped(const char *s)
{
	char digits[3] = "";

	if (s[0] != '\\' || s[1] != 'x' || !isxdigit((unsigned char)s[2]) ||
	    !isxdigit((unsigned char)s[3]))
		return -1;
	memcpy(digits, s + 2, 2);
	return (int)strtol(digits, NULL, 16);
}

static void take_text(char *to, size_t size, const char *value)
{
	size_t at = 0;

	while (*value && at + 1 < size) {
		int byte = escaped(value);

		to[at++] = (char)(byte < 0 ? *value : byte);
		value += byte < 0 ? 1 : 4;
	}
	to[at] = 0;
}

static void take_line(struct session_facts *f, char *line)
{
	char *value = strchr(line, '=');

	if (!value)
		return;
	*value++ = 0;
	if (strcmp(line, "number") == 0)
		f->number = (uint32_t)strtoul(value, NULL, 10);
	else if (strcmp(line, "pid") == 0)
		f->pid = (pid_t)strtol(value, NULL, 10);
	else if (strcmp(line, "since") == 0)
		f->since = strtoll(value, NULL, 10);
	else if (strcmp(line, "lost") == 0)
		f->lost = strtoll(value, NULL, 10);
	else if (strcmp(line, "fingerprint") == 0)
		take_text(f->fingerprint, sizeof(f->fingerprint), value);
	else if (strcmp(line, "user") == 0)
		take_text(f->user, sizeof(f->user), value);
	else if (strcmp(line, "from") == 0)
		take_text(f->from, sizeof(f->from), value);
	else if (strcmp(line, "key") == 0)
		take_text(f->key, sizeof(f->key), value);
	else if (strcmp(line, "audit") == 0)
		take_text(f->audit, sizeof(f->audit), value);
	else if (strcmp(line, "any") == 0)
		f->any = *value == '1';
}

void record_read(int fd, struct session_facts *f)
{
	char text[RECORD_MAX];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	char *save = NULL;

	if (n <= 0)
		return;
	text[n] = 0;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		take_line(f, line);
}
