/* SPDX-License-Identifier: BSD-2-Clause
 *
 * GDB's rules (symtab.c, skip_prologue_sal and amd64-tdep.c, amd64_analyze_prologue), so
 * that a breakpoint set here is where one set there would be.
 */
#include "host/sym/prologue.h"

#include <dwarf.h>
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

/* Length of the instructions that make the frame, 0 = it makes none. */
static size_t frame_code(struct symfile *f, uint64_t entry)
{
	uint8_t code[12];
	size_t n, at;

	if (!symfile_code(f, entry, code, sizeof(code)))
		return 0;
	at = MATCH(marks, 0);
	n = MATCH(saves, at);
	if (!n)
		return 0;
	at += n;
	n = MATCH(moves, at);
	return n ? at + n : 0;
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
