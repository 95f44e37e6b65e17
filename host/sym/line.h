/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Source lines: address → line by GDB's rules, line → address.
 */
#ifndef HOST_LINE_H
#define HOST_LINE_H

#include <elfutils/libdw.h>
#include <stdbool.h>

#include "host/sym/strpool.h"

struct line_at {
	const char *file; /* as recorded: what was relative stays so; in the pool */
	unsigned line, column;
	Dwarf_Addr lo, hi; /* in the DWARF file */
	bool statement;	   /* one begins at lo */
};

/* cu: the unit around addr (of a split unit the skeleton). */
bool line_of(Dwarf_Die *cu, Dwarf_Addr addr, struct strpool *pool, struct line_at *ret);
/* File number n of the unit's table, as DW_AT_call_file has it; NULL. */
const char *line_file(Dwarf_Die *cu, Dwarf_Word n, struct strpool *pool);
/* The first code of the first line >= line in a file that name is a trailing part of
 * (whole path components); false: none in this unit. */
bool line_named(
    Dwarf_Die *cu, const char *name, unsigned line, struct strpool *pool, struct line_at *ret);
/* Does a path end with name (whole components)? */
bool line_path_named(const char *path, const char *name);
/* Code of a line, everywhere in this unit: calls each with the address where a statement of
 * it begins, in ascending order.  exact: line itself; else the first line after it that has
 * code in the file.  Returns which line that is, 0 = none. */
unsigned line_each(Dwarf_Die *cu, const char *name, unsigned line, bool exact,
    void (*each)(void *arg, Dwarf_Addr addr), void *arg);
/* Where the row of the line table that covers addr begins and ends. */
bool line_row(Dwarf_Die *cu, Dwarf_Addr addr, Dwarf_Addr *begin, Dwarf_Addr *end);
/* The row in [lo, hi) that the compiler marked as the end of the prologue. */
bool line_prologue_end(Dwarf_Die *cu, Dwarf_Addr lo, Dwarf_Addr hi, Dwarf_Addr *ret);
/* Is the unit's own source file named so? */
bool line_unit_named(Dwarf_Die *cu, const char *name);

#endif
