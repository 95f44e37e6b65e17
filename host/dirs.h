/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Room for a file of the person's own: configuration, keys, what is kept of boxes.
 */
#ifndef HOST_DIRS_H
#define HOST_DIRS_H

#include "host/hosteng.h"

/* Make the directories above path (what stands behind its last slash is none of them), for
 * nobody else to look into.  What is there stays as it is. */
struct he_error *dirs_above(const char *path);

#endif
