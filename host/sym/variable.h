/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Names of the debugged program and where what they name is kept: locals of a frame,
 * statics, globals of all modules, functions, enumerators, types.
 */
#ifndef HOST_VARIABLE_H
#define HOST_VARIABLE_H

#include "host/sym/sym.h"
#include "host/sym/type.h"

/* ---- frames ---------------------------------------------------------------- */

/* A frame as variables need it. */
struct sym_frame {
	uint64_t pc;       /* by which it is looked up: of a caller one less */
	unsigned level;    /* 0 = the innermost function inlined there */
	unsigned physical; /* number without inlined ones */
	struct sym_regs regs;
	uint64_t cfa; /* 0 = not known */
	bool has_caller;
	struct sym_regs caller; /* the physical frame that called it */
};

/* Frame number index as in a struct he_stack (inlined ones counted). E_STATE: the stack
 * ends before it. */
struct he_error *symbols_frame(
    struct symbols *s, const struct sym_regs *first, unsigned index, struct sym_frame *ret);

/* All of them in their order, until each returns false. */
struct he_error *symbols_frames(struct symbols *s, const struct sym_regs *first,
    bool (*each)(void *arg, unsigned index, const struct sym_frame *f), void *arg);

/* ---- names ----------------------------------------------------------------- */

/* libdw's, not to be looked into. */
struct die_ref {
	void *opaque[4];
};

enum name_kind {
	NAME_VARIABLE,
	NAME_FUNCTION, /* addr is its entry; with level 0 everywhere inlined: addr 0 */
	NAME_TYPE,
	NAME_CONSTANT, /* value */
	NAME_SYMBOL,   /* of the symbol table only: addr, type unknown */
	NAME_NAMESPACE,
};

struct sym_name {
	enum name_kind kind;
	struct type *type;
	uint64_t addr; /* NAME_VARIABLE: where a symbol table has it, no location does; else 0 */
	int64_t value;
	bool function;     /* NAME_SYMBOL: of code */
	bool thread_local; /* NAME_SYMBOL: addr is an offset in its module's block */
	const struct module *module;
	struct die_ref die; /* NAME_VARIABLE */
};

/* Where a name is looked up from. */
struct sym_scope {
	bool has_pc; /* else only what is global is seen */
	uint64_t pc;
	unsigned level; /* as in sym_frame */
};

/* What may be looked for: a type where the name of a type is expected. */
enum { LOOK_VALUES = 1, LOOK_TYPES = 2, LOOK_TAGS = 4 /* struct, union, enum NAME */ };

/* The types of this target; valid as long as s, or held.  NULL without memory. */
struct types *symbols_types(struct symbols *s);

/* name: an identifier, or several joined by "::" (C++; a first part 'file.c' or a
 * function's name selects its statics and locals).  Inner scopes hide outer ones; then
 * this file, then all modules.  E_NO_FILE: there is none. */
struct he_error *symbols_look_up(struct symbols *s, const struct sym_scope *scope, const char *name,
    unsigned what, struct sym_name *ret);

/* Only the blocks of the function: is there one of that name, whose place depends on a
 * frame (no static)? */
bool symbols_has_local(
    struct symbols *s, const struct sym_scope *scope, const char *name, struct sym_name *ret);

/* Is the code there C++ (or a language like it), where comparing yields a bool? */
bool symbols_is_cplus(struct symbols *s, const struct sym_scope *scope);

/* Variables of the function (and, without args, the blocks) around a pc: innermost
 * block first, each in the order of the source. */
struct sym_local {
	const char *name; /* the symbol side's */
	struct sym_name var;
	unsigned depth; /* blocks around it within the function */
};
struct he_error *symbols_locals(struct symbols *s, const struct sym_scope *scope, bool args,
    struct sym_local **ret, size_t *n); /* *ret: freed by the caller */

/* ---- where they are -------------------------------------------------------- */

enum place_kind {
	PLACE_MEMORY,
	PLACE_REGISTER, /* DWARF number */
	PLACE_VALUE,    /* bytes: it is nowhere, but known */
	PLACE_LOST,     /* optimized out */
};

enum { PLACE_PIECES = 64, PLACE_BYTES = 64 };

struct place_piece {
	enum place_kind kind;
	uint64_t addr;
	unsigned reg;
	uint64_t bit_offset, bit_size; /* in what is there, of how much; bit_size 0 = all */
	size_t n_bytes;                /* VALUE: so many are known, further ones are 0 */
	uint8_t bytes[PLACE_BYTES];
};

/* In order of rising significance. */
struct place {
	size_t n;
	struct place_piece v[PLACE_PIECES];
};

/* The address of what lies at offset in the thread-local block of module m, for the
 * thread of the frame. */
typedef struct he_error *place_tls(
    void *arg, const struct module *m, uint64_t offset, uint64_t *addr);

struct place_at {
	const struct sym_frame *frame; /* NULL: statics and globals only */
	place_tls *tls;                /* NULL: cannot */
	/* The low bytes of a register that struct sym_regs has no room for (xmm0). */
	bool (*wide)(void *arg, unsigned dwarf, void *buf, size_t len);
	void *arg;
};

/* E_STATE: needs a frame; E_FAULT, E_NO_FILE: cannot be told (the sentence says why). */
struct he_error *symbols_place(
    struct symbols *s, const struct sym_name *var, const struct place_at *at, struct place *ret);

/* Elements of an array in that frame whose number is not in its type (type.bound); false:
 * what tells it is not kept. */
bool symbols_count(
    struct symbols *s, const struct type *array, const struct place_at *at, uint64_t *ret);

/* Where a virtual base lies of an object at that address; false: nothing tells, or its table
 * cannot be read. */
bool symbols_base(
    struct symbols *s, const struct type_member *base, uint64_t object, uint64_t *ret);

/* The same without a process: at this pc (of scope), what yields it in any frame. */
enum formula_kind {
	FORMULA_NONE,     /* cannot be said so simply */
	FORMULA_ADDRESS,  /* of memory: offset */
	FORMULA_BASED,    /* of memory: register reg + offset */
	FORMULA_REGISTER, /* the value is in reg */
	FORMULA_VALUE,    /* the value is offset */
};
struct formula {
	enum formula_kind kind;
	unsigned reg; /* DWARF number */
	int64_t offset;
};
struct formula symbols_formula(
    struct symbols *s, const struct sym_scope *scope, const struct sym_name *var);

#endif
