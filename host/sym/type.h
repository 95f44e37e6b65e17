/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Types of the debugged program, as expressions use them: read from DWARF when they
 * are first met, members and enumerators when they are first asked for.
 *
 * All types of a target belong to its struct types, which lives until the last holder
 * drops it: a value kept in the history may outlive the module its type came from.
 * Such a type keeps what was read of it and is incomplete otherwise.
 */
#ifndef HOST_TYPE_H
#define HOST_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum type_kind {
	TYPE_VOID,
	TYPE_INT,
	TYPE_CHAR, /* an integer that prints as a character */
	TYPE_BOOL,
	TYPE_FLOAT,
	TYPE_ENUM,
	TYPE_POINTER,
	TYPE_REFERENCE, /* rvalue: && */
	TYPE_MEMBER_POINTER,
	TYPE_ARRAY,
	TYPE_STRUCT, /* also a class */
	TYPE_UNION,
	TYPE_FUNCTION,
	TYPE_TYPEDEF,
	TYPE_CONST,
	TYPE_VOLATILE,
	TYPE_UNKNOWN, /* of a symbol without debug information, or not understood */
};

/* Bounds for what a file may claim. */
enum { TYPE_MEMBERS_MAX = 65536, TYPE_CHAIN_MAX = 64 };
#define TYPE_NO_COUNT UINT64_MAX

struct type_origin;
struct type_detail;

/* A member, a base class, a parameter. */
struct type_member {
	const char *name; /* NULL: has none */
	struct type *type;
	uint64_t offset;     /* bytes from the beginning of the structure */
	uint64_t bit_offset; /* bit-field: bits from there, least significant first */
	unsigned bit_size;   /* 0: no bit-field */
	bool base;           /* a base class */
	bool is_virtual;     /* a base whose place is only known at run time */
	bool is_static;      /* lives elsewhere, under the qualified name */
	bool artificial;     /* the compiler's: this, _vptr */
	int64_t value;       /* of an enumerator */
	struct type_detail *place; /* a virtual base's; NULL = not known */
};

struct type {
	enum type_kind kind;
	bool is_signed, rvalue, is_class, vector, variadic, prototyped;
	bool scoped;         /* enum class */
	bool cplus;          /* of a language where struct NAME is NAME */
	bool incomplete;     /* only declared; type_complete looks for the definition */
	const char *name;    /* C++: with its scopes; NULL: has none */
	uint64_t size;       /* bytes */
	struct type *target; /* pointed to, element, aliased, returned; NULL = void */
	struct type *owner;  /* MEMBER_POINTER: of this class */
	uint64_t count;      /* elements; TYPE_NO_COUNT = not said */
	struct type_detail *bound; /* how many there are depends on the frame; NULL = it does not */
	/* valid after type_complete: members, bases, parameters, enumerators */
	struct type_member *member;
	size_t n_members;

	/* type.c's own */
	struct type_origin *origin;
	struct type *pointer_to, *same_as, *sized;
	bool read;
};

struct types;

struct types *types_hold(struct types *p);
void types_drop(struct types *p); /* NULL is fine */

/* The type as it is laid out: without typedef, const, volatile.  Never NULL (t NULL is
 * void) and never one of those. */
struct type *type_strip(struct type *t);
/* Without const and volatile only. */
struct type *type_unqualified(struct type *t);
/* The stripped type with its members read; of a declaration the definition where one is
 * known (else incomplete stays set). */
struct type *type_complete(struct types *p, struct type *t);

/* Derived ones.  NULL without memory. */
struct type *type_pointer(struct types *p, struct type *to);
struct type *type_reference(struct types *p, struct type *to, bool rvalue);
struct type *type_array(struct types *p, struct type *of, uint64_t count);
/* Array t (whose bound is not NULL) of count elements, each of them of. */
struct type *type_sized(struct types *p, struct type *t, struct type *of, uint64_t count);
/* A union of n members of these names (copied) and types. */
struct type *type_union(
    struct types *p, const char *const *names, struct type *const *of, size_t n);
/* An integer or floating point type of the language: name as C writes it; NULL when
 * no such type is known ("unsigned long", "_Bool", "__int128", "long double" …). */
struct type *type_named_base(struct types *p, const char *name);
/* The integer type of that size and sign, for results of operators and registers. */
struct type *type_int(struct types *p, unsigned size, bool is_signed);
struct type *type_function(struct types *p, struct type *returns, bool prototyped);
struct type *type_void(struct types *p);
struct type *type_unknown(struct types *p, bool function) __attribute__((returns_nonnull));

/* Bytes of a pointer in the target. */
unsigned types_address_size(const struct types *p);

#endif
