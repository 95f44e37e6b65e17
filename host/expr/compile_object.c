/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Names and what is in memory, to bytecode.
 */
#include "host/expr/compile.h"

#include <string.h>

#include "common/arch.h"
#include "common/gdb_reg.h"
#include "host/expr/registers.h"

void *compile_cannot(struct compiler *c, const char *why)
{
	if (!c->why)
		c->why = why;
	return NULL;
}

bool compile_cannot_b(struct compiler *c, const char *why)
{
	compile_cannot(c, why);
	return false;
}

/* ---- types ----------------------------------------------------------------- */

/* Is it a number that fits the machine? */
bool compile_fits(const struct type *t)
{
	bool number = type_is_integer(t) || t->kind == TYPE_POINTER || t->kind == TYPE_REFERENCE;

	return number && (t->size == 1 || t->size == 2 || t->size == 4 || t->size == 8);
}

/* What is on the stack is of that size: extend it. */
void compile_extend(struct compiler *c, const struct type *t)
{
	if (t->size < 8)
		ax_extend(&c->ax, (unsigned)t->size * 8, type_is_signed(t));
}

/* ---- objects --------------------------------------------------------------- */

static unsigned covering(unsigned bits)
{
	return bits <= 8 ? 1 : bits <= 16 ? 2 : bits <= 32 ? 4 : bits <= 64 ? 8 : 0;
}

/* The value of the object whose address is on the stack. */
static struct type *load(struct compiler *c, const struct object *o)
{
	struct type *t = type_complete(c->types, o->type);
	unsigned at = o->bit_offset % 8, bytes = covering(at + o->bit_size);

	if (!o->bit_size) {
		if (!compile_fits(t))
			return compile_cannot(c, "only integers and pointers can be compiled");
		ax_load(&c->ax, (unsigned)t->size);
		compile_extend(c, t);
		return t;
	}
	if (!bytes || !compile_fits(t))
		return compile_cannot(c, "a bit-field that wide cannot be compiled");
	ax_add_constant(&c->ax, o->bit_offset / 8);
	ax_load(&c->ax, bytes);
	ax_constant(&c->ax, at);
	ax_op(&c->ax, AX_RSH_UNSIGNED);
	ax_extend(&c->ax, o->bit_size, type_is_signed(t));
	return t;
}

/* A reference is what it refers to. */
bool compile_referred(struct compiler *c, struct object *o)
{
	struct type *t = type_strip(o->type);

	if (t->kind != TYPE_REFERENCE)
		return true;
	if (!load(c, o))
		return false;
	*o = (struct object){.type = t->target};
	return true;
}

/* Arrays and functions stand for their address. */
struct type *compile_decayed(struct compiler *c, struct object *o)
{
	struct type *t;

	if (!compile_referred(c, o))
		return NULL;
	t = type_strip(o->type);
	if (t->kind == TYPE_ARRAY && !t->vector)
		return type_pointer(c->types, t->target);
	if (t->kind == TYPE_FUNCTION)
		return type_pointer(c->types, o->type);
	return load(c, o);
}

/* ---- names ----------------------------------------------------------------- */

static int register_number(const struct compiler *c, unsigned dwarf)
{
	const struct arch *a = arch_find(c->env->arch);
	const struct arch_reg *r = a ? arch_by_dwarf(a, dwarf) : NULL;

	return r ? gdb_reg_number(c->env->arch, r->name) : -1;
}

static bool push_register(struct compiler *c, unsigned dwarf)
{
	int n = register_number(c, dwarf);

	if (n < 0)
		return compile_cannot_b(c, "a register that it is in cannot be read by the agent");
	ax_register(&c->ax, (unsigned)n);
	return true;
}

static bool find(struct compiler *c, const char *name, struct sym_name *ret)
{
	struct he_error *err =
	    symbols_look_up(c->env->symbols, &c->env->scope, name, LOOK_VALUES, ret);

	he_error_free(err);
	return err ? compile_cannot_b(c, "a name is not known there") : true;
}

/* In memory at an address that can be computed: pushed.  False without c->why: it is in a
 * register or constant. */
static bool variable_object(struct compiler *c, const struct sym_name *n, struct object *ret)
{
	struct formula f = symbols_formula(c->env->symbols, &c->env->scope, n);

	*ret = (struct object){.type = n->type};
	if (f.kind == FORMULA_NONE)
		return compile_cannot_b(c, "where a variable is cannot be said so simply");
	if (f.kind == FORMULA_ADDRESS)
		ax_constant(&c->ax, (uint64_t)f.offset);
	else if (f.kind != FORMULA_BASED || !push_register(c, f.reg))
		return false;
	else
		ax_add_constant(&c->ax, (uint64_t)f.offset);
	return true;
}

static struct type *variable_value(struct compiler *c, const struct sym_name *n)
{
	struct formula f;
	struct object o;
	struct type *t;

	if (variable_object(c, n, &o))
		return compile_decayed(c, &o);
	t = type_complete(c->types, n->type);
	f = symbols_formula(c->env->symbols, &c->env->scope, n);
	if (c->why || !compile_fits(t))
		return compile_cannot(c, "only integers and pointers can be compiled");
	if (f.kind == FORMULA_VALUE)
		ax_constant(&c->ax, (uint64_t)f.offset);
	else if (!push_register(c, f.reg))
		return NULL;
	compile_extend(c, t);
	return t;
}

static struct type *found_value(struct compiler *c, const struct sym_name *n)
{
	struct object o = {.type = n->type};

