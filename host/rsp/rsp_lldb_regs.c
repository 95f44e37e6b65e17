/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The list of registers for LLDB, from tables of what each may be called and where its
 * bytes are.
 */
#include <stdio.h>
#include <string.h>

#include "host/rsp/rsp_lldb_regs.h"
#include "host/rsp/rsp_packet.h"

enum set { GENERAL, FLOATS, AVX, AVX512, SETS };

static const char *const set_names[SETS] = {
    [GENERAL] = "General Purpose Registers",
    [FLOATS] = "Floating Point Registers",
    [AVX] = "Advanced Vector Extensions",
    [AVX512] = "Advanced Vector Extensions 512",
};

/* With a count: so many registers, whose numbers from first on are part of their names. */
struct row {
	const char *name, *from;
	enum set set;
	uint8_t at, bytes;
	int16_t dwarf; /* of the first */
	uint8_t first, count;
	bool part, vector;
	const char *alt, *generic;
	const char *suffix; /* of name, behind its number */
};

/* clang-format off */
#define G(name, bytes, dwarf) {name, name, GENERAL, 0, bytes, dwarf, .alt = NULL}
#define ROLE(name, bytes, dwarf, role) {name, name, GENERAL, 0, bytes, dwarf, .generic = role}
#define PART(name, from, at, bytes) {name, from, GENERAL, at, bytes, LLDB_REG_NONE, .part = true}
#define PARTS(tail, bytes) \
	{"r", "r", GENERAL, 0, bytes, LLDB_REG_NONE, .first = 8, .count = 8, .part = true, \
	    .suffix = tail}
#define CONTROL(name, bytes, dwarf) {name, name, FLOATS, 0, bytes, dwarf, .alt = NULL}
#define FEW(name, from, set, bytes, dwarf, n, ...) \
	{name, from, set, 0, bytes, dwarf, .count = n, __VA_ARGS__}
#define NOTHING .alt = NULL
#define UNIT(fctrl, fstat, mxcsr, st, mm, xmm, n) \
	CONTROL("fctrl", 2, fctrl), CONTROL("fstat", 2, fstat), \
	CONTROL("ftag", 2, LLDB_REG_NONE), CONTROL("fop", 2, LLDB_REG_NONE), CONTROL("fiseg", 4, LLDB_REG_NONE), \
	CONTROL("fioff", 4, LLDB_REG_NONE), CONTROL("foseg", 4, LLDB_REG_NONE), \
	CONTROL("fooff", 4, LLDB_REG_NONE), CONTROL("mxcsr", 4, mxcsr), \
	FEW("st", "st", FLOATS, 10, st, 8, NOTHING), \
	FEW("mm", "st", FLOATS, 8, mm, 8, .part = true), \
	FEW("xmm", "xmm", FLOATS, 16, xmm, n, .vector = true), \
	FEW("ymm", "ymm", AVX, 32, LLDB_REG_NONE, n, .vector = true), \
	FEW("zmm", "zmm", AVX512, 64, LLDB_REG_NONE, n, .vector = true)

static const struct row wide[] = {
    G("rax", 8, 0), G("rbx", 8, 3),
    ROLE("rcx", 8, 2, "arg4"), ROLE("rdx", 8, 1, "arg3"),
    ROLE("rdi", 8, 5, "arg1"), ROLE("rsi", 8, 4, "arg2"),
    ROLE("rbp", 8, 6, "fp"), ROLE("rsp", 8, 7, "sp"),
    ROLE("r8", 8, 8, "arg5"), ROLE("r9", 8, 9, "arg6"),
    {"r", "r", GENERAL, 0, 8, 10, .first = 10, .count = 6},
    ROLE("rip", 8, 16, "pc"),
    {"rflags", "eflags", GENERAL, 0, 8, 49, .alt = "eflags", .generic = "flags"},
    G("cs", 8, 51), G("fs", 8, 54), G("gs", 8, 55), G("ss", 8, 52), G("ds", 8, 53), G("es", 8, 50),
    G("fs_base", 8, 58), G("gs_base", 8, 59),
    PART("eax", "rax", 0, 4), PART("ebx", "rbx", 0, 4), PART("ecx", "rcx", 0, 4),
    PART("edx", "rdx", 0, 4), PART("edi", "rdi", 0, 4), PART("esi", "rsi", 0, 4),
    PART("ebp", "rbp", 0, 4), PART("esp", "rsp", 0, 4), PARTS("d", 4),
    PART("ax", "rax", 0, 2), PART("bx", "rbx", 0, 2), PART("cx", "rcx", 0, 2),
    PART("dx", "rdx", 0, 2), PART("di", "rdi", 0, 2), PART("si", "rsi", 0, 2),
    PART("bp", "rbp", 0, 2), PART("sp", "rsp", 0, 2), PARTS("w", 2),
    PART("ah", "rax", 1, 1), PART("bh", "rbx", 1, 1), PART("ch", "rcx", 1, 1),
    PART("dh", "rdx", 1, 1),
    PART("al", "rax", 0, 1), PART("bl", "rbx", 0, 1), PART("cl", "rcx", 0, 1),
    PART("dl", "rdx", 0, 1), PART("dil", "rdi", 0, 1), PART("sil", "rsi", 0, 1),
    PART("bpl", "rbp", 0, 1), PART("spl", "rsp", 0, 1), PARTS("l", 1),
    UNIT(65, 66, 64, 33, 41, 17, 16),
    FEW("zmm", "zmm", AVX512, 64, 67, 16, .first = 16, .vector = true),
    FEW("k", "k", AVX512, 8, 118, 8, NOTHING),
    {"pkru", "pkru", GENERAL, 0, 4, LLDB_REG_NONE, .alt = NULL},
    {0},
};

