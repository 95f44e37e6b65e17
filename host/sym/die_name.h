/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a function DIE is called, as GDB's backtraces have it: `foo` in C,
 * `ns::C<int>::foo` in C++ (no parameters), crate::module::foo in Rust.
 */
#ifndef HOST_DIE_NAME_H
#define HOST_DIE_NAME_H

#include <elfutils/libdw.h>
#include <stdbool.h>

#include "host/sym/strpool.h"

/* Both kept in pool; NULL where there is none. */
void die_name(Dwarf_Die *fn, struct strpool *pool, const char **function, const char **linkage);

/* As the linker knows it, where that is another name; valid as long as the DIE's file.  NULL. */
const char *die_linkage_name(Dwarf_Die *die);

/* A variable that is defined elsewhere, or somewhere without DWARF. */
bool die_only_declared(Dwarf_Die *die);

/* name with the scopes that die is declared in, where its language has such; kept in pool. */
const char *die_scoped_name(Dwarf_Die *die, const char *name, struct strpool *pool);
bool die_has_scopes(Dwarf_Die *die);
/* The DIE that die is a child of. */
bool die_parent(Dwarf_Die *die, Dwarf_Die *ret);

/* Is name ("a::b::c") what die is called from outside of all scopes?  Unnamed and inline
 * namespaces may be left out.  die's own name is not looked at, only the part before. */
bool die_is_named(Dwarf_Die *die, const char *name);
/* "c" of "a::b::c". */
const char *die_last_name(const char *name);

#endif