	switch (n->kind) {
	case NAME_VARIABLE:
		return variable_value(c, n);
	case NAME_FUNCTION:
		ax_constant(&c->ax, n->addr);
		return n->addr ? compile_decayed(c, &o)
			       : compile_cannot(c, "a function is inlined everywhere");
	case NAME_CONSTANT:
		ax_constant(&c->ax, (uint64_t)n->value);
		return type_strip(n->type);
	default:
		return compile_cannot(c, "the type of a name is not known");
	}
}

/* In a method members need no this->.  *ret: it is one, of *this on the stack. */
static bool of_this(struct compiler *c, const char *name, struct sym_name *this)
{
	struct member_found member;
	struct type *t;

	if (!c->env->cplus || strchr(name, ':') ||
	    symbols_has_local(c->env->symbols, &c->env->scope, name, this) ||
	    !symbols_has_local(c->env->symbols, &c->env->scope, "this", this))
		return false;
	t = type_strip(this->type);
	return t->kind == TYPE_POINTER && type_find_member(c->types, t->target, name, &member);
}

static bool member_of(struct compiler *c, struct object *o, const char *name)
{
	struct member_found f;

	if (!type_find_member(c->types, o->type, name, &f))
		return compile_cannot_b(c, "there is no such member");
	if (f.is_virtual || f.member->is_virtual || f.member->is_static)
		return compile_cannot_b(c, "where a member lies is not fixed");
	ax_add_constant(&c->ax, f.offset + f.member->offset);
	*o = (struct object){.type = f.member->type, .bit_size = f.member->bit_size};
	if (o->bit_size)
		o->bit_offset = (unsigned)(f.member->bit_offset - f.member->offset * 8);
	return true;
}

static bool this_member(
    struct compiler *c, const struct sym_name *this, const char *name, struct object *ret)
{
	struct type *t = variable_value(c, this);

	if (!t || t->kind != TYPE_POINTER)
		return compile_cannot_b(c, "this is not known there");
	*ret = (struct object){.type = t->target};
	return member_of(c, ret, name);
}

struct type *compile_name(struct compiler *c, const struct node *n)
{
	struct sym_name found;
	struct object o;

	if (of_this(c, n->text, &found))
		return this_member(c, &found, n->text, &o) ? compile_decayed(c, &o) : NULL;
	return find(c, n->text, &found) ? found_value(c, &found) : NULL;
}

struct type *compile_register(struct compiler *c, const struct node *n)
{
	struct register_name r;
	struct type *t;
	int number;

	if (!register_find(n->text, types_address_size(c->types), &r))
		return compile_cannot(c, "a $name is no register");
	number = gdb_reg_number(c->env->arch, r.base);
	if (number < 0)
		return compile_cannot(c, "a $name is no general register");
	if (!r.size)
		r.size = strcmp(r.base, "eflags") ? types_address_size(c->types) : 4;
	t = type_complete(c->types, register_type(c->types, r.base, r.size, false));
	ax_register(&c->ax, (unsigned)number);
	if (r.offset) {
		ax_constant(&c->ax, (uint64_t)r.offset * 8);
		ax_op(&c->ax, AX_RSH_UNSIGNED);
	}
	compile_extend(c, t);
	return t;
}

/* ---- what is in memory ----------------------------------------------------- */

bool compile_pointed(struct compiler *c, struct type *pointer, struct object *ret)
{
	if (!pointer)
		return false;
	if (pointer->kind != TYPE_POINTER || type_strip(pointer->target)->kind == TYPE_VOID)
		return compile_cannot_b(c, "only a pointer to something can be dereferenced");
	*ret = (struct object){.type = pointer->target};
	return true;
}

static bool element(struct compiler *c, const struct node *n, struct object *ret)
{
	struct type *pointer = compile_value(c, n->a),
		    *by = pointer ? compile_value(c, n->b) : NULL;

	return by && compile_pointed(c, compile_moved(c, T_PLUS, pointer, by), ret);
}

static bool member(struct compiler *c, const struct node *n, struct object *ret)
{
	struct eval probe = {.env = c->env, .types_only = true};
	struct value *v = eval_node(&probe, n->a);
	struct type *t = v ? type_strip(v->type) : NULL;

	eval_end(&probe);
	he_error_free(probe.error);
	if (!t)
		return compile_cannot_b(c, "a type is not known");
	if (t->kind == TYPE_POINTER ? !compile_pointed(c, compile_value(c, n->a), ret)
				    : !compile_object(c, n->a, ret) || !compile_referred(c, ret))
		return false;
	return member_of(c, ret, n->text);
}

bool compile_object(struct compiler *c, const struct node *n, struct object *ret)
{
	struct sym_name found;

	switch (n->kind) {
	case N_NAME:
		if (of_this(c, n->text, &found))
			return this_member(c, &found, n->text, ret);
		if (!find(c, n->text, &found))
			return false;
		if (found.kind == NAME_VARIABLE)
			return variable_object(c, &found, ret) ||
			       compile_cannot_b(c, "a variable is not in memory");
		return compile_cannot_b(c, "a name is no variable");
	case N_UNARY:
		return n->token == T_STAR ? compile_pointed(c, compile_value(c, n->a), ret)
					  : compile_cannot_b(c, "a value is not in memory");
	case N_INDEX:
		return element(c, n, ret);
	case N_MEMBER:
	case N_ARROW:
		return member(c, n, ret);
	default:
		return compile_cannot_b(c, "a value is not in memory");
	}
}
