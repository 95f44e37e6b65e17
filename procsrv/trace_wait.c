/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What threads report, by waitpid(2), and what follows from it.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <unistd.h>

#include "bounds.h"
#include "burst.h"
#include "common/heart.h"
#include "caught.h"
#include "kin.h"
#include "launch.h"
#include "run.h"
#include "serve.h"
#include "target.h"
#include "touch.h"
#include "trace_mem.h"
#include "trace_regs.h"
#include "trace_snapshot.h"
#include "trace_wait.h"
#include "tracer.h"

enum {
	JOB_ODD = 4,       /* threads that take no part in a job: dead, foreign */
	QUICK_PASSES = 64, /* over threads that were asked, before others get the loop */
	ROUNDS = 4,        /* of taking what has been reported, the same */
	ANY_AT_ONCE = 16,  /* waits for "any"; with more, each thread is asked by itself */
};

/* What a status has done to the lists. */
enum outcome { SAME, REMOVED, CHANGED, GONE };

/* ---- events for the host ------------------------------------------------------- */

static struct buf body_in(uint8_t *room, size_t n)
{
	return (struct buf){.p = room, .cap = n, .max = n};
}

static void tell_born(struct target *tg, pid_t tid, pid_t parent)
{
	struct wire_thread_born e = {.tid = (uint64_t)tid, .parent = (uint64_t)parent};
	uint8_t room[16];
	struct buf b = body_in(room, sizeof(room));

	wire_encode_thread_born(&b, &e);
	if (tg->handle)
		serve_event_body(tg->tracer->serve, WIRE_thread_born, tg->handle, &b);
}

static void tell_thread_exited(struct target *tg, pid_t tid, int status)
{
	struct wire_thread_exited e = {.tid = (uint64_t)tid, .status = status};
	uint8_t room[16];
	struct buf b = body_in(room, sizeof(room));

	wire_encode_thread_exited(&b, &e);
	if (tg->handle)
		serve_event_body(tg->tracer->serve, WIRE_thread_exited, tg->handle, &b);
}

static void tell_signalled(struct tracee *t, int sig)
{
	struct target *tg = t->target;
	siginfo_t si;
	struct wire_signalled e = {.tid = (uint64_t)t->tid, .signal = (uint32_t)sig};
	uint8_t room[512];
	struct buf b = body_in(room, sizeof(room));

	if (ptrace(PTRACE_GETSIGINFO, t->tid, 0, &si) == 0)
		e.siginfo = (struct span){(const uint8_t *)&si, sizeof(si)};
	wire_encode_signalled(&b, &e);
	if (tg->handle)
		serve_event_body(tg->tracer->serve, WIRE_signalled, tg->handle, &b);
}

/* Group stop began (sig) or ended (0): once per process, not per thread. */
static void tell_job(struct target *tg, int sig)
{
	struct wire_job_stopped e = {.signal = (uint32_t)sig};
	uint8_t room[8];
	struct buf b = body_in(room, sizeof(room));

	if (tg->job_stopped == (sig != 0))
		return;
	tg->job_stopped = sig != 0;
	tg->journal->in_job = sig != 0;
	if (sig)
		wire_encode_job_stopped(&b, &e);
	if (tg->handle)
		serve_event_body(
		    tg->tracer->serve, sig ? WIRE_job_stopped : WIRE_job_continued, tg->handle, &b);
}

static bool whole_job_stopped(const struct target *tg)
{
	if (tg->in_job + JOB_ODD < tg->count) /* spares a thousand threads a million looks */
		return false;
	for (const struct tracee *t = tg->first; t; t = t->next)
		if (!t->in_job && !t->foreign && t->state != TRACEE_DEAD)
			return false;
	return true;
}

/* A report of one thread can be old: others may have been continued since.  Only with
 * the last of them the job is stopped, as its shell sees it. */
static void job_report(struct tracee *t)
{
	struct target *tg = t->target;
	bool now = tracee_in_group_stop(t);

	tg->in_job += (unsigned)now - (unsigned)t->in_job;
	t->in_job = now;
	if (!now)
		tell_job(tg, 0);
	else if (whole_job_stopped(tg))
		tell_job(tg, WSTOPSIG(t->status));
}

