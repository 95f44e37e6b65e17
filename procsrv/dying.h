/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the tracer still does when it dies of a fatal signal: every process it traces goes
 * on as without us.  By async-signal-safe calls alone, from the journal; whatever else
 * the tracer holds in its memory may be what it dies of.
 */
#ifndef PROCSRV_DYING_H
#define PROCSRV_DYING_H

#include <stdint.h>

struct journal;

/* From now on: SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL.  Whoever handled them before (a
 * sanitizer) does so afterwards.  0, or an errno value. */
int dying_prepare(struct journal *j);

/* Descriptors (of the caller's) for the target of that index in the journal. */
void dying_hold(unsigned index, uint32_t image, int pidfd, int mem);

#endif
