/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ELF files brought over from the target, and the cache they are kept in:
 * CACHE/<build-id>/elf, directories 0700, files 0600, written under another name and
 * renamed, so that what is there is whole.
 */
#ifndef HOST_FETCH_H
#define HOST_FETCH_H

#include "host/sym/module.h"

/* Path in the cache, for the caller to free; NULL without cache, build-id or memory. */
char *fetch_cached(const struct sym_source *src, const struct build_id *id);
/* Bring m's file over: a descriptor open for reading, at most SYMFIND_MAX bytes.  With
 * a build-id it is left under *temp (to be given to fetch_keep or fetch_discard once
 * checked), else it has no name and *temp is NULL. */
struct he_error *fetch_file(
    const struct sym_source *src, const struct module *m, int *fd, char **temp);
/* Into the cache: the path there, NULL if that failed (the descriptor stays good).
 * Frees temp. */
char *fetch_keep(const struct sym_source *src, const struct build_id *id, char *temp);
void fetch_discard(char *temp);

#endif
