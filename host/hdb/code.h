/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Instructions as lines.
 */
#ifndef HOST_CODE_H
#define HOST_CODE_H

#include "host/hdb/front.h"

struct code_style {
	bool selected; /* the selected frame's pc is known ... */
	uint64_t pc;   /* ... and this */
	bool whole;    /* addresses with all their digits */
	bool offsets;  /* <+N> from entry, which is named elsewhere; else the symbol */
	bool bytes;    /* of the instruction, in front of it */
	uint64_t entry;
	unsigned address_bytes;
};

/* With what the console knows of the selected frame, and nothing said where there is none. */
struct code_style code_style(struct hdb *h);

/* "=> 0x401136 <main+4>:	mov    %rsp,%rbp" and a newline. */
void code_line(struct hdb *h, const struct code_style *style, const struct he_insn *i);

/* As x/COUNTi; *next is where it ended.  0, or 1 after saying what cannot be read. */
int code_examine(struct hdb *h, uint64_t addr, unsigned count, uint64_t *next);

enum he_syntax code_syntax(const struct hdb *h);

#endif
