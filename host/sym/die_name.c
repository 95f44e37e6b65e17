/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/sym/die_name.h"

#include <dwarf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/sym/demangle.h"
#include "host/sym/dwarf_index.h"

enum { ORIGINS_MAX = 16, QUALIFIED_MAX = 4096 };

const char *die_linkage_name(Dwarf_Die *die)
{
	Dwarf_Attribute a;

	if (!dwarf_attr_integrate(die, DW_AT_linkage_name, &a) &&
	    !dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &a))
		return NULL;
	return dwarf_formstring(&a);
}

static int language(Dwarf_Die *die)
{
	Dwarf_Die cu;

	return dwarf_diecu(die, &cu, NULL, NULL) ? dwarf_srclang(&cu) : -1;
}

/* Languages whose names are qualified by where they are declared. */
static bool has_scopes(int lang)
{
	switch (lang) {
	case DW_LANG_C_plus_plus:
	case DW_LANG_C_plus_plus_03:
	case DW_LANG_C_plus_plus_11:
	case DW_LANG_C_plus_plus_14:
	case DW_LANG_Rust:
	case DW_LANG_D:
		return true;
	default:
		return false;
	}
}

/* The DIE where it is declared: that one's parents are its scopes. */
static Dwarf_Die declaration(Dwarf_Die die)
{
	for (int i = 0; i < ORIGINS_MAX; i++) {
		Dwarf_Attribute a;
		Dwarf_Die next;

		if ((!dwarf_attr(&die, DW_AT_abstract_origin, &a) &&
			!dwarf_attr(&die, DW_AT_specification, &a)) ||
		    !dwarf_formref_die(&a, &next))
			break;
		die = next;
	}
	return die;
}

static const char *scope_name(Dwarf_Die *scope)
{
	int tag = dwarf_tag(scope);
	const char *name = dwarf_diename(scope);

	if (tag == DW_TAG_namespace)
		return name ? name : "(anonymous namespace)";
	if (tag == DW_TAG_class_type || tag == DW_TAG_structure_type || tag == DW_TAG_union_type ||
	    tag == DW_TAG_module || tag == DW_TAG_enumeration_type)
		return name;
	return NULL;
}

/* DIEs are laid out parents first: of the children of *at, the last that does not lie
 * behind target is target or holds it.  (dwarf_getscopes_die looks at every DIE.) */
static bool child_towards(Dwarf_Die *at, Dwarf_Off target)
{
	Dwarf_Die child, best;
	bool found = false;

	if (dwarf_child(at, &child) != 0)
		return false;
	do {
		if (dwarf_dieoffset(&child) > target)
			break;
		best = child;
		found = true;
	} while (dwarf_siblingof(&child, &child) == 0);
	if (found)
		*at = best;
	return found;
}

/* Static functions and those in an anonymous namespace have no linkage name. */
static const char *qualified(Dwarf_Die *fn, const char *name, struct strpool *pool)
{
	Dwarf_Die decl = declaration(*fn), at;
	Dwarf_Off target = dwarf_dieoffset(&decl);
	char text[QUALIFIED_MAX] = "";
	size_t used = 0;

	if (!dwarf_diecu(&decl, &at, NULL, NULL))
		return strpool_add(pool, name);
	for (int i = 0; i < DIE_DEPTH_MAX && child_towards(&at, target); i++) {
		const char *scope = dwarf_dieoffset(&at) < target ? scope_name(&at) : NULL;

		if (scope && strnlen(scope, sizeof(text)) + 2 < sizeof(text) - used)
			used += (size_t)sprintf(text + used, "%s::", scope);
	}
	if (!used || strnlen(name, sizeof(text)) >= sizeof(text) - used)
		return strpool_add(pool, name);
	sprintf(text + used, "%s", name);
	return strpool_add(pool, text);
}

const char *die_scoped_name(Dwarf_Die *die, const char *name, struct strpool *pool)
{
	return has_scopes(language(die)) ? qualified(die, name, pool) : strpool_add(pool, name);
}

