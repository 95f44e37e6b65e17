/* SPDX-License-Identifier: BSD-2-Clause */
#include "heart.h"

#include <time.h>

/* As the timers run: not in suspend. */
static uint64_t running_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Go off again after so long; 0 for "at once" would spin, so at least 1 ms. */
static int arm(struct heart *h, uint64_t ms)
{
	struct timeval wait = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};

	if (!ms)
		wait.tv_usec = 1000;
	h->due_ms = running_ms() + ms;
	return event_add(h->timer, &wait);
}

/* A tick that comes late tells that we did not get to run (a busy machine, a stop): what the
 * other side said meanwhile was not read, and it was not asked.  That time is not its
 * silence. */
static void forgive(struct heart *h, uint64_t silent)
{
	uint64_t now = running_ms();
	uint64_t late = now > h->due_ms ? now - h->due_ms : 0;

	if (late >= HEART_LATE_MS)
		h->heard_ms += late < silent ? late : silent;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct heart *h = arg;
	uint64_t limit = (uint64_t)h->interval_ms * HEART_MISSES + HEART_SLACK_MS, silent;

	(void)fd;
	(void)what;
	forgive(h, now_ms() - h->heard_ms);
	silent = now_ms() - h->heard_ms;
	if (silent >= limit) {
		event_del(h->timer);
		h->lost(h->arg);
	} else if (silent >= h->interval_ms) {
		/* Not an interval later than the limit: it is a promise. */
		arm(h, limit - silent < h->interval_ms ? limit - silent : h->interval_ms);
		h->ask(h->arg);
	} else {
		arm(h, h->interval_ms - silent);
	}
}

int heart_start(struct heart *h, struct event_base *base, uint32_t interval_ms, void (*ask)(void *),
    void (*lost)(void *), void *arg)
{
	*h = (struct heart){
	    .interval_ms = interval_ms, .heard_ms = now_ms(), .ask = ask, .lost = lost, .arg = arg};
	h->timer = event_new(base, -1, 0, on_tick, h);
	if (!h->timer || arm(h, interval_ms) != 0) {
		heart_stop(h);
		return -1;
	}
	return 0;
}

void heart_stop(struct heart *h)
{
	if (h->timer)
		event_free(h->timer);
	h->timer = NULL;
}

void heart_heard(struct heart *h)
{
	h->heard_ms = now_ms();
}
