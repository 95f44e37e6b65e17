/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Registers by regset.
 */
#ifndef PROCSRV_TRACE_REGS_H
#define PROCSRV_TRACE_REGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct pack;
struct tracee;

enum { REGS_MAX = 32768 }; /* bytes of one regset */

/* PTRACE_GETREGSET; *n: room in, size out.  0, or an errno value. */
int regs_get(pid_t tid, uint32_t note, void *to, size_t *n);

/* Registers a stop's recipes refer to. */
struct regs_points {
	uint32_t arch; /* AUDIT_ARCH_* */
	uint64_t pc, sp, fp;
};

/* From an NT_PRSTATUS set; false: a size that no known architecture has. */
bool regs_points(const uint8_t *prstatus, size_t n, struct regs_points *p);

/* By the registers of a thread that stands; 0 = not known. */
uint32_t regs_arch(pid_t tid);

/* Bytes of stack below sp that a function may use (x86-64 psABI 3.2.2). */
unsigned regs_red_zone(uint32_t arch);

/* Put the records of one thread that stands (or why there are none) on a list.
 * err: E_OK, or the error to report instead.  points (NULL: not wanted) is set when
 * NT_PRSTATUS is among them and says them. */
void regs_put(struct pack *p, unsigned list, uint64_t tid, uint32_t arch, const uint32_t *notes,
    unsigned n, int err, struct regs_points *points);

#endif
