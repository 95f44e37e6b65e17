/* SPDX-License-Identifier: BSD-2-Clause */
#include "heart.h"

#include <time.h>

uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct heart *h = arg;
	uint64_t silent = now_ms() - h->heard_ms;

	(void)fd;
	(void)what;
	if (silent >= (uint64_t)h->interval_ms * HEART_MISSES + HEART_SLACK_MS) {
		event_del(h->timer);
		h->lost(h->arg);
	} else if (silent >= h->interval_ms) {
		h->ask(h->arg);
	}
}

int heart_start(struct heart *h, struct event_base *base, uint32_t interval_ms,
    void (*ask)(void *), void (*lost)(void *), void *arg)
{
	struct timeval tick = {interval_ms / 1000, (interval_ms % 1000) * 1000};

	*h = (struct heart){.interval_ms = interval_ms, .heard_ms = now_ms(), .ask = ask, .lost = lost, .arg = arg};
	h->timer = event_new(base, -1, EV_PERSIST, on_tick, h);
	if (!h->timer || event_add(h->timer, &tick) != 0) {
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
