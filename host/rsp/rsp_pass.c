/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/rsp/rsp_pass.h"

#include <stdlib.h>

#include "host/rsp/rsp_break.h"
#include "host/rsp/rsp_queue.h"
#include "host/rsp/rsp_regs.h"

/* ---- who has had commands run for him ---------------------------------------------- */

/* A thread whose commands were run may be made to stand before it has left their place.  When the
 * debugger lets all run it is hit there anew, being no stop that the debugger knows of: the
 * commands are not run again for that. */
struct rsp_ran {
	uint64_t tid, pc;
	bool there; /* it was, when the debugger let it run last ... */
	bool still; /* ... and the time before, and no hit was told between */
};

static struct rsp_ran *find_ran(struct rsp_process *p, uint64_t tid)
{
	struct rsp_stops *s = p->stops;

	for (size_t i = 0; i < s->n_ran; i++)
		if (s->ran[i].tid == tid)
			return &s->ran[i];
	return NULL;
}

static void note_ran(struct rsp_process *p, uint64_t tid)
{
	struct rsp_stops *s = p->stops;
	struct rsp_ran *v = find_ran(p, tid);

	if (!v) {
		v = reallocarray(s->ran, s->n_ran + 1, sizeof(*v));
		if (!v)
			return;
		s->ran = v;
		v += s->n_ran++;
	}
	*v = (struct rsp_ran){.tid = tid, .pc = rsp_regs_pc(p, tid)};
}

static void forget_ran(struct rsp_process *p, uint64_t tid)
{
	struct rsp_ran *v = find_ran(p, tid);

	if (v)
		*v = p->stops->ran[--p->stops->n_ran];
}

static void look_who_is_there(struct rsp_process *p)
{
	struct rsp_stops *s = p->stops;

	s->went_at = s->generation;
	for (size_t i = s->n_ran; i-- > 0;) {
		struct rsp_ran *v = &s->ran[i];

		v->still = v->there;
		v->there = rsp_regs_pc(p, v->tid) == v->pc;
		if (!v->there)
			*v = s->ran[--s->n_ran];
	}
}

/* What waited in the stop from which the debugger let it go: nothing has run since. */
static bool has_waited(const struct rsp_process *p, const struct he_event *ev)
{
	return ev->generation && ev->generation == p->stops->went_at;
}

/* What has waited is another hit, unless it can only be of the time before. */
static bool is_again(struct rsp_process *p, const struct he_event *ev)
{
	struct rsp_ran *v = find_ran(p, ev->tid);
	bool again =
	    v && v->there && (v->still || !has_waited(p, ev)) && rsp_regs_pc(p, ev->tid) == v->pc;

	if (again)
		v->there = v->still = false;
	return again;
}

/* ---- what it was doing -------------------------------------------------------------- */

static void replace(struct rsp_process *p, const struct he_go *v, size_t n)
{
	struct rsp_stops *s = p->stops;

	free(s->went);
	s->n_went = 0;
	s->went = malloc(n * sizeof(*v));
	if (!s->went)
		return;
	memcpy(s->went, v, n * sizeof(*v));
	s->n_went = n;
}

static void add_steps(struct rsp_process *p, const struct he_go *v, size_t n)
{
	struct rsp_stops *s = p->stops;
	struct he_go *more = reallocarray(s->went, s->n_went + n, sizeof(*more));

	if (!more)
		return;
	s->went = more;
	for (size_t i = 0; i < n; i++)
		if (v[i].tid && v[i].action != HE_GO_CONT)
			s->went[s->n_went++] = v[i];
}