/* The file would have given other rights: set-user-id, set-group-id or capabilities.  It is
 * not opened, and its server, which may be dead, is not asked by us. */
static bool privileged(struct target *tg)
{
	struct statx st;

	if (statx(tg->id.live, "exe", AT_STATX_DONT_SYNC, STATX_MODE | STATX_UID | STATX_GID,
		&st) == 0 &&
	    (((st.stx_mode & S_ISUID) && st.stx_uid != geteuid()) ||
		((st.stx_mode & S_ISGID) && st.stx_gid != getegid())))
		return true;
	return touch_capable(tg);
}

static void tell_executed(struct target *tg, pid_t former)
{
	struct wire_executed e = {
	    .pid = (uint32_t)tg->id.pid,
	    .arch = tg->arch,
	    .former = (uint64_t)former,
	    .privileged = privileged(tg),
	};
	struct buf exe, b;

	if (!tg->handle)
		return;
	buf_init(&exe, 4096);
	buf_init(&b, WIRE_PIECE);
	proc_readlink(tg->id.live, "exe", &exe);
	e.exe = span_buf(&exe);
	wire_encode_executed(&b, &e);
	serve_event_body(tg->tracer->serve, WIRE_executed, tg->handle, &b);
	buf_free(&exe);
	buf_free(&b);
}

/* ---- one report ------------------------------------------------------------------ */

/* A new thread often reports before its maker does, who is to be named: until then
 * it waits.  True: it has done so. */
static bool announce(struct tracee *t, pid_t parent)
{
	bool waited = t->unannounced && t->state == TRACEE_STANDS;

	if (t->unannounced && !t->foreign)
		tell_born(t->target, t->tid, parent);
	t->unannounced = false;
	return waited;
}

/* status -1: not known. */
static enum outcome ended(struct tracee *t, int status)
{
	struct target *tg = t->target;

	if (t->tid == tg->id.pid && !t->foreign) {
		target_exited(tg, status);
		return GONE;
	}
	announce(t, 0);
	run_ended(t);
	kin_vfork_done(t);
	if (!t->foreign)
		tell_thread_exited(tg, t->tid, status);
	tracee_remove(t);
	/* The first thread was detached before, and has ended the process. */
	if (tg->leaving && !tg->count) {
		trace_left(tg);
		return GONE;
	}
	return REMOVED;
}

static pid_t event_message(const struct tracee *t)
{
	unsigned long msg = 0;

	ptrace(PTRACE_GETEVENTMSG, t->tid, 0, &msg);
	return (pid_t)msg;
}

/* A thread made another (or a process: see kin.h).  The new one if it has waited for
 * this, or NULL. */
static struct tracee *cloned(struct tracee *t)
{
	struct target *tg = t->target;
	pid_t tid = event_message(t);
	struct tracee *e = tid > 0 ? tracee_by_tid(tg->tracer, tid) : NULL;

	if (e)
		return announce(e, t->tid) ? e : NULL;
	if (tid <= 0 || !target_has_thread(tg, tid))
		return NULL;
	e = tracee_add(tg, tid);
	if (!e)
		return NULL;
	e->born = e->unannounced = true;
	e->held = t->held || tg->hold_all;
	announce(e, t->tid);
	return NULL;
}

/* All other threads are gone; memory and architecture are new. */
static void executed(struct tracee *t)
{
	struct target *tg = t->target;
	pid_t former = event_message(t);
	const struct tracee *caller = tracee_by_tid(tg->tracer, former);
	struct tracee *next;
	struct fault f = {0};

	if (caller && caller->target == tg)
		t->held = caller->held;
	caught_executed(t, caller);
	kin_executed(tg);
	tg->hold_all = false;
	for (struct tracee *e = tg->first; e; e = next) {
		next = e->next;
		if (e != t && !e->foreign)
			tracee_remove(e);
	}
	run_tell_counts(tg);
	run_executed(tg);
	mem_close(tg);
	journal_executed(tg->tracer->journal, tg->journal);
	proc_relive(&tg->id);
	tg->leader_dead = false;
	if (tg->death)
		event_free(tg->death);
	tg->death = NULL;
	tg->arch = proc_arch(tg->id.live);
	if (!tg->arch)
		tg->arch = regs_arch(t->tid);
	tell_executed(tg, former);
	launch_executed(tg, t);
	if (tg->handle && bounds_check(&tg->tracer->bounds, &tg->id, &f) != E_OK) {
		tg->why = E_BOUNDS;
		tg->kin.leave = true;
	}
	target_hand_over(tg);
}

