/* SPDX-License-Identifier: BSD-2-Clause
 *
 * wire.def as data, and the codec that walks over it.
 */
#include "wire_form.h"

#include <string.h>

/* A field is known by its line in wire.def, where it stands alone. */
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define HERE(what) JOIN(what, __LINE__)

/* ---- the fields of all forms, one after the other ------------------------- */

struct names {
#define U8(f) char HERE(at_)[sizeof(#f)];
#define U16(f) char HERE(at_)[sizeof(#f)];
#define U32(f) char HERE(at_)[sizeof(#f)];
#define U64(f) char HERE(at_)[sizeof(#f)];
#define I32(f) char HERE(at_)[sizeof(#f)];
#define I64(f) char HERE(at_)[sizeof(#f)];
#define RAW(f, n) char HERE(at_)[sizeof(#f)];
#define STR(f, n) char HERE(at_)[sizeof(#f)];
#define BLOB(f, n) char HERE(at_)[sizeof(#f)];
#define LIST(f, rec, n) char HERE(at_)[sizeof(#f)];
#include "wire.def"
};

static const struct names names = {
#define U8(f) #f,
#define U16(f) #f,
#define U32(f) #f,
#define U64(f) #f,
#define I32(f) #f,
#define I64(f) #f,
#define RAW(f, n) #f,
#define STR(f, n) #f,
#define BLOB(f, n) #f,
#define LIST(f, rec, n) #f,
#include "wire.def"
};

#define FIELD(kind_, rec_, max_) {kind_, rec_, offsetof(struct names, HERE(at_)), max_},

static const struct wire_field fields[] = {
#define U8(f) FIELD(WIRE_F_U8, 0, 0)
#define U16(f) FIELD(WIRE_F_U16, 0, 0)
#define U32(f) FIELD(WIRE_F_U32, 0, 0)
#define U64(f) FIELD(WIRE_F_U64, 0, 0)
#define I32(f) FIELD(WIRE_F_I32, 0, 0)
#define I64(f) FIELD(WIRE_F_I64, 0, 0)
#define RAW(f, n) FIELD(WIRE_F_RAW, 0, n)
#define STR(f, n) FIELD(WIRE_F_STR, 0, n)
#define BLOB(f, n) FIELD(WIRE_F_BLOB, 0, n)
#define LIST(f, rec, n) FIELD(WIRE_F_LIST, WIRE_FORM_rec_##rec, n)
#define END {WIRE_F_END, 0, 0, 0},
#include "wire.def"
};

/* Where each form begins in them: its name counts for no field of its own. */
enum {
#define REC(name) BEGIN_rec_##name, AFTER_rec_##name = BEGIN_rec_##name - 1,
#define MSG(number, name, kind, since, reply, state, right, effect)                                \
	BEGIN_##name, AFTER_##name = BEGIN_##name - 1,
#define U8(f) HERE(n_),
#define U16(f) HERE(n_),
#define U32(f) HERE(n_),
#define U64(f) HERE(n_),
#define I32(f) HERE(n_),
#define I64(f) HERE(n_),
#define RAW(f, n) HERE(n_),
#define STR(f, n) HERE(n_),
#define BLOB(f, n) HERE(n_),
#define LIST(f, rec, n) HERE(n_),
#define END HERE(n_),
#include "wire.def"
};

