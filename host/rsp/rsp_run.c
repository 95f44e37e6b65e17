/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/rsp/rsp_run.h"

#include <stdlib.h>
#include <time.h>

#include "host/rsp/rsp_again.h"
#include "host/rsp/rsp_break.h"
#include "host/rsp/rsp_pass.h"
#include "host/rsp/rsp_queue.h"
#include "host/rsp/rsp_regs.h"

enum {
	QUIET_MS = 100, /* between two looks at whether all stand */
	QUIET_TRIES = 150,
	LEADER_MS = 500, /* between two looks at whether a main thread that runs alone has ended */
};

struct rsp_run *rsp_run_new(void)
{
	return calloc(1, sizeof(struct rsp_run));
}

void rsp_run_free(struct rsp_run *run)
{
	while (run && run->queue) {
		struct rsp_stop *s = run->queue;

		run->queue = s->next;
		free(s);
	}
	if (run)
		free(run->last);
	free(run);
}

void rsp_run_reset(struct rsp *r)
{
	r->run->waiting = r->run->notified = r->run->thread_events = false;
	r->run->pass = 0;
	r->run->program = ~UINT64_C(0);
	for (struct rsp_process *p = r->processes; p; p = p->next) {
		p->stops->syscalls = false;
		p->stops->n_told = 0;
	}
}

/* ---- events ------------------------------------------------------------------------------ */

void rsp_run_catch(struct rsp *r, struct rsp_process *p)
{
	static const struct {
		unsigned knows, events;
	} rows[] = {
	    {RSP_FORK_EVENTS, 1u << HE_CATCH_FORK},
	    {RSP_VFORK_EVENTS, 1u << HE_CATCH_VFORK},
	    {RSP_EXEC_EVENTS, 1u << HE_CATCH_EXEC},
	};
	struct he_catches q = {.syscalls = p->stops->syscalls,
	    .numbers = p->stops->numbers,
	    .n_numbers = p->stops->n_numbers};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (r->knows & rows[i].knows)
			q.events |= rows[i].events;
	if (r->run->thread_events)
		q.events |= 1u << HE_CATCH_CLONE;
	if (r->lldb) /* which learns of another program so alone */
		q.events |= 1u << HE_CATCH_EXEC;
	q.follow =
	    r->knows & (RSP_FORK_EVENTS | RSP_VFORK_EVENTS) ? HE_FOLLOW_BOTH : HE_FOLLOW_PARENT;
	he_error_free(he_catch_events(p->t, &q));
	he_error_free(he_pass_signals(p->t, r->run->pass, ~r->run->program));
	p->stops->passing = r->run->pass;
}

void rsp_run_adopt(struct rsp *r, struct rsp_process *p)
{
	rsp_run_catch(r, p);
}

static void adopt_child(struct rsp *r, struct rsp_process *parent, const struct he_event *ev)
{
	struct rsp_process *p;

	if (!ev->child || rsp_process_of(r, ev->child))
		return;
	p = rsp_process_add(r, ev->child, parent->attached);
	if (p)
		rsp_breaks_copy(p, parent);
}

/* An interrupt of ours: told as what asked for it. false: nobody needs to know. */
static bool requested(struct rsp *r, struct rsp_process *p, struct rsp_stop *s)
{
	bool asked = p->stops->break_asked;

	p->stops->break_asked = false;
	/* A SIGSTOP, as lldb-server's: SIGINT LLDB may be told to deliver when it goes on. */
	if (asked && r->lldb)
		return true;
	if (asked) {
		s->signal = SIGINT;
		s->reason = HE_R_SIGNAL;
		return true;
	}
	if (p->stops->hushed)
		return false;
	s->signal = r->non_stop ? 0 : SIGSTOP;
	return true;
}

static void stopped(struct rsp *r, const struct he_event *ev)
{
	struct rsp_process *p = rsp_process_of(r, ev->target);
	struct rsp_stop *s;

	if (!p)
		return;
	rsp_stale(r, p);
	if (rsp_pass(r, p, ev))
		return;
	adopt_child(r, p, ev);
	if (ev->reason == HE_R_CATCH && ev->caught == HE_CATCH_EXEC) {
		rsp_regs_forget(p);
		rsp_breaks_forget(p);
	}
	if (r->non_stop && rsp_told(p, ev->tid))
		return;
	s = rsp_stop_of(p, ev);
	if (!s)
		return;
	if (ev->reason == HE_R_REQUEST && !requested(r, p, s)) {
		free(s);
		return;
	}
	s->pc = s->reason == HE_R_BREAKPOINT ? rsp_regs_pc(p, s->tid) : 0;
	rsp_queue_append(r, s);
}

/* What was resumed has ended while other threads stand: they would stand for ever. */
static bool nothing_runs(const struct rsp *r)
{
	bool any = false;

	for (struct rsp_process *p = r->processes; p && !any; p = p->next) {
		struct he_threads *v = NULL;

		he_error_free(he_threads(p->t, &v));
		for (size_t i = 0; v && i < v->n; i++)
			any |= rsp_thread_lives(&v->v[i]) && v->v[i].state != HE_T_STOPPED;
		he_threads_free(v);
	}
	return !any;
}

