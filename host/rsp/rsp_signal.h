/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Signals by GDB's numbers, which are the same on every system, and by Linux's of x86.
 * Source: GDB's include/gdb/signals.def, signal(7).
 */
#ifndef HOST_RSP_SIGNAL_H
#define HOST_RSP_SIGNAL_H

#include <stdint.h>

enum { RSP_SIGNAL_TRAP = 5, RSP_SIGNAL_KILL = 9, RSP_SIGNAL_UNKNOWN = 143 };

/* RSP_SIGNAL_UNKNOWN: GDB has no such one. */
unsigned rsp_signal_to_gdb(uint32_t linux_signal);
/* 0: Linux has no such one. */
uint32_t rsp_signal_to_linux(uint64_t gdb_signal);

#endif
