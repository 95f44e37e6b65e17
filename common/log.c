/* SPDX-License-Identifier: BSD-2-Clause */
#include "log.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static struct {
	const char *name;
	bool verbose;
	bool journal;
} self = {.name = "procsrv"};

enum level { ERROR = 3, WARN = 4, INFO = 6, DEBUG = 7 }; /* syslog(3) */

void log_init(const char *name, bool verbose)
{
	self.name = name;
	self.verbose = verbose;
	self.journal = getenv("JOURNAL_STREAM") != NULL;
}

bool log_verbose(void)
{
	return self.verbose;
}

char *log_escape(char *dst, size_t size, const void *src, size_t n)
{
	const uint8_t *p = src;
	size_t at = 0;

	for (size_t i = 0; i < n && at + 5 <= size; i++)
		if (p[i] >= ' ' && p[i] < 0x7f && p[i] != '\\')
			dst[at++] = (char)p[i];
		else
			at += (size_t)snprintf(dst + at, size - at, "\\x%02x", p[i]);
	if (size)
		dst[at] = 0;
	return dst;
}

/* One write per line, so that lines of several processes do not mix. */
static __attribute__((format(printf, 2, 0))) void say(enum level level, const char *fmt, va_list ap)
{
	char line[128], text[3072]; /* the longest is a record with a name all in escapes */
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	size_t len = n < 0 ? 0 : (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;
	int at = self.journal ? snprintf(line, sizeof(line), "<%d>%s: ", (int)level, self.name)
			      : snprintf(line, sizeof(line), "%s: ", self.name);

	/* Our own escapes ("\x0a") pass; bytes below ' ' cannot. */
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text[i] = '?';
	fprintf(stderr, "%.*s%s\n", at, line, text);
}

#define SAY(level)                                                                                 \
	va_list ap;                                                                                \
	va_start(ap, fmt);                                                                         \
	say(level, fmt, ap);                                                                       \
	va_end(ap)

void log_error(const char *fmt, ...)
{
	SAY(ERROR);
}

void log_warn(const char *fmt, ...)
{
	SAY(WARN);
}

void log_info(const char *fmt, ...)
{
	SAY(INFO);
}

void log_debug(const char *fmt, ...)
{
	if (self.verbose) {
		SAY(DEBUG);
	}
}

void fatal(int status, const char *fmt, ...)
{
	SAY(ERROR);
	exit(status);
}
