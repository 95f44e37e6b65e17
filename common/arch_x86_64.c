/* SPDX-License-Identifier: BSD-2-Clause
 *
 * x86-64.  Sources: struct user_regs_struct of sys/user.h; DWARF numbers of the psABI,
 * figure 3.36; names and order of GDB's features/i386/64bit-*.xml.
 */
#include <elf.h>
#include <linux/audit.h>

#include "arch_x86.h"

/* clang-format off */
#define G64(name, slot, dwarf) {name, ARCH_GENERAL, 64, dwarf, {{GPR, 8, (slot)*8}}}
#define G32(name, slot, dwarf) {name, ARCH_GENERAL, 32, dwarf, {{GPR, 4, (slot)*8}}}
#define ST(n) X86_ST(n, 33)
#define XMM(n) X86_XMM(n, 17)
#define ZMM_HIGH(n) {"zmm" #n, ARCH_VECTOR, 512, 51 + (n), {{ZMM_HIGH16, 64, 64 * ((n)-16)}}}
#define K(n) X86_K(n, 118)
#define SIXTEEN(R) X86_EIGHT(R), R(8), R(9), R(10), R(11), R(12), R(13), R(14), R(15)
#define UPPER16(R) \
	R(16), R(17), R(18), R(19), R(20), R(21), R(22), R(23), R(24), R(25), R(26), R(27), \
	    R(28), R(29), R(30), R(31)
/* clang-format on */

static const struct arch_reg regs[] = {
    G64("rax", 10, 0),
    G64("rbx", 5, 3),
    G64("rcx", 11, 2),
    G64("rdx", 12, 1),
    G64("rsi", 13, 4),
    G64("rdi", 14, 5),
    G64("rbp", 4, 6),
    G64("rsp", 19, 7),
    G64("r8", 9, 8),
    G64("r9", 8, 9),
    G64("r10", 7, 10),
    G64("r11", 6, 11),
    G64("r12", 3, 12),
    G64("r13", 2, 13),
    G64("r14", 1, 14),
    G64("r15", 0, 15),
    G64("rip", 16, 16),
    G32("eflags", 18, 49),
    G32("cs", 17, 51),
    G32("ss", 20, 52),
    G32("ds", 23, 53),
    G32("es", 24, 50),
    G32("fs", 25, 54),
    G32("gs", 26, 55),
    G64("fs_base", 21, 58),
    G64("gs_base", 22, 59),
    X86_EIGHT(ST),
    X86_FC("fctrl", 0, 2, 65),
    X86_FC("fstat", 2, 2, 66),
    X86_FC(X86_TAGS, 4, 2, ARCH_NO_DWARF),
    X86_FC("fiseg", 12, 2, ARCH_NO_DWARF),
    X86_FC("fioff", 8, 4, ARCH_NO_DWARF),
    X86_FC("foseg", 20, 2, ARCH_NO_DWARF),
    X86_FC("fooff", 16, 4, ARCH_NO_DWARF),
    X86_FC("fop", 6, 2, ARCH_NO_DWARF),
    X86_FC("mxcsr", 24, 4, 64),
    SIXTEEN(XMM),
    SIXTEEN(X86_YMM),
    SIXTEEN(X86_ZMM),
    UPPER16(ZMM_HIGH),
    X86_EIGHT(K),
    {"orig_rax", ARCH_SYSTEM, 64, ARCH_NO_DWARF, {{GPR, 8, 15 * 8}}},
    X86_PKRU,
};

const struct arch arch_x86_64 = {
    .audit = AUDIT_ARCH_X86_64,
    .name = "x86-64",
    .notes = {NT_PRSTATUS, NT_X86_XSTATE, NT_PRFPREG},
    .regs = regs,
    .n_regs = sizeof(regs) / sizeof(*regs),
    .width = 8,
    .call_at = 120,
    .dwarf_pc = 16,
    .dwarf_sp = 7,
    .dwarf_fp = 6,
    .odd = X86_TAGS,
    .odd_get = arch_x86_get_tags,
    .odd_put = arch_x86_put_tags,
    .part = arch_x86_part,
};