void rsp_pass_remember(struct rsp *r, struct rsp_process *p, const struct he_go *v, size_t n)
{
	if (!r->non_stop) {
		replace(p, v, n);
		look_who_is_there(p);
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (v[i].tid)
			rsp_pass_forget(r, p, v[i].tid);
	add_steps(p, v, n);
}

void rsp_pass_forget(struct rsp *r, struct rsp_process *p, uint64_t tid)
{
	struct rsp_stops *s = p->stops;
	size_t to = 0;

	forget_ran(p, tid);
	if (!r->non_stop)
		return;
	for (size_t i = 0; i < s->n_went; i++)
		if (s->went[i].tid != tid)
			s->went[to++] = s->went[i];
	s->n_went = to;
}

/* Non-stop: others stand because the debugger wants them to. */
static struct he_error *go_alone(struct rsp_process *p, uint64_t tid)
{
	struct he_go one = {.tid = tid, .action = HE_GO_CONT};

	for (size_t i = 0; i < p->stops->n_went; i++)
		if (p->stops->went[i].tid == tid)
			one = p->stops->went[i];
	one.signal = 0;
	return he_go_past(p->t, &one, 1, true);
}

static struct he_error *go_together(struct rsp_process *p, const struct he_event *ev)
{
	const struct he_go all = {.action = HE_GO_CONT};
	struct rsp_stops *s = p->stops;
	struct rsp_ran *v = find_ran(p, ev->tid);
	const struct he_go *go = s->n_went ? s->went : &all;
	size_t n = s->n_went ? s->n_went : 1;

	/* They were delivered when it went. */
	for (size_t i = 0; i < s->n_went; i++)
		s->went[i].signal = 0;
	if (!has_waited(p, ev))
		return he_go_past(p->t, go, n, false);
	/* Others stand where they are still to be hit, so this one will be, too. */
	if (v)
		v->there = v->still = true;
	return he_go(p->t, go, n, false);
}

static void go_on(struct rsp *r, struct rsp_process *p, const struct he_event *ev)
{
	struct he_error *e = r->non_stop ? go_alone(p, ev->tid) : go_together(p, ev);

	rsp_stale(r, p);
	if (e)
		rsp_run_refused(r, p, e);
}

/* ---- what is nothing to the debugger ------------------------------------------------ */

/* All-stop counts a step of any thread: all of them have stopped for this. */
static bool steps(const struct rsp *r, const struct rsp_process *p, uint64_t tid)
{
	for (size_t i = 0; i < p->stops->n_went; i++)
		if (p->stops->went[i].action == HE_GO_STEP &&
		    (!r->non_stop || p->stops->went[i].tid == tid))
			return true;
	return false;
}

/* The program's own breakpoint instruction below one of the debugger's whose condition was
 * false: GDB has both for one, and wants to see neither. */
static bool is_own(const struct rsp *r, struct rsp_process *p, const struct he_event *ev)
{
	return ev->reason == HE_R_SIGNAL && ev->signal == SIGTRAP &&
	       (r->non_stop || p->stops->n_went) &&
	       rsp_breaks_if_at(p, rsp_regs_pc(p, ev->tid) - 1) && !steps(r, p, ev->tid);
}

/* Where a hit is first again and again, Ctrl-C's own stop would never be. */
static void after_commands(struct rsp *r, struct rsp_process *p, const struct he_event *ev)
{
	if (r->non_stop || !p->stops->break_asked) {
		go_on(r, p, ev);
		return;
	}
	p->stops->break_asked = false;
	rsp_queue_append(r, rsp_stop_plain(p, ev->tid, SIGINT));
}

/* All-stop: it is made to stand, or the debugger was told meanwhile that all do. */
static bool has_to_stand(const struct rsp *r, const struct rsp_process *p)
{
	return !r->non_stop && (p->stops->hushed || (!r->run->waiting && r->in >= 0));
}

static void run_commands(struct rsp *r, struct rsp_process *p, const struct he_event *ev)
{
	/* It will be hit again when it goes on. */
	if (has_to_stand(r, p)) {
		forget_ran(p, ev->tid);
		return;
	}
	if (!is_again(p, ev)) {
		rsp_breaks_run(r, p, ev);
		if (!r->non_stop)
			note_ran(p, ev->tid);
	}
	after_commands(r, p, ev);
}

bool rsp_pass(struct rsp *r, struct rsp_process *p, const struct he_event *ev)
{
	p->stops->generation = ev->generation;
	if (is_own(r, p, ev)) {
		if (!has_to_stand(r, p))
			go_on(r, p, ev);
		return true;
	}
	if (rsp_breaks_quiet(p, ev)) {
		run_commands(r, p, ev);
		return true;
	}
	rsp_breaks_run(r, p, ev);
	rsp_breaks_run_unhit(r, p, ev);
	rsp_pass_forget(r, p, ev->tid);
	return false;
}
