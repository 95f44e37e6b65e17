/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which threads are known to stand, by stops of their own, and which of them because the
 * person wants them to: what was swallowed lets others go on, never these.
 *
 * In non-stop the rest of a stop tells too little or too much of the other threads: it may
 * have been sent before a go that was answered since; and a list of threads shows some
 * whose stops have not been taken up yet.
 */
#include <stdlib.h>

#include "host/engine/engine.h"
#include "host/engine/run_parts.h"

/* Where tid is among them, or would be. */
static size_t position(const struct tids *s, uint64_t tid)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->v[mid] < tid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool tids_have(const struct tids *s, uint64_t tid)
{
	size_t i = position(s, tid);

	return i < s->n && s->v[i] == tid;
}

static void tids_add(struct tids *s, uint64_t tid)
{
	size_t i = position(s, tid);

	if (i < s->n && s->v[i] == tid)
		return;
	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 8;
		uint64_t *v = cap <= THREADS_MAX ? realloc(s->v, cap * sizeof(*v)) : NULL;

		if (!v)
			return;
		s->v = v;
		s->cap = cap;
	}
	memmove(&s->v[i + 1], &s->v[i], (s->n - i) * sizeof(*s->v));
	s->v[i] = tid;
	s->n++;
}

static void tids_remove(struct tids *s, uint64_t tid)
{
	size_t i = position(s, tid);

	if (i == s->n || s->v[i] != tid)
		return;
	s->n--;
	memmove(&s->v[i], &s->v[i + 1], (s->n - i) * sizeof(*s->v));
}

/* ---- who has come to stand ----------------------------------------------------------------- */

static bool is_undecided(const struct run *r, uint64_t tid)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->cause[i].tid == tid)
			return true;
	return false;
}

void came_in_stop(struct he_target *t)
{
	struct run *r = t->run;

	for (size_t i = 0; i < t->threads.n; i++)
		if (t->threads.v[i].state == HE_T_STOPPED && t->threads.v[i].fresh)
			tids_add(&r->came, t->threads.v[i].tid);
	for (size_t i = 0; i < r->n; i++)
		tids_add(&r->came, r->cause[i].tid);
	for (size_t i = 0; i < t->threads.n && run_scope(t) == WIRE_STOPS_THREAD; i++) {
		struct thread *h = &t->threads.v[i];

		if (h->state == HE_T_STOPPED && !tids_have(&r->came, h->tid))
			h->state = HE_T_RUNNING;
	}
}

void came_left(struct he_target *t, uint64_t tid)
{
	if (tid)
		tids_remove(&t->run->came, tid);
	else
		t->run->came.n = 0;
}

/* ---- whom the person holds ------------------------------------------------------------------- */

static bool goes(const struct run_plan *plan, uint64_t tid)
{
	for (unsigned i = 0; plan && i < plan->n; i++)
		if (!plan->v[i].tid || plan->v[i].tid == tid)
			return true;
	return false;
}

void held_add(struct run *r, uint64_t tid)
{
	tids_add(&r->held, tid);
}

void held_take(struct he_target *t, const struct run_plan *plan)
{
	struct run *r = t->run;

	r->held.n = 0;
	for (size_t i = 0; i < r->came.n; i++)
		if (!goes(plan, r->came.v[i]) && !is_undecided(r, r->came.v[i]))
			tids_add(&r->held, r->came.v[i]);
}

bool held_not(const struct he_target *t, uint64_t tid)
{
	const struct run *r = t->run;

	return tids_have(&r->came, tid) && !tids_have(&r->held, tid) && !is_undecided(r, tid);
}

uint64_t held_next_not(const struct he_target *t, uint64_t after)
{
	const struct tids *s = &t->run->came;
	size_t i = after == UINT64_MAX ? s->n : position(s, after + 1);

	while (i < s->n && !held_not(t, s->v[i]))
		i++;
	return i < s->n ? s->v[i] : 0;
}
