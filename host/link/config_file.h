/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The person's own files: where they are, and that nobody else writes them (boxes
 * may name commands, known_boxes says whom to believe).
 */
#ifndef HOST_CONFIG_FILE_H
#define HOST_CONFIG_FILE_H

#include <stdio.h>

#include "host/hosteng.h"

/* The path of file in dir; the caller frees it, NULL without memory. */
char *config_path(const char *dir, const char *file);

/* Open for reading; *ret NULL when there is none. */
struct he_error *config_open(const char *path, FILE **ret);

/* The next line that says something, without comment ("#" at the start of a word), blanks
 * around, and newline; NULL at the end.  line counts. Valid until the next. */
char *config_line(FILE *f, char *buf, size_t size, unsigned *line);

#endif
