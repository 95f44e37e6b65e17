/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A compilation under way: what compile.c (operators) and compile_object.c (names and
 * memory) share.  Whatever fails sets why, and yields NULL or false.
 */
#ifndef HOST_EXPR_COMPILE_H
#define HOST_EXPR_COMPILE_H

#include "host/expr/ax.h"
#include "host/expr/tree.h"
#include "host/expr/value.h"

struct compiler {
	const struct expr_env *env;
	struct types *types;
	struct ax ax;
	const char *why; /* NULL: fine so far */
};

/* Something in memory: its address is on the stack. */
struct object {
	struct type *type;
	unsigned bit_offset, bit_size; /* from that address; bit_size 0: no bit-field */
};

void *compile_cannot(struct compiler *c, const char *why);
bool compile_cannot_b(struct compiler *c, const char *why);

/* Is it a number that fits the machine? */
bool compile_fits(const struct type *t);
/* What is on the stack is of that size: extend it. */
void compile_extend(struct compiler *c, const struct type *t);

/* The value of n is on the stack: its type, stripped. */
struct type *compile_value(struct compiler *c, const struct node *n);
/* The address of n is on the stack. */
bool compile_object(struct compiler *c, const struct node *n, struct object *ret);
/* What a reference on the stack refers to; the value of an object, or the address that an
 * array or a function stands for. */
bool compile_referred(struct compiler *c, struct object *o);
struct type *compile_decayed(struct compiler *c, struct object *o);
/* A pointer's value is on the stack: the object it points to. */
bool compile_pointed(struct compiler *c, struct type *pointer, struct object *ret);
/* pointer, number on the stack, number on top: their sum, or difference. */
struct type *compile_moved(
    struct compiler *c, enum token op, struct type *pointer, struct type *by);
struct type *compile_name(struct compiler *c, const struct node *n);
struct type *compile_register(struct compiler *c, const struct node *n);

#endif
