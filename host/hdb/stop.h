/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a stop looks like: the lines GDB writes for it.
 */
#ifndef HOST_STOP_H
#define HOST_STOP_H

#include "host/hdb/front.h"

/* The lines in front of the place: "Breakpoint 1, ", "Program received signal …".  False:
 * there is nothing to say but the place. */
bool stop_say(struct hdb *h, const struct he_event *ev);
/* "Breakpoint", "Hardware watchpoint", … of info breakpoints and of messages. */
const char *stop_kind(enum he_break_kind kind, bool software);
/* "SIGSEGV, Segmentation fault" */
const char *stop_signal(char buf[64], uint32_t sig);

#endif
