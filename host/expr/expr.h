/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Expressions of C (and as much of C++ as looking at data takes): read into a tree,
 * evaluated against a target, or compiled to the bytecode that an agent evaluates.
 *
 * The room knows the symbol side (sym.h, type.h, variable.h) and reaches a target
 * through struct expr_ops alone.  Nothing here prints or waits by itself.
 *
 * Errors: E_MALFORMED the text or its types make no sense, E_NO_FILE a name is not
 * known, E_FAULT memory (addr), E_DIVIDED, E_STATE no frame, no register, optimized
 * out, and whatever the callbacks return.
 */
#ifndef HOST_EXPR_H
#define HOST_EXPR_H

#include "common/buf.h"
#include "host/sym/variable.h"

struct expr;     /* a parsed expression */
struct expr_env; /* below */
struct value;

/* Longest text and deepest nesting that is taken. */
enum { EXPR_TEXT_MAX = 16384, EXPR_DEPTH_MAX = 200, VALUE_MAX = 1024 * 1024 };

/* ---- reaching the target --------------------------------------------------- */

struct expr_register {
	unsigned size; /* bytes, at most 64 */
	uint8_t value[64];
};

struct expr_ops {
	/* All of len bytes, else E_FAULT with the first address that cannot be read. */
	struct he_error *(*read)(void *arg, uint64_t addr, void *buf, size_t len);
	/* NULL: nothing may be changed.  The target forgets what it cached. */
	struct he_error *(*write)(void *arg, uint64_t addr, const void *buf, size_t len);
	/* The selected frame; valid until the env ends. */
	struct he_error *(*frame)(void *arg, const struct sym_frame **ret);
	/* A register of that frame, by GDB's name or (name NULL) by DWARF number.  E_NO_FILE:
	 * the architecture has none of that name. */
	struct he_error *(*get_register)(
	    void *arg, const char *name, unsigned dwarf, struct expr_register *ret);
	struct he_error *(*set_register)(void *arg, const char *name, unsigned dwarf,
	    const void *value, size_t size); /* NULL: may not */
	place_tls *tls;                      /* NULL: cannot */
	/* Convenience variables and the value history: "1", "", "$", "$2", "name" without
	 * the first $.  A copy is handed out; NULL in *ret: there is none.  set is NULL where
	 * there is no memory for them. */
	struct he_error *(*get_variable)(void *arg, const char *name, struct value **ret);
	struct he_error *(*set_variable)(void *arg, const char *name, const struct value *v);
};

struct expr_env {
	struct symbols *symbols;
	struct types *types;
	uint32_t arch; /* AUDIT_ARCH_* */
	struct sym_scope scope;
	bool cplus; /* the language there: comparing yields a bool, this-> may be left out */
	const struct expr_ops *ops;
	void *arg;
};

/* ---- expressions ----------------------------------------------------------- */

/* Names of types are told from others by looking them up in env's scope; the other names
 * are looked up when it is evaluated, wherever that is.  *end (may be NULL: all of text
 * must be the expression) is where it ends: at a comma outside of brackets when comma is
 * not set, or at "if", "thread", "task" or "-force" as commands write behind locations. */
struct he_error *expr_parse(const struct expr_env *env, const char *text, struct expr **ret);
/* As much of text as is an expression without a comma of its own; *end: what follows. */
struct he_error *expr_parse_part(
    const struct expr_env *env, const char *text, const char **end, struct expr **ret);
void expr_free(struct expr *x); /* NULL is fine */
/* As it was written. */
const char *expr_text(const struct expr *x);
/* Does it change anything (assignment, ++)? */
bool expr_changes(const struct expr *x);
/* Does it name registers, or locals (of env's scope)?  A watched value then ends with
 * its frame. */
bool expr_is_local(const struct expr_env *env, const struct expr *x);
/* It is nothing but a type, as behind ptype and sizeof. */
struct type *expr_as_type(const struct expr *x); /* NULL: it is not */

