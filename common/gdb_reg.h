/* SPDX-License-Identifier: BSD-2-Clause
 *
 * General registers by the number GDB gives them in its remote protocol, which agent
 * expressions use too: the order of GDB's features/i386/{64bit,32bit}-{core,sse,linux,
 * segments}.xml.  Those of the floating-point and vector unit have numbers there as
 * well, but no integer value, and are not known here.
 */
#ifndef COMMON_GDB_REG_H
#define COMMON_GDB_REG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Is there a register of that number on that architecture (AUDIT_ARCH_*)? */
bool gdb_reg_known(uint32_t arch, unsigned number);

/* Its number, by GDB's name for it; -1 = none. */
int gdb_reg_number(uint32_t arch, const char *name);

/* Its value, without sign extension, in a thread's NT_PRSTATUS regset, or in the struct
 * user_regs_struct of a 64-bit debugger.  False: no such register, or the block's size is
 * none of that architecture's. */
bool gdb_reg_value(uint32_t arch, unsigned number, const uint8_t *regs, size_t n, uint64_t *value);

#endif
