/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Contents for every row of the wire table, made from wire.def: for the
 * round-trip test, the recorded bytes and the fuzzers.  Include it in one file
 * of a program.
 *
 * For every MSG(x):  void gen_msg_x(struct gen *, struct wire_x *)  contents
 *                    bool same_msg_x(const struct wire_x *, const struct wire_x *)
 * For every row:     struct gen_row, see gen_rows[].
 */
#ifndef TESTS_WIRE_GEN_H
#define TESTS_WIRE_GEN_H

#include <stdlib.h>

#include "common/wire.h"

enum gen_mode {
	GEN_ZERO,   /* numbers 0, texts and lists empty */
	GEN_ONES,   /* numbers all ones, texts and lists as long as the table and a piece allow */
	GEN_RANDOM, /* anything */
	GEN_NAMED,  /* every field's value follows from its name: changes when fields change places
		     */
};

/* A source of contents.  Bytes lie in pool until gen_free. */
struct gen {
	enum gen_mode mode;
	uint64_t seed;
	size_t left; /* bytes texts and lists may still take */
	uint8_t *pool;
	size_t used;
};

enum { GEN_POOL = 1024 * 1024 };

static inline bool gen_init(struct gen *g)
{
	*g = (struct gen){.pool = malloc(GEN_POOL)};
	return g->pool;
}

static inline void gen_free(struct gen *g)
{
	free(g->pool);
	g->pool = NULL;
}

/* splitmix64 */
static inline uint64_t gen_next(struct gen *g)
{
	uint64_t z = g->seed += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* FNV-1a */
static inline uint64_t gen_hash(const char *s)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * 0x100000001b3u;
	return h;
}

static inline uint64_t gen_int(struct gen *g, const char *name)
{
	static const uint64_t edges[] = {0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff,
	    0x10000, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x7fffffffffffffff,
	    0x8000000000000000};
	uint64_t r;

	switch (g->mode) {
	case GEN_ZERO:
		return 0;
	case GEN_ONES:
		return UINT64_MAX;
	case GEN_NAMED:
		return gen_hash(name);
	case GEN_RANDOM:
		break;
	}
	r = gen_next(g);
	return r & 1 ? edges[(r >> 1) % (sizeof(edges) / sizeof(edges[0]))] : gen_next(g);
}

static inline uint8_t *gen_room(struct gen *g, size_t n)
{
	uint8_t *p = g->pool + g->used;

	if (n > GEN_POOL - g->used)
		abort();
	g->used += n;
	return p;
}

static inline void gen_raw(struct gen *g, const char *name, uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(gen_int(g, name) + (g->mode == GEN_NAMED ? i : 0));
}

/* How long a text of at most max bytes is to be. */
static inline uint32_t gen_len(struct gen *g, const char *name, size_t max)
{
	size_t n = max < g->left ? max : g->left;

	switch (g->mode) {
	case GEN_ZERO:
		return 0;
	case GEN_ONES:
		break;
	case GEN_NAMED:
		n = 1 + gen_hash(name) % 5;
		break;
	case GEN_RANDOM:
		n = gen_next(g) % 8 ? gen_next(g) % 24 % (n + 1) : gen_next(g) % (n + 1);
		break;
	}
	g->left -= n < g->left ? n : g->left;
	return (uint32_t)n;
}

static inline struct span gen_bytes(struct gen *g, const char *name, size_t max)
{
	uint32_t n = gen_len(g, name, max);
	uint8_t *p = gen_room(g, n);

	gen_raw(g, name, p, n);
	return (struct span){p, n};
}

/* How many records a list gets; they are left out again when the room is short. */
static inline unsigned gen_count(struct gen *g)
{
	static const unsigned most[] = {[GEN_ZERO] = 0, [GEN_ONES] = 8192, [GEN_NAMED] = 2};

	return g->mode == GEN_RANDOM ? (unsigned)(gen_next(g) % 5) : most[g->mode];
}

/* ---- contents ---- */

#define REC(name)                                                                                  \
	static inline struct span gen_list_##name(struct gen *g, uint32_t max);                    \
	static inline bool same_list_##name(struct span a, struct span b);
#include "common/wire.def"

