/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/expr/registers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- names ----------------------------------------------------------------- */

static const char *const also64[][2] = {
    {"pc", "rip"}, {"sp", "rsp"}, {"fp", "rbp"}, {"ps", "eflags"}};
static const char *const also32[][2] = {
    {"pc", "eip"}, {"sp", "esp"}, {"fp", "ebp"}, {"ps", "eflags"}};

/* ax bx cx dx and si di bp sp, in what they are parts of. */
static const char *const letters[] = {"a", "b", "c", "d"};
static const char *const words[] = {"si", "di", "bp", "sp"};

static bool part(struct register_name *r, char prefix, const char *stem, const char *tail,
    unsigned offset, unsigned size)
{
	snprintf(r->base, sizeof(r->base), "%c%s%s", prefix, stem, tail);
	r->offset = offset;
	r->size = size;
	return true;
}

/* "al", "ah", "ax", "eax" of rax. */
static bool part_of_letter(const char *name, char prefix, struct register_name *r)
{
	for (size_t i = 0; i < 4; i++) {
		const char *c = letters[i];

		if (name[0] == 'e' && prefix == 'r' && name[1] == c[0] && !strcmp(name + 2, "x"))
			return part(r, prefix, c, "x", 0, 4);
		if (name[0] != c[0] || strlen(name) != 2)
			continue;
		if (name[1] == 'x')
			return part(r, prefix, c, "x", 0, 2);
		if (name[1] == 'l' || name[1] == 'h')
			return part(r, prefix, c, "x", name[1] == 'h', 1);
	}
	return false;
}

static bool part_of_word(const char *name, char prefix, struct register_name *r)
{
	for (size_t i = 0; i < 4; i++) {
		if (name[0] == 'e' && prefix == 'r' && !strcmp(name + 1, words[i]))
			return part(r, prefix, words[i], "", 0, 4);
		if (strncmp(name, words[i], 2) != 0)
			continue;
		/* sp is the whole stack pointer, as in GDB */
		if (!name[2] && strcmp(name, "sp") != 0)
			return part(r, prefix, words[i], "", 0, 2);
		if (!strcmp(name + 2, "l") && prefix == 'r')
			return part(r, prefix, words[i], "", 0, 1);
	}
	return false;
}

/* r8d, r8w, r8l. */
static bool part_of_numbered(const char *name, struct register_name *r)
{
	char *end;
	unsigned long n;

	if (name[0] != 'r' || name[1] < '1' || name[1] > '9')
		return false;
	n = strtoul(name + 1, &end, 10);
	if (n < 8 || n > 15 || !*end || end[1])
		return false;
	snprintf(r->base, sizeof(r->base), "r%lu", n);
	r->offset = 0;
	r->size = *end == 'd' ? 4 : *end == 'w' ? 2 : *end == 'l' ? 1 : 0;
	return r->size != 0;
}

bool register_find(const char *name, unsigned address_size, struct register_name *ret)
{
	const char *const(*also)[2] = address_size == 4 ? also32 : also64;
	char prefix = address_size == 4 ? 'e' : 'r';

	if (strlen(name) >= sizeof(ret->base) || !*name)
		return false;
	for (size_t i = 0; i < sizeof(also64) / sizeof(also64[0]); i++)
		if (!strcmp(name, also[i][0]))
			name = also[i][1];
	if (part_of_letter(name, prefix, ret) || part_of_word(name, prefix, ret) ||
	    (prefix == 'r' && part_of_numbered(name, ret)))
		return true;
	*ret = (struct register_name){.size = 0};
	snprintf(ret->base, sizeof(ret->base), "%s", name);
	return true;
}

/* ---- types ----------------------------------------------------------------- */

/* The views of a vector register, in GDB's order. */
static const struct view {
	const char *stem;
	const char *type;
} views[] = {{"float", "float"}, {"double", "double"}, {"int8", "int8_t"}, {"int16", "short"},
    {"int32", "int"}, {"int64", "long"}};

static struct type *vector_type(struct types *p, unsigned size)
{
	enum { VIEWS = sizeof(views) / sizeof(views[0]) };
	static const char *const wide_name[] = {"uint128", "v2_int128", "v4_int128"};
	struct type *of[VIEWS + 1];
	char name[VIEWS + 1][24];
	const char *names[VIEWS + 1];

	for (size_t i = 0; i < VIEWS; i++) {
		struct type *t = type_named_base(p, views[i].type);

		of[i] = t ? type_array(p, t, size / t->size) : NULL;
		if (!of[i])
			return NULL;
		snprintf(
		    name[i], sizeof(name[i]), "v%u_%s", size / (unsigned)t->size, views[i].stem);
		names[i] = name[i];
	}
	of[VIEWS] = type_named_base(p, size == 16 ? "unsigned __int128" : "__int128");
	if (size > 16 && of[VIEWS])
		of[VIEWS] = type_array(p, of[VIEWS], size / 16);
	names[VIEWS] = wide_name[size / 32];
	return type_union(p, names, of, VIEWS + 1);
}

static bool one_of(const char *name, const char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(name, v[i]))
			return true;
	return false;
}

struct type *register_type(struct types *p, const char *name, unsigned size, bool cplus)
{
	static const char *const code[] = {"rip", "eip"};
	static const char *const stack[] = {"rsp", "rbp", "esp", "ebp"};

	if (size == types_address_size(p) && one_of(name, code, 2))
		return type_pointer(p, type_function(p, type_void(p), cplus));
	if (size == types_address_size(p) && one_of(name, stack, 4))
		return type_pointer(p, type_void(p));
	if (!strncmp(name, "st", 2) && size == 10)
		return type_named_base(p, "long double");
	if (size >= 16)
		return vector_type(p, size);
	if (!strcmp(name, "eflags"))
		return type_named_base(p, "i386_eflags");
	return type_int(p, size, name[0] != 'k' || size != 8);
}
