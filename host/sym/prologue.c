/* SPDX-License-Identifier: BSD-2-Clause
 *
 * GDB's rules (symtab.c, skip_prologue_sal), so that a breakpoint set here is where one set
 * there would be.
 */
#include "host/sym/prologue.h"

#include <dwarf.h>
#include <linux/audit.h>
#include <string.h>

#include "host/sym/dwarf_index.h"
#include "host/sym/line.h"
#include "host/sym/prologue_x86.h"

/* Length of the instructions that make the frame, 0 = it makes none. */
static size_t frame_code(struct symfile *f, uint64_t entry)
{
	uint8_t code[PROLOGUE_MOST];
	size_t n = sizeof(code);

	/* As much as there is of it in front of the segment's end. */
	while (n && !symfile_code(f, entry, code, n))
		n /= 2;
	return f->src->arch == AUDIT_ARCH_I386 ? prologue_i386(code, n) : prologue_x86_64(code, n);
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

/* Where the piece of the function ends that addr is in. */
static bool piece_end(Dwarf_Die *fn, Dwarf_Addr addr, Dwarf_Addr *ret)
{
	Dwarf_Addr base, lo;
	ptrdiff_t at = 0;

	while ((at = dwarf_ranges(fn, at, &base, &lo, ret)) > 0)
		if (addr >= lo && addr < *ret)
			return true;
	return false;
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
	    !dwarf_index_function(f, &cu, entry - bias, &fn) || !piece_end(&fn, entry - bias, &hi))
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
