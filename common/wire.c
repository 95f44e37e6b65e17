/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire.h"

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
#define END                                                                                        \
	}                                                                                          \
	;
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
#define END                                                                                        \
	}                                                                                          \
	;
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
	    .reply = WIRE_##reply_,                                                                \
	    .state = WIRE_##state_,                                                                \
	    .right = WIRE_R_##right_,                                                              \
	    .effect = (effect_),                                                                   \
	    .min = min_##name_,                                                                    \
	    .max = LIMITED(max_##name_),                                                           \
	    .form = WIRE_FORM_##name_,                                                             \
	},
#include "wire.def"
};

const struct wire_row *wire_row(uint16_t type)
{
	return type < WIRE_TYPES && positions[type] ? &rows[positions[type]] : NULL;
}

bool wire_valid(uint16_t type, struct span body)
{
	const struct wire_row *row = wire_row(type);

	return row && wire_unpack(body, row->form, NULL);
}

bool wire_is_reply_to(uint16_t reply, uint16_t request)
{
	const struct wire_row *rep = wire_row(reply), *req = wire_row(request);

	return rep && req && req->kind == WIRE_REQ && rep->kind == WIRE_REP &&
	       (reply == WIRE_error || reply == req->reply);
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
