/* SPDX-License-Identifier: BSD-2-Clause */
#include "lease.h"

#include <limits.h>

static uint64_t lift_ms(const struct lease *l)
{
	return l->grace_ms < LEASE_LIFT_MS ? l->grace_ms : LEASE_LIFT_MS;
}

void lease_lost(struct lease *l, uint64_t now_ms)
{
	if (l->lost)
		return;
	l->lost = true;
	l->lifted = false;
	l->lost_ms = now_ms;
}

void lease_resumed(struct lease *l)
{
	l->lost = false;
}

enum lease_due lease_due(struct lease *l, uint64_t now_ms)
{
	uint64_t gone = now_ms - l->lost_ms;

	if (!l->lost)
		return LEASE_NOTHING;
	if (gone >= l->grace_ms)
		return LEASE_OVER;
	if (l->lifted || gone < lift_ms(l))
		return LEASE_NOTHING;
	l->lifted = true;
	return LEASE_LIFT;
}

int lease_wait(const struct lease *l, uint64_t now_ms)
{
	uint64_t due = l->lost_ms + (l->lifted ? l->grace_ms : lift_ms(l));

	if (!l->lost)
		return -1;
	if (now_ms >= due)
		return 0;
	return due - now_ms < INT_MAX ? (int)(due - now_ms) : INT_MAX;
}
