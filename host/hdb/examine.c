/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/hdb/examine.h"

#include <ctype.h>
#include <string.h>

enum { COUNT_MAX = 1 << 20 };

unsigned examine_size(char unit)
{
	return unit == 'b' ? 1 : unit == 'h' ? 2 : unit == 'w' ? 4 : 8;
}

/* GDB's: a character is a byte, a floating point number what can be one. */
static char default_unit(char format, char last, char address)
{
	if (format == 'a')
		return address;
	if (format == 'f' && last != 'w')
		return 'g';
	if (format == 'c' || format == 's')
		return 'b';
	if (last)
		return last;
	return 'w';
}

static const char *take_letter(char c, struct examine *f, bool *unit)
{
	if (strchr("xduotzacfsi", c)) {
		f->format = c;
	} else if (strchr("bhwg", c)) {
		f->unit = c;
		*unit = true;
	} else {
		return "undefined format; FORMAT is one of x d u o t z a c f s i, UNIT of b h w g";
	}
	return NULL;
}

const char *examine_parse(const char **text, struct examine *f)
{
	const char *p = *text, *error = NULL;
	char last = f->unit;
	bool unit = false;

	f->count = 1;
	if (isdigit((unsigned char)*p))
		for (f->count = 0; isdigit((unsigned char)*p) && f->count <= COUNT_MAX; p++)
			f->count = f->count * 10 + (unsigned)(*p - '0');
	if (f->count > COUNT_MAX)
		return "COUNT is at most 1048576";
	for (; *p && *p != ' ' && *p != '\t' && !error; p++)
		error = take_letter(*p, f, &unit);
	if (error)
		return error;
	if (!f->format)
		f->format = 'x';
	if (!unit)
		f->unit = default_unit(f->format, last, f->address_unit);
	if (f->format == 'f' && f->unit != 'w' && f->unit != 'g')
		return "a floating point number has 4 bytes (w) or 8 (g)";
	if (f->format == 's')
		f->unit = 'b';
	*text = p + strspn(p, " \t");
	return NULL;
}

unsigned examine_per_line(const struct examine *f)
{
	if (f->format == 's')
		return 1;
	return f->unit == 'g' ? 2 : f->unit == 'w' ? 4 : 8;
}

static void put_char(FILE *f, uint8_t c, char quote)
{
	static const char from[] = "\a\b\f\n\r\t\v", to[] = "abfnrtv";
	const char *at = c ? strchr(from, c) : NULL;

	if (at)
		fprintf(f, "\\%c", to[at - from]);
	else if (c == (uint8_t)quote || c == '\\')
		fprintf(f, "\\%c", c);
	else if (c >= ' ' && c < 0x7f)
		fputc(c, f);
	else
		fprintf(f, "\\%03o", c);
}

static void put_binary(FILE *f, unsigned bits, uint64_t v)
{
	while (bits--)
		fputc('0' + (int)(v >> bits & 1), f);
}

static void put_float(FILE *f, unsigned size, uint64_t v)
{
	uint32_t w = (uint32_t)v;
	float single;
	double twice;

	if (size == 4) {
		memcpy(&single, &w, sizeof(single));
		fprintf(f, "%.9g", (double)single);
	} else {
		memcpy(&twice, &v, sizeof(twice));
		fprintf(f, "%.17g", twice);
	}
}

static long long extend(unsigned size, uint64_t v)
{
	unsigned shift = 64 - size * 8;

	return (long long)(v << shift) >> shift;
}

void examine_value(FILE *f, char format, unsigned size, uint64_t v)
{
	switch (format) {
	case 'd':
		fprintf(f, "%lld", extend(size, v));
		break;
	case 'u':
		fprintf(f, "%llu", (unsigned long long)v);
		break;
	case 'o':
		fprintf(f, v ? "0%llo" : "0", (unsigned long long)v);
		break;
	case 't':
		put_binary(f, size * 8, v);
		break;
	case 'c':
		fprintf(f, "%lld '", extend(size, v));
		put_char(f, (uint8_t)v, '\'');
		fputc('\'', f);
		break;
	case 'f':
		put_float(f, size, v);
		break;
	default:
		fprintf(f, "0x%0*llx", (int)size * 2, (unsigned long long)v);
	}
}

void examine_string(FILE *f, const uint8_t *p, size_t n, bool cut)
{
	fputc('"', f);
	for (size_t i = 0; i < n; i++)
		put_char(f, p[i], '"');
	fputs(cut ? "\"..." : "\"", f);
}
