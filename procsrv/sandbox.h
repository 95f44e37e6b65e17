/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Locking conn in: afterwards it has its open descriptors, its memory, the clock
 * and randomness, and nothing else.
 */
#ifndef PROCSRV_SANDBOX_H
#define PROCSRV_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

/* The working directory must be an empty one when may_chroot (it becomes the
 * root, CAP_SYS_CHROOT is needed once and then dropped); otherwise Landlock takes
 * its place, as far as the kernel has it.  pipe: the only descriptor on which
 * messages may be sent and received.  0, or -1 and a sentence in why. */
int sandbox_enter(bool may_chroot, int pipe, char *why, size_t size);

#endif
