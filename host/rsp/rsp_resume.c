/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Packets that let something run, stop it, or ask why it stands.
 */
#include <stdlib.h>

#include "host/rsp/rsp_parts.h"
#include "host/rsp/rsp_run.h"

enum { ACTIONS_MAX = 32 * 1024 };

/* ---- vCont ------------------------------------------------------------------------- */

static void can_continue(struct rsp *r, struct rd *args)
{
	(void)args;
	/* GDB uses range steps only where t is there, too. */
	rsp_put(&r->reply, "vCont;c;C;s;S;t;r");
}

static void take_what(struct rsp *r, struct rd *args, struct rsp_action *a)
{
	uint8_t what = rd_u8(args);

	*a = (struct rsp_action){.id = {RSP_ALL, RSP_ALL}};
	if (what == 'C' || what == 'S')
		a->signal = (int32_t)rsp_signal_in(r, rsp_take_hex(args));
	if (what == 'r') {
		a->lo = rsp_take_hex(args);
		rsp_want_char(args, ',');
		a->hi = rsp_take_hex(args);
	}
	if (what == 'c' || what == 'C')
		a->todo = HE_GO_CONT;
	else if (what == 's' || what == 'S')
		a->todo = HE_GO_STEP;
	else if (what == 'r')
		a->todo = HE_GO_RANGE;
	else if (what == 't')
		a->todo = RSP_DO_STOP;
	else
		args->bad = true;
	/* An empty range is one instruction. */
	if (what == 'r' && a->lo == a->hi)
		a->todo = HE_GO_STEP;
}

/* A thread alone: its process is needed, too. */
static void find_process(struct rsp *r, struct rsp_action *a)
{
	struct rsp_process *p;

	if (a->id.pid || a->id.tid <= 0)
		return;
	p = rsp_process_with(r, (uint64_t)a->id.tid);
	a->id.pid = p ? p->pid : INT64_MAX;
}

static void go_on(struct rsp *r, struct rd *args)
{
	struct rsp_action *v = NULL;
	size_t n = 0, room = 0;

	while (!args->bad && args->left && n < ACTIONS_MAX) {
		if (n == room) {
			struct rsp_action *more = reallocarray(v, room * 2 + 16, sizeof(*v));

			if (!more)
				break;
			v = more;
			room = room * 2 + 16;
		}
		rsp_want_char(args, ';');
		take_what(r, args, &v[n]);
		if (rsp_take_char(args, ':'))
			v[n].id = rsp_take_id(args);
		find_process(r, &v[n++]);
	}
	if (!n || !rd_done(args))
		rsp_bad(r);
	else if (!r->processes && !r->non_stop)
		rsp_fail_errno(r, ESRCH);
	else if (r->run->waiting)
		rsp_fail_errno(r, EBUSY);
	else
		rsp_run_resume(r, v, n);
	free(v);
}

/* ---- before vCont there was ----------------------------------------------------------- */

/* Hc names the thread that is stepped or gets the signal; the others run along unless it
 * was named alone. */
static void old_go(struct rsp *r, int todo, uint32_t signal, struct rd *args, bool addr)
{
	struct rsp_action v[2] = {{.id = r->resume, .todo = todo, .signal = (int32_t)signal},
	    {.id = {RSP_ALL, RSP_ALL}, .todo = HE_GO_CONT}};
	bool alone = r->resume.tid > 0;
	struct rsp_process *p;
	size_t n = 1;

	/* Going on elsewhere is for P and then c: nobody sends it. */
	if (!rd_done(args) || addr || r->run->waiting) {
		rsp_bad(r);
		return;
	}
	p = rsp_current_thread(r, &(uint64_t){0});
	if (!p)
		return;
	if (!alone && (todo != HE_GO_CONT || signal)) {
		uint64_t tid;

		p = rsp_current_thread(r, &tid);
		v[0].id = (struct rsp_id){p->pid, (int64_t)tid};
		n = 2;
	}
	/* LLDB's c and C let all run; the thread of Hc is whose the signal is. */
	if (alone && r->lldb && todo == HE_GO_CONT)
		n = 2;
	find_process(r, &v[0]);
	rsp_run_resume(r, v, n);
}

