/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The instructions by which functions of x86-64 and i386 make their frames, as GDB knows them
 * (amd64-tdep.c, amd64_analyze_prologue; i386-tdep.c, i386_analyze_prologue).
 */
#ifndef HOST_PROLOGUE_X86_H
#define HOST_PROLOGUE_X86_H

#include <stddef.h>
#include <stdint.h>

enum { PROLOGUE_MOST = 128 };

/* code: the first n bytes (PROLOGUE_MOST at most) of a function.  How many of them make its
 * frame; 0: it makes none that is known. */
size_t prologue_x86_64(const uint8_t *code, size_t n);
size_t prologue_i386(const uint8_t *code, size_t n);

#endif