static bool may_end_all(const struct rsp *r)
{
	return r->run->some && !r->run->queue && r->knows & RSP_NO_RESUMED;
}

static void tell_none_run(struct rsp *r, struct rsp_process *p, uint64_t tid)
{
	struct rsp_stop *s = rsp_stop_plain(p, tid, 0);

	if (s)
		s->kind = RSP_STOP_NONE_RUN;
	rsp_queue_append(r, s);
}

static void thread_ended(struct rsp *r, const struct he_event *ev)
{
	struct rsp_process *p = rsp_process_of(r, ev->target);
	struct rsp_stop *s;

	if (!p)
		return;
	rsp_untell(p, ev->tid);
	rsp_pass_forget(r, p, ev->tid);
	if (r->run->thread_events) {
		s = rsp_stop_plain(p, ev->tid, 0);
		if (s) {
			s->kind = RSP_STOP_ENDED;
			s->status = ev->status;
			rsp_queue_append(r, s);
		}
	} else if (may_end_all(r) && nothing_runs(r)) {
		tell_none_run(r, p, ev->tid);
	}
}

static void exited(struct rsp *r, const struct he_event *ev)
{
	struct rsp_process *p = rsp_process_of(r, ev->target);
	struct rsp_stop *s;

	if (!p || (ev->kind == HE_E_RELEASED && rsp_again(r, p, ev)))
		return;
	rsp_run_drop(r, p);
	s = rsp_stop_plain(p, p->pid, 0);
	if (!s)
		return;
	s->kind = RSP_STOP_EXITED;
	s->status = ev->kind == HE_E_EXITED ? ev->status : SIGKILL;
	rsp_queue_append(r, s);
	if (ev->kind == HE_E_RELEASED)
		rsp_say("process %u was let go there and runs on: %s", p->pid, ev->text);
}

void rsp_run_event(struct rsp *r, const struct he_event *ev)
{
	static const struct {
		enum he_event_kind kind;
		void (*fn)(struct rsp *r, const struct he_event *ev);
	} rows[] = {
	    {HE_E_STOPPED, stopped},
	    {HE_E_THREAD_EXITED, thread_ended},
	    {HE_E_EXITED, exited},
	    {HE_E_RELEASED, exited},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].kind == ev->kind)
			rows[i].fn(r, ev);
}

/* ---- making everything stand ---------------------------------------------------------------- */

static bool any_running(const struct rsp *r)
{
	bool any = false;

	for (struct rsp_process *p = r->processes; p; p = p->next)
		any |= rsp_running(p);
	return any;
}

void rsp_run_quiet(struct rsp *r)
{
	for (struct rsp_process *p = r->processes; p; p = p->next) {
		if (!rsp_running(p))
			continue;
		p->stops->hushed = true;
		he_error_free(he_interrupt(p->t, 0));
	}
	for (int i = 0; i < QUIET_TRIES && any_running(r); i++) {
		struct he_event ev = {0};
		struct he_error *e = he_wait(r->engine, QUIET_MS, &ev);

		if (e) {
			he_error_free(e);
			break;
		}
		rsp_event(r, &ev);
	}
}

/* ---- telling --------------------------------------------------------------------------------- */

static void remember(struct rsp *r, struct rsp_stop *s)
{
	struct rsp_process *p = rsp_process_find(r, s->pid);

	free(r->run->last);
	r->run->last = s;
	if (p && p->stops)
		p->stops->moved = false;
	/* GDB takes the thread that stopped for the selected one. */
	if (s->kind == RSP_STOP_THREAD)
		r->general = (struct rsp_id){s->pid, (int64_t)s->tid};
}

/* It was told, or is being told: the process itself is no more. */
static void bury(struct rsp *r, const struct rsp_stop *s)
{
	struct rsp_process *p = rsp_process_find(r, s->pid);

	if (s->kind == RSP_STOP_EXITED && p)
		rsp_process_remove(r, p, false);
}

static void settle_all_stop(struct rsp *r)
{
	struct rsp_stop *s;

	if (!r->run->waiting || !r->run->queue)
		return;
	rsp_run_quiet(r);
	/* Its end may have taken its place, and found no memory. */
	if (!r->run->queue)
		return;
	s = rsp_queue_take(r);
	r->run->waiting = false;
	buf_reset(&r->reply);
	rsp_stop_put(r, s, &r->reply);
	rsp_send(r);
	bury(r, s);
	remember(r, s);
}

static uint64_t monotonic_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* A process of which the main thread alone runs. */
static struct rsp_process *led_alone(const struct rsp *r)
{
	struct rsp_process *p = r->run->waiting && may_end_all(r) ? r->processes : NULL;

	while (p && !(p->stops->n_went == 1 && p->stops->went->tid == p->pid && rsp_running(p)))
		p = p->next;
	return p;
}

