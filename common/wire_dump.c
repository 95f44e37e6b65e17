/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Messages by name, for -v.
 */
#include <ctype.h>
#include <inttypes.h>

#include "wire_form.h"

enum {
	DUMP_BYTES = 16,
	DUMP_TEXT = 64,
	DUMP_RECORDS = 4, /* of a list are shown; the rest is counted */
};

static void hex(FILE *f, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n && i < DUMP_BYTES; i++)
		fprintf(f, "%02x", p[i]);
	if (n > DUMP_BYTES)
		fprintf(f, "..[%zu]", n);
}

/* Text from a stranger: printable ASCII stays, the rest is escaped. */
static void text(FILE *f, struct span s)
{
	fputc('"', f);
	for (uint32_t i = 0; i < s.n && i < DUMP_TEXT; i++)
		if (isprint(s.p[i]) && s.p[i] != '"' && s.p[i] != '\\')
			fputc(s.p[i], f);
		else
			fprintf(f, "\\x%02x", s.p[i]);
	fprintf(f, s.n > DUMP_TEXT ? "\"..[%" PRIu32 "]" : "\"", s.n);
}

static void form(FILE *f, enum wire_form which, const void *v);

/* Room for the struct of any record, any message. */
union any {
#define REC(name) struct wire_rec_##name rec_##name;
#define MSG(number, name, kind, since, reply, state, right, effect) struct wire_##name name;
#include "wire.def"
};

static void list(FILE *f, struct span records, enum wire_form rec)
{
	union any v;
	unsigned n = 0;

	fputc('[', f);
	for (; wire_unpack_next(&records, rec, &v); n++)
		if (n < DUMP_RECORDS) {
			fputs(n ? " } {" : "{", f);
			form(f, rec, &v);
		}
	fprintf(f, n ? " }]x%u" : "]", n);
}

#define VALUE(type) (*(const type *)(const void *)p)

static void field(FILE *f, const struct wire_field *d, const uint8_t *p)
{
	fprintf(f, " %s=", wire_field_name(d));
	switch ((enum wire_field_kind)d->kind) {
	case WIRE_F_END:
		break;
	case WIRE_F_U8:
		fprintf(f, "%u", *p);
		break;
	case WIRE_F_U16:
		fprintf(f, "%u", VALUE(uint16_t));
		break;
	case WIRE_F_U32:
		fprintf(f, "%" PRIu32, VALUE(uint32_t));
		break;
	case WIRE_F_U64:
		fprintf(f, "%#" PRIx64, VALUE(uint64_t));
		break;
	case WIRE_F_I32:
		fprintf(f, "%" PRId32, VALUE(int32_t));
		break;
	case WIRE_F_I64:
		fprintf(f, "%" PRId64, VALUE(int64_t));
		break;
	case WIRE_F_RAW:
		hex(f, p, d->max);
		break;
	case WIRE_F_STR:
		text(f, VALUE(struct span));
		break;
	case WIRE_F_BLOB:
		hex(f, VALUE(struct span).p, VALUE(struct span).n);
		break;
	case WIRE_F_LIST:
		list(f, VALUE(struct span), (enum wire_form)d->rec);
		break;
	}
}

static void form(FILE *f, enum wire_form which, const void *v)
{
	size_t at = 0;

	for (const struct wire_field *d = wire_fields(which); d->kind != WIRE_F_END; d++)
		field(f, d, (const uint8_t *)v + wire_field_place(d, &at));
}

void wire_dump_fields(FILE *f, const struct wire_row *row, struct span body)
{
	union any v;

	if (wire_unpack(body, row->form, &v))
		form(f, row->form, &v);
	else
		fputs(" (malformed)", f);
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
		wire_dump_fields(f, row, m->body);
	fputc('\n', f);
}
