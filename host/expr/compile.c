/* SPDX-License-Identifier: BSD-2-Clause
 *
 * To the bytecode of agent expressions: what is left on the stack is always the value as
 * its C type has it, extended to 64 bits, so that every operation of the 64-bit machine
 * gives what the program's own would, once its result is cut again.
 */
#include <string.h>

#include "common/arch.h"
#include "common/gdb_reg.h"
#include "host/expr/ax.h"
#include "host/expr/registers.h"
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

static struct type *value(struct compiler *c, const struct node *n);
static bool object(struct compiler *c, const struct node *n, struct object *ret);

static void *cannot(struct compiler *c, const char *why)
{
	if (!c->why)
		c->why = why;
	return NULL;
}

static bool cannot_b(struct compiler *c, const char *why)
{
	cannot(c, why);
	return false;
}

/* ---- types ----------------------------------------------------------------- */

/* Is it a number that fits the machine? */
static bool fits(const struct type *t)
{
	bool number = type_is_integer(t) || t->kind == TYPE_POINTER || t->kind == TYPE_REFERENCE;

	return number && (t->size == 1 || t->size == 2 || t->size == 4 || t->size == 8);
}

/* What is on the stack is of that size: extend it. */
static void extend(struct compiler *c, const struct type *t)
{
	if (t->size < 8)
		ax_extend(&c->ax, (unsigned)t->size * 8, type_is_signed(t));
}

static struct type *address_type(struct compiler *c, bool is_signed)
{
	return type_int(c->types, types_address_size(c->types), is_signed);
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
		if (!fits(t))
			return cannot(c, "only integers and pointers can be compiled");
		ax_load(&c->ax, (unsigned)t->size);
		extend(c, t);
		return t;
	}
	if (!bytes || !fits(t))
		return cannot(c, "a bit-field that wide cannot be compiled");
	ax_add_constant(&c->ax, o->bit_offset / 8);
	ax_load(&c->ax, bytes);
	ax_constant(&c->ax, at);
	ax_op(&c->ax, AX_RSH_UNSIGNED);
	ax_extend(&c->ax, o->bit_size, type_is_signed(t));
	return t;
}

/* A reference is what it refers to. */
static bool referred(struct compiler *c, struct object *o)
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
static struct type *decayed(struct compiler *c, struct object *o)
{
	struct type *t;

	if (!referred(c, o))
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
		return cannot_b(c, "a register that it is in cannot be read by the agent");
	ax_register(&c->ax, (unsigned)n);
	return true;
}

static bool find(struct compiler *c, const char *name, struct sym_name *ret)
{
	struct he_error *err =
	    symbols_look_up(c->env->symbols, &c->env->scope, name, LOOK_VALUES, ret);

	he_error_free(err);
	return err ? cannot_b(c, "a name is not known there") : true;
}

/* In memory at an address that can be computed: pushed.  False without c->why: it is in a
 * register or constant. */
static bool variable_object(struct compiler *c, const struct sym_name *n, struct object *ret)
{
	struct formula f = symbols_formula(c->env->symbols, &c->env->scope, n);

	*ret = (struct object){.type = n->type};
	if (f.kind == FORMULA_NONE)
		return cannot_b(c, "where a variable is cannot be said so simply");
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
		return decayed(c, &o);
	t = type_complete(c->types, n->type);
	f = symbols_formula(c->env->symbols, &c->env->scope, n);
	if (c->why || !fits(t))
		return cannot(c, "only integers and pointers can be compiled");
	if (f.kind == FORMULA_VALUE)
		ax_constant(&c->ax, (uint64_t)f.offset);
	else if (!push_register(c, f.reg))
		return NULL;
	extend(c, t);
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
		return n->addr ? decayed(c, &o) : cannot(c, "a function is inlined everywhere");
	case NAME_CONSTANT:
		ax_constant(&c->ax, (uint64_t)n->value);
		return type_strip(n->type);
	default:
		return cannot(c, "the type of a name is not known");
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
		return cannot_b(c, "there is no such member");
	if (f.is_virtual || f.member->is_virtual || f.member->is_static)
		return cannot_b(c, "where a member lies is not fixed");
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
		return cannot_b(c, "this is not known there");
	*ret = (struct object){.type = t->target};
	return member_of(c, ret, name);
}

