/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Waiting for one thread that will stop again at once (it steps, or runs over a patch again
 * and again) without going round the event loop each time.  Everybody else waits meanwhile,
 * so it ends after BURST_US, whatever the thread does.
 */
#ifndef PROCSRV_BURST_H
#define PROCSRV_BURST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { BURST_US = 2000 };

struct burst {
	uint64_t end_ns;
};

struct burst burst_begin(void);
/* False: the time is up, or there is no such tracee. */
bool burst_wait(const struct burst *b, pid_t tid, int *status);
void burst_end(void);

/* CLOCK_MONOTONIC. */
uint64_t burst_now_ns(void);

#endif
