/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Offsets: struct user_regs_struct of sys/user.h, for i386 that of a 32-bit build.
 */
#include "gdb_reg.h"

#include <linux/audit.h>
#include <string.h>

struct gdb_reg {
	const char *name; /* NULL: no general register has that number */
	uint8_t offset, bytes;
};

static const struct gdb_reg x86_64[] = {
    {"rax", 80, 8},
    {"rbx", 40, 8},
    {"rcx", 88, 8},
    {"rdx", 96, 8},
    {"rsi", 104, 8},
    {"rdi", 112, 8},
    {"rbp", 32, 8},
    {"rsp", 152, 8},
    {"r8", 72, 8},
    {"r9", 64, 8},
    {"r10", 56, 8},
    {"r11", 48, 8},
    {"r12", 24, 8},
    {"r13", 16, 8},
    {"r14", 8, 8},
    {"r15", 0, 8},
    {"rip", 128, 8},
    {"eflags", 144, 4},
    {"cs", 136, 4},
    {"ss", 160, 4},
    {"ds", 184, 4},
    {"es", 192, 4},
    {"fs", 200, 4},
    {"gs", 208, 4},
    [57] = {"orig_rax", 120, 8},
    [58] = {"fs_base", 168, 8},
    [59] = {"gs_base", 176, 8},
};

static const struct gdb_reg i386[] = {
    {"eax", 24, 4},
    {"ecx", 4, 4},
    {"edx", 8, 4},
    {"ebx", 0, 4},
    {"esp", 60, 4},
    {"ebp", 20, 4},
    {"esi", 12, 4},
    {"edi", 16, 4},
    {"eip", 48, 4},
    {"eflags", 56, 4},
    {"cs", 52, 4},
    {"ss", 64, 4},
    {"ds", 28, 4},
    {"es", 32, 4},
    {"fs", 36, 4},
    {"gs", 40, 4},
    [41] = {"orig_eax", 44, 4},
};

/* The same thread as a 64-bit debugger's PTRACE_GETREGS shows it. */
static const struct gdb_reg i386_wide[] = {
    {"eax", 80, 4},
    {"ecx", 88, 4},
    {"edx", 96, 4},
    {"ebx", 40, 4},
    {"esp", 152, 4},
    {"ebp", 32, 4},
    {"esi", 104, 4},
    {"edi", 112, 4},
    {"eip", 128, 4},
    {"eflags", 144, 4},
    {"cs", 136, 4},
    {"ss", 160, 4},
    {"ds", 184, 4},
    {"es", 192, 4},
    {"fs", 200, 4},
    {"gs", 208, 4},
    [41] = {"orig_eax", 120, 4},
};

static const struct table {
	uint32_t arch;
	size_t size; /* bytes of the registers */
	const struct gdb_reg *regs;
	unsigned n;
} tables[] = {
    {AUDIT_ARCH_X86_64, 216, x86_64, sizeof(x86_64) / sizeof(x86_64[0])},
    {AUDIT_ARCH_I386, 68, i386, sizeof(i386) / sizeof(i386[0])},
    {AUDIT_ARCH_I386, 216, i386_wide, sizeof(i386_wide) / sizeof(i386_wide[0])},
};

/* size 0: any, as all of an architecture have the same names. */
static const struct table *table_of(uint32_t arch, size_t size)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		if (tables[i].arch == arch && (!size || tables[i].size == size))
			return &tables[i];
	return NULL;
}

static const struct gdb_reg *find(const struct table *t, unsigned number)
{
	return t && number < t->n && t->regs[number].name ? &t->regs[number] : NULL;
}

bool gdb_reg_known(uint32_t arch, unsigned number)
{
	return find(table_of(arch, 0), number) != NULL;
}

int gdb_reg_number(uint32_t arch, const char *name)
{
	const struct table *t = table_of(arch, 0);

	for (unsigned i = 0; t && i < t->n; i++)
		if (t->regs[i].name && strcmp(t->regs[i].name, name) == 0)
			return (int)i;
	return -1;
}

bool gdb_reg_value(uint32_t arch, unsigned number, const uint8_t *regs, size_t n, uint64_t *value)
{
	const struct gdb_reg *r = find(n ? table_of(arch, n) : NULL, number);

	if (!r)
		return false;
	*value = 0;
	memcpy(value, regs + r->offset, r->bytes); /* little-endian, as both machines are */
	return true;
}
