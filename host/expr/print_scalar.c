/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Numbers, pointers and enums as text.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "host/errtext.h"
#include "host/expr/print.h"

/* ---- integers -------------------------------------------------------------- */

void print_wide(FILE *f, wide v, bool is_signed)
{
	char text[48], *p = text + sizeof(text);
	bool minus = is_signed && (wide_signed)v < 0;

	if (minus)
		v = 0 - v;
	*--p = 0;
	do
		*--p = (char)('0' + (int)(v % 10));
	while ((v /= 10));
	fprintf(f, "%s%s", minus ? "-" : "", p);
}

/* digits: at least so many. */
static void in_base(FILE *f, wide v, unsigned shift, unsigned digits)
{
	char text[130], *p = text + sizeof(text);

	*--p = 0;
	do {
		*--p = "0123456789abcdef"[v & ((1u << shift) - 1)];
		v >>= shift;
		digits -= digits > 0;
	} while (v || digits);
	fputs(p, f);
}

/* ---- symbols --------------------------------------------------------------- */

/* Of "inner.constprop.0" and "calls.1" what the source calls them, as GDB has it. */
static int plain_length(const char *name)
{
	static const char *const made[] = {"constprop", "isra", "part", "cold", "lto_priv"};

	for (const char *dot = strchr(name, '.'); dot; dot = strchr(dot + 1, '.')) {
		if (dot == name)
			continue;
		if (dot[1] >= '0' && dot[1] <= '9')
			return (int)(dot - name);
		for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
			if (!strncmp(dot + 1, made[i], strlen(made[i])))
				return (int)(dot - name);
	}
	return (int)strlen(name);
}

/* Data belongs to a symbol only within its size; code to the one before it. */
void print_symbol(struct printer *p, uint64_t addr, bool code)
{
	struct symbols *symbols = p->e->env->symbols;
	struct he_symbol *s;
	struct he_error *err = symbols ? symbols_at(symbols, addr, &s) : NULL;

	if (err && (err->code == E_LOST || err->code == E_CANCELLED)) {
		eval_fail(p->e, err);
		return;
	}
	he_error_free(err);
	if (err || !symbols)
		return;
	if (s->function || (!code && addr - s->addr < s->size)) {
		fprintf(p->f, " <%.*s", plain_length(s->name), s->name);
		if (addr != s->addr)
			fprintf(p->f, "+%" PRIu64, addr - s->addr);
		fputc('>', p->f);
	}
	he_symbol_free(s);
}

/* ---- enums ----------------------------------------------------------------- */

static wide enumerator_bits(const struct type *t, const struct type_member *m)
{
	return wide_cut((wide)(wide_signed)m->value, t->size, false);
}

static bool one_bit(wide v)
{
	return v && !(v & (v - 1));
}

/* Is each enumerator a bit of its own (or none)? */
static bool is_flags(const struct type *t)
{
	wide seen = 0;

	for (size_t i = 0; i < t->n_members; i++) {
		wide v = enumerator_bits(t, &t->member[i]);

		if (v && (!one_bit(v) || (seen & v)))
			return false;
		seen |= v;
	}
	return t->n_members != 0;
}

static void enumerator_name(FILE *f, struct type *t, const struct type_member *m)
{
	int scope = type_scope_length(t);

	fprintf(f, "%.*s%s%s", scope, t->name ? t->name : "", scope ? "::" : "",
	    m->name ? m->name : "?");
}

static void flags(FILE *f, struct type *t, wide v)
{
	bool any = false;

	fputc('(', f);
	for (size_t i = 0; i < t->n_members; i++) {
		wide bit = enumerator_bits(t, &t->member[i]);

		if (!bit || !(v & bit))
			continue;
		fputs(any ? " | " : "", f);
		enumerator_name(f, t, &t->member[i]);
		v &= ~bit;
		any = true;
	}
	if (v) {
		fputs(any ? " | unknown: 0x" : "unknown: 0x", f);
		in_base(f, v, 4, 0);
	}
	fputc(')', f);
}

void print_enum(struct printer *p, struct type *t, wide v)
{
	wide bits = wide_cut(v, t->size, false);

	for (size_t i = 0; i < t->n_members; i++)
		if (enumerator_bits(t, &t->member[i]) == bits) {
			enumerator_name(p->f, t, &t->member[i]);
			return;
		}
	if (bits && is_flags(t))
		flags(p->f, t, bits);
	else
		print_wide(p->f, v, t->is_signed);
}

/* ---- floating point -------------------------------------------------------- */

/* How GDB shows what is no number: with the bits that say which. */
static void not_a_number(FILE *f, const struct value *v, uint64_t size)
{
	uint64_t bits = 0;
	unsigned mantissa = size == 4 ? 23 : size == 8 ? 52 : 62;
	bool minus;

	memcpy(&bits, v->bytes, size < 8 ? (size_t)size : 8);
	minus = size > 8 ? v->bytes[9] >> 7 : bits >> (size * 8 - 1) & 1;
	if (size > 8) /* x87: the integer bit is shown as well */
		mantissa = 64;
	if (mantissa < 64)
		bits &= (UINT64_C(1) << mantissa) - 1;
	fprintf(f, "%snan(0x%" PRIx64 ")", minus ? "-" : "", bits);
}

static void print_real(struct printer *p, struct value *v, const struct scalar *s)
{
	static const int digits[] = {9, 17, 21};
	uint64_t size = s->type->size;

	if (isnan(s->real))
		not_a_number(p->f, v, size);
	else
		fprintf(p->f, "%.*Lg", digits[size == 4 ? 0 : size == 8 ? 1 : 2], s->real);
}

/* ---- pointers -------------------------------------------------------------- */

