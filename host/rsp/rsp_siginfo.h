/* SPDX-License-Identifier: BSD-2-Clause
 *
 * siginfo_t of 32-bit programs: the box's kernel tells a 64-bit tracer the wide layout, and
 * debuggers want the program's own.
 */
#ifndef HOST_RSP_SIGINFO_H
#define HOST_RSP_SIGINFO_H

#include "host/hosteng.h"

enum { RSP_SIGINFO = 128 }; /* bytes of either */

bool rsp_siginfo_is_narrow(const struct he_target *t);
/* In place, from one layout to the other. */
void rsp_siginfo_narrow(uint8_t data[RSP_SIGINFO]);
void rsp_siginfo_widen(uint8_t data[RSP_SIGINFO]);

#endif
