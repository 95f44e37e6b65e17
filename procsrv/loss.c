/* SPDX-License-Identifier: BSD-2-Clause */
#include "loss.h"

#include "common/err.h"
#include "launch.h"
#include "lease.h"
#include "serve.h"
#include "target.h"
#include "trace_snapshot.h"
#include "trace_wait.h"
#include "tracer.h"

static uint32_t lesser(uint32_t a, uint32_t b)
{
	return !b || (a && a < b) ? a : b;
}

void loss_set(struct target *tg, uint8_t loss, uint32_t grace_ms, uint32_t max_stop_ms)
{
	const struct ipc_session *s = &tg->tracer->session;

	if (loss == WIRE_LOSS_DEFAULT)
		loss = (uint8_t)s->loss;
	if (loss == WIRE_LOSS_DEFAULT)
		loss = tg->launch ? WIRE_LOSS_HOLD : WIRE_LOSS_RESUME;
	tg->loss = loss;
	tg->grace_ms = grace_ms < s->grace_ms ? grace_ms : 0;
	/* What we started ourselves is no service that somebody waits for. */
	tg->max_stop_ms = tg->launch ? max_stop_ms : lesser(s->max_stop_ms, max_stop_ms);
}

static void arm(struct event *e, uint32_t ms)
{
	struct timeval tv = {ms / 1000, (suseconds_t)(ms % 1000) * 1000};

	event_add(e, &tv);
}

static void let_go(struct target *tg, enum err why)
{
	if (tg->leaving || tg->how == WIRE_ATTACH_LOOK)
		return;
	tg->why = (uint16_t)why;
	trace_drop_snapshot(tg);
	trace_leave(tg, NULL);
}

/* ---- the link -------------------------------------------------------------------- */

static void lift(struct target *tg)
{
	if (!tg->handle)
		return;
	if (tg->loss == WIRE_LOSS_KILL) {
		target_audit(IPC_KILL, &tg->id, "the link was lost", 0, E_OK);
		proc_kill(&tg->id);
	} else if (tg->loss == WIRE_LOSS_RESUME) {
		let_go(tg, E_LOST);
	}
}

/* Its own grace is over, before the session's. */
static void on_grace(evutil_socket_t fd, short what, void *arg)
{
	struct target *tg = arg;
	struct serve *serve = tg->tracer->serve;

	(void)fd;
	(void)what;
	if (!launch_kill(tg))
		let_go(tg, E_LOST);
	serve_pump(serve);
}

/* The session's time has run for as long as the lift is late. */
static void bound(struct target *tg)
{
	uint32_t left = tg->grace_ms > LEASE_LIFT_MS ? tg->grace_ms - LEASE_LIFT_MS : 0;

	if (!tg->grace_ms || tg->loss != WIRE_LOSS_HOLD)
		return;
	if (!tg->grace)
		tg->grace = event_new(tg->tracer->base, -1, 0, on_grace, tg);
	if (tg->grace)
		arm(tg->grace, left);
}

void loss_lift(struct tracer *t)
{
	struct target *next;

	for (struct target *tg = t->targets; tg; tg = next) {
		next = tg->next;
		bound(tg);
		lift(tg);
	}
}

void loss_over(struct tracer *t)
{
	for (struct target *tg = t->targets; tg; tg = tg->next)
		if (tg->grace)
			event_del(tg->grace);
}

/* ---- standing ----------------------------------------------------------------------- */

static bool any_stands(const struct target *tg)
{
	for (const struct tracee *t = tg->first; t; t = t->next)
		if (t->held || t->reported)
			return true;
	return false;
}

static void on_budget(evutil_socket_t fd, short what, void *arg)
{
	struct target *tg = arg;
	struct serve *serve = tg->tracer->serve;

	(void)fd;
	(void)what;
	if (any_stands(tg))
		let_go(tg, E_MAX_STOP);
	serve_pump(serve);
}

/* From the first thread that is held until none is: to let others run does not begin the
 * time anew. */
void loss_budget(struct target *tg)
{
	if (!tg->max_stop_ms || tg->leaving)
		return;
	if (!tg->budget)
		tg->budget = event_new(tg->tracer->base, -1, 0, on_budget, tg);
	if (!tg->budget)
		return;
	if (!any_stands(tg))
		event_del(tg->budget);
	else if (!event_pending(tg->budget, EV_TIMEOUT, NULL))
		arm(tg->budget, tg->max_stop_ms);
}

void loss_free(struct target *tg)
{
	if (tg->budget)
		event_free(tg->budget);
	if (tg->grace)
		event_free(tg->grace);
}
