/* SPDX-License-Identifier: BSD-2-Clause
 *
 * x86-64.  Sources: struct user_regs_struct of sys/user.h; the FXSAVE and XSAVE
 * areas of Intel's manual volume 1, chapters 10.5 and 13.4; DWARF numbers of the
 * psABI, figure 3.36; names and order of GDB's features/i386/64bit-*.xml.
 */
#include <elf.h>
#include <linux/audit.h>

#include "arch.h"

enum part { GPR, FX, AVX_HI, MASKS, ZMM_HI, ZMM_HIGH16, PKRU };

enum {
	FXSAVE_BYTES = 512,
	XCR0_AT = 464, /* the kernel puts XCR0 there, in bytes software may use */
	XSAVE_AVX_AT = 576,
};

#define XCR0_AVX (1u << 2)
#define XCR0_AVX512 (7u << 5)
#define XCR0_PKRU (1u << 9)

static struct span slice(struct span s, uint32_t at, uint32_t n)
{
	if (s.n < at || s.n - at < n)
		return (struct span){0};
	return (struct span){s.p + at, n};
}

/* Where the components beyond AVX stand differs between makers of CPUs, and the
 * target's CPUID is out of reach; XCR0 and the size of the area tell the layouts
 * apart (as GDB does it): AMD never had MPX and left no gap for it. */
static const struct layout {
	uint32_t size_min, size_max;
	uint16_t masks, zmm_hi, zmm_high16, pkru;
} layouts[] = {
    {2432, 2440, 832, 896, 1408, 2432},
    {2688, UINT32_MAX, 1088, 1152, 1664, 2688},
};

static struct span beyond_avx(struct span xsave, uint64_t xcr0, unsigned part)
{
	for (unsigned i = 0; i < sizeof(layouts) / sizeof(*layouts); i++) {
		const struct layout *l = &layouts[i];

		if (xsave.n < l->size_min || xsave.n > l->size_max)
			continue;
		if (part == PKRU)
			return xcr0 & XCR0_PKRU ? slice(xsave, l->pkru, 8) : (struct span){0};
		if ((xcr0 & XCR0_AVX512) != XCR0_AVX512)
			break;
		if (part == MASKS)
			return slice(xsave, l->masks, 64);
		if (part == ZMM_HI)
			return slice(xsave, l->zmm_hi, 512);
		return slice(xsave, l->zmm_high16, 1024);
	}
	return (struct span){0};
}

static uint64_t xcr0_of(struct span xsave)
{
	struct span s = slice(xsave, XCR0_AT, 8);
	struct rd r = rd_init(s.p, s.n);

	return rd_u64(&r);
}

static struct span part(const struct arch_regsets *s, unsigned which)
{
	struct span xsave = s->v[1], fx = s->v[2];

	if (which == GPR)
		return s->v[0];
	if (which == FX)
		return slice(xsave.n ? xsave : fx, 0, FXSAVE_BYTES);
	if (which == AVX_HI)
		return xcr0_of(xsave) & XCR0_AVX ? slice(xsave, XSAVE_AVX_AT, 256)
						 : (struct span){0};
	return beyond_avx(xsave, xcr0_of(xsave), which);
}

/* clang-format off */
#define G64(name, slot, dwarf) {name, ARCH_GENERAL, 64, dwarf, {{GPR, 8, (slot)*8}}}
#define G32(name, slot, dwarf) {name, ARCH_GENERAL, 32, dwarf, {{GPR, 4, (slot)*8}}}
#define ST(n) {"st" #n, ARCH_FLOAT, 80, 33 + (n), {{FX, 10, 32 + 16 * (n)}}}
#define FC(name, at, bytes, dwarf) {name, ARCH_FLOAT, (bytes)*8, dwarf, {{FX, bytes, at}}}
#define XMM(n) {"xmm" #n, ARCH_VECTOR, 128, 17 + (n), {{FX, 16, 160 + 16 * (n)}}}
#define YMM(n) \
	{"ymm" #n, ARCH_VECTOR, 256, ARCH_NO_DWARF, \
	    {{FX, 16, 160 + 16 * (n)}, {AVX_HI, 16, 16 * (n)}}}
#define ZMM(n) \
	{"zmm" #n, ARCH_VECTOR, 512, ARCH_NO_DWARF, \
	    {{FX, 16, 160 + 16 * (n)}, {AVX_HI, 16, 16 * (n)}, {ZMM_HI, 32, 32 * (n)}}}
#define ZMM_HIGH(n) {"zmm" #n, ARCH_VECTOR, 512, 51 + (n), {{ZMM_HIGH16, 64, 64 * ((n)-16)}}}
#define K(n) {"k" #n, ARCH_VECTOR, 64, 118 + (n), {{MASKS, 8, 8 * (n)}}}
#define EIGHT(R) R(0), R(1), R(2), R(3), R(4), R(5), R(6), R(7)
#define SIXTEEN(R) EIGHT(R), R(8), R(9), R(10), R(11), R(12), R(13), R(14), R(15)
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
    EIGHT(ST),
    FC("fctrl", 0, 2, 65),
    FC("fstat", 2, 2, 66),
    FC("fop", 6, 2, ARCH_NO_DWARF),
    FC("mxcsr", 24, 4, 64),
    SIXTEEN(XMM),
    SIXTEEN(YMM),
    SIXTEEN(ZMM),
    UPPER16(ZMM_HIGH),
    EIGHT(K),
    {"orig_rax", ARCH_SYSTEM, 64, ARCH_NO_DWARF, {{GPR, 8, 15 * 8}}},
    {"pkru", ARCH_SYSTEM, 32, ARCH_NO_DWARF, {{PKRU, 4, 0}}},
};

const struct arch arch_x86_64 = {
    .audit = AUDIT_ARCH_X86_64,
    .name = "x86-64",
    .notes = {NT_PRSTATUS, NT_X86_XSTATE, NT_PRFPREG},
    .regs = regs,
    .n_regs = sizeof(regs) / sizeof(*regs),
    .dwarf_pc = 16,
    .dwarf_sp = 7,
    .part = part,
};
