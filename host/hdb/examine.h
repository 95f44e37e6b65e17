/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The x command's formats: reading "/8gx" and writing values as GDB does.
 */
#ifndef HOST_EXAMINE_H
#define HOST_EXAMINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct hdb;

struct examine {
	unsigned count;
	char format;       /* x d u o t z a c f s i */
	char unit;         /* b h w g */
	char address_unit; /* w or g: what an address has */
};

/* Read the letters behind the slash, up to a blank or the end; *text moves behind them and
 * the blanks.  f comes with what was used last (format 0 = nothing yet) and leaves complete.
 * NULL, or the sentence about what is wrong. */
const char *examine_parse(const char **text, struct examine *f);

unsigned examine_size(char unit);                   /* bytes: 1 2 4 8 */
unsigned examine_per_line(const struct examine *f); /* values on a line */

/* One value (not a or s, which need symbols and memory); v: its bytes as a number. */
void examine_value(FILE *f, char format, unsigned size, uint64_t v);
/* n bytes in quotes with C escapes; cut: more of the string follows. */
void examine_string(FILE *f, const uint8_t *p, size_t n, bool cut);

/* What stands at addr in the selected target; *next is where it ended.  0, or 1 after saying
 * what cannot be read. (cmd_x.c) */
int examine_show(struct hdb *h, const struct examine *f, uint64_t addr, uint64_t *next);

#endif
