/* SPDX-License-Identifier: BSD-2-Clause
 *
 * common/log.c, whose lines go nowhere: a fuzzer would write millions of them.  That each is
 * one line of printable text is looked at on the way.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fuzz.h"

static __attribute__((format(printf, 2, 3))) int look_at(FILE *f, const char *fmt, ...)
{
	char line[4096];
	size_t n;
	va_list ap;

	(void)f;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	n = strlen(line);
	FUZZ_CHECK(n && line[n - 1] == '\n');
	for (size_t i = 0; i + 1 < n; i++)
		FUZZ_CHECK((unsigned char)line[i] >= ' ' && line[i] != 0x7f);
	return (int)n;
}

#define fprintf look_at
#include "common/log.c"