/* It stands and nobody wants it to. */
void trace_pass(struct tracee *t)
{
	struct target *tg = t->target;
	int sig = tracee_signal(t);

	if (sig && target_wants(tg->report_signals, sig) && !t->reported)
		tell_signalled(t, sig);
	trace_go(t, t->deliver - 1);
}

/* A thread stands that the host wants to: if its stop was reported without it, it
 * gets one of its own. */
static void late(struct target *tg)
{
	tg->push = true;
	if (!tg->since_ms)
		tg->since_ms = now_ms();
}

/* A child of the target's: none of its threads. */
static enum outcome child_stands(struct tracee *t)
{
	static const enum outcome outcomes[] = {
	    [KIN_WAITS] = SAME,
	    [KIN_LEFT] = REMOVED,
	    [KIN_LAST] = GONE,
	};

	return outcomes[kin_stands(t)];
}

/* It stands: does the host hear of that, and who stands with it?  caught: at an event that
 * it asked for. */
static void hold(struct tracee *t, enum run_verdict does, bool caught)
{
	struct target *tg = t->target;
	bool ran = does == RUN_STOPS;
	uint8_t scope = ran ? t->scope : tg->stop_scope;
	int sig = tracee_signal(t);
	bool given = sig && sig == t->given;

	if (given)
		t->given = 0;
	if (tg->leaving || !(caught || ran || (!given && target_wants(tg->stop_signals, sig))))
		return;
	t->cause = true;
	trace_hold(tg, scope == WIRE_STOPS_THREAD ? t : NULL);
}

/* An instruction that failed fails again by itself. */
static bool comes_again(const siginfo_t *si)
{
	int sig = si->si_signo;

	return si->si_code > 0 &&
	       (sig == SIGSEGV || sig == SIGBUS || sig == SIGILL || sig == SIGFPE);
}

/* It is going to stand with a signal that nobody but us has any more. */
static void note_signal(const struct tracee *t)
{
	siginfo_t si;

	if (tracee_signal(t) && ptrace(PTRACE_GETSIGINFO, t->tid, 0, &si) == 0 && !comes_again(&si))
		journal_signal(t->target->journal, t->tid, &si);
}

static enum outcome stopped(struct tracee *t, int status)
{
	struct target *tg = t->target;
	enum outcome out = SAME;
	int event = status >> 16;
	struct tracee *new = NULL;
	enum run_verdict does;
	bool left, caught;

	t->status = status;
	t->state = TRACEE_STANDS;
	t->asked = t->reported = false;
	if (t->foreign)
		return child_stands(t);
	does = run_stopped(t);
	if (does == RUN_AGAIN)
		return SAME;
	if (event == PTRACE_EVENT_CLONE)
		new = cloned(t);
	if (event == PTRACE_EVENT_EXEC) {
		executed(t);
		out = CHANGED;
	}
	if (event == PTRACE_EVENT_STOP)
		job_report(t);
	caught = caught_stopped(t, &left) == CAUGHT_STOPS;
	if (left)
		out = CHANGED;
	if (tg->killed) {
		trace_run(t, PTRACE_CONT, 0);
		return out;
	}
	hold(t, does, caught);
	if (tracee_has_to_stand(t))
		note_signal(t);
	/* Not before: its birth may be what all are to stand for. */
	if (new && !tracee_has_to_stand(new))
		trace_pass(new);
	if (!tracee_has_to_stand(t)) {
		if (!t->unannounced && !t->kin.waits && !tg->kin.leave)
			trace_pass(t);
	} else if (tg->leaving && !tg->snapshot)
		return trace_detach(t) ? GONE : out == CHANGED ? CHANGED : REMOVED;
	else if (t->held)
		late(tg);
	return out;
}

