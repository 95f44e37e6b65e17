/* SPDX-License-Identifier: BSD-2-Clause */
#include "buf.h"

#include <stdlib.h>

bool span_eq(struct span a, struct span b)
{
	if (span_bad(a) || span_bad(b))
		return false;
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

char *span_dup(struct span s)
{
	if (span_bad(s))
		return NULL;
	return s.n ? strndup((const char *)s.p, s.n) : strdup("");
}

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.max = max};
}

void buf_free(struct buf *b)
{
	free(b->p);
	buf_init(b, b->max);
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->bad = false;
}

static bool make_room(struct buf *b, size_t n)
{
	size_t cap = b->cap ? b->cap : 256;
	uint8_t *p;

	if (b->bad || n > b->max - b->len)
		return false;
	if (b->len + n <= b->cap)
		return true;
	while (cap < b->len + n)
		cap *= 2;
	if (cap > b->max)
		cap = b->max;
	p = realloc(b->p, cap);
	if (!p)
		return false;
	b->p = p;
	b->cap = cap;
	return true;
}

uint8_t *buf_grow(struct buf *b, size_t n)
{
	uint8_t *at;

	if (!make_room(b, n)) {
		b->bad = true;
		return NULL;
	}
	at = b->p + b->len;
	b->len += n;
	return at;
}

static void put_le(struct buf *b, uint64_t v, unsigned n)
{
	uint8_t *p = buf_grow(b, n);

	for (unsigned i = 0; p && i < n; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

void buf_u8(struct buf *b, uint8_t v)
{
	put_le(b, v, 1);
}

void buf_u16(struct buf *b, uint16_t v)
{
	put_le(b, v, 2);
}

void buf_u32(struct buf *b, uint32_t v)
{
	put_le(b, v, 4);
}

void buf_u64(struct buf *b, uint64_t v)
{
	put_le(b, v, 8);
}

void buf_raw(struct buf *b, const void *p, size_t n)
{
	uint8_t *to;

	if (!p && n) {
		b->bad = true;
		return;
	}
	to = n ? buf_grow(b, n) : NULL;
	if (to)
		memcpy(to, p, n);
}

void buf_str(struct buf *b, struct span s)
{
	if (s.n > UINT16_MAX) {
		b->bad = true;
		return;
	}
	buf_u16(b, (uint16_t)s.n);
	buf_raw(b, s.p, s.n);
}

void buf_blob(struct buf *b, struct span s)
{
	buf_u32(b, s.n);
	buf_raw(b, s.p, s.n);
}

void buf_set32(struct buf *b, size_t at, uint32_t v)
{
	for (unsigned i = 0; !b->bad && i < 4; i++)
		b->p[at + i] = (uint8_t)(v >> (8 * i));
}

struct span rd_span(struct rd *r, size_t n)
{
	struct span s = {r->p, (uint32_t)n};

	if (r->bad || n > r->left || n > UINT32_MAX) {
		r->bad = true;
		return (struct span){NULL, 0};
	}
	if (n) /* what is empty may be nowhere, where C allows no sum */
		r->p += n;
	r->left -= n;
	return s;
}

static uint64_t get_le(struct rd *r, unsigned n)
{
	struct span s = rd_span(r, n);
	uint64_t v = 0;

	for (unsigned i = 0; i < s.n; i++)
		v |= (uint64_t)s.p[i] << (8 * i);
	return v;
}

uint8_t rd_u8(struct rd *r)
{
	return (uint8_t)get_le(r, 1);
}

uint16_t rd_u16(struct rd *r)
{
	return (uint16_t)get_le(r, 2);
}

uint32_t rd_u32(struct rd *r)
{
	return (uint32_t)get_le(r, 4);
}

uint64_t rd_u64(struct rd *r)
{
	return get_le(r, 8);
}

void rd_raw(struct rd *r, void *p, size_t n)
{
	struct span s = rd_span(r, n);

	if (s.n)
		memcpy(p, s.p, n);
	else
		memset(p, 0, n);
}

static struct span bounded(struct rd *r, uint32_t n, uint32_t max)
{
	if (n > max)
		r->bad = true;
	return rd_span(r, n);
}

struct span rd_str(struct rd *r, uint32_t max)
{
	return bounded(r, rd_u16(r), max);
}

struct span rd_blob(struct rd *r, uint32_t max)
{
	return bounded(r, rd_u32(r), max);
}
