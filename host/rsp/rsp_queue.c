/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/rsp/rsp_queue.h"

#include <stdlib.h>

bool rsp_running(const struct rsp_process *p)
{
	struct he_target_info i;

	he_target_info(p->t, &i);
	return i.state == HE_RUNNING;
}

/* ---- the queue ---------------------------------------------------------------------- */

void rsp_queue_append(struct rsp *r, struct rsp_stop *s)
{
	struct rsp_stop **end = &r->run->queue;

	if (!s)
		return;
	while (*end)
		end = &(*end)->next;
	*end = s;
}

struct rsp_stop *rsp_queue_take(struct rsp *r)
{
	struct rsp_stop *s = r->run->queue;

	r->run->queue = s->next;
	s->next = NULL;
	return s;
}

bool rsp_unheard(const struct rsp *r, const struct rsp_process *p)
{
	for (const struct rsp_stop *s = r->run->queue; s; s = s->next)
		if (s->child == p->pid)
			return true;
	return false;
}

void rsp_run_drop(struct rsp *r, struct rsp_process *p)
{
	struct rsp_stop **at = &r->run->queue;

	/* The one whose vStopped is due is only named by it. */
	while (*at) {
		struct rsp_stop *s = *at;

		if (s->pid != p->pid || (r->run->notified && s == r->run->queue)) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		free(s);
	}
	if (r->run->last && r->run->last->pid == p->pid) {
		free(r->run->last);
		r->run->last = NULL;
	}
}

/* ---- who is known to stand (non-stop) -------------------------------------------------- */

bool rsp_told(const struct rsp_process *p, uint64_t tid)
{
	for (size_t i = 0; i < p->stops->n_told; i++)
		if (p->stops->told[i] == tid)
			return true;
	return false;
}

void rsp_tell(struct rsp_process *p, uint64_t tid)
{
	struct rsp_stops *s = p->stops;
	uint64_t *v;

	if (rsp_told(p, tid))
		return;
	v = reallocarray(s->told, s->n_told + 1, sizeof(*v));
	if (!v)
		return;
	s->told = v;
	v[s->n_told++] = tid;
}

void rsp_untell(struct rsp_process *p, uint64_t tid)
{
	struct rsp_stops *s = p->stops;
	size_t to = 0;

	for (size_t i = 0; tid && i < s->n_told; i++)
		if (s->told[i] != tid)
			s->told[to++] = s->told[i];
	s->n_told = to;
}