/* Namespaces that a name may leave out: unnamed ones, and inline ones. */
static bool may_be_left_out(Dwarf_Die *scope)
{
	int tag = dwarf_tag(scope);

	if (tag == DW_TAG_enumeration_type)
		return !dwarf_hasattr(scope, DW_AT_enum_class);
	return tag == DW_TAG_namespace &&
	       (!dwarf_hasattr(scope, DW_AT_name) || dwarf_hasattr(scope, DW_AT_export_symbols));
}

bool die_only_declared(Dwarf_Die *die)
{
	return dwarf_hasattr(die, DW_AT_declaration) && !dwarf_hasattr(die, DW_AT_location) &&
	       !dwarf_hasattr(die, DW_AT_const_value);
}

bool die_parent(Dwarf_Die *die, Dwarf_Die *ret)
{
	Dwarf_Off target = dwarf_dieoffset(die);
	Dwarf_Die at;

	if (!dwarf_diecu(die, &at, NULL, NULL))
		return false;
	for (int i = 0; i < DIE_DEPTH_MAX; i++) {
		*ret = at;
		if (!child_towards(&at, target))
			return false;
		if (dwarf_dieoffset(&at) == target)
			return true;
	}
	return false;
}

/* The part of a name before its last "::" outside of angle brackets; n bytes of it. */
static bool split_last(const char *name, size_t n, size_t *head, size_t *tail)
{
	int angle = 0;

	for (size_t i = n; i-- > 1;) {
		angle += name[i] == '>';
		angle -= name[i] == '<';
		if (!angle && name[i] == ':' && name[i - 1] == ':') {
			*head = i - 1;
			*tail = i + 1;
			return true;
		}
	}
	return false;
}

const char *die_last_name(const char *name)
{
	size_t head, tail;

	return split_last(name, strlen(name), &head, &tail) ? name + tail : name;
}

bool die_is_named(Dwarf_Die *die, const char *name)
{
	Dwarf_Die decl = declaration(*die), at, path[DIE_DEPTH_MAX];
	Dwarf_Off target = dwarf_dieoffset(&decl);
	size_t n = 0, head = strlen(name), tail = 0;

	if (!split_last(name, head, &head, &tail))
		head = 0;
	if (!dwarf_diecu(&decl, &at, NULL, NULL))
		return !head;
	while (n < DIE_DEPTH_MAX && child_towards(&at, target) && dwarf_dieoffset(&at) < target)
		path[n++] = at;
	while (n--) {
		const char *scope = scope_name(&path[n]);
		size_t len, up;

		if (!scope || strcmp(scope, "(anonymous namespace)") == 0)
			continue;
		if (!split_last(name, head, &up, &tail))
			up = tail = 0;
		len = strlen(scope);
		if (head - tail == len && !memcmp(scope, name + tail, len))
			head = up;
		else if (!may_be_left_out(&path[n]))
			return false;
	}
	return !head;
}

bool die_has_scopes(Dwarf_Die *die)
{
	return has_scopes(language(die));
}

void die_name(Dwarf_Die *fn, struct strpool *pool, const char **function, const char **linkage)
{
	const char *mangled = die_linkage_name(fn), *name = dwarf_diename(fn);
	int lang = language(fn);
	/* Of Rust, as GDB, what the DWARF says: old manglings leave out the types. */
	char *text = mangled && !(lang == DW_LANG_Rust && name) ? demangle(mangled, false) : NULL;

	*linkage = strpool_add(pool, mangled);
	if (text)
		*function = strpool_add(pool, text);
	else if (name && has_scopes(lang))
		*function = qualified(fn, name, pool);
	else if (mangled) /* GDB prefers it: __GI_raise for what the source calls raise */
		*function = *linkage;
	else
		*function = strpool_add(pool, name);
	if (!*linkage && !has_scopes(lang))
		*linkage = *function;
	free(text);
}
