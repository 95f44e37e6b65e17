/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Arguments and environment of launches to come, as far as they were sent ahead, and the
 * file in which procsrv-launch finds all of it.
 */
#ifndef PROCSRV_LAUNCH_TEXT_H
#define PROCSRV_LAUNCH_TEXT_H

#include <stdint.h>

#include "common/wire.h"

struct call;
struct tracer;

/* A file as launch_spec.h has it; *fd is the caller's.  E_OK, TOO_BIG, MALFORMED, NOMEM or
 * OS. */
int launch_spec_make(struct call *c, const struct wire_launch *m, int *fd);

/* That launch has come: forget what came ahead of it. */
void launch_text_drop(struct tracer *t, uint32_t handle);

#endif
