/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Letting processes run, and Ctrl-C.
 */
#include <stdlib.h>

#include "common/err.h"
#include "host/rsp/rsp_again.h"
#include "host/rsp/rsp_break.h"
#include "host/rsp/rsp_pass.h"
#include "host/rsp/rsp_queue.h"
#include "host/rsp/rsp_regs.h"

enum { TAKE_IN = 1000 /* events at once */ };

static bool concerns(const struct rsp_action *a, const struct rsp_process *p, uint64_t tid)
{
	return (a->id.pid <= 0 || a->id.pid == p->pid) &&
	       (a->id.tid <= 0 || !tid || (uint64_t)a->id.tid == tid);
}

/* The patch is still there, and the thread. */
static bool still_true(struct rsp_process *p, const struct rsp_stop *s)
{
	return s->kind != RSP_STOP_THREAD || s->reason != HE_R_BREAKPOINT ||
	       (rsp_breaks_at(p, s->pc) && rsp_regs_pc(p, s->tid) == s->pc);
}

/* A stop that waits, of something that would run now: it is told instead. */
static bool waits_to_be_told(struct rsp *r, const struct rsp_action *v, size_t n)
{
	struct rsp_stop **at = &r->run->queue;

	while (*at) {
		struct rsp_stop *s = *at;
		struct rsp_process *p = rsp_process_find(r, s->pid);
		bool wanted = false;

		for (size_t i = 0; p && i < n && !wanted; i++)
			wanted = concerns(&v[i], p, s->kind == RSP_STOP_THREAD ? s->tid : 0);
		if (p && !wanted) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		if (p && still_true(p, s)) {
			s->next = r->run->queue;
			r->run->queue = s;
			return true;
		}
		free(s);
	}
	return false;
}

/* Those of v that concern p, as the engine has them. */
static size_t translate(
    struct rsp_process *p, const struct rsp_action *v, size_t n, struct he_go *go)
{
	size_t m = 0;

	for (size_t i = 0; i < n; i++) {
		if (!concerns(&v[i], p, 0) || v[i].todo == RSP_DO_STOP)
			continue;
		go[m++] = (struct he_go){.tid = v[i].id.tid > 0 ? (uint64_t)v[i].id.tid : 0,
		    .action = (enum he_action)v[i].todo,
		    .signal = v[i].signal,
		    .lo = v[i].lo,
		    .hi = v[i].hi};
		if (v[i].id.tid <= 0)
			break;
	}
	return m;
}

/* A thread that steps tells of every signal: GDB has to see the handler come, lest it steps
 * in it. */
static void tell_signals(struct rsp *r, struct rsp_process *p, const struct he_go *go, size_t m)
{
	uint64_t pass = r->run->pass;

	for (size_t i = 0; i < m; i++)
		if (go[i].action != HE_GO_CONT)
			pass = 0;
	if (pass != p->stops->passing)
		he_error_free(he_pass_signals(p->t, pass, ~r->run->program));
	p->stops->passing = pass;
}

/* ---- non-stop: what the debugger does not know of yet stays as it is ------------------ */

static bool is_queued(const struct rsp *r, const struct rsp_process *p, uint64_t tid)
{
	for (const struct rsp_stop *s = r->run->queue; s; s = s->next)
		if (s->pid == p->pid && s->tid == tid && s->kind == RSP_STOP_THREAD)
			return true;
	return false;
}

static bool is_named(const struct rsp_process *p, const struct rsp_action *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].id.pid == p->pid)
			return true;
	return false;
}

void rsp_run_take_in(struct rsp *r)
{
	struct he_event ev = {0};
	struct he_error *e;

	for (int i = 0; i < TAKE_IN; i++) {
		e = he_wait(r->engine, 0, &ev);
		he_error_free(e);
		if (e || !ev.kind)
			return;
		rsp_event(r, &ev);
	}
}

/* The last of *go is for all that are left, and some of them stand whose stop was not heard of:
 * it becomes one for each of the others.  How many there are then. */
static size_t spare_unheard(
    struct rsp *r, struct rsp_process *p, struct he_go **go, size_t m, size_t n)
{
	struct he_go all = (*go)[m - 1], *more = NULL;
	struct he_threads *v = NULL;
	size_t queued = 0, to = m - 1;

	if (!r->non_stop || all.tid)
		return m;
	he_error_free(he_threads(p->t, &v));
	/* Behind that: whoever stands in it has his stop in the queue, or it was told. */
	rsp_run_take_in(r);
	for (size_t i = 0; v && i < v->n; i++)
		queued += is_queued(r, p, v->v[i].tid);
	if (queued)
		more = reallocarray(*go, n + v->n, sizeof(*more));
	if (more)
		*go = more;
	for (size_t i = 0; more && i < v->n; i++) {
		all.tid = v->v[i].tid;
		if (v->v[i].state == HE_T_STOPPED && !is_queued(r, p, all.tid))
			more[to++] = all;
	}
	he_threads_free(v);
	return more ? to : m;
}

static struct he_error *resume_one(
    struct rsp *r, struct rsp_process *p, const struct rsp_action *v, size_t n, struct he_go **of)
{
	size_t m = translate(p, v, n, *of);
	struct he_go *go;
	struct he_error *e;

