/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What x86-64 and i386 share: the floating-point and vector unit, whose area has one
 * layout in both; a 32-bit program has fewer of its registers.
 */
#ifndef COMMON_ARCH_X86_H
#define COMMON_ARCH_X86_H

#include "arch.h"

enum arch_x86_part { GPR, FX, AVX_HI, MASKS, ZMM_HI, ZMM_HIGH16, PKRU };

/* struct arch.part, for regsets in the order general, XSAVE area, FXSAVE area. */
struct span arch_x86_part(const struct arch_regsets *s, unsigned which);

/* The tag word: two bits for each register of the unit's stack, of which FXSAVE keeps
 * whether it is empty (Intel's manual volume 1, 10.5.1.1). */
#define X86_TAGS "ftag"
void arch_x86_get_tags(const struct arch_regsets *s, uint8_t value[64]);
void arch_x86_put_tags(uint8_t value[64]);

/* clang-format off */
#define X86_ST(n, dwarf) {"st" #n, ARCH_FLOAT, 80, (dwarf) + (n), {{FX, 10, 32 + 16 * (n)}}}
#define X86_FC(name, at, bytes, dwarf) {name, ARCH_FLOAT, (bytes)*8, dwarf, {{FX, bytes, at}}}
#define X86_XMM(n, dwarf) {"xmm" #n, ARCH_VECTOR, 128, (dwarf) + (n), {{FX, 16, 160 + 16 * (n)}}}
#define X86_YMM(n) \
	{"ymm" #n, ARCH_VECTOR, 256, ARCH_NO_DWARF, \
	    {{FX, 16, 160 + 16 * (n)}, {AVX_HI, 16, 16 * (n)}}}
#define X86_ZMM(n) \
	{"zmm" #n, ARCH_VECTOR, 512, ARCH_NO_DWARF, \
	    {{FX, 16, 160 + 16 * (n)}, {AVX_HI, 16, 16 * (n)}, {ZMM_HI, 32, 32 * (n)}}}
#define X86_K(n, dwarf) {"k" #n, ARCH_VECTOR, 64, (dwarf) + (n), {{MASKS, 8, 8 * (n)}}}
#define X86_PKRU {"pkru", ARCH_SYSTEM, 32, ARCH_NO_DWARF, {{PKRU, 4, 0}}}
#define X86_EIGHT(R) R(0), R(1), R(2), R(3), R(4), R(5), R(6), R(7)
/* clang-format on */

#endif
