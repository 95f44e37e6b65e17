/* SPDX-License-Identifier: BSD-2-Clause
 *
 * GDB's rules (symtab.c, skip_prologue_sal; amd64-tdep.c, amd64_analyze_prologue;
 * i386-tdep.c, i386_analyze_prologue), so that a breakpoint set here is where one set
 * there would be.
 */
#include "host/sym/prologue.h"

#include <dwarf.h>
#include <linux/audit.h>
#include <string.h>

#include "host/sym/dwarf_index.h"
#include "host/sym/line.h"

/* The instructions gcc and clang make a frame with; what may stand before them. */
static const struct opening {
	uint8_t n, bytes[4];
} marks[] =
    {
	{4, {0xf3, 0x0f, 0x1e, 0xfa}}, /* endbr64 */
	{4, {0xf3, 0x0f, 0x1e, 0xfb}}, /* endbr32 */
},
  saves[] =
      {
	  {1, {0x55}}, /* push %rbp */
},
  moves[] = {
      {3, {0x48, 0x89, 0xe5}}, /* mov %rsp,%rbp */
      {3, {0x48, 0x8b, 0xec}},
      {2, {0x89, 0xe5}}, /* mov %esp,%ebp */
      {2, {0x8b, 0xec}},
};

static size_t match(const struct opening *v, size_t n, const uint8_t *code, size_t left)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].n <= left && memcmp(v[i].bytes, code, v[i].n) == 0)
			return v[i].n;
	return 0;
}

#define MATCH(table, at)                                                                           \
	match(table, sizeof(table) / sizeof(table[0]), code + (at), sizeof(code) - (at))

enum { CODE_MIN = 12, CODE_MAX = 48, SAVED_MAX = 8 };

/* i386, as main does it: lea 4(%esp),%reg; and $-16,%esp; push -4(%reg), and that register
 * may have been saved first. */
static size_t aligned_stack(const uint8_t *code)
{
	size_t at = (code[0] & 0xf8) == 0x50;
	uint8_t reg = code[at + 1] >> 3 & 7;

	if (code[at] != 0x8d || (code[at + 1] & 0xc7) != 0x44 || code[at + 2] != 0x24 ||
	    code[at + 3] != (at ? 8 : 4))
		return 0;
	at += 4;
	if ((code[at] != 0x83 && code[at] != 0x81) || code[at + 1] != 0xe4)
		return 0;
	at += code[at] == 0x83 ? 3 : 6;
	return code[at] == 0xff && code[at + 1] == (0x70 | reg) && code[at + 2] == 0xfc ? at + 3
											: 0;
}

/* i386, behind the move: sub $n,%esp, and registers pushed. */
static size_t saved_registers(const uint8_t *code)
{
	size_t at = 0;

	if ((code[0] == 0x83 || code[0] == 0x81) && code[1] == 0xec)
		at = code[0] == 0x83 ? 3 : 6;
	for (unsigned i = 0; i < SAVED_MAX && (code[at] & 0xf8) == 0x50; i++)
		at++;
	return at;
}

/* Length of the instructions that make the frame, 0 = it makes none. */
static size_t frame_code(struct symfile *f, uint64_t entry)
{
	bool i386 = f->src->arch == AUDIT_ARCH_I386;
	uint8_t code[CODE_MAX] = {0};
	size_t n, at;

	if (!symfile_code(f, entry, code, CODE_MAX) && !symfile_code(f, entry, code, CODE_MIN))
		return 0;
	at = MATCH(marks, 0);
	if (i386)
		at += aligned_stack(code + at);
	n = MATCH(saves, at);
	if (!n)
		return 0;
	at += n;
	n = MATCH(moves, at);
	if (!n)
		return 0;
	at += n;
	return i386 ? at + saved_registers(code + at) : at;
}

/* gcc's optimizer tells where variables are from the first instruction on. */
static bool tells_from_entry(Dwarf_Die *cu)
{
	Dwarf_Attribute a;
	const char *producer = dwarf_formstring(dwarf_attr_integrate(cu, DW_AT_producer, &a));
	const char *level;

	if (!producer || strncmp(producer, "GNU", 3) != 0)
		return false;
	level = strstr(producer, " -O");
	for (const char *more = level; more; more = strstr(more + 1, " -O"))
		level = more; /* the last counts */
	return level && level[3] != '0';
}

uint64_t prologue_end(struct symfile *f, uint64_t entry)
{
	Dwarf_Addr lo, hi, at, begin;
	Dwarf_Die cu, lines, fn;
	uint64_t bias;
	size_t frame;
	Dwarf *dw = symfile_dwarf(f, &bias);

	frame = frame_code(f, entry);
	if (!dw || !dwarf_index_unit(f, dw, entry - bias, &cu, &lines) ||
	    !dwarf_index_function(f, &cu, entry - bias, &fn) || dwarf_highpc(&fn, &hi) != 0)
		return entry + frame;
	lo = entry - bias;
	if (line_prologue_end(&lines, lo, hi, &at))
		return at + bias;
	if (tells_from_entry(&lines) || !frame)
		return entry;
	/* Amid a line: to its end. */
	if (line_row(&lines, lo + frame, &begin, &at) && begin != lo + frame && at < hi)
		return at + bias;
	return entry + frame;
}
