/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sources: ptrace(2), clone(2).
 */
#include "caught.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "handlers.h"
#include "kin.h"
#include "launch.h"
#include "machine.h"
#include "run.h"
#include "target.h"
#include "trace_wait.h"

static unsigned long event_message(const struct tracee *t)
{
	unsigned long msg = 0;

	ptrace(PTRACE_GETEVENTMSG, t->tid, 0, &msg);
	return msg;
}

/* ---- going on ---------------------------------------------------------------------- */

uint32_t caught_options(const struct target *tg)
{
	uint32_t options = PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK |
			   PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACESYSGOOD;

	if (tg->caught.events & WIRE_CATCH_EXIT)
		options |= PTRACE_O_TRACEEXIT;
	return options | (uint32_t)launch_options(tg);
}

/* A new thread has its maker's, which may be old. */
void caught_set_options(struct tracee *t)
{
	uint32_t options = caught_options(t->target);

	if (t->caught.options != options && ptrace(PTRACE_SETOPTIONS, t->tid, 0, options) == 0)
		t->caught.options = options;
}

enum __ptrace_request caught_request(struct tracee *t, enum __ptrace_request request)
{
	caught_set_options(t);
	if (request != PTRACE_CONT)
		return request;
	if (t->target->caught.events & WIRE_CATCH_SYSCALL)
		return PTRACE_SYSCALL;
	t->caught.in_syscall = false;
	return PTRACE_CONT;
}

/* ---- what happened ------------------------------------------------------------------- */

static enum caught_verdict tell(
    struct tracee *t, enum wire_caught event, enum wire_reason reason, int64_t value)
{
	struct target *tg = t->target;
	struct wire_rec_cause cause = {.tid = (uint64_t)t->tid, .value = value};

	if (!(tg->caught.events & event) || tg->leaving || tg->killed)
		return CAUGHT_QUIET;
	t->reason = (uint8_t)reason;
	run_cause(tg, &cause);
	return CAUGHT_STOPS;
}

bool caught_at_syscall(const struct tracee *t)
{
	return t->status >> 16 == 0 && WSTOPSIG(t->status) == (SIGTRAP | 0x80);
}

/* Numbers of another architecture's table (int $0x80 in a 64-bit program) are no
 * numbers of the set. */
static bool wanted(const struct target *tg, uint32_t arch, int64_t number)
{
	const struct caught *c = &tg->caught;

	if (c->every)
		return true;
	return arch == tg->arch && number >= 0 && number < SYSCALLS_MAX &&
	       (c->syscalls[number / 64] >> (number % 64) & 1);
}

static enum caught_verdict at_syscall(struct tracee *t)
{
	struct __ptrace_syscall_info info;
	bool entry;

	memset(&info, 0, sizeof(info));
	if (ptrace(PTRACE_GET_SYSCALL_INFO, t->tid, sizeof(info), &info) <= 0)
		return CAUGHT_QUIET;
	entry = info.op == PTRACE_SYSCALL_INFO_ENTRY;
	if (entry)
		t->caught.syscall = (int64_t)info.entry.nr;
	else if (!t->caught.in_syscall)
		/* It was in one already when it was asked for. */
		t->caught.syscall = machine_syscall(t->tid);
	t->caught.in_syscall = entry;
	if (!wanted(t->target, info.arch, t->caught.syscall))
		return CAUGHT_QUIET;
	return tell(
	    t, WIRE_CATCH_SYSCALL, entry ? WIRE_STOP_SYSCALL : WIRE_STOP_SYSRET, t->caught.syscall);
}

static enum caught_verdict on_fork(struct tracee *t, bool *left)
{
	pid_t pid = (pid_t)event_message(t);

	*left = kin_made(t, pid, false);
	return tell(t, WIRE_CATCH_FORK, WIRE_STOP_FORK, pid);
}

static enum caught_verdict on_vfork(struct tracee *t, bool *left)
{
	pid_t pid = (pid_t)event_message(t);