static const struct row narrow[] = {
    G("eax", 4, 0), G("ebx", 4, 3), G("ecx", 4, 1), G("edx", 4, 2), G("edi", 4, 7), G("esi", 4, 6),
    ROLE("ebp", 4, 5, "fp"), ROLE("esp", 4, 4, "sp"),
    ROLE("eip", 4, 8, "pc"), ROLE("eflags", 4, 9, "flags"),
    G("cs", 4, 41), G("fs", 4, 44), G("gs", 4, 45), G("ss", 4, 42), G("ds", 4, 43), G("es", 4, 40),
    PART("ax", "eax", 0, 2), PART("bx", "ebx", 0, 2), PART("cx", "ecx", 0, 2),
    PART("dx", "edx", 0, 2), PART("di", "edi", 0, 2), PART("si", "esi", 0, 2),
    PART("bp", "ebp", 0, 2), PART("sp", "esp", 0, 2),
    PART("ah", "eax", 1, 1), PART("bh", "ebx", 1, 1), PART("ch", "ecx", 1, 1),
    PART("dh", "edx", 1, 1),
    PART("al", "eax", 0, 1), PART("bl", "ebx", 0, 1), PART("cl", "ecx", 0, 1),
    PART("dl", "edx", 0, 1),
    UNIT(37, 38, 39, 11, 29, 21, 8),
    FEW("k", "k", AVX512, 8, 93, 8, NOTHING),
    {"pkru", "pkru", GENERAL, 0, 4, LLDB_REG_NONE, .alt = NULL},
    {0},
};
/* clang-format on */

/* ---- the list ---------------------------------------------------------------- */

static const struct he_register *find(const struct he_registers *have, const char *name)
{
	for (size_t i = 0; i < have->n; i++)
		if (strcmp(have->v[i].name, name) == 0)
			return &have->v[i];
	return NULL;
}

static void name_of(
    char to[8], const char *name, const struct row *row, unsigned n, const char *suffix)
{
	if (row->count)
		snprintf(to, 8, "%s%u%s", name, n, suffix ? suffix : "");
	else
		snprintf(to, 8, "%s", name);
}

static int by_name(const struct lldb_regs *regs, const char *name)
{
	for (unsigned i = 0; i < regs->n; i++)
		if (strcmp(regs->v[i].name, name) == 0)
			return (int)i;
	return LLDB_REG_NONE;
}

static int by_generic(const struct lldb_regs *regs, const char *generic)
{
	for (unsigned i = 0; i < regs->n; i++)
		if (regs->v[i].generic && strcmp(regs->v[i].generic, generic) == 0)
			return (int)i;
	return LLDB_REG_NONE;
}

static void place(struct lldb_regs *to, struct lldb_reg *r, const struct row *row)
{
	if (row->part)
		r->whole = (int16_t)by_name(to, r->from);
	if (r->whole != LLDB_REG_NONE) {
		r->offset = (uint16_t)(to->v[r->whole].offset + r->at);
		return;
	}
	r->offset = (uint16_t)to->size;
	to->size += r->bytes;
	if (row->set == GENERAL && to->general == to->n)
		to->general++;
}

static void add(
    struct lldb_regs *to, const struct row *row, unsigned n, const struct he_registers *have)
{
	struct lldb_reg *r = &to->v[to->n];

	if (to->n == LLDB_REGS)
		return;
	*r = (struct lldb_reg){.alt = row->alt,
	    .generic = row->generic,
	    .at = row->at,
	    .bytes = row->bytes,
	    .set = (uint8_t)row->set,
	    .number = (uint8_t)n,
	    .vector = row->vector,
	    .dwarf = LLDB_REG_NONE,
	    .whole = LLDB_REG_NONE};
	name_of(r->name, row->name, row, n, row->suffix);
	name_of(r->from, row->from, row, n, NULL);
	if (row->dwarf != LLDB_REG_NONE)
		r->dwarf = (int16_t)(row->dwarf + (int)(n - row->first));
	if (!find(have, r->from))
		return;
	place(to, r, row);
	to->n++;
}

