/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/rsp/rsp.h"

#include <stdlib.h>

#include "host/rsp/rsp_run.h"

struct rsp_process *rsp_process_find(const struct rsp *r, uint64_t pid)
{
	struct rsp_process *p = r->processes;

	while (p && p->pid != pid)
		p = p->next;
	return p;
}

struct rsp_process *rsp_process_of(const struct rsp *r, const struct he_target *t)
{
	struct rsp_process *p = r->processes;

	while (p && p->t != t)
		p = p->next;
	return p;
}

bool rsp_gone(const struct rsp_process *p)
{
	struct he_target_info i;

	he_target_info(p->t, &i);
	return i.state == HE_GONE;
}

bool rsp_thread_lives(const struct he_thread *t)
{
	return t->state != HE_T_EXITING && t->kernel_state != 'Z' && t->kernel_state != 'X';
}

static bool has_thread(const struct rsp_process *p, uint64_t tid)
{
	struct he_threads *v;
	struct he_error *e;
	bool found = false;

	if (p->pid == tid && rsp_gone(p))
		return true;
	e = he_threads(p->t, &v);
	if (e) {
		he_error_free(e);
		return false;
	}
	for (size_t i = 0; i < v->n && !found; i++)
		found = v->v[i].tid == tid && rsp_thread_lives(&v->v[i]);
	he_threads_free(v);
	return found;
}

uint64_t rsp_first_thread(struct rsp_process *p)
{
	struct he_threads *v = NULL;
	uint64_t tid = 0;

	he_error_free(he_threads(p->t, &v));
	for (size_t i = 0; v && i < v->n; i++)
		if (rsp_thread_lives(&v->v[i]) && (!tid || v->v[i].tid == p->pid))
			tid = v->v[i].tid;
	he_threads_free(v);
	return tid ? tid : p->pid;
}

void rsp_put_threads(struct rsp *r, const struct rsp_process *p)
{
	struct he_threads *v = NULL;

	he_error_free(he_threads(p->t, &v));
	if (!v) {
		rsp_put_char(&r->reply, r->reply.len ? ',' : 'm');
		rsp_put_id(&r->reply, r->knows & RSP_MULTIPROCESS, p->pid, p->pid);
	}
	for (size_t i = 0; v && i < v->n; i++) {
		if (!rsp_thread_lives(&v->v[i]))
			continue;
		rsp_put_char(&r->reply, r->reply.len ? ',' : 'm');
		rsp_put_id(&r->reply, r->knows & RSP_MULTIPROCESS, p->pid, v->v[i].tid);
	}
	he_threads_free(v);
}

struct rsp_process *rsp_process_with(const struct rsp *r, uint64_t tid)
{
	struct rsp_process *p = r->processes;

	while (p && !has_thread(p, tid))
		p = p->next;
	return p;
}

struct rsp_process *rsp_resolve(struct rsp *r, struct rsp_id id, uint64_t *tid)
{
	struct rsp_process *p;

	if (id.pid > 0)
		p = rsp_process_find(r, (uint64_t)id.pid);
	else
		p = id.tid > 0 ? rsp_process_with(r, (uint64_t)id.tid) : r->processes;
	if (!p)
		return NULL;
	*tid = id.tid > 0 ? (uint64_t)id.tid : rsp_first_thread(p);
	return id.tid <= 0 || has_thread(p, *tid) ? p : NULL;
}

struct rsp_process *rsp_current_thread(struct rsp *r, uint64_t *tid)
{
	struct rsp_process *p = rsp_resolve(r, r->general, tid);

	if (!p)
		rsp_fail_errno(r, ESRCH);
	return p;
}

struct rsp_process *rsp_current(struct rsp *r)
{
	struct rsp_process *p;
	uint64_t tid;

	if (r->general.pid > 0)
		p = rsp_process_find(r, (uint64_t)r->general.pid);
	else
		p = rsp_resolve(r, r->general, &tid);
	if (!p)
		rsp_fail_errno(r, ESRCH);
	return p;
}

struct rsp_process *rsp_process_add(struct rsp *r, struct he_target *t, bool attached)
{
	struct rsp_process *p = calloc(1, sizeof(*p)), **end = &r->processes;
	struct he_target_info i;

	if (p)
		p->stops = calloc(1, sizeof(*p->stops));
	if (!p || !p->stops) {
		free(p);
		he_error_free(he_detach(t));
		return NULL;
	}
	he_target_info(t, &i);
	p->t = t;
	p->pid = i.pid;
	p->attached = attached;
	while (*end)
		end = &(*end)->next;
	*end = p;
	return p;
}

void rsp_stale(struct rsp *r, struct rsp_process *p)
{
	for (size_t i = 0; rsp_parts[i]; i++)
		if (rsp_parts[i]->stale)
			rsp_parts[i]->stale(r, p);
}

/* It ends before it is let go: he_detach alone would let it run on. */
static void kill_first(struct rsp_process *p)
{
	if (!rsp_gone(p))
		he_error_free(he_kill(p->t));
}

static void free_stops(struct rsp_stops *s)
{
	if (s) {
		free(s->numbers);
		free(s->told);
		free(s->ran);
		free(s->went);
	}
	free(s);
}

void rsp_process_remove(struct rsp *r, struct rsp_process *p, bool kill)
{
	struct rsp_process **at = &r->processes;

	while (*at && *at != p)
		at = &(*at)->next;
	if (*at)
		*at = p->next;
	rsp_run_drop(r, p);
	for (size_t i = 0; rsp_parts[i]; i++)
		if (rsp_parts[i]->forget)
			rsp_parts[i]->forget(r, p);
	if (kill)
		kill_first(p);
	he_error_free(he_detach(p->t));
	free_stops(p->stops);
	free(p);
}