static struct type *name(struct compiler *c, const struct node *n)
{
	struct sym_name found;
	struct object o;

	if (of_this(c, n->text, &found))
		return this_member(c, &found, n->text, &o) ? decayed(c, &o) : NULL;
	return find(c, n->text, &found) ? found_value(c, &found) : NULL;
}

static struct type *dollar(struct compiler *c, const struct node *n)
{
	struct register_name r;
	struct type *t;
	int number;

	if (!register_find(n->text, types_address_size(c->types), &r))
		return cannot(c, "a $name is no register");
	number = gdb_reg_number(c->env->arch, r.base);
	if (number < 0)
		return cannot(c, "a $name is no general register");
	if (!r.size)
		r.size = strcmp(r.base, "eflags") ? types_address_size(c->types) : 4;
	t = type_complete(c->types, register_type(c->types, r.base, r.size, false));
	ax_register(&c->ax, (unsigned)number);
	if (r.offset) {
		ax_constant(&c->ax, (uint64_t)r.offset * 8);
		ax_op(&c->ax, AX_RSH_UNSIGNED);
	}
	extend(c, t);
	return t;
}

/* ---- what is in memory ----------------------------------------------------- */

static bool pointed(struct compiler *c, struct type *pointer, struct object *ret)
{
	if (!pointer)
		return false;
	if (pointer->kind != TYPE_POINTER || type_strip(pointer->target)->kind == TYPE_VOID)
		return cannot_b(c, "only a pointer to something can be dereferenced");
	*ret = (struct object){.type = pointer->target};
	return true;
}

static struct type *moved(struct compiler *c, enum token op, struct type *pointer, struct type *by);

static bool element(struct compiler *c, const struct node *n, struct object *ret)
{
	struct type *pointer = value(c, n->a), *by = pointer ? value(c, n->b) : NULL;

	return by && pointed(c, moved(c, T_PLUS, pointer, by), ret);
}

static bool member(struct compiler *c, const struct node *n, struct object *ret)
{
	struct eval probe = {.env = c->env, .types_only = true};
	struct value *v = eval_node(&probe, n->a);
	struct type *t = v ? type_strip(v->type) : NULL;

	eval_end(&probe);
	he_error_free(probe.error);
	if (!t)
		return cannot_b(c, "a type is not known");
	if (t->kind == TYPE_POINTER ? !pointed(c, value(c, n->a), ret)
				    : !object(c, n->a, ret) || !referred(c, ret))
		return false;
	return member_of(c, ret, n->text);
}

static bool object(struct compiler *c, const struct node *n, struct object *ret)
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
			       cannot_b(c, "a variable is not in memory");
		return cannot_b(c, "a name is no variable");
	case N_UNARY:
		return n->token == T_STAR ? pointed(c, value(c, n->a), ret)
					  : cannot_b(c, "a value is not in memory");
	case N_INDEX:
		return element(c, n, ret);
	case N_MEMBER:
	case N_ARROW:
		return member(c, n, ret);
	default:
		return cannot_b(c, "a value is not in memory");
	}
}

/* ---- operators ------------------------------------------------------------- */

/* The value on the stack as another type. */
static struct type *converted(struct compiler *c, struct type *to, const struct type *from)
{
	to = type_complete(c->types, to);
	if (!from || !fits(to))
		return cannot(c, "only casts to integers and pointers can be compiled");
	if (to->kind == TYPE_BOOL) {
		ax_op(&c->ax, AX_LOG_NOT);
		ax_op(&c->ax, AX_LOG_NOT);
	} else if (to->size < from->size || to->is_signed != from->is_signed) {
		extend(c, to);
	}
	return to;
}