void lldb_regs_build(struct lldb_regs *to, const struct he_registers *have)
{
	*to = (struct lldb_regs){.wide = find(have, "rip") != NULL};
	for (const struct row *row = to->wide ? wide : narrow; row->name; row++)
		for (unsigned i = 0; i < (row->count ? row->count : 1U); i++)
			add(to, row, row->first + i, have);
	to->pc = by_generic(to, "pc");
	to->sp = by_generic(to, "sp");
	to->fp = by_generic(to, "fp");
}

/* ---- values ------------------------------------------------------------------- */

bool lldb_reg_get(const struct lldb_reg *r, const struct he_registers *have, uint8_t value[64])
{
	const struct he_register *from = find(have, r->from);
	size_t there = from ? from->bits / 8 : 0;

	if (!from)
		return false;
	memset(value, 0, 64);
	if (r->at < there)
		memcpy(value, from->value + r->at,
		    there - r->at < r->bytes ? there - r->at : r->bytes);
	return true;
}

bool lldb_reg_set(const struct lldb_reg *r, const struct he_registers *have, const uint8_t *value,
    struct he_register *reg)
{
	const struct he_register *from = find(have, r->from);
	size_t there = from ? from->bits / 8 : 0;

	if (!from)
		return false;
	*reg = *from;
	if (r->at < there)
		memcpy(
		    reg->value + r->at, value, there - r->at < r->bytes ? there - r->at : r->bytes);
	return true;
}

/* ---- telling ---------------------------------------------------------------- */

static bool shares_bytes(const struct lldb_regs *regs, unsigned a, unsigned b)
{
	const struct lldb_reg *x = &regs->v[a], *y = &regs->v[b];

	if (a == b)
		return false;
	if (x->vector && y->vector)
		return x->number == y->number;
	return strcmp(x->from, y->from) == 0;
}

/* Numbers of those that a write to register n changes, too. */
static void put_invalidates(struct buf *b, const struct lldb_regs *regs, unsigned n, bool xml)
{
	const char *before = xml ? " invalidate_regnums=\"" : "invalidate-regs:";
	bool any = false;

	for (unsigned i = 0; i < regs->n; i++) {
		if (!shares_bytes(regs, n, i))
			continue;
		rsp_put(b, any ? "," : before);
		rsp_putf(b, xml ? "%u" : "%x", i);
		any = true;
	}
	if (any)
		rsp_put(b, xml ? "\"" : ";");
}

static bool is_integer(const struct lldb_reg *r)
{
	return r->bytes <= 8;
}

void lldb_reg_info(struct buf *b, const struct lldb_regs *regs, unsigned n)
{
	const struct lldb_reg *r = &regs->v[n];

	rsp_putf(b, "name:%s;", r->name);
	if (r->alt)
		rsp_putf(b, "alt-name:%s;", r->alt);
	rsp_putf(b, "bitsize:%u;offset:%u;encoding:%s;format:%s;set:%s;", r->bytes * 8U, r->offset,
	    is_integer(r) ? "uint" : "vector", is_integer(r) ? "hex" : "vector-uint8",
	    set_names[r->set]);
	if (r->dwarf != LLDB_REG_NONE)
		rsp_putf(b, "ehframe:%d;dwarf:%d;", r->dwarf, r->dwarf);
	if (r->generic)
		rsp_putf(b, "generic:%s;", r->generic);
	if (r->whole != LLDB_REG_NONE)
		rsp_putf(b, "container-regs:%x;", (unsigned)r->whole);
	put_invalidates(b, regs, n, false);
}

static void put_xml_reg(struct buf *b, const struct lldb_regs *regs, unsigned n)
{
	const struct lldb_reg *r = &regs->v[n];

	rsp_putf(b, "<reg name=\"%s\" bitsize=\"%u\" regnum=\"%u\" offset=\"%u\"", r->name,
	    r->bytes * 8U, n, r->offset);
	if (r->alt)
		rsp_putf(b, " altname=\"%s\"", r->alt);
	rsp_putf(b, " encoding=\"%s\" format=\"%s\" group=\"%s\"",
	    is_integer(r) ? "uint" : "vector", is_integer(r) ? "hex" : "vector-uint8",
	    set_names[r->set]);
	if (r->dwarf != LLDB_REG_NONE)
		rsp_putf(b, " ehframe_regnum=\"%d\" dwarf_regnum=\"%d\"", r->dwarf, r->dwarf);
	if (r->generic)
		rsp_putf(b, " generic=\"%s\"", r->generic);
	if (r->whole != LLDB_REG_NONE)
		rsp_putf(b, " value_regnums=\"%u\"", (unsigned)r->whole);
	put_invalidates(b, regs, n, true);
	rsp_put(b, "/>");
}

void lldb_regs_xml(struct buf *b, const struct lldb_regs *regs)
{
	rsp_putf(b,
	    "<?xml version=\"1.0\"?><target version=\"1.0\">"
	    "<architecture>%s</architecture><feature>",
	    regs->wide ? "x86_64" : "i386");
	for (unsigned i = 0; i < regs->n; i++)
		put_xml_reg(b, regs, i);
	rsp_put(b, "</feature></target>");
}
