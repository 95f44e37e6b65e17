/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The blocks around a pc, as DIEs.
 */
#ifndef HOST_SCOPE_H
#define HOST_SCOPE_H

#include <elfutils/libdw.h>

#include "host/sym/variable.h"
#include "host/sym/symfile.h"

enum { SCOPE_MAX = 256 };

struct scope_chain {
	const struct module *module;
	struct symfile *file;
	uint64_t bias; /* of its DWARF */
	Dwarf_Die cu;
	size_t n;               /* 0: no function known there, only the unit */
	size_t from, to;        /* blocks of the level: the function (or inlined call) is from */
	Dwarf_Die v[SCOPE_MAX]; /* outermost first; v[0] is the function with code of its own */
};

/* False in *ret: there is no DWARF for this pc.  Errors: those of symfile_get. */
struct he_error *scope_find(
    struct symbols *s, const struct sym_scope *scope, struct scope_chain *c, bool *ret);

/* What is declared in a block, until each returns false: its children, those of blocks in it
 * that have no addresses, and what only its abstract origin has (DWARF 5, 3.3.8.3).  left:
 * DIEs that may still be looked at.  False: each has. */
bool scope_each(
    Dwarf_Die *block, unsigned *left, bool (*each)(void *arg, Dwarf_Die *die), void *arg);

#endif