static enum outcome report(struct tracee *t, int status)
{
	struct journal *j = t->target->tracer->journal;
	enum outcome out;

	j->waited = t->tid;
	j->beats++;
	out = WIFSTOPPED(status) ? stopped(t, status) : ended(t, status);
	j->waited = 0;
	return out;
}

/* It went on without anybody having heard of it, and will be back at once. */
static bool is_brisk(const struct tracee *t)
{
	return t->brisk && t->state == TRACEE_RUNS && !t->asked && !t->target->since_ms;
}

static enum outcome reported(struct tracee *t, int status)
{
	enum outcome out = report(t, status);
	struct burst b;

	if (out != SAME || !is_brisk(t))
		return out;
	b = burst_begin();
	while (out == SAME && is_brisk(t) && burst_wait(&b, t->tid, &status))
		out = report(t, status);
	burst_end();
	return out;
}

static enum outcome ask(struct tracee *t)
{
	int status;
	pid_t got = waitpid(t->tid, &status, __WALL | WNOHANG);

	if (got == t->tid)
		return reported(t, status);
	if (got < 0 && errno == ECHILD) {
		/* It took another's place by execve(2), or was reaped against the rules. */
		return ended(t, -1);
	}
	return SAME;
}

/* ---- a group stop ------------------------------------------------------------------ */

/* Ask everyone who is missing; how many still are, -1 = the target is gone. */
static int ask_missing(struct target *tg, bool *progress)
{
	struct tracee *t = tg->first, *next;
	int missing = 0;

	for (; t; t = next) {
		enum outcome out;

		next = t->next;
		if (t->state == TRACEE_STANDS || !tracee_has_to_stand(t))
			continue;
		out = ask(t);
		if (out == GONE)
			return -1;
		if (out == CHANGED) {
			*progress = true;
			next = tg->first;
			missing = 0;
			continue;
		}
		if (out == SAME && t->state != TRACEE_STANDS)
			missing++;
		else
			*progress = true;
	}
	return missing;
}

/* A leader that ended before the others is a zombie until they have ended too, and
 * never stands. */
static bool leader_missing(struct target *tg)
{
	struct tracee *t = tracee_by_tid(tg->tracer, tg->id.pid);
	struct proc_stat st;

	if (!t || t->state == TRACEE_STANDS || !tracee_has_to_stand(t))
		return false;
	if (proc_stat(tg->id.dir, &st) != 0 || st.state != 'Z')
		return false;
	t->state = TRACEE_DEAD;
	tg->leader_dead = true;
	proc_relive(&tg->id);
	return true;
}

/* The last thread that could be detached is, and the dead leader needs none. */
static bool only_dead(const struct target *tg)
{
	return tg->leaving && tg->count == 1 && tg->first->state == TRACEE_DEAD;
}

static void serve_wishes(struct target *tg, int missing)
{
	uint64_t waited = now_ms() - tg->since_ms;

	if (missing && waited < STOP_BOUND_MS) {
		trace_tick(tg);
		return;
	}
	if (!missing || now_ms() - tg->alone_ms >= STOP_BOUND_MS)
		run_alone(tg);
	if (tg->snapshot && snapshot_ready(tg))
		return; /* the target was the snapshot's own */
	if (tg->leaving && trace_detach_standing(tg))
		return;
	if (tg->push)
		trace_push(tg);
	if (tg->leaving && tg->leave_reply && waited >= DETACH_BOUND_MS) {
		reply_fail_code(tg->leave_reply, E_BUSY);
		tg->leave_reply = NULL;
	}
	/* Those let go here may want to step alone. */
	if (missing || (tg->alone && tg->alone->state == TRACEE_STANDS))
		trace_tick(tg);
	else
		tg->since_ms = 0;
}

void trace_collect(struct target *tg)
{
	int missing = 0;

	if (!tg->since_ms)
		return;
	for (unsigned pass = 0; pass < QUICK_PASSES; pass++) {
		bool progress = false;

		/* On a machine that is busy the passes can take seconds. */
		tg->tracer->journal->beats++;
		missing = ask_missing(tg, &progress);
		if (missing <= 0)
			break;
		if (!progress)
			sched_yield();
	}
	if (missing < 0)
		return;
	if (missing && leader_missing(tg))
		missing--;
	if (!missing && only_dead(tg))
		trace_left(tg);
	else
		serve_wishes(tg, missing);
}