	if (!m || (r->non_stop && rsp_unheard(r, p) && !is_named(p, v, n)))
		return NULL;
	m = spare_unheard(r, p, of, m, n);
	if (!m)
		return NULL;
	go = *of;
	for (size_t i = 0; i < m; i++) {
		rsp_untell(p, go[i].tid);
		r->run->some |= go[i].tid != 0;
	}
	if (!go[m - 1].tid)
		r->run->some = false;
	p->stops->hushed = false;
	rsp_stale(r, p);
	tell_signals(r, p, go, m);
	rsp_pass_remember(r, p, go, m);
	e = he_go(p->t, go, m, r->non_stop);
	if (!e && p->stops->break_asked)
		he_error_free(he_interrupt(p->t, 0));
	return e;
}

static uint64_t selected(const struct rsp *r, const struct rsp_process *p)
{
	return r->general.tid > 0 && r->general.pid == p->pid ? (uint64_t)r->general.tid : p->pid;
}

/* Another stop came before that of Ctrl-C.  It may have been none to GDB, which goes on at once
 * and waits for the other; where it would be first again and again, never.  So nothing runs, as
 * if Ctrl-C's signal had come at once, but where a signal is to be delivered that would be lost.
 * LLDB is content with any stop. */
static bool breaks_now(struct rsp *r, const struct rsp_action *v, size_t n)
{
	bool any = false;

	for (struct rsp_process *p = r->processes; p; p = p->next) {
		bool wanted = false, keeps = false;

		p->stops->break_asked = p->stops->break_asked && !r->lldb && !r->non_stop;
		for (size_t i = 0; i < n; i++) {
			wanted = wanted || concerns(&v[i], p, 0);
			keeps = keeps || v[i].signal > 0;
		}
		if (!p->stops->break_asked || !wanted || keeps || rsp_running(p))
			continue;
		p->stops->break_asked = false;
		rsp_queue_append(r, rsp_stop_plain(p, selected(r, p), SIGINT));
		any = true;
	}
	return any;
}

/* Non-stop: threads that stand and are not known to are told; others are made to stand. */
static void stop_some(struct rsp *r, struct rsp_process *p, uint64_t tid)
{
	struct he_threads *v = NULL;
	bool runs = false;

	he_error_free(he_threads(p->t, &v));
	rsp_run_take_in(r);
	for (size_t i = 0; v && i < v->n; i++) {
		if (tid && v->v[i].tid != tid)
			continue;
		if (v->v[i].state != HE_T_STOPPED)
			runs = true;
		else if (!rsp_told(p, v->v[i].tid) && !is_queued(r, p, v->v[i].tid))
			rsp_queue_append(r, rsp_stop_plain(p, v->v[i].tid, 0));
		if (v->v[i].state == HE_T_STOPPED)
			rsp_tell(p, v->v[i].tid);
	}
	he_threads_free(v);
	if (runs)
		he_error_free(he_interrupt(p->t, tid));
}

void rsp_run_refused(struct rsp *r, struct rsp_process *p, struct he_error *e)
{
	unsigned before = r->agains;
	bool ended;

	/* It was let go, and runs again when that was taken up. */
	rsp_again_look(r, e->code == E_NO_TARGET);
	if (r->agains != before) {
		he_error_free(e);
		return;
	}
	ended = rsp_gone(p);
	if (!ended)
		rsp_say("%s", e->message);
	he_error_free(e);
	if (ended) /* its own event tells */
		return;
	rsp_queue_append(r, rsp_stop_plain(p, selected(r, p), SIGTRAP));
}

void rsp_run_resume(struct rsp *r, const struct rsp_action *v, size_t n)
{
	struct he_go *go = calloc(n, sizeof(*go));
	bool held = (!r->non_stop && waits_to_be_told(r, v, n)) || breaks_now(r, v, n);

	if (!go) {
		rsp_fail_errno(r, ENOMEM);
		return;
	}
	r->run->some = false;
	r->run->waiting = !r->non_stop;
	for (struct rsp_process *p = r->processes; p; p = p->next) {
		struct he_error *e = held ? NULL : resume_one(r, p, v, n, &go);

		if (e)
			rsp_run_refused(r, p, e);
		for (size_t i = 0; i < n; i++)
			if (v[i].todo == RSP_DO_STOP && concerns(&v[i], p, 0))
				stop_some(r, p, v[i].id.tid > 0 ? (uint64_t)v[i].id.tid : 0);
	}
	free(go);
	if (r->non_stop)
		rsp_ok(r);
	else
		rsp_later(r);
}

void rsp_run_break(struct rsp *r)
{
	struct rsp_process *p =
	    r->general.pid > 0 ? rsp_process_find(r, (uint64_t)r->general.pid) : NULL;

	if (!p || !rsp_running(p))
		for (p = r->processes; p && !rsp_running(p);)
			p = p->next;
	/* All stand: what GDB is about to be told of, or has just been, may be nothing to it. */
	if (!p && !r->non_stop && (r->run->waiting || !r->lldb))
		p = r->processes;
	if (!p)
		return;
	if (r->non_stop) {
		he_error_free(he_signal(p->t, 0, SIGINT));
	} else {
		p->stops->break_asked = true;
		if (rsp_running(p))
			he_error_free(he_interrupt(p->t, 0));
	}
}
