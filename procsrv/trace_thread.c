/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Threads of a target, by ptrace(2): seizing, asking to stand, letting go, detaching.
 * What they report is taken in trace_wait.c.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/heart.h"
#include "handlers.h"
#include "kill_point.h"
#include "launch.h"
#include "loss.h"
#include "refuse.h"
#include "run.h"
#include "serve.h"
#include "surely.h"
#include "target.h"
#include "trace_snapshot.h"
#include "trace_wait.h"
#include "tracer.h"
#include "watch.h"

enum { SEIZE_PASSES = 64, LEAVE_ALL_MS = 1000, UNDO_MS = 100 };

/* ---- the table ---------------------------------------------------------------- */

static struct tracee **chain_of(struct tracer *t, pid_t tid)
{
	return &t->tids[(unsigned)tid % TIDS_HASH];
}

struct tracee *tracee_by_tid(struct tracer *t, pid_t tid)
{
	struct tracee *e = *chain_of(t, tid);

	while (e && e->tid != tid)
		e = e->chain;
	return e;
}

static void append(struct tracee *e, struct target *tg)
{
	e->target = tg;
	e->next = NULL;
	e->prev = tg->last;
	if (tg->last)
		tg->last->next = e;
	else
		tg->first = e;
	tg->last = e;
	tg->count++;
	tg->in_job += e->in_job;
}

struct tracee *tracee_add(struct target *tg, pid_t tid)
{
	struct tracee *e = calloc(1, sizeof(*e)), **chain = chain_of(tg->tracer, tid);

	if (!e)
		return NULL;
	e->tid = tid;
	e->chain = *chain;
	*chain = e;
	append(e, tg);
	return e;
}

static void take_off(struct tracee *e)
{
	struct target *tg = e->target;

	if (e->prev)
		e->prev->next = e->next;
	else
		tg->first = e->next;
	if (e->next)
		e->next->prev = e->prev;
	else
		tg->last = e->prev;
	tg->count--;
	tg->in_job -= e->in_job;
}

void tracee_remove(struct tracee *e)
{
	struct tracee **at = chain_of(e->target->tracer, e->tid);

	while (*at != e)
		at = &(*at)->chain;
	*at = e->chain;
	if (e->target->journal)
		journal_signal_over(e->target->journal, e->tid);
	take_off(e);
	free(e);
}

void tracee_move(struct tracee *e, struct target *to)
{
	take_off(e);
	append(e, to);
}

void trace_forget(struct target *tg)
{
	while (tg->first)
		tracee_remove(tg->first);
}

/* ---- seizing -------------------------------------------------------------------- */

static int seize(const struct target *tg, pid_t tid)
{
	/* Never EXITKILL for what was attached: whatever becomes of us, it lives on. */
	return ptrace(PTRACE_SEIZE, tid, 0, caught_options(tg)) == 0 ? 0 : errno;
}

static void nap(void)
{
	struct timespec ms = {.tv_nsec = 1000000};

	nanosleep(&ms, NULL);
}

/* Let go of a thread that is not on any list: it has to stand for that. */
static void unseize(pid_t tid)
{
	uint64_t end = now_ms() + UNDO_MS;
	int status;

	ptrace(PTRACE_INTERRUPT, tid, 0, 0);
	while (now_ms() < end) {
		pid_t got = waitpid(tid, &status, __WALL | WNOHANG);

		if (got == 0) {
			nap();
			continue;
		}
		if (got == tid && WIFSTOPPED(status))
			ptrace(PTRACE_DETACH, tid, 0, status >> 16 ? 0 : WSTOPSIG(status));
		return;
	}
}

static bool has_thread(const struct target *tg, pid_t tid)
{
	char name[32];

	snprintf(name, sizeof(name), "task/%d", (int)tid);
	return faccessat(tg->id.dir, name, F_OK, 0) == 0;
}

bool target_has_thread(const struct target *tg, pid_t tid)
{
	return has_thread(tg, tid);
}

struct task_facts {
	pid_t tracer;
	char state; /* 0 = it is gone */
};