#define REC(name)                                                                                  \
	static inline void gen_rec_##name(struct gen *g, struct wire_rec_##name *v)                \
	{
#define MSG(number, name, kind, since, reply, state, right, effect)                                \
	static inline void gen_msg_##name(struct gen *g, struct wire_##name *v)                    \
	{                                                                                          \
		g->used = 0;                                                                       \
		g->left = WIRE_PIECE - wire_row(number)->min;
#define U8(f) v->f = (uint8_t)gen_int(g, #f);
#define U16(f) v->f = (uint16_t)gen_int(g, #f);
#define U32(f) v->f = (uint32_t)gen_int(g, #f);
#define U64(f) v->f = gen_int(g, #f);
#define I32(f) v->f = (int32_t)gen_int(g, #f);
#define I64(f) v->f = (int64_t)gen_int(g, #f);
#define RAW(f, n) gen_raw(g, #f, v->f, n);
#define STR(f, max) v->f = gen_bytes(g, #f, max);
#define BLOB(f, max) v->f = gen_bytes(g, #f, max);
#define LIST(f, rec, max) v->f = gen_list_##rec(g, max);
#define EMPTY v->nothing = 0;
#define END }
#include "common/wire.def"

#define REC(name)                                                                                  \
	static inline bool same_rec_##name(                                                        \
	    const struct wire_rec_##name *v, const struct wire_rec_##name *w)                      \
	{                                                                                          \
		bool same = true;
#define MSG(number, name, kind, since, reply, state, right, effect)                                \
	static inline bool same_msg_##name(                                                        \
	    const struct wire_##name *v, const struct wire_##name *w)                              \
	{                                                                                          \
		bool same = v && w;
#define U8(f) same &= v->f == w->f;
#define U16(f) same &= v->f == w->f;
#define U32(f) same &= v->f == w->f;
#define U64(f) same &= v->f == w->f;
#define I32(f) same &= v->f == w->f;
#define I64(f) same &= v->f == w->f;
#define RAW(f, n) same &= memcmp(v->f, w->f, n) == 0;
#define STR(f, max) same &= span_eq(v->f, w->f);
#define BLOB(f, max) same &= span_eq(v->f, w->f);
#define LIST(f, rec, max) same &= same_list_##rec(v->f, w->f);
#define END                                                                                        \
	return same;                                                                               \
	}
#include "common/wire.def"

/* A list of records, encoded; and whether two lists hold the same records (and
 * whether encoding what was decoded yields the bytes decoded). */
#define REC(name)                                                                                  \
	static inline struct span gen_list_##name(struct gen *g, uint32_t max)                     \
	{                                                                                          \
		unsigned count = gen_count(g);                                                     \
		size_t bound = max < g->left ? max : g->left;                                      \
		uint8_t *at = gen_room(g, bound);                                                  \
		struct buf all, one;                                                               \
                                                                                                   \
		buf_init(&all, bound);                                                             \
		buf_init(&one, bound);                                                             \
		while (count--) {                                                                  \
			struct wire_rec_##name v;                                                  \
			size_t pool = g->used;                                                     \
                                                                                                   \
			g->left = bound - all.len;                                                 \
			g->left -= g->left < 256 ? g->left : 256;                                  \
			gen_rec_##name(g, &v);                                                     \
			buf_reset(&one);                                                           \
			wire_put_##name(&one, &v);                                                 \
			g->used = pool;                                                            \
			if (one.bad || one.len > bound - all.len)                                  \
				break;                                                             \
			buf_raw(&all, one.p, one.len);                                             \
		}                                                                                  \
		if (all.len)                                                                       \
			memcpy(at, all.p, all.len);                                                \
		g->used = (size_t)(at - g->pool) + all.len;                                        \
		g->left = bound - all.len;                                                         \
		struct span s = {at, (uint32_t)all.len};                                           \
		buf_free(&all);                                                                    \
		buf_free(&one);                                                                    \
		return s;                                                                          \
	}                                                                                          \
                                                                                                   \
	static inline bool same_list_##name(struct span a, struct span b)                          \
	{                                                                                          \
		struct wire_rec_##name v, w;                                                       \
		struct span whole = a;                                                             \
		struct buf again;                                                                  \
		bool same = a.n == b.n;                                                            \
                                                                                                   \
		buf_init(&again, WIRE_PIECE);                                                      \
		while (same && wire_next_##name(&a, &v)) {                                         \
			same = wire_next_##name(&b, &w) && same_rec_##name(&v, &w);                \
			wire_put_##name(&again, &v);                                               \
		}                                                                                  \
		same = same && a.n == 0 && b.n == 0 && span_eq(span_buf(&again), whole);           \
		buf_free(&again);                                                                  \
		return same;                                                                       \
	}
#include "common/wire.def"

/* ---- by row ---- */

struct gen_row {
	uint16_t type;
	const char *name;
	/* A body of that row with contents from g. */
	void (*make)(struct gen *g, struct buf *body);
	/* Contents from g survive encoding and decoding. */
	bool (*round_trip)(struct gen *g, struct buf *body);
	/* Decode a body and encode it anew. */
	bool (*recode)(struct span body, struct buf *again);
};

#define MSG(number, name, kind, since, reply, state, right, effect)                                \
	static inline void make_##name(struct gen *g, struct buf *body)                            \
	{                                                                                          \
		struct wire_##name v;                                                              \
                                                                                                   \
		gen_msg_##name(g, &v);                                                             \
		wire_encode_##name(body, &v);                                                      \
	}                                                                                          \
                                                                                                   \
	static inline bool round_trip_##name(struct gen *g, struct buf *body)                      \
	{                                                                                          \
		struct wire_##name v, w;                                                           \
                                                                                                   \
		gen_msg_##name(g, &v);                                                             \
		wire_encode_##name(body, &v);                                                      \
		return !body->bad && wire_decode_##name(span_buf(body), &w) &&                     \
		       same_msg_##name(&v, &w);                                                    \
	}                                                                                          \
                                                                                                   \
	static inline bool recode_##name(struct span body, struct buf *again)                      \
	{                                                                                          \
		struct wire_##name v;                                                              \
                                                                                                   \
		if (!wire_decode_##name(body, &v) || !same_msg_##name(&v, &v))                     \
			return false;                                                              \
		wire_encode_##name(again, &v);                                                     \
		return !again->bad;                                                                \
	}
#include "common/wire.def"

static const struct gen_row gen_rows[] = {
#define MSG(number, name, kind, since, reply, state, right, effect)                                \
	{number, #name, make_##name, round_trip_##name, recode_##name},
#include "common/wire.def"
};

enum { GEN_ROWS = sizeof(gen_rows) / sizeof(gen_rows[0]) };

#endif