static struct type *boolean(struct compiler *c)
{
	return type_named_base(c->types, c->env->cplus ? "bool" : "int");
}

static struct type *promoted(struct compiler *c, struct type *t)
{
	struct eval e = {.env = c->env};

	return t->kind == TYPE_POINTER ? address_type(c, false) : type_promoted(&e, t);
}

static struct type *common(struct compiler *c, struct type *a, struct type *b)
{
	struct eval e = {.env = c->env};

	if (!type_is_integer(a) || !type_is_integer(b))
		return address_type(c, false);
	return type_common(&e, a, b);
}

static uint64_t pointed_size(struct compiler *c, const struct type *pointer)
{
	uint64_t size = type_complete(c->types, pointer->target)->size;

	return size ? size : 1;
}

/* pointer, number on the stack; number is on top. */
static struct type *moved(struct compiler *c, enum token op, struct type *pointer, struct type *by)
{
	if (pointer->kind != TYPE_POINTER || !type_is_integer(by))
		return cannot(c, "only an integer can be added to a pointer");
	ax_constant(&c->ax, pointed_size(c, pointer));
	ax_op(&c->ax, AX_MUL);
	ax_op(&c->ax, op == T_PLUS ? AX_ADD : AX_SUB);
	extend(c, pointer);
	return pointer;
}

static struct type *apart(struct compiler *c, struct type *a, struct type *b)
{
	struct type *t = address_type(c, true);

	if (pointed_size(c, a) != pointed_size(c, b))
		return cannot(c, "pointers to different things cannot be subtracted");
	ax_op(&c->ax, AX_SUB);
	extend(c, t);
	ax_constant(&c->ax, pointed_size(c, a));
	ax_op(&c->ax, AX_DIV_SIGNED);
	return t;
}

static struct type *with_pointers(struct compiler *c, enum token op, struct type *a, struct type *b)
{
	bool both = a->kind == TYPE_POINTER && b->kind == TYPE_POINTER;

	if (both && op == T_MINUS)
		return apart(c, a, b);
	if (!both && a->kind == TYPE_POINTER && (op == T_PLUS || op == T_MINUS))
		return moved(c, op, a, b);
	if (!both && b->kind == TYPE_POINTER && op == T_PLUS) {
		ax_op(&c->ax, AX_SWAP);
		return moved(c, op, b, a);
	}
	return cannot(c, "this cannot be done with pointers");
}

static struct type *compared(struct compiler *c, enum token op, const struct type *t)
{
	bool swap = op == T_GT || op == T_LE;

	if (swap)
		ax_op(&c->ax, AX_SWAP);
	if (op == T_EQ || op == T_NE)
		ax_op(&c->ax, AX_EQUAL);
	else
		ax_op(&c->ax, t->is_signed ? AX_LESS_SIGNED : AX_LESS_UNSIGNED);
	if (op == T_NE || op == T_LE || op == T_GE)
		ax_op(&c->ax, AX_LOG_NOT);
	return boolean(c);
}

static struct type *arithmetic(struct compiler *c, enum token op, struct type *t)
{
	static const struct {
		enum token op;
		uint8_t is_signed, is_unsigned;
	} ops[] = {{T_PLUS, AX_ADD, AX_ADD}, {T_MINUS, AX_SUB, AX_SUB}, {T_STAR, AX_MUL, AX_MUL},
	    {T_SLASH, AX_DIV_SIGNED, AX_DIV_UNSIGNED}, {T_PERCENT, AX_REM_SIGNED, AX_REM_UNSIGNED},
	    {T_AND, AX_AND, AX_AND}, {T_OR, AX_OR, AX_OR}, {T_XOR, AX_XOR, AX_XOR},
	    {T_SHL, AX_LSH, AX_LSH}, {T_SHR, AX_RSH_SIGNED, AX_RSH_UNSIGNED}};

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (ops[i].op != op)
			continue;
		ax_op(&c->ax, t->is_signed ? ops[i].is_signed : ops[i].is_unsigned);
		extend(c, t);
		return t;
	}
	return cannot(c, "this operator cannot be compiled");
}

