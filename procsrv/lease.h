/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How long a session outlives its link: the times alone, by a clock that only goes
 * forward (milliseconds of CLOCK_BOOTTIME, so that a machine's sleep counts).  The guard
 * keeps it, because the tracer's own loop may be held up by its targets.
 */
#ifndef PROCSRV_LEASE_H
#define PROCSRV_LEASE_H

#include <stdbool.h>
#include <stdint.h>

enum {
	LEASE_LIFT_MS = 2000,   /* from the loss until processes that shall run do */
	LEASE_GRACE_MS = 30000, /* until the session ends, unless somebody said otherwise */
	LEASE_GRACE_MOST = 3600000,
};

struct lease {
	uint32_t grace_ms; /* 0: the session ends with its link */
	bool lost;
	uint64_t lost_ms;
	bool lifted; /* this loss has been told */
};

enum lease_due { LEASE_NOTHING, LEASE_LIFT, LEASE_OVER };

/* What the host asked for at open (0 = our choice) within what the map allows. */
static inline uint32_t lease_grace(uint32_t asked_ms, bool row_says, uint32_t row_ms)
{
	uint32_t most = row_says ? row_ms : LEASE_GRACE_MOST;
	uint32_t grace = asked_ms ? asked_ms : row_says ? row_ms : LEASE_GRACE_MS;

	return grace < most ? grace : most;
}

/* The link is gone; a loss that is known already stays the one it was. */
void lease_lost(struct lease *l, uint64_t now_ms);
void lease_resumed(struct lease *l);

/* What is to be done now.  LEASE_LIFT comes once a loss, LEASE_OVER again and again. */
enum lease_due lease_due(struct lease *l, uint64_t now_ms);

/* To be asked again after so many ms at most, -1 = no need. */
int lease_wait(const struct lease *l, uint64_t now_ms);

#endif
