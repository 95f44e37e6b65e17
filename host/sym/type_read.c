/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Types out of DWARF (DWARF 5, chapter 5).  Nothing here trusts a file: chains of
 * references are bounded, sums of sizes are checked, a type may contain itself.
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "host/sym/die_name.h"
#include "host/sym/dwarf_index.h"
#include "host/sym/type_store.h"

enum { DIMENSIONS_MAX = 16, SLOTS_FIRST = 256, SLOTS_MAX = 1 << 22, NEST_MAX = 100 };

/* ---- known ones ------------------------------------------------------------ */

static size_t slot_of(const struct type_slot *v, size_t n, const void *key)
{
	size_t i = (size_t)((uintptr_t)key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (n - 1);

	while (v[i].key && v[i].key != key)
		i = (i + 1) & (n - 1);
	return i;
}

static bool grow(struct type_module *m)
{
	size_t n = m->n_slots ? 2 * m->n_slots : SLOTS_FIRST;
	struct type_slot *v = n <= SLOTS_MAX ? calloc(n, sizeof(*v)) : NULL;

	if (!v)
		return false;
	for (size_t i = 0; i < m->n_slots; i++)
		if (m->slot[i].key)
			v[slot_of(v, n, m->slot[i].key)] = m->slot[i];
	free(m->slot);
	m->slot = v;
	m->n_slots = n;
	return true;
}

static struct type *known(const struct type_module *m, const void *key)
{
	return m->n_slots ? m->slot[slot_of(m->slot, m->n_slots, key)].type : NULL;
}

static bool keep(struct type_module *m, const void *key, struct type *t)
{
	size_t i;

	if (2 * (m->used + 1) > m->n_slots && !grow(m))
		return false;
	i = slot_of(m->slot, m->n_slots, key);
	m->used += !m->slot[i].key;
	m->slot[i] = (struct type_slot){key, t};
	return true;
}

/* ---- attributes ------------------------------------------------------------ */

static bool number(Dwarf_Die *die, unsigned name, uint64_t *ret)
{
	Dwarf_Attribute a;
	Dwarf_Word v;

	if (!dwarf_attr_integrate(die, name, &a) || dwarf_formudata(&a, &v) != 0)
		return false;
	*ret = v;
	return true;
}

static bool signed_number(Dwarf_Die *die, unsigned name, int64_t *ret)
{
	Dwarf_Attribute a;
	Dwarf_Sword v;

	if (!dwarf_attr_integrate(die, name, &a) || dwarf_formsdata(&a, &v) != 0)
		return false;
	*ret = v;
	return true;
}

static bool flag(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute a;
	bool v;

	return dwarf_attr_integrate(die, name, &a) && dwarf_formflag(&a, &v) == 0 && v;
}

const char *type_name_of_die(struct type_module *m, Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);

	return name ? die_scoped_name(die, name, m->types->pool) : NULL;
}

/* ---- one kind each --------------------------------------------------------- */

static struct type *of_die(struct type_module *m, Dwarf_Die *die, unsigned depth);

static struct type *of_named_attr(
    struct type_module *m, Dwarf_Die *die, unsigned name, unsigned depth)
{
	Dwarf_Attribute a;
	Dwarf_Die to;

	if (!dwarf_attr_integrate(die, name, &a))
		return m->types->nothing;
	if (!dwarf_formref_die(&a, &to))
		return m->types->unknown;
	return of_die(m, &to, depth + 1);
}

static struct type *of_attr(struct type_module *m, Dwarf_Die *die, unsigned depth)
{
	return of_named_attr(m, die, DW_AT_type, depth);
}

/* GCC says "long unsigned int"; people, and GDB, "unsigned long". */
static const char *common_name(const char *name)
{
	static const char *const names[][2] = {
	    {"short int", "short"},
	    {"short unsigned int", "unsigned short"},
	    {"long int", "long"},
	    {"long unsigned int", "unsigned long"},
	    {"long long int", "long long"},
	    {"long long unsigned int", "unsigned long long"},
	    {"__int128 unsigned", "unsigned __int128"},
	};

	for (size_t i = 0; name && i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i][0]))
			return names[i][1];
	return name;
}

