/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A list of places in code under construction, for the files that find them.
 */
#ifndef HOST_LOCATE_H
#define HOST_LOCATE_H

#include "host/sym/symfile.h"
#include "host/sym/symstate.h"

/* So many are found at most; the rest is dropped. */
enum { PLACES_MAX = 20000 };

struct locate {
	struct symbols *s;
	struct he_places *list;
	size_t cap;
	bool bad; /* no memory */
	bool plt; /* a name is known as one that a library will have */
};

/* A breakpoint's address in f, unless it is there already.  It is shown as the innermost
 * inlined function there, or as the whole function around.  NULL: nothing was added. */
struct he_place *locate_add(struct locate *l, struct symfile *f, uint64_t addr, bool whole);

/* Where functions of that name (see locate_named) were inlined, and what code the debug
 * information has of them; in that source file only, when it is not NULL. */
void locate_inlined(struct locate *l, struct symfile *f, const char *name, const char *file);
/* Is the line at addr in that source file?  NULL: any. */
bool locate_in_file(const struct locate *l, struct symfile *f, uint64_t addr, const char *file);

/* Is full what a person means by spec?  full: as demangled, with parameters where it has
 * such.  Trailing parts of a scope fit (a::b::c is b::c and c); without parentheses in
 * spec any parameters, without <> any template arguments. */
bool locate_named(const char *full, const char *spec);

#endif