static struct task_facts task_facts(const struct target *tg, pid_t tid)
{
	uint8_t room[4096];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};
	struct task_facts f = {0};
	struct span state;
	uint64_t tracer;
	char name[48];

	snprintf(name, sizeof(name), "task/%d/status", (int)tid);
	if (proc_read(tg->id.dir, name, &b) != 0)
		return f;
	state = proc_status_field(span_buf(&b), "State");
	if (state.n)
		f.state = (char)state.p[0];
	if (proc_status_numbers(span_buf(&b), "TracerPid", 10, &tracer, 1))
		f.tracer = (pid_t)tracer;
	return f;
}

/* The kernel has refused a thread that we may already have (one seized before made
 * it), or that has ended.  0, or the refusal. */
static int refused(struct target *tg, pid_t tid, int err)
{
	struct task_facts f;
	struct tracee *e;

	if (err == ESRCH)
		return 0;
	f = task_facts(tg, tid);
	if (f.state == 'Z' || f.state == 'X' || f.state == 0) {
		if (tid == tg->id.pid)
			tg->leader_dead = true;
		return 0;
	}
	if (f.tracer != getpid())
		return err;
	e = tracee_add(tg, tid);
	if (e)
		e->born = true;
	return e ? 0 : ENOMEM;
}

/* Seize a thread that is not ours yet.  0, or an errno value. */
static int seize_thread(struct target *tg, pid_t tid)
{
	int err = seize(tg, tid);

	tg->tracer->journal->beats++;
	if (err)
		return refused(tg, tid, err);
	if (!tracee_add(tg, tid)) {
		unseize(tid);
		return ENOMEM;
	}
	return 0;
}

/* One pass over the threads; how many were new, or minus an errno value. */
static int seize_pass(struct target *tg, DIR *d)
{
	const struct dirent *e;
	int found = 0;

	rewinddir(d);
	while ((e = readdir(d))) {
		pid_t tid = (pid_t)strtol(e->d_name, NULL, 10);
		struct tracee *known = tid > 0 ? tracee_by_tid(tg->tracer, tid) : NULL;
		unsigned before = tg->count;
		int err;

		if (known)
			known->listed = true;
		if (tid <= 0 || known)
			continue;
		err = seize_thread(tg, tid);
		if (err)
			return -err;
		found += tg->count > before;
	}
	return found;
}

/* A number came from the process's own list, but by the time it was seized it could
 * have been another's: ours are still listed after that. */
static void drop_strangers(struct target *tg)
{
	struct tracee *next;

	for (struct tracee *t = tg->first; t; t = next) {
		pid_t tid = t->tid;

		next = t->next;
		if (t->listed || has_thread(tg, tid))
			continue;
		tracee_remove(t);
		unseize(tid);
	}
}

