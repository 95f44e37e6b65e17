/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Is the other side alive?  After an interval without a byte from it we ask;
 * three unanswered intervals and 5 s later (14 s with the default) the link is
 * declared lost.  By monotonic time, whatever TCP thinks; but time in which this side did not
 * get to run counts for nothing.
 */
#ifndef COMMON_HEART_H
#define COMMON_HEART_H

#include <event2/event.h>
#include <stdint.h>

#include "clock.h"

enum {
	HEART_INTERVAL_MS = 3000,
	HEART_SLACK_MS = 5000,
	HEART_MISSES = 3,
	HEART_LATE_MS = 1000, /* more than timers are late on a machine that has time */
	/* Bytes waiting for a peer that takes none: it gets no answers to its heartbeats,
	 * which need no credit, until it does.  More than replies and events may have
	 * waiting, so that a slow peer is answered. */
	HEART_UNREAD = 1024 * 1024,
};

struct heart {
	struct event *timer;
	uint32_t interval_ms;
	uint64_t heard_ms;       /* CLOCK_BOOTTIME */
	uint64_t due_ms;         /* when the timer should go off, CLOCK_MONOTONIC */
	void (*ask)(void *arg);  /* send a heartbeat */
	void (*lost)(void *arg); /* nothing for too long; called once */
	void *arg;
};

/* 0, or -1 without memory. */
int heart_start(struct heart *h, struct event_base *base, uint32_t interval_ms, void (*ask)(void *),
    void (*lost)(void *), void *arg);
void heart_stop(struct heart *h); /* harmless when never started (all zero) */

/* Bytes came in. */
void heart_heard(struct heart *h);

#endif
