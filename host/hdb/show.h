/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How things look on the console.  Texts that come from a target (names, paths,
 * arguments) are any bytes; whatever goes through here reaches the terminal as
 * printable characters only, the rest as \xNN.
 */
#ifndef HOST_SHOW_H
#define HOST_SHOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "host/hosteng.h"

/* Printable characters of the locale stay (not those that reorder text or take no
 * room); everything else becomes \xNN.  NULL prints as nothing. */
void show_text(FILE *f, const char *s);
/* The same for a line of source, whose tabs stay. */
void show_source(FILE *f, const char *line);
/* The same as show_text as a string the caller frees; NULL without memory. */
char *show_clean(const char *s);
/* The last part of a path. */
const char *show_base(const char *path);

/* "SIGSEGV", or "SIG77" for one without a name; valid until the next call of it with the
 * same buffer. */
const char *show_signal(char buf[16], uint32_t sig);
/* What became of a process, from its wait status (-1 = not known): "exited with status 1",
 * "was killed by SIGKILL".  Returns buf. */
const char *show_ending(char buf[64], int status);

enum show_what { SHOW_ADDRESS, SHOW_FUNCTION, SHOW_FILE };

struct show_style {
	bool colour;
	const char *exe;        /* the target's executable: frames in it need no "from"; NULL */
	unsigned address_bytes; /* a pc is shown with all its digits */
};

/* One frame on one line, as GDB writes it.  inner: the frame it called, NULL for the
 * innermost.  The pc is left out where an inlined callee has the same, and where the code
 * of the line begins there. */
void show_frame(FILE *f, const struct show_style *style, unsigned level,
    const struct he_frame *frame, const struct he_frame *inner);
/* "0x… in func () at file:line", the same without level and newline. */
void show_place(FILE *f, const struct show_style *style, const struct he_frame *frame,
    const struct he_frame *inner);
/* Frames [from, to) of a stack, then why it ends if that is not its proper
 * beginning. */
void show_stack(
    FILE *f, const struct show_style *style, const struct he_stack *s, size_t from, size_t to);
/* Only that, of frames up to to. */
void show_stack_end(FILE *f, const struct he_stack *s, size_t to);
/* " <name+12>" of an address; nothing when no symbol is near. */
void show_symbol(FILE *f, struct he_target *t, uint64_t addr);
/* always: also "+0". */
void show_symbol_from(FILE *f, struct he_target *t, uint64_t addr, bool always);

/* ---- tables ------------------------------------------------------------ */

struct show_table;

/* heads: n column heads; one that begins with '>' makes its column flush right.  The last
 * column is never padded.  NULL without memory (the calls below bear it). */
struct show_table *table_new(const char *const *heads, size_t n);
/* The next cell, row by row; any text. */
void table_cell(struct show_table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Print with the columns aligned, lines cut to width columns (0 = never), and free. */
void table_end(struct show_table *t, FILE *f, unsigned width);

#endif