static int seize_all(struct target *tg)
{
	int fd = openat(tg->id.dir, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

	if (!d) {
		err = errno;
		if (fd >= 0)
			close(fd);
		return err;
	}
	for (unsigned pass = 0; pass < SEIZE_PASSES; pass++) {
		int n = seize_pass(tg, d);

		if (n <= 0) {
			err = -n;
			break;
		}
	}
	closedir(d);
	drop_strangers(tg);
	return err;
}

int trace_seize(struct target *tg, struct fault *f)
{
	int err = target_journal(tg);

	if (err != E_OK)
		return fault_set(f, err, 0, (uint32_t)tg->id.pid);
	err = seize_all(tg);
	KILL_POINT("seized");
	if (!err && !tg->count)
		err = tg->leader_dead ? EPERM : ESRCH;
	if (!err)
		return E_OK;
	if (err == ESRCH || err == ENOENT)
		return fault_set(f, E_NO_PROCESS, err, (uint32_t)tg->id.pid);
	return refuse_why(&tg->id, err, f);
}

/* ---- stand ---------------------------------------------------------------------- */

bool tracee_may_go(const struct tracee *t)
{
	const struct target *tg = t->target;

	return !t->held && !t->foreign && !tg->snapshot && !tg->leaving;
}

bool tracee_has_to_stand(const struct tracee *t)
{
	const struct target *tg = t->target;

	if (t->state == TRACEE_DEAD)
		return false;
	return !tracee_may_go(t) || (tg->alone && tg->alone != t);
}

static void tick(struct target *tg, unsigned ms)
{
	struct timeval tv = {ms / 1000, (suseconds_t)(ms % 1000) * 1000};

	if (!tg->timer)
		tg->timer = event_new(tg->tracer->base, -1, 0, trace_on_timer, tg);
	if (tg->timer)
		event_add(tg->timer, &tv);
}

void trace_tick(struct target *tg)
{
	/* At first often, as a thread that stands costs the target its time; one that
	 * cannot stand (uninterruptible) is asked about now and then. */
	tick(tg, now_ms() - tg->since_ms < STOP_BOUND_MS ? 1 : 20);
}

void trace_halt(struct target *tg)
{
	bool any = false;

	for (struct tracee *t = tg->first; t; t = t->next) {
		if (t->state == TRACEE_STANDS || t->asked || t->born || !tracee_has_to_stand(t))
			continue;
		/* ESRCH: it is about to report its end. */
		ptrace(PTRACE_INTERRUPT, t->tid, 0, 0);
		t->asked = any = true;
	}
	if (!tg->since_ms)
		tg->since_ms = now_ms();
	if (any && tg->push)
		trace_name(tg);
	loss_budget(tg);
}

void trace_hold(struct target *tg, struct tracee *only)
{
	if (only)
		only->held = true;
	else
		tg->hold_all = true;
	for (struct tracee *t = tg->first; t && !only; t = t->next)
		t->held = !t->foreign;
	if (!tg->push)
		tg->since_ms = 0;
	tg->push = true;
	trace_halt(tg);
}

void trace_nudge(struct tracee *t)
{
	if (t->foreign || t->born || t->asked)
		return;
	if (t->state != TRACEE_RUNS && t->state != TRACEE_LISTENS)
		return;
	ptrace(PTRACE_INTERRUPT, t->tid, 0, 0);
	t->asked = true;
}

/* ---- go ----------------------------------------------------------------------- */

static bool is_stop_signal(int sig)
{
	return sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
}

bool tracee_in_group_stop(const struct tracee *t)
{
	return t->status >> 16 == PTRACE_EVENT_STOP && is_stop_signal(WSTOPSIG(t->status));
}

int tracee_signal(const struct tracee *t)
{
	return t->status >> 16 || caught_at_syscall(t) ? 0 : WSTOPSIG(t->status);
}

static uint64_t bit(int sig)
{
	return sig > 0 && sig <= 64 ? 1ULL << (sig - 1) : 0;
}

bool target_wants(uint64_t mask, int sig)
{
	return (mask & bit(sig)) != 0;
}

void trace_run(struct tracee *t, int request, int sig)
{
	watch_load(t);
	journal_signal_over(t->target->journal, t->tid);
	/* ESRCH: it was killed; its end will be reported. */
	ptrace_surely(
	    (int)caught_request(t, (enum __ptrace_request)request), t->tid, 0, (uintptr_t)sig);
	t->state = request == PTRACE_LISTEN ? TRACEE_LISTENS : TRACEE_RUNS;
	t->held = t->asked = t->reported = t->cause = t->born = t->launched = false;
	t->name[0] = 0;
	t->deliver = 0;
	t->regs_known = false;
}

void trace_go(struct tracee *t, int signal)
{
	int stopped_with = tracee_signal(t);

	if (signal < 0)
		signal = target_wants(t->target->ignore_signals, stopped_with) ? 0 : stopped_with;
	else if (!stopped_with && signal) {
		/* Only a stop at a signal takes another in its place. */
		tgkill(t->target->id.pid, t->tid, signal);
		t->given = (uint8_t)signal;
		signal = 0;
	}
	/* So that SIGCONT and SIGKILL work as they do without us.  The kernel lets it
	 * trap again when the group stop has ended meanwhile. */
	if (tracee_in_group_stop(t))
		trace_run(t, PTRACE_LISTEN, 0);
	else
		run_on(t, signal);
}

/* ---- leave -------------------------------------------------------------------- */

/* The detach was answered with BUSY, but now it is done. */
static void tell_released(const struct target *tg)
{
	struct wire_released e = {.why = tg->why};
	uint8_t room[16];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};

	wire_encode_released(&b, &e);
	serve_event_body(tg->tracer->serve, WIRE_released, tg->handle, &b);
}

