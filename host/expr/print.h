/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How values look, for the files that write them.  The text is GDB's, so that who knows
 * that reads ours.
 */
#ifndef HOST_EXPR_PRINT_H
#define HOST_EXPR_PRINT_H

#include <stdio.h>

#include "host/expr/value.h"

enum {
	PRINT_ELEMENTS = 200, /* GDB's `print elements` */
	PRINT_REPEATS = 10,   /* and `print repeats` */
	PRINT_NEST_MAX = 40,
	PRINT_VIRTUAL_MAX = 64,
	PRINT_PARTS_MAX = 20000, /* members and elements in all: a bound for damaged types */
};

struct printer {
	FILE *f;
	struct eval *e;
	struct value_format format;
	unsigned elements;
	unsigned nest, parts;
	bool inside; /* of a structure: references are not followed */
	/* Virtual bases are shown once in an object: those it has from first_seen on. */
	struct type *seen[PRINT_VIRTUAL_MAX];
	unsigned n_seen, first_seen;
	bool as_base; /* the structure that comes next is a base of the one around it */
};

/* Any value.  Trouble with reading a part is written in its place. */
void print_value(struct printer *p, struct value *v);

/* print_scalar.c: bytes are there. */
void print_scalar(struct printer *p, struct value *v);
/* " <name+12>" */
void print_symbol(struct printer *p, uint64_t addr, bool code);
/* A structure's enumerator, flags joined by |. */
void print_enum(struct printer *p, struct type *t, wide v);
void print_wide(FILE *f, wide v, bool is_signed);

/* print_string.c: n characters of the given type; cut: more follow. */
void print_characters(
    struct printer *p, struct type *type, const uint8_t *bytes, size_t n, bool cut);
/* 97 'a' */
void print_character(struct printer *p, struct type *type, wide v);
/* The string at addr, as far as it is shown. */
void print_string_at(struct printer *p, struct type *type, uint64_t addr);
/* Is it what strings are made of? */
bool type_is_text(struct type *t);

/* print_type.c */
void print_type_name(FILE *f, struct types *types, struct type *t);
/* The scopes that t's enumerators are in, with "::" behind; how many bytes of t->name. */
int type_scope_length(const struct type *t);

#endif