static void read_base(struct type *t, Dwarf_Die *die)
{
	uint64_t encoding = 0;

	number(die, DW_AT_encoding, &encoding);
	t->name = common_name(t->name);
	t->is_signed =
	    encoding == DW_ATE_signed || encoding == DW_ATE_signed_char || encoding == DW_ATE_float;
	switch (encoding) {
	case DW_ATE_boolean:
		t->kind = TYPE_BOOL;
		break;
	case DW_ATE_float:
		t->kind = TYPE_FLOAT;
		break;
	case DW_ATE_signed_char:
	case DW_ATE_unsigned_char:
	case DW_ATE_UTF:
		t->kind = TYPE_CHAR;
		break;
	case DW_ATE_signed:
	case DW_ATE_unsigned:
	case DW_ATE_address:
		t->kind = TYPE_INT;
		break;
	default: /* complex, decimal, fixed point */
		t->kind = TYPE_UNKNOWN;
	}
	if (t->kind != TYPE_UNKNOWN && t->size > 16)
		t->kind = TYPE_UNKNOWN;
}

/* How many elements one dimension has. */
static uint64_t dimension(Dwarf_Die *range)
{
	uint64_t count;
	int64_t upper, lower = 0;

	if (number(range, DW_AT_count, &count))
		return count;
	if (!signed_number(range, DW_AT_upper_bound, &upper))
		return TYPE_NO_COUNT;
	signed_number(range, DW_AT_lower_bound, &lower);
	/* upper -1 is how gcc writes an array of none */
	if (upper < lower)
		return 0;
	return (uint64_t)upper - (uint64_t)lower + 1;
}

/* What dimension cannot tell because it is calculated, or kept in a variable. */
static struct type_detail *bound(struct type_module *m, Dwarf_Die *range, uint64_t count)
{
	struct type_detail *b;

	if (count != TYPE_NO_COUNT || (!dwarf_hasattr_integrate(range, DW_AT_count) &&
					  !dwarf_hasattr_integrate(range, DW_AT_upper_bound)))
		return NULL;
	b = arena_alloc(&m->types->arena, sizeof(*b));
	if (b)
		*b = (struct type_detail){m, *range};
	return b;
}

static void read_array(struct type_module *m, struct type *t, Dwarf_Die *die, unsigned depth)
{
	struct type_detail *bounds[DIMENSIONS_MAX] = {NULL};
	uint64_t dim[DIMENSIONS_MAX] = {0};
	size_t n = 0;
	Dwarf_Die child;
	struct type *of = of_attr(m, die, depth);

	for (int more = dwarf_child(die, &child); more == 0 && n < DIMENSIONS_MAX;
	     more = dwarf_siblingof(&child, &child))
		if (dwarf_tag(&child) == DW_TAG_subrange_type ||
		    dwarf_tag(&child) == DW_TAG_enumeration_type) {
			dim[n] = dimension(&child);
			bounds[n] = bound(m, &child, dim[n]);
			n++;
		}
	while (n > 1 && of) { /* the last dimension is the innermost array */
		of = type_array(m->types, of, dim[--n]);
		if (of)
			of->bound = bounds[n];
	}
	t->target = of ? of : type_unknown(m->types, false);
	t->count = n ? dim[0] : TYPE_NO_COUNT;
	t->bound = n ? bounds[0] : NULL;
	t->vector = flag(die, DW_AT_GNU_vector);
	t->read = true;
	if (t->count == TYPE_NO_COUNT ||
	    __builtin_mul_overflow(t->target->size, t->count, &t->size))
		t->size = 0;
}

static const struct tag_kind {
	int tag;
	enum type_kind kind;
} kinds[] = {
    {DW_TAG_base_type, TYPE_INT},
    {DW_TAG_enumeration_type, TYPE_ENUM},
    {DW_TAG_pointer_type, TYPE_POINTER},
    {DW_TAG_reference_type, TYPE_REFERENCE},
    {DW_TAG_rvalue_reference_type, TYPE_REFERENCE},
    {DW_TAG_ptr_to_member_type, TYPE_MEMBER_POINTER},
    {DW_TAG_array_type, TYPE_ARRAY},
    {DW_TAG_structure_type, TYPE_STRUCT},
    {DW_TAG_class_type, TYPE_STRUCT},
    {DW_TAG_union_type, TYPE_UNION},
    {DW_TAG_subroutine_type, TYPE_FUNCTION},
    {DW_TAG_subprogram, TYPE_FUNCTION},
    {DW_TAG_typedef, TYPE_TYPEDEF},
    {DW_TAG_template_alias, TYPE_TYPEDEF},
    {DW_TAG_subrange_type, TYPE_TYPEDEF},
    {DW_TAG_const_type, TYPE_CONST},
    {DW_TAG_volatile_type, TYPE_VOLATILE},
    {DW_TAG_restrict_type, TYPE_VOLATILE},
    {DW_TAG_atomic_type, TYPE_VOLATILE},
};

