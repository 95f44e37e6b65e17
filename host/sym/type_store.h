/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How types are kept, for the files of the symbol side that make them.
 */
#ifndef HOST_TYPE_STORE_H
#define HOST_TYPE_STORE_H

#include <elfutils/libdw.h>

#include "host/arena.h"
#include "host/sym/strpool.h"
#include "host/sym/symfile.h"
#include "host/sym/symstate.h"
#include "host/sym/type.h"
#include "host/sym/variable.h"

struct type_slot {
	const void *key; /* Dwarf_Die.addr */
	struct type *type;
};

/* What was read of one module's DWARF. */
struct type_module {
	struct type_module *next;
	struct types *types;
	struct symfile *file; /* NULL: the module is gone, nothing more can be read */
	struct type_slot *slot;
	size_t n_slots, used;
};

/* Where a type stands. */
struct type_origin {
	struct type_module *module;
	Dwarf_Die die;
};

/* What the target has to be asked for: the length of a dimension (its subrange), where a
 * virtual base lies (its inheritance). */
struct type_detail {
	struct type_module *module;
	Dwarf_Die die;
};

struct types {
	unsigned holders;
	struct symbols *symbols; /* NULL: the target is gone */
	struct arena arena;
	struct strpool *pool;
	unsigned address_size;
	struct type_module *modules;
	struct type **base; /* made by name or size */
	size_t n_base;
	struct type *nothing, *unknown, *unknown_code;
};

struct types *types_new(struct symbols *s);
/* The target goes: nothing more can be read. */
void types_end(struct types *p);
/* The module of f, made on the first call; NULL without memory. */
struct type_module *type_module_of(struct types *p, struct symfile *f);
/* f is about to be freed. */
void type_module_gone(struct type_module *m);

/* A zeroed type; NULL without memory. */
struct type *type_new(struct types *p, enum type_kind kind);

/* The type of a DIE that is one (or a subprogram: its function type).  Never NULL:
 * types->unknown where it cannot be had. */
struct type *type_of_die(struct type_module *m, Dwarf_Die *die);
/* The type that die's DW_AT_type names; void when it has none. */
struct type *type_of_attr(struct type_module *m, Dwarf_Die *die);
/* Fill in the members of t, which has an origin. */
void type_read_members(struct type *t);
/* name with the scopes it is declared in, kept in the pool; NULL when it has none. */
const char *type_name_of_die(struct type_module *m, Dwarf_Die *die);

static inline Dwarf_Die die_of(const struct die_ref *r)
{
	Dwarf_Die die;

	_Static_assert(sizeof(die) <= sizeof(*r), "a reference holds a DIE");
	__builtin_memcpy(&die, r, sizeof(die));
	return die;
}

static inline struct die_ref ref_of(const Dwarf_Die *die)
{
	struct die_ref r = {{NULL}};

	__builtin_memcpy(&r, die, sizeof(*die));
	return r;
}

#endif
