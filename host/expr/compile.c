/* SPDX-License-Identifier: BSD-2-Clause
 *
 * To the bytecode of agent expressions: what is left on the stack is always the value as
 * its C type has it, extended to 64 bits, so that every operation of the 64-bit machine
 * gives what the program's own would, once its result is cut again.
 */
#include "host/expr/compile.h"

static struct type *address_type(struct compiler *c, bool is_signed)
{
	return type_int(c->types, types_address_size(c->types), is_signed);
}

/* ---- operators ------------------------------------------------------------- */

/* The value on the stack as another type. */
static struct type *converted(struct compiler *c, struct type *to, const struct type *from)
{
	to = type_complete(c->types, to);
	if (!from || !compile_fits(to))
		return compile_cannot(c, "only casts to integers and pointers can be compiled");
	if (to->kind == TYPE_BOOL) {
		ax_op(&c->ax, AX_LOG_NOT);
		ax_op(&c->ax, AX_LOG_NOT);
	} else if (to->size < from->size || to->is_signed != from->is_signed) {
		compile_extend(c, to);
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
struct type *compile_moved(struct compiler *c, enum token op, struct type *pointer, struct type *by)
{
	if (pointer->kind != TYPE_POINTER || !type_is_integer(by))
		return compile_cannot(c, "only an integer can be added to a pointer");
	ax_constant(&c->ax, pointed_size(c, pointer));
	ax_op(&c->ax, AX_MUL);
	ax_op(&c->ax, op == T_PLUS ? AX_ADD : AX_SUB);
	compile_extend(c, pointer);
	return pointer;
}

static struct type *apart(struct compiler *c, struct type *a, struct type *b)
{
	struct type *t = address_type(c, true);

	if (pointed_size(c, a) != pointed_size(c, b))
		return compile_cannot(c, "pointers to different things cannot be subtracted");
	ax_op(&c->ax, AX_SUB);
	compile_extend(c, t);
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
		return compile_moved(c, op, a, b);
	if (!both && b->kind == TYPE_POINTER && op == T_PLUS) {
		ax_op(&c->ax, AX_SWAP);
		return compile_moved(c, op, b, a);
	}
	return compile_cannot(c, "this cannot be done with pointers");
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
		compile_extend(c, t);
		return t;
	}
	return compile_cannot(c, "this operator cannot be compiled");
}

/* A count that may be negative is an error where values are known, which this machine
 * does not tell. */
static struct type *shift(struct compiler *c, const struct node *n)
{
	struct type *t = compile_value(c, n->a), *count, *as;

	if (!t || !type_is_integer(t))
		return compile_cannot(c, "only integers can be shifted");
	as = converted(c, promoted(c, t), t);
	count = as ? compile_value(c, n->b) : NULL;
	if (!count || !type_is_integer(count))
		return compile_cannot(c, "only integers can be shifted by");
	if (type_is_signed(count) && (n->b->kind != N_INTEGER || n->b->number >> 63))
		return compile_cannot(c, "a shift by a signed number cannot be compiled");
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
	a = compile_value(c, n->a);
	b = a ? compile_value(c, n->b) : NULL;
	if (!b)
		return NULL;
	if ((a->kind == TYPE_POINTER || b->kind == TYPE_POINTER) && !is_comparison(n->token))
		return with_pointers(c, n->token, a, b);
	t = common(c, a, b);
	if (!t || !compile_fits(t))
		return compile_cannot(c, "numbers that wide cannot be compiled");
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
		if (!compile_object(c, n->a, &o) || !compile_referred(c, &o))
			return NULL;
		return o.bit_size ? compile_cannot(c, "a bit-field has no address")
				  : type_pointer(c->types, o.type);
	}
	if (n->token == T_STAR)
		return compile_pointed(c, compile_value(c, n->a), &o) ? compile_decayed(c, &o)
								      : NULL;
	t = compile_value(c, n->a);
	if (!t)
		return NULL;
	if (n->token == T_NOT) {
		ax_op(&c->ax, AX_LOG_NOT);
		return boolean(c);
	}
	if (!type_is_integer(t))
		return compile_cannot(c, "this operator takes an integer");
	t = converted(c, promoted(c, t), t);
	if (t && n->token == T_MINUS) {
		ax_constant(&c->ax, 0);
		ax_op(&c->ax, AX_SWAP);
		ax_op(&c->ax, AX_SUB);
	} else if (t && n->token == T_TILDE) {
		ax_op(&c->ax, AX_NOT);
	}
	if (t)
		compile_extend(c, t);
	return t;
}

/* ---- what branches --------------------------------------------------------- */

/* a && b: a ? !!b : 0.  a || b: a ? 1 : !!b. */
static struct type *logical(struct compiler *c, const struct node *n)
{
	size_t yes, end;

	if (!compile_value(c, n->a))
		return NULL;
	if (n->kind == N_AND)
		ax_op(&c->ax, AX_LOG_NOT);
	yes = ax_jump(&c->ax, AX_IF_GOTO);
	if (!compile_value(c, n->b))
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
	return t ? t : compile_cannot(c, "a type is not known");
}

static struct type *condition(struct compiler *c, const struct node *n)
{
	struct type *t = type_of(c, n->b), *other = t ? type_of(c, n->c) : NULL;
	size_t yes, end;

	if (!other || !compile_value(c, n->a))
		return NULL;
	if (type_is_integer(t) && type_is_integer(other))
		t = common(c, t, other);
	yes = ax_jump(&c->ax, AX_IF_GOTO);
	if (!converted(c, t, compile_value(c, n->c)))
		return NULL;
	end = ax_jump(&c->ax, AX_GOTO);
	ax_land(&c->ax, yes);
	ax_forget(&c->ax);
	if (!converted(c, t, compile_value(c, n->b)))
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
		compile_cannot(c, "a type is not known");
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

	return compile_object(c, n, &o) ? compile_decayed(c, &o) : NULL;
}

static struct type *comma(struct compiler *c, const struct node *n)
{
	if (!compile_value(c, n->a))
		return NULL;
	ax_op(&c->ax, AX_POP);
	return compile_value(c, n->b);
}

struct type *compile_value(struct compiler *c, const struct node *n)
{
	if (c->why)
		return NULL;
	switch (n->kind) {
	case N_INTEGER:
		return integer(c, n);
	case N_NAME:
		return compile_name(c, n);
	case N_DOLLAR:
		return compile_register(c, n);
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
		return converted(c, n->type, compile_value(c, n->a));
	case N_SIZEOF:
		return size_of(c, n);
	case N_MEMBER:
	case N_ARROW:
	case N_INDEX:
		return loaded(c, n);
	case N_ASSIGN:
	case N_STEP:
		return compile_cannot(c, "what changes something is not compiled");
	default:
		return compile_cannot(
		    c, "floating point numbers, strings and types cannot be compiled");
	}
}

bool expr_compile(
    const struct expr_env *env, const struct expr *x, struct buf *code, const char **why)
{
	struct compiler c = {.env = env, .types = env->types, .ax = {.code = code}};
	struct type *t;

	if (env->symbols)
		t = compile_value(&c, x->root);
	else
		t = compile_cannot(&c, "there are no symbols");
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
