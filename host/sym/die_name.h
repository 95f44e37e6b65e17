/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a function DIE is called, as GDB's backtraces have it: `foo` in C,
 * `ns::C<int>::foo` in C++ (no parameters), crate::module::foo in Rust.
 */
#ifndef HOST_DIE_NAME_H
#define HOST_DIE_NAME_H

#include <elfutils/libdw.h>

#include "host/sym/strpool.h"

/* Both kept in pool; NULL where there is none. */
void die_name(Dwarf_Die *fn, struct strpool *pool, const char **function, const char **linkage);

#endif
