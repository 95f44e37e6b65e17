/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Instructions between the source lines they were made from.
 */
#ifndef HOST_MIXED_H
#define HOST_MIXED_H

#include "host/hdb/code.h"

/* Which line of which file an instruction belongs to. */
struct mixed_line {
	unsigned file; /* into mixed.files; without meaning where line is 0 */
	unsigned line; /* 0 = not known */
};

struct mixed_file {
	char *name, *directory;
	char *text;     /* NULL = not looked for, or not on this machine */
	size_t *begins; /* of each line in text */
	unsigned n;     /* lines */
	bool looked;
};

struct mixed {
	struct mixed_line *v; /* one an instruction */
	struct mixed_file *files;
	unsigned n_files;
};

/* 0, or 1 after saying why not; free it in any case. */
int mixed_look(struct hdb *h, const struct he_insns *code, struct mixed *ret);
void mixed_free(struct mixed *m);

/* In order of address, each run of a line behind it (disassemble /s). */
void mixed_by_address(
    struct hdb *h, const struct code_style *style, const struct he_insns *code, struct mixed *m);
/* In order of the lines of the file that the code begins in (disassemble /m). */
void mixed_by_line(
    struct hdb *h, const struct code_style *style, const struct he_insns *code, struct mixed *m);

#endif