static const uint16_t begins[] = {
#define REC(name) [WIRE_FORM_rec_##name] = BEGIN_rec_##name,
#define MSG(number, name, kind, since, reply, state, right, effect)                                \
	[WIRE_FORM_##name] = BEGIN_##name,
#include "wire.def"
};

const struct wire_field *wire_fields(enum wire_form form)
{
	return &fields[begins[form]];
}

const char *wire_field_name(const struct wire_field *f)
{
	return (const char *)&names + f->name;
}

/* ---- the structs ------------------------------------------------------------ */

/* As the ABI aligns a member, which is not always what alignof says of its type. */
#define ALIGN(type)                                                                                \
	offsetof(                                                                                  \
	    struct {                                                                               \
		    char c;                                                                        \
		    type member;                                                                   \
	    },                                                                                     \
	    member)

#define SHAPE(type)                                                                                \
	{                                                                                          \
		sizeof(type), ALIGN(type)                                                          \
	}

static const struct shape {
	uint8_t size, align;
} shapes[] = {
    [WIRE_F_U8] = SHAPE(uint8_t),
    [WIRE_F_U16] = SHAPE(uint16_t),
    [WIRE_F_U32] = SHAPE(uint32_t),
    [WIRE_F_U64] = SHAPE(uint64_t),
    [WIRE_F_I32] = SHAPE(int32_t),
    [WIRE_F_I64] = SHAPE(int64_t),
    [WIRE_F_RAW] = SHAPE(uint8_t),
    [WIRE_F_STR] = SHAPE(struct span),
    [WIRE_F_BLOB] = SHAPE(struct span),
    [WIRE_F_LIST] = SHAPE(struct span),
};

size_t wire_field_place(const struct wire_field *f, size_t *at)
{
	const struct shape *s = &shapes[f->kind];
	size_t place = (*at + s->align - 1) / s->align * s->align;

	*at = place + (f->kind == WIRE_F_RAW ? f->max : s->size);
	return place;
}

/* ---- encoding ----------------------------------------------------------------- */

#define VALUE(type) (*(const type *)(const void *)p)

/* Texts and blobs are cut to what the table allows, so that an encoder never makes a
 * message its peer must refuse. */
static struct span cut(struct span s, uint32_t max)
{
	if (s.n > max)
		s.n = max;
	return s;
}

static void pack_field(struct buf *b, const struct wire_field *f, const uint8_t *p)
{
	switch ((enum wire_field_kind)f->kind) {
	case WIRE_F_END:
		break;
	case WIRE_F_U8:
		buf_u8(b, *p);
		break;
	case WIRE_F_U16:
		buf_u16(b, VALUE(uint16_t));
		break;
	case WIRE_F_U32:
	case WIRE_F_I32:
		buf_u32(b, VALUE(uint32_t));
		break;
	case WIRE_F_U64:
	case WIRE_F_I64:
		buf_u64(b, VALUE(uint64_t));
		break;
	case WIRE_F_RAW:
		buf_raw(b, p, f->max);
		break;
	case WIRE_F_STR:
		buf_str(b, cut(VALUE(struct span), f->max));
		break;
	case WIRE_F_BLOB:
		buf_blob(b, cut(VALUE(struct span), f->max));
		break;
	case WIRE_F_LIST:
		buf_blob(b, VALUE(struct span));
		break;
	}
}

void wire_pack(struct buf *b, enum wire_form form, const void *v)
{
	size_t at = 0;

	for (const struct wire_field *f = wire_fields(form); f->kind != WIRE_F_END; f++)
		pack_field(b, f, (const uint8_t *)v + wire_field_place(f, &at));
}

/* ---- decoding ------------------------------------------------------------------- */

static void unpack(struct rd *r, enum wire_form form, uint8_t *v);

/* All records of a list decode, and nothing is left over. */
static bool whole(struct span list, enum wire_form rec)
{
	struct rd r = rd_init(list.p, list.n);

	while (r.left && !r.bad)
		unpack(&r, rec, NULL);
	return !r.bad;
}

static struct span unpack_span(struct rd *r, const struct wire_field *f)
{
	struct span s = f->kind == WIRE_F_STR ? rd_str(r, f->max) : rd_blob(r, f->max);

	if (f->kind == WIRE_F_LIST && !r->bad && !whole(s, (enum wire_form)f->rec))
		r->bad = true;
	return s;
}

/* p NULL: only judged. */
static void unpack_field(struct rd *r, const struct wire_field *f, uint8_t *p)
{
	union {
		uint8_t u8;
		uint16_t u16;
		uint32_t u32;
		uint64_t u64;
		struct span span;
	} v;

	switch ((enum wire_field_kind)f->kind) {
	case WIRE_F_END:
		return;
	case WIRE_F_U8:
		v.u8 = rd_u8(r);
		break;
	case WIRE_F_U16:
		v.u16 = rd_u16(r);
		break;
	case WIRE_F_U32:
	case WIRE_F_I32:
		v.u32 = rd_u32(r);
		break;
	case WIRE_F_U64:
	case WIRE_F_I64:
		v.u64 = rd_u64(r);
		break;
	case WIRE_F_RAW:
		v.span = rd_span(r, f->max);
		if (p && !r->bad)
			memcpy(p, v.span.p, f->max);
		else if (p)
			memset(p, 0, f->max);
		return;
	case WIRE_F_STR:
	case WIRE_F_BLOB:
	case WIRE_F_LIST:
		v.span = unpack_span(r, f);
		break;
	}
	if (p)
		memcpy(p, &v, shapes[f->kind].size);
}

static void unpack(struct rd *r, enum wire_form form, uint8_t *v)
{
	size_t at = 0;

	for (const struct wire_field *f = wire_fields(form); f->kind != WIRE_F_END; f++) {
		size_t place = wire_field_place(f, &at);

		unpack_field(r, f, v ? v + place : NULL);
	}
}

bool wire_unpack(struct span body, enum wire_form form, void *v)
{
	struct rd r = rd_init(body.p, body.n);

	unpack(&r, form, v);
	return rd_done(&r);
}

bool wire_unpack_next(struct span *list, enum wire_form form, void *v)
{
	struct rd r = rd_init(list->p, list->n);

	if (!list->n)
		return false;
	unpack(&r, form, v);
	if (r.bad)
		return false;
	*list = (struct span){r.p, (uint32_t)r.left};
	return true;
}