static enum type_kind kind_of(int tag)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].tag == tag)
			return kinds[i].kind;
	return TYPE_UNKNOWN;
}

static void read_target(struct type_module *m, struct type *t, Dwarf_Die *die, unsigned depth)
{
	t->target = of_attr(m, die, depth);
	switch (t->kind) {
	case TYPE_POINTER:
	case TYPE_REFERENCE:
		if (!t->size || t->size > 8)
			t->size = m->types->address_size;
		break;
	case TYPE_MEMBER_POINTER:
		t->owner = of_named_attr(m, die, DW_AT_containing_type, depth);
		t->size = m->types->address_size;
		if (type_strip(t->target)->kind == TYPE_FUNCTION)
			t->size *= 2;
		break;
	case TYPE_FUNCTION:
		t->size = 1;
		t->prototyped = flag(die, DW_AT_prototyped);
		break;
	case TYPE_ENUM:
		t->is_signed = type_strip(t->target)->is_signed;
		break;
	default:
		t->size = t->target->size;
	}
}

static void fill(struct type_module *m, struct type *t, Dwarf_Die *die, unsigned depth)
{
	int tag = dwarf_tag(die);

	number(die, DW_AT_byte_size, &t->size);
	t->name = tag == DW_TAG_subprogram ? NULL : type_name_of_die(m, die);
	t->rvalue = tag == DW_TAG_rvalue_reference_type;
	t->is_class = tag == DW_TAG_class_type;
	if (tag == DW_TAG_restrict_type)
		t->name = "restrict";
	if (tag == DW_TAG_atomic_type)
		t->name = "_Atomic";
	switch (t->kind) {
	case TYPE_INT:
		read_base(t, die);
		break;
	case TYPE_ARRAY:
		read_array(m, t, die, depth);
		break;
	case TYPE_STRUCT:
	case TYPE_UNION:
		t->incomplete = flag(die, DW_AT_declaration);
		t->cplus = die_has_scopes(die);
		break;
	case TYPE_UNKNOWN:
		break;
	default:
		read_target(m, t, die, depth);
		if (t->kind == TYPE_ENUM)
			t->incomplete = flag(die, DW_AT_declaration);
		t->cplus = die_has_scopes(die);
		t->scoped = t->kind == TYPE_ENUM && flag(die, DW_AT_enum_class);
	}
}

/* A type unit's type is declared where it is used, and stands elsewhere. */
static void follow_signature(Dwarf_Die *die)
{
	Dwarf_Attribute a;
	Dwarf_Die to;

	if (dwarf_attr(die, DW_AT_signature, &a) && dwarf_formref_die(&a, &to))
		*die = to;
}

static struct type *of_die(struct type_module *m, Dwarf_Die *die, unsigned depth)
{
	struct types *p = m->types;
	struct type *t = known(m, die->addr);

	if (t)
		return t;
	if (depth > TYPE_CHAIN_MAX || !m->file)
		return p->unknown;
	follow_signature(die);
	t = known(m, die->addr);
	if (t)
		return t;
	t = type_new(p, kind_of(dwarf_tag(die)));
	if (t)
		t->origin = arena_alloc(&p->arena, sizeof(*t->origin));
	/* Known before it is whole: a structure may point to itself. */
	if (!t || !t->origin || !keep(m, die->addr, t))
		return p->unknown;
	*t->origin = (struct type_origin){m, *die};
	fill(m, t, die, depth);
	return t;
}

struct type *type_of_die(struct type_module *m, Dwarf_Die *die)
{
	return of_die(m, die, 0);
}

struct type *type_of_attr(struct type_module *m, Dwarf_Die *die)
{
	return of_attr(m, die, 0);
}

/* ---- members --------------------------------------------------------------- */

static bool is_member(const struct type *t, int tag)
{
	switch (t->kind) {
	case TYPE_ENUM:
		return tag == DW_TAG_enumerator;
	case TYPE_FUNCTION:
		return tag == DW_TAG_formal_parameter;
	default:
		return tag == DW_TAG_member || tag == DW_TAG_inheritance || tag == DW_TAG_variable;
	}
}

