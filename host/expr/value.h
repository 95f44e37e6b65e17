/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Values and where they are kept, for the files of this room.
 */
#ifndef HOST_EXPR_VALUE_H
#define HOST_EXPR_VALUE_H

#include "host/expr/expr.h"
#include "host/expr/lex.h"

/* Integers are calculated in the widest type, then cut to their own. */
__extension__ typedef unsigned __int128 wide;
__extension__ typedef __int128 wide_signed;

enum lval {
	LVAL_NONE,
	LVAL_MEMORY,      /* addr */
	LVAL_PLACE,       /* registers, pieces: bytes from offset on in place */
	LVAL_REGISTER,    /* $name */
	LVAL_CONVENIENCE, /* $name, to be set only */
};

struct value {
	struct value *next;  /* of the same evaluation */
	struct types *types; /* held */
	struct type *type;
	enum lval lval;
	uint64_t addr;
	struct place *place;
	uint64_t offset;
	unsigned bit_offset, bit_size; /* bit-field: from addr or offset; bit_size 0: none */
	char *name;
	bool lost;      /* optimized out, all or in part: cannot be shown as a whole */
	uint8_t *bytes; /* NULL: not read yet */
	size_t n;       /* of bytes: the size of the type */
};

/* An evaluation under way: its values, and the first thing that went wrong. */
struct eval {
	const struct expr_env *env;
	struct value *all;
	struct he_error *error;
	bool types_only; /* nothing is read or changed: as for sizeof */
};

void eval_end(struct eval *e); /* frees the values */
/* Note the error; returns NULL.  A later one is dropped. */
void *eval_fail(struct eval *e, struct he_error *error);
void *eval_wrong(struct eval *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* All return NULL after eval_fail.  Values belong to e; with e->all not wanted (printing)
 * value_take unlinks one for value_free. */
struct value *value_new(struct eval *e, struct type *type);
struct value *value_take(struct eval *e, struct value *v);
struct value *value_at(struct eval *e, struct type *type, uint64_t addr);
struct value *value_of_bytes(struct eval *e, struct type *type, const void *bytes, size_t n);
struct value *value_of_number(struct eval *e, struct type *type, wide n);
struct value *value_of_real(struct eval *e, struct type *type, long double x);
/* Part of v: type at so many bytes in it; a bit-field's bits count from there. */
struct value *value_part(struct eval *e, struct value *v, struct type *type, uint64_t offset,
    unsigned bit_offset, unsigned bit_size);
/* Have its bytes.  forget: what is there is no longer what was read. */
void value_forget(struct value *v);
bool value_fetch(struct eval *e, struct value *v);

/* As operators want it: what a reference refers to, a pointer for an array or function. */
struct value *value_plain(struct eval *e, struct value *v);
/* Without the reference only. */
struct value *value_referred(struct eval *e, struct value *v);

/* A number, by its type. */
struct scalar {
	struct type *type; /* stripped */
	bool is_float;
	long double real;
	wide number; /* extended as its type asks */
};
bool value_scalar(struct eval *e, struct value *v, struct scalar *ret);
long double scalar_real(const struct scalar *s);
bool scalar_true(const struct scalar *s);
/* Is it an integer, a character, bool or enum? */
bool type_is_integer(const struct type *t);
bool type_is_signed(const struct type *t);
/* v cut to size bytes and extended. */
wide wide_cut(wide v, uint64_t size, bool is_signed);

/* convert.c */
struct value *value_cast(struct eval *e, struct type *type, struct value *v);
struct type *type_promoted(struct eval *e, struct type *t);
/* Both to one type, by C's usual conversions. */
struct type *type_common(struct eval *e, struct type *a, struct type *b);

/* operate.c */
struct value *value_unary(struct eval *e, enum token op, struct value *a);
struct value *value_binary(struct eval *e, enum token op, struct value *a, struct value *b);
struct value *value_address_of(struct eval *e, struct value *v);
struct value *value_dereference(struct eval *e, struct value *v);
struct value *value_index(struct eval *e, struct value *a, struct value *i);
struct value *value_repeat(struct eval *e, struct value *a, struct value *n);
struct value *value_bool(struct eval *e, bool v);

/* member.c */
struct value *value_member(struct eval *e, struct value *v, const char *name);
/* The i-th member of the structure v. */
struct value *value_field(struct eval *e, struct value *v, const struct type_member *m);
/* Where name is in type: offset and member through bases and unnamed members; false: there
 * is none of that name. */
struct member_found {
	const struct type_member *member;
	uint64_t offset; /* of the structure that member is of */
	bool is_virtual; /* on the way lies a base that is found at run time */
	struct type *owner;
};
bool type_find_member(
    struct types *p, struct type *type, const char *name, struct member_found *ret);
/* The base class of v that is (nearest) base, wherever it lies; v is a structure.  NULL without
 * an error: it is none of its bases. */
struct value *value_base(struct eval *e, struct value *v, struct type *base);
/* Offset of base within type; false: it is no base of it. */
bool type_find_base(struct types *p, struct type *type, struct type *base, uint64_t *offset);

/* assign.c */
struct value *value_assign(struct eval *e, struct value *to, struct value *v);

/* name.c */
struct value *value_of_name(struct eval *e, const char *name);
struct value *value_of_variable(struct eval *e, const struct sym_name *n);
struct value *value_of_dollar(struct eval *e, const char *name);

#endif
