/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Names of system calls (libseccomp's).
 */
#ifndef HOST_SYSCALLS_H
#define HOST_SYSCALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SYSCALL_TEXT = 64 };

/* "write", or its number; returns buf.  arch: AUDIT_ARCH_*, whose table it is from. */
const char *syscall_text(char buf[SYSCALL_TEXT], uint32_t arch, uint32_t number);
/* By name or number. */
bool syscall_number(uint32_t arch, const char *text, uint32_t *ret);
/* Those of a group (GDB's: descriptor, file, ...) by number, into v: how many, 0 = no such
 * group. */
size_t syscall_group(uint32_t arch, const char *name, uint32_t *v, size_t max);

#endif