	*left = kin_made(t, pid, true);
	return tell(t, WIRE_CATCH_VFORK, WIRE_STOP_VFORK, pid);
}

static enum caught_verdict on_vfork_done(struct tracee *t, bool *left)
{
	(void)left;
	kin_vfork_done(t);
	return tell(t, WIRE_CATCH_VFORK, WIRE_STOP_VFORK_DONE, (pid_t)event_message(t));
}

/* A new thread; or a process whose end is told by another signal than SIGCHLD. */
static enum caught_verdict on_clone(struct tracee *t, bool *left)
{
	pid_t tid = (pid_t)event_message(t);
	const struct tracee *new = tracee_by_tid(t->target->tracer, tid);

	if ((new && !new->foreign) || target_has_thread(t->target, tid))
		return tell(t, WIRE_CATCH_CLONE, WIRE_STOP_CLONE, tid);
	return on_fork(t, left);
}

static enum caught_verdict on_exec(struct tracee *t, bool *left)
{
	(void)left;
	return tell(t, WIRE_CATCH_EXEC, WIRE_STOP_EXEC, 0);
}

static enum caught_verdict on_exit(struct tracee *t, bool *left)
{
	(void)left;
	return tell(t, WIRE_CATCH_EXIT, WIRE_STOP_EXIT, (int64_t)event_message(t));
}

static enum caught_verdict (*const events[])(struct tracee *t, bool *left) = {
    [PTRACE_EVENT_FORK] = on_fork,
    [PTRACE_EVENT_VFORK] = on_vfork,
    [PTRACE_EVENT_CLONE] = on_clone,
    [PTRACE_EVENT_EXEC] = on_exec,
    [PTRACE_EVENT_VFORK_DONE] = on_vfork_done,
    [PTRACE_EVENT_EXIT] = on_exit,
};

enum caught_verdict caught_stopped(struct tracee *t, bool *left)
{
	size_t event = (size_t)(t->status >> 16);

	*left = false;
	if (caught_at_syscall(t))
		return at_syscall(t);
	if (event >= sizeof(events) / sizeof(events[0]) || !events[event])
		return CAUGHT_NOT;
	return events[event](t, left);
}

void caught_executed(struct tracee *t, const struct tracee *caller)
{
	if (caller)
		t->caught = caller->caught;
}

/* ---- the request ------------------------------------------------------------------------ */

static int syscalls_of(struct span list, struct caught *c)
{
	struct wire_rec_number n;

	c->every = list.n == 0;
	while (wire_next_number(&list, &n)) {
		if (n.number >= SYSCALLS_MAX)
			return E_MALFORMED;
		c->syscalls[n.number / 64] |= 1ULL << (n.number % 64);
	}
	return E_OK;
}

/* Options can only be set while a thread stands, and how it goes on is said when it does:
 * so all that run stand for a moment. */
static void nudge_all(struct target *tg)
{
	for (struct tracee *t = tg->first; t; t = t->next)
		trace_nudge(t);
}

int on_catch(struct call *c)
{
	struct target *tg = c->target;
	struct caught new = {.asked = true};
	struct wire_catch m;
	const uint32_t live = WIRE_CATCH_EXIT | WIRE_CATCH_SYSCALL;
	uint32_t changed;

	wire_decode_catch(c->body, &m);
	if (tg->how == WIRE_ATTACH_LOOK || tg->leaving)
		return E_STATE;
	if (m.events & ~(WIRE_CATCH_SYSCALL * 2u - 1) || m.follow > WIRE_FOLLOW_BOTH ||
	    syscalls_of(m.syscalls, &new) != E_OK)
		return E_MALFORMED;
	new.events = m.events;
	new.follow = m.follow;
	changed = tg->caught.events ^ new.events;
	tg->caught = new;
	if (changed & live)
		nudge_all(tg);
	serve_ok(c->reply);
	return E_OK;
}