/* A count that may be negative is an error where values are known, which this machine
 * does not tell. */
static struct type *shift(struct compiler *c, const struct node *n)
{
	struct type *t = value(c, n->a), *count, *as;

	if (!t || !type_is_integer(t))
		return cannot(c, "only integers can be shifted");
	as = converted(c, promoted(c, t), t);
	count = as ? value(c, n->b) : NULL;
	if (!count || !type_is_integer(count))
		return cannot(c, "only integers can be shifted by");
	if (type_is_signed(count) && (n->b->kind != N_INTEGER || n->b->number >> 63))
		return cannot(c, "a shift by a signed number cannot be compiled");
	return arithmetic(c, n->token, as);
}

static bool is_comparison(enum token op)
{
	return op >= T_EQ && op <= T_GE;
}

static struct type *binary(struct compiler *c, const struct node *n)
{
	struct type *a, *b, *t;

	if (n->token == T_SHL || n->token == T_SHR)
		return shift(c, n);
	a = value(c, n->a);
	b = a ? value(c, n->b) : NULL;
	if (!b)
		return NULL;
	if ((a->kind == TYPE_POINTER || b->kind == TYPE_POINTER) && !is_comparison(n->token))
		return with_pointers(c, n->token, a, b);
	t = common(c, a, b);
	if (!t || !fits(t))
		return cannot(c, "numbers that wide cannot be compiled");
	converted(c, t, b);
	if (t->size == a->size && t->is_signed != a->is_signed) {
		/* the left one lies below */
		ax_op(&c->ax, AX_SWAP);
		converted(c, t, a);
		ax_op(&c->ax, AX_SWAP);
	}
	return is_comparison(n->token) ? compared(c, n->token, t) : arithmetic(c, n->token, t);
}

static struct type *unary(struct compiler *c, const struct node *n)
{
	struct object o;
	struct type *t;

	if (n->token == T_AND) {
		if (!object(c, n->a, &o) || !referred(c, &o))
			return NULL;
		return o.bit_size ? cannot(c, "a bit-field has no address")
				  : type_pointer(c->types, o.type);
	}
	if (n->token == T_STAR)
		return pointed(c, value(c, n->a), &o) ? decayed(c, &o) : NULL;
	t = value(c, n->a);
	if (!t)
		return NULL;
	if (n->token == T_NOT) {
		ax_op(&c->ax, AX_LOG_NOT);
		return boolean(c);
	}
	if (!type_is_integer(t))
		return cannot(c, "this operator takes an integer");
	t = converted(c, promoted(c, t), t);
	if (t && n->token == T_MINUS) {
		ax_constant(&c->ax, 0);
		ax_op(&c->ax, AX_SWAP);
		ax_op(&c->ax, AX_SUB);
	} else if (t && n->token == T_TILDE) {
		ax_op(&c->ax, AX_NOT);
	}
	if (t)
		extend(c, t);
	return t;
}

/* ---- what branches --------------------------------------------------------- */

/* a && b: a ? !!b : 0.  a || b: a ? 1 : !!b. */
static struct type *logical(struct compiler *c, const struct node *n)
{
	size_t yes, end;

	if (!value(c, n->a))
		return NULL;
	if (n->kind == N_AND)
		ax_op(&c->ax, AX_LOG_NOT);
	yes = ax_jump(&c->ax, AX_IF_GOTO);
	if (!value(c, n->b))
		return NULL;
	ax_op(&c->ax, AX_LOG_NOT);
	ax_op(&c->ax, AX_LOG_NOT);
	end = ax_jump(&c->ax, AX_GOTO);
	ax_land(&c->ax, yes);
	ax_forget(&c->ax); /* the other way's value */
	ax_constant(&c->ax, n->kind == N_OR);
	ax_land(&c->ax, end);
	return boolean(c);
}