void trace_on_timer(evutil_socket_t fd, short what, void *arg)
{
	const struct target *tg = arg;
	struct tracer *t = tg->tracer;

	(void)fd;
	(void)what;
	trace_changed(t);
	serve_pump(t->serve);
}

/* ---- anything, anywhere ---------------------------------------------------------------- */

/* A first thread that ended while an earlier target of its process traced it. */
static void ended_unlisted(struct tracer *t, pid_t tid, int status)
{
	struct target *tg = t->targets;

	while (tg && !(tg->id.pid == tid && tg->leader_dead))
		tg = tg->next;
	if (tg)
		target_exited(tg, status);
}

/* Nobody knows it: a new thread that reports before its maker does, or a stranger
 * the kernel attached. */
static void unknown(struct tracer *t, pid_t tid, int status)
{
	struct target *tg = t->targets;
	struct tracee *e;

	if (!WIFSTOPPED(status)) {
		ended_unlisted(t, tid, status);
		return;
	}
	while (tg && !target_has_thread(tg, tid))
		tg = tg->next;
	if (!tg && kin_stranger(t, tid, status))
		return;
	if (!tg) {
		/* With the signal it may be about to get, which is none of ours. */
		ptrace(PTRACE_DETACH, tid, 0, status >> 16 ? 0 : WSTOPSIG(status));
		return;
	}
	e = tracee_add(tg, tid);
	if (!e)
		return;
	if (status >> 16 != PTRACE_EVENT_EXEC) {
		e->born = true;
		e->held = tg->hold_all;
		e->unannounced = true;
	}
	reported(e, status);
}

/* False: nothing has been reported. */
static bool take_any(struct tracer *t)
{
	int status;
	pid_t tid = waitpid(-1, &status, __WALL | WNOHANG);
	struct tracee *e;

	if (tid <= 0)
		return false;
	e = tracee_by_tid(t, tid);
	if (e)
		reported(e, status);
	else
		unknown(t, tid, status);
	return true;
}

/* Those that stand, too: they can still be killed. */
static void ask_all_of(struct target *tg)
{
	struct tracee *t = tg->first, *next;

	for (; t; t = next) {
		enum outcome out;

		next = t->next;
		out = ask(t);
		if (out == GONE)
			return;
		if (out == CHANGED)
			next = tg->first;
	}
}

static void ask_everyone(struct tracer *t)
{
	struct target *next;

	for (struct target *tg = t->targets; tg; tg = next) {
		next = tg->next;
		ask_all_of(tg);
	}
}

/* Stops under way, and those that began on the way (a signal, a thread that was
 * late).  True: threads are still missing. */
static bool go_on_collecting(struct tracer *t)
{
	struct target *next;
	bool more = false;

	for (struct target *tg = t->targets; tg; tg = next) {
		next = tg->next;
		if (tg->kin.leave) {
			tg->kin.leave = false;
			trace_leave(tg, NULL);
			continue;
		}
		if (!tg->since_ms)
			continue;
		trace_halt(tg);
		trace_collect(tg);
	}
	for (const struct target *tg = t->targets; tg; tg = tg->next)
		more |= tg->since_ms != 0;
	return more;
}

/* Waiting for "any" costs a look at every thread for each that reports: when many
 * do, each is asked by its number instead.  False: there may be more. */
static bool take_all(struct tracer *t, bool collecting)
{
	for (unsigned n = 0; n < ANY_AT_ONCE; n++)
		if (!take_any(t) || collecting)
			return true;
	ask_everyone(t);
	return false;
}

void trace_changed(struct tracer *t)
{
	bool done = false, collecting = go_on_collecting(t);

	/* The timer of those that collect comes back here, so that nobody is forgotten
	 * who is not one of theirs. */
	for (unsigned round = 0; round < ROUNDS && !done; round++)
		done = take_all(t, collecting);
	go_on_collecting(t);
	/* Others get the loop; our own signal brings us back. */
	if (!done)
		raise(SIGCHLD);
}