static size_t count_members(const struct type *t, Dwarf_Die *die)
{
	Dwarf_Die child;
	size_t n = 0;

	for (int more = dwarf_child(die, &child); more == 0 && n < TYPE_MEMBERS_MAX;
	     more = dwarf_siblingof(&child, &child))
		n += is_member(t, dwarf_tag(&child));
	return n;
}

/* DWARF 2 and 3 write an expression, which for all that lies at a fixed place is one
 * addition. */
static bool fixed_offset(Dwarf_Die *die, uint64_t *ret)
{
	Dwarf_Attribute a;
	Dwarf_Op *ops;
	size_t n;

	if (number(die, DW_AT_data_member_location, ret))
		return true;
	if (!dwarf_attr(die, DW_AT_data_member_location, &a) ||
	    dwarf_getlocation(&a, &ops, &n) != 0 || n != 1 ||
	    (ops->atom != DW_OP_plus_uconst && ops->atom != DW_OP_constu))
		return false;
	*ret = ops->number;
	return true;
}

static void bit_field(struct type_member *b, Dwarf_Die *die)
{
	uint64_t size, at, bytes;

	if (!number(die, DW_AT_bit_size, &size) || !size || size > 128)
		return;
	b->bit_size = (unsigned)size;
	if (number(die, DW_AT_data_bit_offset, &at)) {
		b->bit_offset = at;
	} else if (number(die, DW_AT_bit_offset, &at)) {
		/* DWARF 3: counted from the most significant bit of its storage unit. */
		if (!number(die, DW_AT_byte_size, &bytes))
			bytes = b->type->size;
		b->bit_offset = b->offset * 8 + bytes * 8 - at - size;
	} else {
		b->bit_offset = b->offset * 8;
	}
	b->offset = b->bit_offset / 8;
}

/* From the object, as a virtual base's is from its table. */
static void computed_place(struct type_module *m, struct type_member *b, Dwarf_Die *die)
{
	b->is_virtual = true;
	b->place = arena_alloc(&m->types->arena, sizeof(*b->place));
	if (b->place)
		*b->place = (struct type_detail){m, *die};
}

static void read_field(struct type_module *m, struct type_member *b, Dwarf_Die *die)
{
	uint64_t v;
	int tag = dwarf_tag(die);

	b->type = type_of_attr(m, die);
	b->artificial = flag(die, DW_AT_artificial);
	b->base = tag == DW_TAG_inheritance;
	b->is_virtual = b->base && number(die, DW_AT_virtuality, &v) && v;
	b->is_static =
	    tag == DW_TAG_variable || flag(die, DW_AT_declaration) ||
	    (flag(die, DW_AT_external) && !dwarf_hasattr(die, DW_AT_data_member_location));
	if (!b->is_static && dwarf_hasattr(die, DW_AT_data_member_location) &&
	    !fixed_offset(die, &b->offset))
		computed_place(m, b, die);
	bit_field(b, die);
}

static void read_member(
    struct type_module *m, struct type *t, struct type_member *b, Dwarf_Die *die)
{
	b->name = strpool_add(m->types->pool, dwarf_diename(die));
	if (t->kind == TYPE_ENUM) {
		if (!signed_number(die, DW_AT_const_value, &b->value))
			number(die, DW_AT_const_value, (uint64_t *)&b->value);
		if (b->value < 0 && !t->target->name)
			t->is_signed = true;
	} else if (t->kind == TYPE_FUNCTION) {
		b->type = type_of_attr(m, die);
		b->artificial = flag(die, DW_AT_artificial);
	} else {
		read_field(m, b, die);
	}
}

static void read_children(struct type_module *m, struct type *t, Dwarf_Die *die)
{
	size_t n = count_members(t, die), k = 0;
	Dwarf_Die child;

	t->member = n ? arena_array(&m->types->arena, n, sizeof(*t->member)) : NULL;
	if (n && !t->member)
		return;
	for (int more = dwarf_child(die, &child); more == 0;
	     more = dwarf_siblingof(&child, &child)) {
		if (k < n && is_member(t, dwarf_tag(&child)))
			read_member(m, t, &t->member[k++], &child);
		t->variadic |= dwarf_tag(&child) == DW_TAG_unspecified_parameters;
	}
	t->n_members = k;
}

void type_read_members(struct type *t)
{
	struct type_module *m = t->origin->module;

	t->read = true;
	if (!m->file)
		return;
	if (t->kind == TYPE_STRUCT || t->kind == TYPE_UNION || t->kind == TYPE_ENUM ||
	    t->kind == TYPE_FUNCTION)
		read_children(m, t, &t->origin->die);
}
