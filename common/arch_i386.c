/* SPDX-License-Identifier: BSD-2-Clause
 *
 * i386.  Sources: struct user_regs_struct of sys/user.h of a 32-bit build, which is what
 * the kernel gives of a 32-bit program's thread to any debugger; DWARF numbers of the
 * psABI, table 2.14; names and order of GDB's features/i386/32bit-*.xml.
 */
#include <elf.h>
#include <linux/audit.h>

#include "arch_x86.h"

/* clang-format off */
#define G(name, slot, dwarf) {name, ARCH_GENERAL, 32, dwarf, {{GPR, 4, (slot)*4}}}
#define ST(n) X86_ST(n, 11)
#define XMM(n) X86_XMM(n, 21)
#define K(n) X86_K(n, 93)
/* clang-format on */

static const struct arch_reg regs[] = {
    G("eax", 6, 0),
    G("ecx", 1, 1),
    G("edx", 2, 2),
    G("ebx", 0, 3),
    G("esp", 15, 4),
    G("ebp", 5, 5),
    G("esi", 3, 6),
    G("edi", 4, 7),
    G("eip", 12, 8),
    G("eflags", 14, 9),
    G("cs", 13, 41),
    G("ss", 16, 42),
    G("ds", 7, 43),
    G("es", 8, 40),
    G("fs", 9, 44),
    G("gs", 10, 45),
    X86_EIGHT(ST),
    X86_FC("fctrl", 0, 2, 37),
    X86_FC("fstat", 2, 2, 38),
    X86_FC(X86_TAGS, 4, 2, ARCH_NO_DWARF),
    X86_FC("fiseg", 12, 2, ARCH_NO_DWARF),
    X86_FC("fioff", 8, 4, ARCH_NO_DWARF),
    X86_FC("foseg", 20, 2, ARCH_NO_DWARF),
    X86_FC("fooff", 16, 4, ARCH_NO_DWARF),
    X86_FC("fop", 6, 2, ARCH_NO_DWARF),
    X86_FC("mxcsr", 24, 4, 39),
    X86_EIGHT(XMM),
    X86_EIGHT(X86_YMM),
    X86_EIGHT(X86_ZMM),
    X86_EIGHT(K),
    {"orig_eax", ARCH_SYSTEM, 32, ARCH_NO_DWARF, {{GPR, 4, 11 * 4}}},
    X86_PKRU,
};

const struct arch arch_i386 = {
    .audit = AUDIT_ARCH_I386,
    .name = "i386",
    /* NT_PRFPREG is the FSAVE area here, without vector registers. */
    .notes = {NT_PRSTATUS, NT_X86_XSTATE, NT_PRXFPREG},
    .regs = regs,
    .n_regs = sizeof(regs) / sizeof(*regs),
    .width = 4,
    .call_at = 44,
    .dwarf_pc = 8,
    .dwarf_sp = 4,
    .dwarf_fp = 5,
    .odd = X86_TAGS,
    .odd_get = arch_x86_get_tags,
    .odd_put = arch_x86_put_tags,
    .part = arch_x86_part,
};
