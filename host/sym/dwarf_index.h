/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From an address to the compilation unit and the function that hold it.  Only what is
 * hit is read: a unit through .debug_aranges, or (for units that .debug_aranges leaves
 * out, as clang does with all) through the ranges of its top DIE; functions of a unit
 * when the first address in it is asked for.
 */
#ifndef HOST_DWARF_INDEX_H
#define HOST_DWARF_INDEX_H

#include <elfutils/libdw.h>
#include <stdbool.h>

/* Bounds for damaged files: nesting and number of DIEs looked at in one unit. */
enum { DIE_DEPTH_MAX = 64, DIES_MAX = 16 * 1024 * 1024 };

struct dwarf_index;
struct symfile;

/* addr: in the DWARF file (without bias).  The unit's DIE; of a split unit the one that
 * has the functions (the .dwo's) goes to *cu and the skeleton, which has the lines, to
 * *lines. */
bool dwarf_index_unit(
    struct symfile *f, Dwarf *dw, Dwarf_Addr addr, Dwarf_Die *cu, Dwarf_Die *lines);
/* The innermost DW_TAG_subprogram (not inlined) of that unit around addr. */
bool dwarf_index_function(struct symfile *f, Dwarf_Die *cu, Dwarf_Addr addr, Dwarf_Die *fn);
void dwarf_index_free(struct dwarf_index *p);

#endif
