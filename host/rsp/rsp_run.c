/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/rsp/rsp_run.h"

#include <stdlib.h>

#include "host/rsp/rsp_break.h"
#include "host/rsp/rsp_regs.h"

enum {
	QUIET_MS = 100, /* between two looks at whether all stand */
	QUIET_TRIES = 150,
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

static bool running(const struct rsp_process *p)
{
	struct he_target_info i;

	he_target_info(p->t, &i);
	return i.state == HE_RUNNING;
}

/* ---- the queue ---------------------------------------------------------------------- */

static void append(struct rsp *r, struct rsp_stop *s)
{
	struct rsp_stop **end = &r->run->queue;

	if (!s)
		return;
	while (*end)
		end = &(*end)->next;
	*end = s;
}

static struct rsp_stop *take_first(struct rsp *r)
{
	struct rsp_stop *s = r->run->queue;

	r->run->queue = s->next;
	s->next = NULL;
	return s;
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

static bool told(const struct rsp_process *p, uint64_t tid)
{
	for (size_t i = 0; i < p->stops->n_told; i++)
		if (p->stops->told[i] == tid)
			return true;
	return false;
}

static void tell(struct rsp_process *p, uint64_t tid)
{
	struct rsp_stops *s = p->stops;
	uint64_t *v;

	if (told(p, tid))
		return;
	v = reallocarray(s->told, s->n_told + 1, sizeof(*v));
	if (!v)
		return;
	s->told = v;
	v[s->n_told++] = tid;
}

/* It runs: tid 0 = all. */
static void untell(struct rsp_process *p, uint64_t tid)
{
	struct rsp_stops *s = p->stops;
	size_t to = 0;

	for (size_t i = 0; tid && i < s->n_told; i++)
		if (s->told[i] != tid)
			s->told[to++] = s->told[i];
	s->n_told = to;
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
	if (!p->stops)
		p->stops = calloc(1, sizeof(*p->stops));
	if (p->stops)
		rsp_run_catch(r, p);
}

static void adopt_child(struct rsp *r, struct rsp_process *parent, const struct he_event *ev)
{
	struct rsp_process *p;

	if (!ev->child || rsp_process_of(r, ev->child))
		return;
	p = rsp_process_add(r, ev->child, parent->attached);
	if (p) {
		p->stops = calloc(1, sizeof(*p->stops));
		rsp_breaks_copy(p, parent);
	}
}

/* An interrupt of ours: told as what asked for it. false: nobody needs to know. */
static bool requested(struct rsp *r, struct rsp_process *p, struct rsp_stop *s)
{
	bool asked = p->stops->break_asked;

	p->stops->break_asked = false;
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

/* The program's own breakpoint instruction below one of the debugger's whose condition was
 * false: GDB has both for one, and wants to see neither. */
static bool passes(struct rsp *r, struct rsp_process *p, const struct he_event *ev)
{
	struct rsp_stops *s = p->stops;

	if (ev->reason != HE_R_SIGNAL || ev->signal != SIGTRAP || !s->n_went ||
	    !rsp_breaks_if_at(p, rsp_regs_pc(p, ev->tid) - 1))
		return false;
	for (size_t i = 0; i < s->n_went; i++) {
		if (s->went[i].action == HE_GO_STEP)
			return false;
		s->went[i].signal = 0;
	}
	he_error_free(he_go(p->t, s->went, s->n_went, r->non_stop));
	return true;
}

static void stopped(struct rsp *r, const struct he_event *ev)
{
	struct rsp_process *p = rsp_process_of(r, ev->target);
	struct rsp_stop *s;

	if (!p)
		return;
	rsp_stale(r, p);
	if (passes(r, p, ev))
		return;
	adopt_child(r, p, ev);
	if (ev->reason == HE_R_CATCH && ev->caught == HE_CATCH_EXEC) {
		rsp_regs_forget(p);
		rsp_breaks_forget(p);
	}
	if (r->non_stop && told(p, ev->tid))
		return;
	s = rsp_stop_of(p, ev);
	if (!s)
		return;
	if (ev->reason == HE_R_REQUEST && !requested(r, p, s)) {
		free(s);
		return;
	}
	s->pc = s->reason == HE_R_BREAKPOINT ? rsp_regs_pc(p, s->tid) : 0;
	append(r, s);
}

/* What was resumed has ended while other threads stand: they would stand for ever. */
static bool nothing_runs(const struct rsp *r)
{
	bool any = false;

	for (struct rsp_process *p = r->processes; p && !any; p = p->next) {
		struct he_threads *v = NULL;

		he_error_free(he_threads(p->t, &v));
		for (size_t i = 0; v && i < v->n; i++)
			any |= v->v[i].state == HE_T_RUNNING || v->v[i].state == HE_T_STOPPING;
		he_threads_free(v);
	}
	return !any;
}

static void thread_ended(struct rsp *r, const struct he_event *ev)
{
	struct rsp_process *p = rsp_process_of(r, ev->target);
	struct rsp_stop *s;

	if (!p)
		return;
	untell(p, ev->tid);
	if (r->run->thread_events) {
		s = rsp_stop_plain(p, ev->tid, 0);
		if (s) {
			s->kind = RSP_STOP_ENDED;
			s->status = ev->status;
			append(r, s);
		}
	} else if (r->run->some && !r->run->queue && r->knows & RSP_NO_RESUMED && nothing_runs(r)) {
		s = rsp_stop_plain(p, ev->tid, 0);
		if (s) {
			s->kind = RSP_STOP_NONE_RUN;
			append(r, s);
		}
	}
}

static void exited(struct rsp *r, const struct he_event *ev)
{
	struct rsp_process *p = rsp_process_of(r, ev->target);
	struct rsp_stop *s;

	if (!p)
		return;
	rsp_run_drop(r, p);
	s = rsp_stop_plain(p, p->pid, 0);
	if (!s)
		return;
	s->kind = RSP_STOP_EXITED;
	s->status = ev->kind == HE_E_EXITED ? ev->status : SIGKILL;
	append(r, s);
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
		any |= running(p);
	return any;
}

void rsp_run_quiet(struct rsp *r)
{
	for (struct rsp_process *p = r->processes; p; p = p->next) {
		if (!running(p))
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
	free(r->run->last);
	r->run->last = s;
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
	s = take_first(r);
	r->run->waiting = false;
	buf_reset(&r->reply);
	rsp_stop_put(r, s, &r->reply);
	rsp_send(r);
	bury(r, s);
	remember(r, s);
}

static void put_first(struct rsp *r, struct buf *b)
{
	struct rsp_stop *s = r->run->queue;
	struct rsp_process *p = rsp_process_find(r, s->pid);

	if (p && s->kind == RSP_STOP_THREAD)
		tell(p, s->tid);
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
		free(take_first(r));
	r->run->notified = false;
	for (struct rsp_process *p = r->processes; p; p = p->next)
		untell(p, 0);
}

void rsp_run_again(struct rsp *r, struct rsp_process *p, uint64_t tid)
{
	append(r, rsp_stop_plain(p, tid, 0));
	tell(p, tid);
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
		free(take_first(r));
	rsp_run_next(r);
}

void rsp_run_why(struct rsp *r)
{
	struct rsp_stop *s = r->run->last;
	uint64_t tid = 0;

	if (r->run->queue) {
		s = take_first(r);
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

void rsp_run_stands(struct rsp *r, struct rsp_process *p)
{
	struct rsp_stop *s = rsp_stop_plain(p, p->pid, SIGTRAP);

	if (!s) {
		rsp_fail_errno(r, ENOMEM);
		return;
	}
	tell(p, p->pid);
	rsp_stop_put(r, s, &r->reply);
	remember(r, s);
}

/* ---- resuming -----------------------------------------------------------------------------------
 */

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

static void remember_go(struct rsp_process *p, const struct he_go *go, size_t m)
{
	free(p->stops->went);
	p->stops->n_went = 0;
	p->stops->went = malloc(m * sizeof(*go));
	if (!p->stops->went)
		return;
	memcpy(p->stops->went, go, m * sizeof(*go));
	p->stops->n_went = m;
}

static struct he_error *resume_one(
    struct rsp *r, struct rsp_process *p, const struct rsp_action *v, size_t n, struct he_go *go)
{
	size_t m = translate(p, v, n, go);
	struct he_error *e;

	if (!m)
		return NULL;
	for (size_t i = 0; i < m; i++) {
		untell(p, go[i].tid);
		r->run->some |= go[i].tid != 0;
	}
	if (!go[m - 1].tid)
		r->run->some = false;
	p->stops->hushed = false;
	rsp_stale(r, p);
	tell_signals(r, p, go, m);
	remember_go(p, go, m);
	e = he_go(p->t, go, m, r->non_stop);
	/* A stop that came before that of Ctrl-C may have been none to GDB, which goes on at once
	 * and waits for the other; LLDB is content with any. */
	p->stops->break_asked = p->stops->break_asked && !r->lldb;
	if (!e && p->stops->break_asked)
		he_error_free(he_interrupt(p->t, 0));
	return e;
}

/* Non-stop: threads that stand and are not known to are told; others are made to stand. */
static void stop_some(struct rsp *r, struct rsp_process *p, uint64_t tid)
{
	struct he_threads *v = NULL;
	bool runs = false;

	he_error_free(he_threads(p->t, &v));
	for (size_t i = 0; v && i < v->n; i++) {
		if (tid && v->v[i].tid != tid)
			continue;
		if (v->v[i].state != HE_T_STOPPED)
			runs = true;
		else if (!told(p, v->v[i].tid))
			append(r, rsp_stop_plain(p, v->v[i].tid, 0));
		if (v->v[i].state == HE_T_STOPPED)
			tell(p, v->v[i].tid);
	}
	he_threads_free(v);
	if (runs)
		he_error_free(he_interrupt(p->t, tid));
}

/* It cannot run: the debugger hears of a stop, the person why. */
static void refuse(struct rsp *r, struct rsp_process *p, struct he_error *e)
{
	bool ended = rsp_gone(p);

	if (!ended)
		rsp_say("%s", e->message);
	he_error_free(e);
	if (ended) /* its own event tells */
		return;
	append(r,
	    rsp_stop_plain(p,
		r->general.tid > 0 && r->general.pid == p->pid ? (uint64_t)r->general.tid : p->pid,
		SIGTRAP));
}

void rsp_run_resume(struct rsp *r, const struct rsp_action *v, size_t n)
{
	struct he_go *go = calloc(n, sizeof(*go));
	bool held = !r->non_stop && waits_to_be_told(r, v, n);

	if (!go) {
		rsp_fail_errno(r, ENOMEM);
		return;
	}
	r->run->some = false;
	for (struct rsp_process *p = r->processes; p; p = p->next) {
		struct he_error *e = held ? NULL : resume_one(r, p, v, n, go);

		if (e)
			refuse(r, p, e);
		for (size_t i = 0; i < n; i++)
			if (v[i].todo == RSP_DO_STOP && concerns(&v[i], p, 0))
				stop_some(r, p, v[i].id.tid > 0 ? (uint64_t)v[i].id.tid : 0);
	}
	free(go);
	if (r->non_stop) {
		rsp_ok(r);
	} else {
		r->run->waiting = true;
		rsp_later(r);
	}
}

void rsp_run_break(struct rsp *r)
{
	struct rsp_process *p =
	    r->general.pid > 0 ? rsp_process_find(r, (uint64_t)r->general.pid) : NULL;

	if (!p || !running(p))
		for (p = r->processes; p && !running(p);)
			p = p->next;
	/* All stand: what GDB is about to be told of may be nothing to it. */
	if (!p && !r->non_stop)
		p = r->processes;
	if (!p || (!r->non_stop && !r->run->waiting))
		return;
	if (r->non_stop) {
		he_error_free(he_signal(p->t, 0, SIGINT));
	} else {
		p->stops->break_asked = true;
		if (running(p))
			he_error_free(he_interrupt(p->t, 0));
	}
}
