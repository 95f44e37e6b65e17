/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From a name to the DIEs outside of functions that are called that: variables,
 * functions, types, enumerators.  Made for a whole module when first asked, because
 * what is not declared in a file's own unit may be in any.
 */
#ifndef HOST_NAME_INDEX_H
#define HOST_NAME_INDEX_H

#include <elfutils/libdw.h>
#include <stdbool.h>

#include "host/sym/symfile.h"

enum { NAME_INDEX_MAX = 8 * 1024 * 1024 };

struct name_index;

/* Calls each for every DIE whose own name is name (no scopes in it), until it returns
 * false.  False: there is no DWARF. */
bool name_index_each(
    struct symfile *f, const char *name, bool (*each)(void *arg, Dwarf_Die *die), void *arg);
/* The same for all DIEs, in the order of the file. */
bool name_index_all(struct symfile *f,
    bool (*each)(void *arg, const char *name, Dwarf_Die *die), void *arg);
void name_index_free(struct name_index *p);

#endif
