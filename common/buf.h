/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The one place that does arithmetic on lengths.  A buf is written, an rd is
 * read; both carry a sticky error, so that a sequence of puts or gets is
 * checked once, at its end.  All integers are little-endian.
 */
#ifndef COMMON_BUF_H
#define COMMON_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes that belong to somebody else (a frame, a string); valid as long as that. */
struct span {
	const uint8_t *p;
	uint32_t n;
};

/* A growing buffer with an upper bound.  bad is set by the first put that would
 * exceed max or finds no memory; later puts then do nothing. */
struct buf {
	uint8_t *p;
	size_t len;
	size_t cap;
	size_t max;
	bool bad;
};

/* A reader over len bytes.  bad is set by the first get that wants more than is
 * left; later gets yield zeros. */
struct rd {
	const uint8_t *p;
	size_t left;
	bool bad;
};

static inline struct span span_str(const char *s)
{
	return (struct span){(const uint8_t *)s, s ? (uint32_t)strlen(s) : 0};
}

static inline struct span span_buf(const struct buf *b)
{
	return (struct span){b->p, (uint32_t)b->len};
}

/* For what nobody may get a part of: the span of a bad buf is bad itself.  Each put of that
 * fails, each get from it, and what is made of it is never sent. */
static inline struct span span_whole(const struct buf *b)
{
	return b->bad ? (struct span){NULL, UINT32_MAX} : span_buf(b);
}

static inline bool span_bad(struct span s)
{
	return !s.p && s.n;
}

bool span_eq(struct span a, struct span b);

/* A NUL-terminated copy, cut at the first NUL inside; NULL without memory or of a bad one.
 * The caller frees it. */
char *span_dup(struct span s);

/* max: the most it will ever hold.  Nothing is allocated yet. */
void buf_init(struct buf *b, size_t max);
void buf_free(struct buf *b); /* and ready for use again, with the same max */
void buf_reset(struct buf *b); /* empty it, keep the memory, clear bad */

/* n more bytes, uninitialised, to be filled by the caller; NULL (and bad) when
 * there is no room.  Valid until the next put. */
uint8_t *buf_grow(struct buf *b, size_t n);

void buf_u8(struct buf *b, uint8_t v);
void buf_u16(struct buf *b, uint16_t v);
void buf_u32(struct buf *b, uint32_t v);
void buf_u64(struct buf *b, uint64_t v);
void buf_raw(struct buf *b, const void *p, size_t n);
void buf_str(struct buf *b, struct span s);  /* u16 length, bytes */
void buf_blob(struct buf *b, struct span s); /* u32 length, bytes */
/* Overwrite four bytes written before, at offset at (must lie inside len). */
void buf_set32(struct buf *b, size_t at, uint32_t v);

static inline struct rd rd_init(const void *p, size_t n)
{
	return (struct rd){p, p ? n : 0, !p && n};
}

uint8_t rd_u8(struct rd *r);
uint16_t rd_u16(struct rd *r);
uint32_t rd_u32(struct rd *r);
uint64_t rd_u64(struct rd *r);
void rd_raw(struct rd *r, void *p, size_t n);
struct span rd_span(struct rd *r, size_t n);     /* the next n bytes, not copied */
struct span rd_str(struct rd *r, uint32_t max);  /* u16 length; longer than max is bad */
struct span rd_blob(struct rd *r, uint32_t max); /* u32 length; longer than max is bad */

/* True when everything was there and nothing is left over. */
static inline bool rd_done(const struct rd *r)
{
	return !r->bad && r->left == 0;
}

#endif