/* The last thread that can be is detached.  A first thread that ended before cannot,
 * being a zombie: the kernel has it traced by us until the process ends, and gives its
 * parent the status once we have waited for it. */
void trace_left(struct target *tg)
{
	const char *how = tg->abandoned ? "left stopped" : "";

	if (tg->slots_left)
		how =
		    tg->abandoned ? "left stopped, a page of ours mapped" : "a page of ours mapped";
	if (tg->handle)
		target_audit(IPC_DETACH, &tg->id, how, 0, E_OK);
	if (tg->leave_reply)
		serve_ok(tg->leave_reply);
	else if (tg->handle)
		tell_released(tg);
	target_free(tg);
}

/* False: it could not be, being killed; it will report its end. */
static bool detach(struct tracee *t)
{
	int sig = tracee_signal(t);

	if (target_wants(t->target->ignore_signals, sig) || t->foreign)
		sig = 0;
	if (t->foreign)
		kin_let_go(t);
	else
		run_detach(t);
	KILL_POINT("detach-ready");
	if (ptrace_surely(PTRACE_DETACH, t->tid, 0, (uintptr_t)sig) != 0) {
		t->state = TRACEE_RUNS;
		return false;
	}
	KILL_POINT("detached");
	tracee_remove(t);
	return true;
}

bool trace_detach(struct tracee *t)
{
	struct target *tg = t->target;

	if (!t->foreign && run_leaves_call(t))
		return false;
	detach(t);
	if (tg->count || !tg->leaving)
		return false;
	trace_left(tg);
	return true;
}

bool trace_detach_standing(struct target *tg)
{
	struct tracee *next;

	for (struct tracee *t = tg->first; t; t = next) {
		next = t->next;
		if (t->state == TRACEE_STANDS && trace_detach(t))
			return true;
	}
	return false;
}

void trace_leave(struct target *tg, struct reply *reply)
{
	tg->leaving = true;
	tg->push = false;
	tg->leave_reply = reply;
	tg->since_ms = 0;
	KILL_POINT("leave-begun");
	run_leave(tg);
	KILL_POINT("leave-lifted");
	if (!tg->count) {
		trace_left(tg);
		return;
	}
	if (!tg->snapshot && trace_detach_standing(tg))
		return;
	trace_halt(tg);
	trace_collect(tg);
}

void trace_abandon(struct target *tg)
{
	tg->handle = 0;
	trace_leave(tg, NULL);
}

void trace_leave_all(struct tracer *t)
{
	uint64_t end = now_ms() + LEAVE_ALL_MS;
	struct target *tg, *next;

	for (tg = t->targets; tg; tg = next) {
		next = tg->next;
		trace_drop_snapshot(tg);
		if (!launch_kill(tg))
			trace_leave(tg, NULL);
	}
	while (t->targets && now_ms() < end) {
		nap();
		t->journal->beats++;
		trace_changed(t);
	}
}

/* ---- requests ------------------------------------------------------------------- */

struct tracee *tracee_named(struct call *c, uint64_t tid)
{
	struct tracee *t = tid <= INT32_MAX ? tracee_by_tid(c->tracer, (pid_t)tid) : NULL;

	if (t && t->target == c->target && !t->foreign)
		return t;
	c->fault.addr = tid;
	return NULL;
}

int on_interrupt(struct call *c)
{
	struct target *tg = c->target;
	struct wire_interrupt i;
	struct wire_rec_tid r;
	struct span list;

	wire_decode_interrupt(c->body, &i);
	if (tg->how == WIRE_ATTACH_LOOK || tg->leaving)
		return E_STATE;
	for (list = i.tids; wire_next_tid(&list, &r);)
		if (!tracee_named(c, r.tid))
			return E_NO_THREAD;
	if (!i.tids.n)
		trace_hold(tg, NULL);
	for (list = i.tids; wire_next_tid(&list, &r);)
		trace_hold(tg, tracee_named(c, r.tid));
	serve_ok(c->reply);
	trace_collect(tg);
	return E_OK;
}