/* "&point::y" */
static bool member_at(FILE *f, struct types *types, struct type *owner, uint64_t offset)
{
	struct type *t = owner ? type_complete(types, owner) : NULL;

	for (size_t i = 0; t && i < t->n_members; i++) {
		const struct type_member *m = &t->member[i];

		if (m->offset != offset || m->base || m->is_static || !m->name || !t->name)
			continue;
		fprintf(f, "&%s::%s", t->name, m->name);
		return true;
	}
	return false;
}

static void member_pointer(struct printer *p, struct value *v, const struct scalar *s)
{
	struct type *t = type_strip(v->type);

	if (type_strip(t->target)->kind == TYPE_FUNCTION) {
		fprintf(p->f, "0x%" PRIx64, (uint64_t)s->number);
		print_symbol(p, (uint64_t)s->number, true);
	} else if ((wide_signed)wide_cut(s->number, t->size, true) == -1) {
		fputs("NULL", p->f);
	} else if (!member_at(p->f, v->types, t->owner, (uint64_t)s->number)) {
		print_wide(p->f, s->number, true);
	}
}

static void print_pointer(struct printer *p, struct value *v, const struct scalar *s)
{
	struct type *to = type_complete(v->types, s->type->target);
	uint64_t addr = (uint64_t)s->number;

	fprintf(p->f, "0x%" PRIx64, addr);
	if (!addr)
		return;
	print_symbol(p, addr, to->kind == TYPE_FUNCTION);
	if (type_is_text(s->type->target) && !p->format.no_strings) {
		fputc(' ', p->f);
		print_string_at(p, s->type->target, addr);
	}
}

/* ---- by letter ------------------------------------------------------------- */

/* The bytes as a number, whatever their type. */
static wide raw(const struct value *v, uint64_t size)
{
	wide n = 0;

	memcpy(&n, v->bytes, size < sizeof(n) ? (size_t)size : sizeof(n));
	return n;
}

static void as_real(struct printer *p, struct value *v, wide n, uint64_t size)
{
	const char *name = size == 4    ? "float"
			   : size == 8  ? "double"
			   : size == 16 ? "long double"
					: NULL;
	struct value *as;
	struct scalar s;

	if (!name) {
		print_wide(p->f, n, type_is_signed(type_strip(v->type)));
		return;
	}
	as = value_of_bytes(p->e, type_named_base(v->types, name), v->bytes, v->n);
	if (as && value_scalar(p->e, as, &s))
		print_real(p, as, &s);
}

static void by_letter(struct printer *p, struct value *v, const struct scalar *s)
{
	uint64_t size = s->type->size;
	wide n = raw(v, size);

	switch (p->format.letter) {
	case 'd':
		print_wide(p->f, wide_cut(n, size, true), true);
		break;
	case 'u':
		print_wide(p->f, n, false);
		break;
	case 'o':
		fputs(n ? "0" : "", p->f);
		in_base(p->f, n, 3, 0);
		break;
	case 't':
		in_base(p->f, n, 1, 0);
		break;
	case 'z':
		fputs("0x", p->f);
		in_base(p->f, n, 4, (unsigned)size * 2);
		break;
	case 'c':
		print_character(p,
		    type_named_base(v->types, s->type->is_signed ? "char" : "unsigned char"),
		    wide_cut(n, 1, s->type->is_signed));
		break;
	case 'a':
		fprintf(p->f, "0x%" PRIx64, (uint64_t)n);
		print_symbol(p, (uint64_t)n, false);
		break;
	case 'f':
		as_real(p, v, n, size);
		break;
	default:
		fputs("0x", p->f);
		in_base(p->f, n, 4, 0);
	}
}

/* ---- all of them ----------------------------------------------------------- */

static void eflags(FILE *f, uint64_t v)
{
	static const struct {
		unsigned bit;
		const char *name;
	} bits[] = {{0, "CF"}, {1, ""}, {2, "PF"}, {4, "AF"}, {6, "ZF"}, {7, "SF"}, {8, "TF"},
	    {9, "IF"}, {10, "DF"}, {11, "OF"}, {14, "NT"}, {16, "RF"}, {17, "VM"}, {18, "AC"},
	    {19, "VIF"}, {20, "VIP"}, {21, "ID"}};

	fputs("[ ", f);
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		if (v >> bits[i].bit & 1 && *bits[i].name)
			fprintf(f, "%s ", bits[i].name);
	fputc(']', f);
}

static void print_bool(struct printer *p, wide v)
{
	if (v > 1)
		print_wide(p->f, v, false);
	else
		fputs(v ? "true" : "false", p->f);
}

static void by_type(struct printer *p, struct value *v, const struct scalar *s)
{
	switch (s->type->kind) {
	case TYPE_POINTER:
		print_pointer(p, v, s);
		break;
	case TYPE_MEMBER_POINTER:
		member_pointer(p, v, s);
		break;
	case TYPE_FLOAT:
		print_real(p, v, s);
		break;
	case TYPE_BOOL:
		print_bool(p, s->number);
		break;
	case TYPE_ENUM:
		print_enum(p, s->type, s->number);
		break;
	default:
		if (type_is_text(v->type))
			print_character(p, v->type, s->number);
		else if (s->type->name && !strcmp(s->type->name, "i386_eflags"))
			eflags(p->f, (uint64_t)s->number);
		else
			print_wide(p->f, s->number, s->type->is_signed);
	}
}

void print_scalar(struct printer *p, struct value *v)
{
	struct scalar s;

	if (!value_scalar(p->e, v, &s))
		return;
	/* s is for strings, f for what can be a floating point number; vtables stay. */
	if (!p->format.letter || p->format.letter == 's' || (p->format.letter == 'f' && s.is_float))
		by_type(p, v, &s);
	else
		by_letter(p, v, &s);
}