static struct type *type_of(struct compiler *c, const struct node *n)
{
	struct eval probe = {.env = c->env, .types_only = true};
	struct value *v = value_plain(&probe, eval_node(&probe, n));
	struct type *t = v ? type_complete(c->types, v->type) : NULL;

	eval_end(&probe);
	he_error_free(probe.error);
	return t ? t : cannot(c, "a type is not known");
}

static struct type *condition(struct compiler *c, const struct node *n)
{
	struct type *t = type_of(c, n->b), *other = t ? type_of(c, n->c) : NULL;
	size_t yes, end;

	if (!other || !value(c, n->a))
		return NULL;
	if (type_is_integer(t) && type_is_integer(other))
		t = common(c, t, other);
	yes = ax_jump(&c->ax, AX_IF_GOTO);
	if (!converted(c, t, value(c, n->c)))
		return NULL;
	end = ax_jump(&c->ax, AX_GOTO);
	ax_land(&c->ax, yes);
	ax_forget(&c->ax);
	if (!converted(c, t, value(c, n->b)))
		return NULL;
	ax_land(&c->ax, end);
	return t;
}

/* ---- all of them ----------------------------------------------------------- */

static struct type *size_of(struct compiler *c, const struct node *n)
{
	struct eval e = {.env = c->env};
	struct value *v = eval_node(&e, n); /* reads nothing */
	struct scalar s;

	if (v && value_scalar(&e, v, &s))
		ax_constant(&c->ax, (uint64_t)s.number);
	else
		cannot(c, "a type is not known");
	eval_end(&e);
	he_error_free(e.error);
	return c->why ? NULL : type_named_base(c->types, "unsigned long");
}

static struct type *integer(struct compiler *c, const struct node *n)
{
	ax_constant(&c->ax, n->number);
	return type_complete(c->types, n->type);
}

static struct type *loaded(struct compiler *c, const struct node *n)
{
	struct object o;

	return object(c, n, &o) ? decayed(c, &o) : NULL;
}

static struct type *comma(struct compiler *c, const struct node *n)
{
	if (!value(c, n->a))
		return NULL;
	ax_op(&c->ax, AX_POP);
	return value(c, n->b);
}

static struct type *value(struct compiler *c, const struct node *n)
{
	if (c->why)
		return NULL;
	switch (n->kind) {
	case N_INTEGER:
		return integer(c, n);
	case N_NAME:
		return name(c, n);
	case N_DOLLAR:
		return dollar(c, n);
	case N_UNARY:
		return unary(c, n);
	case N_BINARY:
		return binary(c, n);
	case N_AND:
	case N_OR:
		return logical(c, n);
	case N_CONDITION:
		return condition(c, n);
	case N_COMMA:
		return comma(c, n);
	case N_CAST:
		return converted(c, n->type, value(c, n->a));
	case N_SIZEOF:
		return size_of(c, n);
	case N_MEMBER:
	case N_ARROW:
	case N_INDEX:
		return loaded(c, n);
	case N_ASSIGN:
	case N_STEP:
		return cannot(c, "what changes something is not compiled");
	default:
		return cannot(c, "floating point numbers, strings and types cannot be compiled");
	}
}

bool expr_compile(
    const struct expr_env *env, const struct expr *x, struct buf *code, const char **why)
{
	struct compiler c = {.env = env, .types = env->types, .ax = {.code = code}};
	struct type *t;

	if (env->symbols)
		t = value(&c, x->root);
	else
		t = cannot(&c, "there are no symbols");
	ax_end(&c.ax);
	if (!c.why && t && (c.ax.bad || code->bad))
		c.why = "it is too long";
	if (!c.why && !t)
		c.why = "out of memory";
	if (c.why) {
		buf_reset(code);
		if (why)
			*why = c.why;
	}
	return !c.why;
}
