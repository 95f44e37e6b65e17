/* SPDX-License-Identifier: BSD-2-Clause */
#include "limits.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "ipc.h"

struct source {
	struct limit_source is;
	uint32_t unproven;
	uint64_t until_ms; /* its penalty's end */
};

/* Sources that matter now; one without connections whose penalty is over is free. */
struct limits {
	uint32_t connections, unproven;
	struct source sources[LIMIT_SOURCES];
};

struct limits *limits_new(void)
{
	return calloc(1, sizeof(struct limits));
}

void limits_free(struct limits *l)
{
	free(l);
}

struct limit_source limits_source(const struct sockaddr *sa)
{
	const struct sockaddr_in *in = (const void *)sa;
	const struct sockaddr_in6 *in6 = (const void *)sa;
	struct limit_source s = {.family = 0};

	if (sa->sa_family == AF_INET) {
		s.family = 4;
		memcpy(s.addr, &in->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
		s.family = 4;
		memcpy(s.addr, in6->sin6_addr.s6_addr + 12, 4);
	} else if (sa->sa_family == AF_INET6) {
		s.family = 6;
		memcpy(s.addr, in6->sin6_addr.s6_addr, 8);
	}
	return s;
}

static struct source *find(struct limits *l, struct limit_source from)
{
	for (size_t i = 0; i < LIMIT_SOURCES; i++)
		if (memcmp(&l->sources[i].is, &from, sizeof(from)) == 0)
			return &l->sources[i];
	return NULL;
}

/* An entry for a source that has none: a free one, else the one whose penalty ends
 * first.  Entries with connections stay, and there are fewer of those than entries. */
static struct source *make(struct limits *l, struct limit_source from)
{
	struct source *best = NULL;

	for (size_t i = 0; i < LIMIT_SOURCES; i++) {
		struct source *s = &l->sources[i];

		if (s->unproven == 0 && (!best || s->until_ms < best->until_ms))
			best = s;
	}
	if (best)
		*best = (struct source){.is = from};
	return best;
}

static struct source *find_or_make(struct limits *l, struct limit_source from)
{
	struct source *s = find(l, from);

	return s ? s : make(l, from);
}

/* As sshd's MaxStartups: a flood then meets chance, not a wall that locks all others out. */
static bool drop_early(const struct limits *l, uint32_t random)
{
	uint32_t p;

	if (l->unproven < LIMIT_EARLY_FROM)
		return false;
	if (l->unproven >= LIMIT_EARLY_ALL)
		return true;
	p = (100 - LIMIT_EARLY_PERCENT) * (l->unproven - LIMIT_EARLY_FROM) /
	    (LIMIT_EARLY_ALL - LIMIT_EARLY_FROM);
	return random % 100 < p + LIMIT_EARLY_PERCENT;
}

enum limit_verdict limits_admit(
    struct limits *l, struct limit_source from, uint64_t now_ms, uint32_t random)
{
	struct source *s = find_or_make(l, from);

	if (l->connections >= LIMIT_CONNECTIONS || !s)
		return LIMIT_FULL;
	if (now_ms < s->until_ms)
		return LIMIT_PENALTY;
	if (s->unproven >= LIMIT_SOURCE)
		return LIMIT_BUSY_SOURCE;
	if (drop_early(l, random))
		return LIMIT_EARLY;
	l->connections++;
	l->unproven++;
	s->unproven++;
	return LIMIT_ADMIT;
}

void limits_proven(struct limits *l, struct limit_source from)
{
	struct source *s = find(l, from);

	if (!s || !s->unproven)
		return;
	s->unproven--;
	l->unproven--;
}

void limits_gone(struct limits *l, struct limit_source from, bool was_proven, uint64_t now_ms,
    uint32_t penalty_ms)
{
	struct source *s;

	if (!was_proven)
		limits_proven(l, from);
	if (l->connections)
		l->connections--;
	s = penalty_ms ? find_or_make(l, from) : NULL;
	if (s && s->until_ms < now_ms + penalty_ms)
		s->until_ms = now_ms + penalty_ms;
}

uint32_t limits_penalty(int wait_status)
{
	if (!WIFEXITED(wait_status))
		return PENALTY_CRASH_MS;
	switch (WEXITSTATUS(wait_status)) {
	case MONITOR_CRASH:
		return PENALTY_CRASH_MS;
	case MONITOR_BAD_PROOF:
		return PENALTY_BAD_PROOF_MS;
	case MONITOR_SILENT:
		return PENALTY_SILENT_MS;
	default:
		return 0;
	}
}

const char *limits_why(enum limit_verdict v)
{
	static const char *const why[] = {
	    "admitted", "full", "too-many-unproven", "too-many-unproven-from-there", "penalty"};

	return why[v];
}
