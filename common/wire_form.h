/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The fields of every record and message as data, for who walks over them: the codec
 * and the dump.  Code made per message would be ten times as large.
 */
#ifndef COMMON_WIRE_FORM_H
#define COMMON_WIRE_FORM_H

#include "wire.h"

enum wire_field_kind {
	WIRE_F_END,
	WIRE_F_U8,
	WIRE_F_U16,
	WIRE_F_U32,
	WIRE_F_U64,
	WIRE_F_I32,
	WIRE_F_I64,
	WIRE_F_RAW,
	WIRE_F_STR,
	WIRE_F_BLOB,
	WIRE_F_LIST,
};

struct wire_field {
	uint8_t kind; /* enum wire_field_kind */
	uint8_t rec;  /* LIST: enum wire_form of its records */
	uint16_t name;
	uint32_t max; /* STR, BLOB, LIST: bytes at most; RAW: exactly */
};

/* The fields of a form, the last of kind END. */
const struct wire_field *wire_fields(enum wire_form form);
const char *wire_field_name(const struct wire_field *f);

/* Where a field stands in its struct: *at is the end of the field before it (0 for the
 * first), and afterwards the end of this one.  The structs have the fields in order. */
size_t wire_field_place(const struct wire_field *f, size_t *at);

#endif
