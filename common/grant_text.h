/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Grants as people hand them on: a file with one line, and what it says in words.  For those
 * who make and read such files; whoever decides by a grant sees the record alone.
 */
#ifndef COMMON_GRANT_TEXT_H
#define COMMON_GRANT_TEXT_H

#include <stdio.h>

#include "grant.h"

/* "procsrv-grant-1 ", base64 and newline; the caller frees it, NULL without memory. */
char *grant_text(const uint8_t bytes[GRANT_BYTES]);

/* The first line of a file's text that is a grant's, those of comments skipped.  False: there is
 * none, or it is not well-formed. */
bool grant_from_text(uint8_t bytes[GRANT_BYTES], struct span text);

/* What it allows, in lines. */
void grant_describe(const struct grant *g, FILE *f);

#endif
