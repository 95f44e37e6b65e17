/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ptrace(2) where a failure would cost the process its life, or leave it standing: what went
 * wrong once is tried again.  ESRCH is no such failure: nobody stands there.
 */
#ifndef PROCSRV_SURELY_H
#define PROCSRV_SURELY_H

#include <errno.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/types.h>

enum { SURELY_TRIES = 3 };

static inline long ptrace_surely(int request, pid_t tid, uintptr_t addr, uintptr_t data)
{
	long got;
	unsigned n = 0;

	do
		got = ptrace((enum __ptrace_request)request, tid, addr, data);
	while (got < 0 && errno != ESRCH && ++n < SURELY_TRIES);
	return got;
}

#endif