/* The end of a main thread makes no event as long as there are others. */
int rsp_run_tick(struct rsp *r)
{
	struct rsp_process *p = led_alone(r);
	uint64_t now = p ? monotonic_ms() : 0;
	bool ended;

	if (!p) {
		r->run->look_ms = 0;
		return -1;
	}
	if (!r->run->look_ms)
		r->run->look_ms = now + LEADER_MS;
	if (now < r->run->look_ms)
		return (int)(r->run->look_ms - now);
	r->run->look_ms = now + LEADER_MS;
	ended = rsp_first_thread(p) != p->pid && nothing_runs(r);
	rsp_run_take_in(r);
	/* What else has happened by now is told instead. */
	if (ended && may_end_all(r))
		tell_none_run(r, p, p->pid);
	rsp_run_settle(r);
	return 0;
}

static void put_first(struct rsp *r, struct buf *b)
{
	struct rsp_stop *s = r->run->queue;
	struct rsp_process *p = rsp_process_find(r, s->pid);

	if (p && s->kind == RSP_STOP_THREAD)
		rsp_tell(p, s->tid);
	/* With its maker's fork a child is known to stand. */
	p = s->child ? rsp_process_find(r, s->child) : NULL;
	if (p)
		rsp_tell(p, s->child);
	rsp_stop_put(r, s, b);
	bury(r, s);
}

static void settle_non_stop(struct rsp *r)
{
	struct buf b;

	if (r->run->notified || !r->run->queue)
		return;
	buf_init(&b, RSP_PACKET);
	rsp_put(&b, "Stop:");
	r->run->notified = true;
	put_first(r, &b);
	rsp_frame_notify(&r->frame, &b);
	buf_free(&b);
}

void rsp_run_settle(struct rsp *r)
{
	if (r->non_stop)
		settle_non_stop(r);
	else
		settle_all_stop(r);
}

/* ---- why it stands
 * -------------------------------------------------------------------------------- */

void rsp_run_forget(struct rsp *r)
{
	while (r->run->queue)
		free(rsp_queue_take(r));
	r->run->notified = false;
	for (struct rsp_process *p = r->processes; p; p = p->next)
		rsp_untell(p, 0);
}

void rsp_run_again(struct rsp *r, struct rsp_process *p, uint64_t tid)
{
	rsp_queue_append(r, rsp_stop_plain(p, tid, 0));
	rsp_tell(p, tid);
}

void rsp_run_next(struct rsp *r)
{
	r->run->notified = r->run->queue != NULL;
	if (r->run->notified)
		put_first(r, &r->reply);
	else
		rsp_ok(r);
}

void rsp_run_acknowledge(struct rsp *r)
{
	if (r->run->notified && r->run->queue)
		free(rsp_queue_take(r));
	rsp_run_next(r);
}

void rsp_run_why(struct rsp *r)
{
	struct rsp_stop *s = r->run->last;
	uint64_t tid = 0;

	if (r->run->queue) {
		s = rsp_queue_take(r);
	} else if (s && s->kind == RSP_STOP_THREAD &&
		   rsp_resolve(r, (struct rsp_id){s->pid, (int64_t)s->tid}, &tid)) {
		r->run->last = NULL;
	} else {
		struct rsp_process *p = r->processes;

		s = rsp_stop_plain(p, rsp_first_thread(p), SIGTRAP);
	}
	if (!s) {
		rsp_fail_errno(r, ENOMEM);
		return;
	}
	r->run->waiting = false;
	rsp_stop_put(r, s, &r->reply);
	bury(r, s);
	remember(r, s);
}

/* The signal that its main thread came with to the stop of the attach, 0 = none.  Before GDB has
 * said which signals it wants to see (QPassSignals) it would go on with most of them, and no
 * other stop would follow: such a one is told when it shall run. */
static uint32_t came_with(const struct rsp *r, const struct rsp_process *p)
{
	struct he_threads *v = NULL;
	uint32_t signal = 0;

	if (!p->attached || r->non_stop || r->lldb || !r->run->pass)
		return 0;
	he_error_free(he_threads(p->t, &v));
	for (size_t i = 0; v && i < v->n; i++)
		if (v->v[i].tid == p->pid)
			signal = v->v[i].signal;
	he_threads_free(v);
	return signal && signal <= HE_SIGNALS && !(r->run->pass >> (signal - 1) & 1) ? signal : 0;
}

/* Its stop, taken out of what is told later; those of other threads wait. */
static struct rsp_stop *signalled(struct rsp *r, struct rsp_process *p)
{
	struct rsp_stop *own = NULL;
	struct he_event ev;

	while (came_with(r, p) && he_also_stopped(p->t, &ev)) {
		struct rsp_stop *s = rsp_stop_of(p, &ev);

		if (s && !own && s->tid == p->pid && s->reason == HE_R_SIGNAL)
			own = s;
		else
			rsp_queue_append(r, s);
	}
	return own;
}

void rsp_run_stands(struct rsp *r, struct rsp_process *p)
{
	struct rsp_stop *s = signalled(r, p);

	if (!s)
		s = rsp_stop_plain(p, p->pid, SIGTRAP);
	if (!s) {
		rsp_fail_errno(r, ENOMEM);
		return;
	}
	rsp_tell(p, p->pid);
	rsp_stop_put(r, s, &r->reply);
	remember(r, s);
}