static void old_continue(struct rsp *r, struct rd *args)
{
	old_go(r, HE_GO_CONT, 0, args, args->left > 0);
}

static void old_step(struct rsp *r, struct rd *args)
{
	old_go(r, HE_GO_STEP, 0, args, args->left > 0);
}

static void old_continue_with(struct rsp *r, struct rd *args)
{
	uint32_t signal = rsp_signal_in(r, rsp_take_hex(args));

	old_go(r, HE_GO_CONT, signal, args, args->left > 0);
}

static void old_step_with(struct rsp *r, struct rd *args)
{
	uint32_t signal = rsp_signal_in(r, rsp_take_hex(args));

	old_go(r, HE_GO_STEP, signal, args, args->left > 0);
}

/* ---- why it stands ---------------------------------------------------------------------- */

/* GDB 13 fails an assertion of its own when it is told of more than one thread here, and takes
 * those it is not told of for running: so they are. */
static void let_others_run(struct rsp *r, struct rsp_process *p, uint64_t but)
{
	struct he_threads *v = NULL;
	struct he_go *go = NULL;
	size_t n = 0;

	he_error_free(he_threads(p->t, &v));
	if (v)
		go = calloc(v->n + 1, sizeof(*go));
	for (size_t i = 0; go && i < v->n; i++)
		if (v->v[i].state == HE_T_STOPPED && v->v[i].tid != but)
			go[n++] = (struct he_go){.tid = v->v[i].tid, .signal = -1};
	if (n) {
		rsp_stale(r, p);
		he_error_free(he_go(p->t, go, n, true));
	}
	free(go);
	he_threads_free(v);
}

static void one_thread(struct rsp *r, struct rsp_process *p)
{
	uint64_t tid = rsp_first_thread(p);
	struct he_threads *v = NULL;
	bool stands = false;

	he_error_free(he_threads(p->t, &v));
	for (size_t i = 0; v && i < v->n; i++)
		stands = stands || (v->v[i].tid == tid && v->v[i].state == HE_T_STOPPED);
	he_threads_free(v);
	if (!stands)
		return;
	rsp_run_again(r, p, tid);
	let_others_run(r, p, tid);
}

static void why(struct rsp *r, struct rd *args)
{
	(void)args;
	if (r->non_stop) {
		rsp_run_forget(r);
		for (struct rsp_process *p = r->processes; p; p = p->next)
			one_thread(r, p);
		rsp_run_next(r);
	} else if (r->processes) {
		rsp_run_quiet(r);
		rsp_run_why(r);
	} else {
		rsp_put(&r->reply, "W00");
	}
}

static void told(struct rsp *r, struct rd *args)
{
	(void)args;
	rsp_run_acknowledge(r);
}

/* The reply is the stop. */
static void ctrl_c(struct rsp *r, struct rd *args)
{
	(void)args;
	rsp_run_break(r);
	rsp_ok(r);
}

static const struct rsp_row rows[] = {
    {"vCont?", RSP_WHOLE, can_continue, "gdb, lldb"},
    {"vCont", RSP_PREFIX, go_on, "gdb, lldb"},
    {"c", RSP_PREFIX, old_continue, "lldb; gdb without vCont"},
    {"s", RSP_PREFIX, old_step, "lldb; gdb without vCont"},
    {"C", RSP_PREFIX, old_continue_with, "lldb; gdb without vCont"},
    {"S", RSP_PREFIX, old_step_with, "lldb; gdb without vCont"},
    {"?", RSP_WHOLE, why, "gdb, lldb"},
    {"vStopped", RSP_WHOLE, told, "gdb 7.0: non-stop"},
    {"vCtrlC", RSP_WHOLE, ctrl_c, "gdb 7.12: non-stop"},
    {0},
};

const struct rsp_part rsp_part_resume = {
    .rows = rows,
    .offers = "vContSupported+",
    .tick = rsp_run_tick,
};