/* The caller frees *ret with value_free.  It holds its types itself. */
struct he_error *expr_evaluate(
    const struct expr_env *env, const struct expr *x, struct value **ret);
/* The same of a variable that was found already. */
struct he_error *expr_variable(
    const struct expr_env *env, const struct sym_name *var, struct value **ret);
/* As `if` takes it. */
struct he_error *expr_truth(const struct expr_env *env, const struct expr *x, bool *ret);
/* Without evaluating what could be slow or change something: as sizeof does. */
struct he_error *expr_type(const struct expr_env *env, const struct expr *x, struct type **ret);

/* To the bytecode of agent expressions (GDB manual, appendix F): a program that leaves
 * the value (integer or pointer, extended to 64 bits) on the stack.  env->scope has the pc
 * at which it will run; registers are numbered as GDB does on env's architecture.
 * code is empty before.
 * False: it cannot be compiled (*why: for people, static; may be NULL), code is empty. */
bool expr_compile(
    const struct expr_env *env, const struct expr *x, struct buf *code, const char **why);

/* ---- values ---------------------------------------------------------------- */

void value_free(struct value *v);                /* NULL is fine */
struct value *value_copy(const struct value *v); /* NULL without memory */
struct type *value_type(const struct value *v);
struct types *value_types(const struct value *v);
/* Its bytes (size of its type), read now if they were not: E_STATE optimized out,
 * E_TOO_BIG above VALUE_MAX.  Valid as long as v. */
struct he_error *value_bytes(
    const struct expr_env *env, struct value *v, const uint8_t **ret, size_t *n);
/* Have it independent of the frame: what is in registers is read, bytes too unless they are
 * optimized out. */
struct he_error *value_settle(const struct expr_env *env, struct value *v);
/* Is it in memory, byte by byte (no bit-field)?  addr and size are set then. */
bool value_in_memory(const struct value *v, uint64_t *addr, uint64_t *size);
/* As a number: integers, enums, pointers, references; floats are cut. */
struct he_error *value_number(const struct expr_env *env, struct value *v, uint64_t *ret);

/* The history of values ($1 …) and the convenience variables; for get_variable and
 * set_variable. */
struct value_store;
struct value_store *value_store_new(void);
void value_store_free(struct value_store *s); /* NULL is fine */
/* A copy of v, which is settled: its number; 0: no room. */
size_t value_store_add(struct value_store *s, const struct value *v);
struct he_error *value_store_get(const struct value_store *s, const char *name, struct value **ret);
struct he_error *value_store_set(struct value_store *s, const char *name, const struct value *v);
/* n bytes as type has them. */
struct he_error *value_make_bytes(
    struct types *types, struct type *type, const void *bytes, size_t n, struct value **ret);
/* What lies at addr, read when it is wanted. */
struct he_error *value_make_at(
    struct types *types, struct type *type, uint64_t addr, struct value **ret);
/* For get_variable: a number as $_ and the like hold it. */
struct he_error *value_make_number(
    struct types *types, struct type *type, uint64_t n, struct value **ret);

/* ---- showing them ---------------------------------------------------------- */

struct value_format {
	char letter;       /* GDB's: x d u o t z a c f s; 0 = as its type asks */
	unsigned elements; /* of arrays and strings; 0 = 200 as GDB */
	bool brief;        /* as arguments in a backtrace: structures and arrays as ... */
	bool no_strings;   /* do not read what char pointers point to */
	bool top;          /* as `print` shows it: pointers with their type in front */
};

/* Text for people, never NULL without an error; bytes of the target stay as they are in
 * names only and are escaped in strings.  The caller frees it. */
struct he_error *value_text(
    const struct expr_env *env, struct value *v, const struct value_format *f, char **ret);
/* "struct point *", "char [16]"; expand: members too, as ptype shows them. */
struct he_error *type_text(struct types *p, struct type *t, bool expand, char **ret);

#endif
