/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/rsp/rsp_packet.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char digits[] = "0123456789abcdef";

static int digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* ---- taking ------------------------------------------------------------------------ */

uint8_t rsp_peek(const struct rd *a)
{
	return !a->bad && a->left ? a->p[0] : 0;
}

bool rsp_take_char(struct rd *a, char c)
{
	if (a->bad || !a->left || a->p[0] != (uint8_t)c)
		return false;
	rd_u8(a);
	return true;
}

bool rsp_take_word(struct rd *a, const char *word)
{
	size_t n = strlen(word);

	if (a->bad || a->left < n || memcmp(a->p, word, n) != 0)
		return false;
	rd_span(a, n);
	return true;
}

void rsp_want_char(struct rd *a, char c)
{
	if (!rsp_take_char(a, c))
		a->bad = true;
}

static uint64_t take_number(struct rd *a, unsigned base)
{
	uint64_t v = 0;
	bool any = false;
	int d;

	while (!a->bad && a->left && (d = digit(a->p[0])) >= 0 && d < (int)base) {
		if (__builtin_mul_overflow(v, base, &v) ||
		    __builtin_add_overflow(v, (unsigned)d, &v))
			a->bad = true;
		rd_u8(a);
		any = true;
	}
	if (!any)
		a->bad = true;
	return a->bad ? 0 : v;
}

uint64_t rsp_take_hex(struct rd *a)
{
	return take_number(a, 16);
}

uint64_t rsp_take_dec(struct rd *a)
{
	return take_number(a, 10);
}

int64_t rsp_take_signed_hex(struct rd *a)
{
	bool minus = rsp_take_char(a, '-');
	uint64_t v = rsp_take_hex(a);

	if (v > INT64_MAX) {
		a->bad = true;
		return 0;
	}
	return minus ? -(int64_t)v : (int64_t)v;
}

uint8_t rsp_take_byte(struct rd *a)
{
	int high = digit(rd_u8(a)), low = digit(rd_u8(a));

	if (a->bad || high < 0 || low < 0) {
		a->bad = true;
		return 0;
	}
	return (uint8_t)(high << 4 | low);
}

void rsp_take_bytes(struct rd *a, void *p, size_t n)
{
	uint8_t *to = p;

	for (size_t i = 0; i < n; i++)
		to[i] = rsp_take_byte(a);
}

void rsp_take_pairs(struct rd *a, struct buf *out)
{
	while (!a->bad && a->left && digit(a->p[0]) >= 0) {
		uint8_t c = rsp_take_byte(a);

		if (!a->bad)
			buf_u8(out, c);
	}
	if (out->bad)
		a->bad = true;
}

char *rsp_take_hexstr(struct rd *a, size_t max)
{
	struct buf b;
	char *text = NULL;

	buf_init(&b, max + 1);
	rsp_take_pairs(a, &b);
	if (!a->bad && !(b.len && memchr(b.p, 0, b.len))) {
		buf_u8(&b, 0);
		if (!b.bad)
			text = strdup((const char *)b.p);
	}
	if (!text)
		a->bad = true;
	buf_free(&b);
	return text;
}

struct span rsp_take_until(struct rd *a, const char *stops)
{
	size_t n = 0;

	while (!a->bad && n < a->left && !(a->p[n] && strchr(stops, a->p[n])))
		n++;
	return rd_span(a, n);
}

struct span rsp_take_rest(struct rd *a)
{
	return rd_span(a, a->left);
}

/* One number of a thread id. */
static int64_t take_part(struct rd *a)
{
	if (rsp_take_word(a, "-1"))
		return RSP_ALL;
	return rsp_take_signed_hex(a);
}

struct rsp_id rsp_take_id(struct rd *a)
{
	struct rsp_id id = {0};

	if (rsp_take_char(a, 'p')) {
		id.pid = take_part(a);
		id.tid = rsp_take_char(a, '.') ? take_part(a) : RSP_ALL;
	} else {
		id.tid = take_part(a);
	}
	if (id.pid < RSP_ALL || id.tid < RSP_ALL)
		a->bad = true;
	return id;
}

/* ---- putting ------------------------------------------------------------------------ */

void rsp_put(struct buf *b, const char *text)
{
	buf_raw(b, text, strlen(text));
}

void rsp_putf(struct buf *b, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (text)
		rsp_put(b, text);
	else
		b->bad = true;
	free(text);
}

void rsp_put_char(struct buf *b, char c)
{
	buf_u8(b, (uint8_t)c);
}

void rsp_put_u64(struct buf *b, uint64_t v)
{
	int shift = 60;

	while (shift && !(v >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		rsp_put_char(b, digits[v >> shift & 15]);
}

void rsp_put_hex(struct buf *b, const void *p, size_t n)
{
	const uint8_t *from = p;
	uint8_t *to = n <= SIZE_MAX / 2 ? buf_grow(b, 2 * n) : NULL;

	for (size_t i = 0; to && i < n; i++) {
		to[2 * i] = (uint8_t)digits[from[i] >> 4];
		to[2 * i + 1] = (uint8_t)digits[from[i] & 15];
	}
}

void rsp_put_hexstr(struct buf *b, const char *text)
{
	rsp_put_hex(b, text, strlen(text));
}

size_t rsp_put_binary_cut(struct buf *b, const void *p, size_t n, size_t max)
{
	const uint8_t *from = p;
	size_t i;

	for (i = 0; i < n; i++) {
		/* '*' would begin a run. */
		bool special = from[i] && strchr("#$}*", from[i]);

		if (max < b->len || max - b->len < (special ? 2u : 1u))
			break;
		if (special)
			buf_u8(b, '}');
		buf_u8(b, special ? from[i] ^ 0x20 : from[i]);
	}
	return i;
}

void rsp_put_binary(struct buf *b, const void *p, size_t n)
{
	rsp_put_binary_cut(b, p, n, SIZE_MAX);
}

void rsp_put_id(struct buf *b, bool multi, uint64_t pid, uint64_t tid)
{
	if (multi) {
		rsp_put_char(b, 'p');
		rsp_put_u64(b, pid);
		rsp_put_char(b, '.');
	}
	rsp_put_u64(b, tid);
}

static const char *entity(uint8_t c)
{
	static const char *const names[128] = {
	    ['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['"'] = "&quot;", ['\''] = "&apos;"};

	return c < sizeof(names) / sizeof(names[0]) ? names[c] : NULL;
}

void rsp_put_xml(struct buf *b, const char *text)
{
	for (const char *p = text; *p; p++) {
		uint8_t c = (uint8_t)*p;

		if (entity(c))
			rsp_put(b, entity(c));
		else if (c < 0x20 && c != '\t' && c != '\n')
			rsp_put_char(b, '?');
		else if (c >= 0x7f || c < 0x20)
			rsp_putf(b, "&#%u;", c);
		else
			rsp_put_char(b, *p);
	}
}
