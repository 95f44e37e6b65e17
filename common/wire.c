/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire.h"

#include <ctype.h>
#include <inttypes.h>

#include "err.h"

void wire_put_head(struct buf *b, const struct wire_head *h)
{
	buf_u32(b, h->len);
	buf_u16(b, h->type);
	buf_u16(b, h->flags);
	buf_u32(b, h->target);
	buf_u32(b, h->piece);
	buf_u32(b, h->epoch);
	buf_u64(b, h->id);
}

bool wire_get_head(struct rd *r, struct wire_head *h)
{
	h->len = rd_u32(r);
	h->type = rd_u16(r);
	h->flags = rd_u16(r);
	h->target = rd_u32(r);
	h->piece = rd_u32(r);
	h->epoch = rd_u32(r);
	h->id = rd_u64(r);
	return !r->bad;
}

/* ---- encoders --------------------------------------------------------- */

#define REC(name)                                                                                  \
	void wire_put_##name(struct buf *b, const struct wire_rec_##name *v)                       \
	{
#define MSG(number, name, kind, since, reply, state, right, effect)                                \
	void wire_encode_##name(struct buf *b, const struct wire_##name *v)                        \
	{
#define U8(f) buf_u8(b, v->f);
#define U16(f) buf_u16(b, v->f);
#define U32(f) buf_u32(b, v->f);
#define U64(f) buf_u64(b, v->f);
#define I32(f) buf_u32(b, (uint32_t)v->f);
#define I64(f) buf_u64(b, (uint64_t)v->f);
#define RAW(f, n) buf_raw(b, v->f, n);
#define STR(f, max) buf_str(b, cut(v->f, max));
#define BLOB(f, max) buf_blob(b, cut(v->f, max));
#define LIST(f, rec, max) buf_blob(b, v->f);
#define END                                                                                        \
	(void)b;                                                                                   \
	(void)v;                                                                                   \
	}

/* Texts and blobs are cut to what the table allows, so that an encoder never
 * makes a message its peer must refuse. */
static struct span cut(struct span s, uint32_t max)
{
	if (s.n > max)
		s.n = max;
	return s;
}

#include "wire.def"

/* ---- decoders --------------------------------------------------------- */

static struct span get_list(struct rd *r, uint32_t max, bool (*walk)(struct span))
{
	struct span s = rd_blob(r, max);

	if (!r->bad && !walk(s))
		r->bad = true;
	return s;
}

/* What a list's decoder calls for its records. */
#define REC(name) static bool walk_##name(struct span list);
#include "wire.def"

#define REC(name)                                                                                  \
	static void get_##name(struct rd *r, struct wire_rec_##name *v)                            \
	{
#define MSG(number, name, kind, since, reply, state, right, effect)                                \
	static void read_##name(struct rd *r, struct wire_##name *v)                               \
	{
#define U8(f) v->f = rd_u8(r);
#define U16(f) v->f = rd_u16(r);
#define U32(f) v->f = rd_u32(r);
#define U64(f) v->f = rd_u64(r);
#define I32(f) v->f = (int32_t)rd_u32(r);
#define I64(f) v->f = (int64_t)rd_u64(r);
#define RAW(f, n) rd_raw(r, v->f, n);
#define STR(f, max) v->f = rd_str(r, max);
#define BLOB(f, max) v->f = rd_blob(r, max);
#define LIST(f, rec, max) v->f = get_list(r, max, walk_##rec);
#define END                                                                                        \
	(void)r;                                                                                   \
	(void)v;                                                                                   \
	}
#include "wire.def"

#define REC(name)                                                                                  \
	bool wire_next_##name(struct span *list, struct wire_rec_##name *v)                        \
	{                                                                                          \
		struct rd r = rd_init(list->p, list->n);                                           \
                                                                                                   \
		if (!list->n)                                                                      \
			return false;                                                              \
		get_##name(&r, v);                                                                 \
		if (r.bad)                                                                         \
			return false;                                                              \
		*list = (struct span){r.p, (uint32_t)r.left};                                      \
		return true;                                                                       \
	}                                                                                          \
                                                                                                   \
	static bool walk_##name(struct span list)                                                  \
	{                                                                                          \
		struct wire_rec_##name v;                                                          \
                                                                                                   \
		while (wire_next_##name(&list, &v))                                                \
			;                                                                          \
		return list.n == 0;                                                                \
	}
#define MSG(number, name, kind, since, reply, state, right, effect)                                \
	bool wire_decode_##name(struct span body, struct wire_##name *v)                           \
	{                                                                                          \
		struct rd r = rd_init(body.p, body.n);                                             \
                                                                                                   \
		read_##name(&r, v);                                                                \
		return rd_done(&r);                                                                \
	}                                                                                          \
                                                                                                   \
	static bool valid_##name(struct span body)                                                 \
	{                                                                                          \
		struct wire_##name v;                                                              \
                                                                                                   \
		return wire_decode_##name(body, &v);                                               \
	}
#include "wire.def"

/* ---- dump ------------------------------------------------------------- */

static void hex(FILE *f, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n && i < 16; i++)
		fprintf(f, "%02x", p[i]);
	if (n > 16)
		fprintf(f, "..[%zu]", n);
}

/* Text from a stranger: printable ASCII stays, the rest is escaped. */
static void dump_text(FILE *f, struct span s)
{
	fputc('"', f);
	for (uint32_t i = 0; i < s.n && i < 64; i++)
		if (isprint(s.p[i]) && s.p[i] != '"' && s.p[i] != '\\')
			fputc(s.p[i], f);
		else
			fprintf(f, "\\x%02x", s.p[i]);
	fprintf(f, s.n > 64 ? "\"..[%" PRIu32 "]" : "\"", s.n);
}

enum { DUMP_RECORDS = 4 }; /* of a list are shown; the rest is counted */

#define REC(name)                                                                                  \
	static void show_##name(FILE *f, const struct wire_rec_##name *v);                         \
	static void list_##name(FILE *f, struct span list)                                         \
	{                                                                                          \
		struct wire_rec_##name v;                                                          \
		unsigned n = 0;                                                                    \
                                                                                                   \
		fputc('[', f);                                                                     \
		for (; wire_next_##name(&list, &v); n++)                                           \
			if (n < DUMP_RECORDS) {                                                    \
				fputs(n ? " } {" : "{", f);                                        \
				show_##name(f, &v);                                                \
			}                                                                          \
		fprintf(f, n ? " }]x%u" : "]", n);                                                 \
	}
#include "wire.def"

#define REC(name)                                                                                  \
	static void show_##name(FILE *f, const struct wire_rec_##name *v)                          \
	{
#define MSG(number, name, kind, since, reply, state, right, effect)                                \
	static void dump_##name(FILE *f, struct span body)                                         \
	{                                                                                          \
		struct wire_##name m, *v = &m;                                                     \
                                                                                                   \
		if (!wire_decode_##name(body, v)) {                                                \
			fputs(" (malformed)", f);                                                  \
			return;                                                                    \
		}
#define U8(f_) fprintf(f, " " #f_ "=%u", v->f_);
#define U16(f_) fprintf(f, " " #f_ "=%u", v->f_);
#define U32(f_) fprintf(f, " " #f_ "=%" PRIu32, v->f_);
#define U64(f_) fprintf(f, " " #f_ "=%#" PRIx64, v->f_);
#define I32(f_) fprintf(f, " " #f_ "=%" PRId32, v->f_);
#define I64(f_) fprintf(f, " " #f_ "=%" PRId64, v->f_);
#define RAW(f_, n) fputs(" " #f_ "=", f), hex(f, v->f_, n);
#define STR(f_, max) fputs(" " #f_ "=", f), dump_text(f, v->f_);
#define BLOB(f_, max) fputs(" " #f_ "=", f), hex(f, v->f_.p, v->f_.n);
#define LIST(f_, rec, max) fputs(" " #f_ "=", f), list_##rec(f, v->f_);
#define END                                                                                        \
	(void)f;                                                                                   \
	(void)v;                                                                                   \
	}
#include "wire.def"

/* ---- the table -------------------------------------------------------- */

/* The bounds of a body follow from its fields: kept up to date by nobody. */
#define REC(name) enum { rec_min_##name = 0
#define MSG(number, name, kind, since, reply, state, right, effect) enum { min_##name = 0
#define U8(f) +1
#define U16(f) +2
#define U32(f) +4
#define U64(f) +8
#define I32(f) +4
#define I64(f) +8
#define RAW(f, n) +(n)
#define STR(f, max) +2
#define BLOB(f, max) +4
#define LIST(f, rec, max) +4
#define END };
#include "wire.def"

#define REC(name) enum { rec_max_##name = 0
#define MSG(number, name, kind, since, reply, state, right, effect) enum { max_##name = 0
#define U8(f) +1
#define U16(f) +2
#define U32(f) +4
#define U64(f) +8
#define I32(f) +4
#define I64(f) +8
#define RAW(f, n) +(n)
#define STR(f, max) +2 + (max)
#define BLOB(f, max) +4 + (max)
#define LIST(f, rec, max) +4 + (max)
#define END };
#include "wire.def"

#define LIMITED(n) ((int)(n) > (int)WIRE_PIECE ? (int)WIRE_PIECE : (int)(n))

/* Numbers have gaps; the rows stand close, from 1. */
enum {
	POS_none,
#define MSG(number, name, kind, since, reply, state, right, effect) POS_##name,
#include "wire.def"
};

static const uint8_t positions[WIRE_TYPES] = {
#define MSG(number, name, kind, since, reply, state, right, effect) [number] = POS_##name,
#include "wire.def"
};

static const struct wire_row rows[] = {
#define MSG(number, name_, kind_, since_, reply_, state_, right_, effect_)                         \
	[POS_##name_] = {                                                                          \
	    .type = (number),                                                                      \
	    .name = #name_,                                                                        \
	    .kind = WIRE_##kind_,                                                                  \
	    .since = (since_),                                                                     \
	    .reply = #reply_,                                                                      \
	    .state = WIRE_##state_,                                                                \
	    .right = WIRE_R_##right_,                                                              \
	    .effect = (effect_),                                                                   \
	    .min = min_##name_,                                                                    \
	    .max = LIMITED(max_##name_),                                                           \
	    .valid = valid_##name_,                                                                \
	    .dump = dump_##name_,                                                                  \
	},
#include "wire.def"
};

const struct wire_row *wire_row(uint16_t type)
{
	return type < WIRE_TYPES && positions[type] ? &rows[positions[type]] : NULL;
}

bool wire_is_reply_to(uint16_t reply, uint16_t request)
{
	const struct wire_row *rep = wire_row(reply), *req = wire_row(request);

	return rep && req && req->kind == WIRE_REQ && rep->kind == WIRE_REP &&
	       (reply == WIRE_error || strcmp(rep->name, req->reply) == 0);
}

static bool may_send(enum wire_kind kind, enum wire_from from)
{
	if (kind == WIRE_LINK_B)
		return true;
	return (kind == WIRE_LINK_H || kind == WIRE_REQ) == (from == WIRE_FROM_HOST);
}

int wire_check_head(const struct wire_head *h, enum wire_from from)
{
	const struct wire_row *row = wire_row(h->type);

	if (h->len > WIRE_PIECE)
		return E_TOO_BIG;
	if (h->flags & ~(unsigned)WIRE_MORE)
		return E_PROTOCOL;
	if (!row)
		return from == WIRE_FROM_HOST && h->id ? E_UNKNOWN : E_PROTOCOL;
	if (!may_send(row->kind, from))
		return E_PROTOCOL;
	if (h->len < row->min || h->len > row->max)
		return E_MALFORMED;
	if ((h->flags & WIRE_MORE) && row->kind != WIRE_REP && row->kind != WIRE_EVT)
		return E_PROTOCOL;
	if (wire_needs_credit(row->kind) != (h->id != 0))
		return E_PROTOCOL;
	return E_OK;
}

void wire_dump(FILE *f, const char *prefix, const struct wire_msg *m)
{
	const struct wire_row *row = wire_row(m->h.type);

	fprintf(f, "%s %s", prefix, row ? row->name : "?");
	if (!row)
		fprintf(f, "(%u)", m->h.type);
	if (m->h.id)
		fprintf(f, " #%" PRIu64, m->h.id);
	if (m->h.target)
		fprintf(f, " target=%" PRIu32, m->h.target);
	if (m->h.piece || m->h.flags)
		fprintf(f, " piece=%" PRIu32 "%s", m->h.piece, m->h.flags & WIRE_MORE ? "+" : "");
	fprintf(f, " len=%" PRIu32 ":", m->h.len);
	if (row)
		row->dump(f, m->body);
	fputc('\n', f);
}
