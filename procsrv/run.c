/* SPDX-License-Identifier: BSD-2-Clause */
#include "run.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "burst.h"
#include "kill_point.h"
#include "machine.h"
#include "patch.h"
#include "reply.h"
#include "run_parts.h"
#include "serve.h"
#include "slot.h"
#include "surely.h"
#include "target.h"
#include "trace_mem.h"
#include "trace_wait.h"
#include "tracer.h"
#include "watch.h"

enum {
	CAUSE_REC = 38,            /* bytes of a record */
	CAUSES_BYTES = 512 * 1024, /* of records for one stop */
	QUEUE = 16,                /* signals of a thread's queue looked at, at once ... */
	QUEUES = 8,                /* ... and so many times */
	BRISK_NS = 200 * 1000,
	CALL_STOP = SIGTRAP | 0x80 /* PTRACE_O_TRACESYSGOOD */
};

/* ---- registers -------------------------------------------------------------------- */

bool run_regs(struct tracee *t)
{
	if (!t->regs_known)
		t->regs_known = machine_get(t->tid, &t->regs) == 0;
	return t->regs_known;
}

void run_set_pc(struct tracee *t, uint64_t pc)
{
	machine_move(&t->regs, pc);
	machine_set_pc(t->tid, pc);
}

void run_steps(struct tracee *t)
{
	t->target->journal->stepped = 1;
	t->stepped = run_regs(t);
	t->steps_itself = t->stepped && machine_steps_itself(&t->regs);
	if (t->stepped)
		t->from = (struct arrival){machine_pc(&t->regs), machine_sp(&t->regs)};
}

void run_hush(struct tracee *t)
{
	t->status = PTRACE_EVENT_STOP << 16 | SIGTRAP << 8 | 0x7f;
}

void run_writes(struct tracee *t)
{
	run_regs(t);
}

void run_written(struct tracee *t)
{
	uint64_t before = t->regs_known ? machine_pc(&t->regs) : 0;
	bool come = t->regs_known && arrival_take(t, before);

	t->regs_known = false;
	if (!run_regs(t))
		return;
	if (machine_pc(&t->regs) != before)
		t->since = ++t->target->moment;
	else if (come)
		arrival_add(t, before);
}

/* ---- causes ------------------------------------------------------------------------- */

void run_cause(struct target *tg, const struct wire_rec_cause *cause)
{
	if (!tg->causes.max)
		buf_init(&tg->causes, CAUSES_BYTES);
	if (tg->causes.len + CAUSE_REC <= CAUSES_BYTES)
		wire_put_cause(&tg->causes, cause);
}

static void encode_causes(struct pack *p, struct buf *out)
{
	const struct target *tg = p->arg;
	struct wire_causes m = {.generation = tg->generation, .causes = pack_list(p, 0)};

	wire_encode_causes(out, &m);
}

void run_tell_causes(struct target *tg)
{
	struct span rest = span_buf(&tg->causes);
	struct wire_rec_cause c;
	struct reply *r;
	struct pack p;

	if (!rest.n)
		return;
	r = serve_event(tg->tracer->serve, WIRE_causes, tg->handle);
	if (r) {
		pack_init(&p, r, 12, encode_causes, tg);
		while (wire_next_cause(&rest, &c))
			wire_put_cause(pack_room(&p, 0, CAUSE_REC), &c);
		pack_flush(&p);
		pack_free(&p);
		reply_done(r);
	}
	buf_reset(&tg->causes);
}

void run_tell_counts(struct target *tg)
{
	const struct patches *ps = tg->patches;

	for (unsigned i = 0; tg->handle && ps && i < ps->npatches; i++)
		if (ps->all[i]->ignore && ps->all[i]->hits)
			run_cause(tg, &(struct wire_rec_cause){
					  .patch = ps->all[i]->id, .hits = ps->all[i]->hits});
	if (tg->handle)
		run_tell_causes(tg);
}

/* ---- what a stop means ---------------------------------------------------------------- */

static struct site *trapped_at(const struct tracee *t)
{
	const struct machine *m = t->target->patches->machine;

	return site_at(t->target, machine_pc(&t->regs) - m->trap_behind);
}

/* A trap of our making: where we have planted something, or of a step that we wanted. */
static bool is_ours(const struct tracee *t, const siginfo_t *si, bool stepped)
{
	if (si->si_signo != SIGTRAP)
		return false;
	switch (machine_trap(si)) {
	case TRAPPED_BREAK:
		return t->target->patches && trapped_at(t);
	case TRAPPED_STEP:
		return stepped;
	case TRAPPED_WATCH:
		return t->debugregs != 0;
	case TRAPPED_ALIEN:
		break;
	}
	return false;
}

/* The kernel has such a one in the thread's queue, which nobody has seen: the stop it was
 * asked for comes first. */
static bool trap_queued(const struct tracee *t, bool stepped)
{
	struct __ptrace_peeksiginfo_args args = {.nr = QUEUE};
	siginfo_t si[QUEUE];

	for (unsigned round = 0; round < QUEUES; round++) {
		long n = ptrace(PTRACE_PEEKSIGINFO, t->tid, &args, si);

		for (long i = 0; i < n; i++)
			if (is_ours(t, &si[i], stepped))
				return true;
		if (n < QUEUE)
			break;
		args.off += QUEUE;
	}
	return false;
}

/* With its pc behind our byte it would be shown where it is not, and what it is told to do
 * next would end with an old trap: it takes it now. */
static enum run_verdict take_trap(struct tracee *t, uint8_t pass, bool stepped)
{
	bool held = t->held, cause = t->cause;

	t->rejoin = tracee_in_group_stop(t);
	trace_run(t, PTRACE_CONT, 0);
	t->held = held;
	t->cause = cause;
	t->pass = pass;
	t->stepped = stepped;
	t->asked = true;
	return RUN_AGAIN;
}

/* A call the kernel will repeat comes to its instruction once more, and is no other. */
static void mark_restart(struct tracee *t)
{
	uint64_t addr;

	if (machine_restarts(&t->regs, &addr) && site_at(t->target, addr))
		arrival_add(t, addr);
}

/* The processor's own flag for stepping must not stay behind in the program. */
static void mend_flags(struct tracee *t)
{
	const struct arrival from = t->from;
	uint8_t bytes[4];
	uint32_t flags, bits;
	uint64_t at, sp = machine_sp(&t->regs);
	int err;

	t->from = (struct arrival){0};
	/* Few instructions push anything: the others need not be read. */
	if (from.sp <= sp || from.sp - sp > sizeof(uint64_t))
		return;
	at = machine_saved_flags(&t->regs, from.sp, bytes,
	    mem_read_one(t->target, from.pc, bytes, sizeof(bytes)), &bits);
	if (!at || mem_read_raw(t->target, at, &flags, sizeof(flags)) != sizeof(flags))
		return;
	flags &= ~bits;
	mem_write_raw(t->target, at, &flags, sizeof(flags), &err);
}

/* fired: by which debug registers besides. */
static enum run_verdict step_done(struct tracee *t, uint32_t fired)
{
	uint64_t pc = machine_pc(&t->regs);
	struct site *s = site_at(t->target, pc);
	bool stops = fired && watch_hit(t, fired);

	run_hush(t);
	mend_flags(t);
	if (t->action == WIRE_RESUME_CONT && !stops)
		return RUN_QUIET;
	if (s && s->planted && !arrival_is(t, pc)) {
		stops |= hit_site(t, s);
		arrival_add(t, pc);
	}
	if (stops || watch_come(t)) {
		t->reason = WIRE_STOP_PATCH;
		return RUN_STOPS;
	}
	if (t->action == WIRE_RESUME_RANGE && pc >= t->lo && pc < t->hi)
		return RUN_QUIET;
	t->reason = WIRE_STOP_STEP;
	t->scope = t->step_scope;
	return RUN_STOPS;
}

/* It has executed a breakpoint instruction; own: where it stepped alone, with ours lifted. */
static enum run_verdict broke(struct tracee *t, const struct site *own)
{
	struct site *s = t->target->patches ? trapped_at(t) : NULL;
	uint8_t now[TRAP_MAX];
	const struct machine *m;

	if (!s || s == own)
		return RUN_AS_IT_IS;
	m = t->target->patches->machine;
	/* Lifted long ago, and one of the program's own stands there. */
	if (!s->patches && mem_read_raw(t->target, s->addr, now, m->trap_len) == m->trap_len &&
	    memcmp(now, m->trap, m->trap_len) == 0)
		return RUN_AS_IT_IS;
	KILL_POINT("hit-taken");
	run_set_pc(t, s->addr);
	KILL_POINT("hit-moved-back");
	run_hush(t);
	if (!s->patches || arrival_is(t, s->addr))
		return RUN_QUIET;
	arrival_add(t, s->addr);
	if (!hit_site(t, s))
		return RUN_QUIET;
	t->reason = WIRE_STOP_PATCH;
	return RUN_STOPS;
}

static enum run_verdict watched(struct tracee *t, uint32_t fired)
{
	/* One that was set no more: it was late. */
	if (!fired && !t->debugregs)
		return RUN_AS_IT_IS;
	run_hush(t);
	if (!watch_hit(t, fired))
		return RUN_QUIET;
	t->reason = WIRE_STOP_PATCH;
	return RUN_STOPS;
}

static enum machine_trap kind_of(const struct tracee *t)
{
	siginfo_t si;

	return ptrace_surely(PTRACE_GETSIGINFO, t->tid, 0, (uintptr_t)&si) == 0 ? machine_trap(&si)
										: TRAPPED_ALIEN;
}

static enum run_verdict trapped(
    struct tracee *t, enum machine_trap kind, bool stepped, const struct site *own)
{
	uint32_t fired;

	switch (kind) {
	case TRAPPED_BREAK:
		return broke(t, own);
	case TRAPPED_STEP:
		fired = watch_fired(t);
		return stepped ? step_done(t, fired) : fired ? watched(t, fired) : RUN_AS_IT_IS;
	case TRAPPED_WATCH:
		return watched(t, watch_fired(t));
	case TRAPPED_ALIEN:
		break;
	}
	return RUN_AS_IT_IS;
}

/* No signal of a program's: an event, or the entry of a call. */
static enum run_verdict event(struct tracee *t, uint8_t pass)
{
	bool asked = t->status >> 16 == PTRACE_EVENT_STOP;

	if (pass == PASS_JUMP && asked && !tracee_in_group_stop(t))
		return step_done(t, 0);
	mark_restart(t);
	return RUN_AS_IT_IS;
}

/* Where it was stepping alone, that is over; the place, NULL = it was not. */
static const struct site *end_alone(struct tracee *t, bool done)
{
	const struct site *at = t->target->alone == t ? t->target->alone_at : NULL;

	if (at)
		pass_alone_over(t, done);
	return at;
}

static enum run_verdict judge(struct tracee *t)
{
	struct target *tg = t->target;
	uint8_t pass = t->pass;
	bool stepped = t->stepped, trap = t->status >> 8 == SIGTRAP;
	bool call = t->status >> 8 == CALL_STOP;
	enum machine_trap kind = TRAPPED_ALIEN;
	const struct site *own;

	t->regs_known = t->stepped = false;
	t->reason = WIRE_STOP_REQUEST;
	t->scope = WIRE_STOPS_THREAD;
	t->pass = PASS_NONE;
	t->since = ++tg->moment;
	if ((!tg->patches && !stepped && !pass) || t->status >> 16 == PTRACE_EVENT_EXEC)
		return RUN_AS_IT_IS;
	if (!run_regs(t)) {
		end_alone(t, false);
		return RUN_AS_IT_IS;
	}
	if (stepped && !t->steps_itself && machine_steps_itself(&t->regs))
		machine_unstep(t->tid, &t->regs);
	pass_put_back(t);
	if (t->status >> 16 == PTRACE_EVENT_STOP && trap_queued(t, stepped))
		return take_trap(t, pass, stepped);
	if (trap)
		kind = kind_of(t);
	if (pass == PASS_FRAME && kind == TRAPPED_STEP)
		arrival_broken_off(t);
	own = end_alone(t, call || kind == TRAPPED_STEP || kind == TRAPPED_BREAK);
	if (call)
		return RUN_AS_IT_IS;
	if (trap)
		return trapped(t, kind, stepped, own);
	if (!tracee_signal(t))
		return event(t, pass);
	mark_restart(t);
	return RUN_AS_IT_IS;
}

enum run_verdict run_stopped(struct tracee *t)
{
	enum run_verdict does = judge(t);

	t->brisk = does == RUN_QUIET && burst_now_ns() - t->went_ns < BRISK_NS;
	return does;
}

/* ---- going on ----------------------------------------------------------------------------- */

/* It has been counted where it stands, or what stands there was planted under it.  One in
 * a call that is repeated is not really there: the kernel will put it back. */
static bool has_come(struct tracee *t, const struct site *s)
{
	uint64_t call;

	if (s->since > t->since && !machine_restarts(&t->regs, &call))
		arrival_add(t, s->addr);
	return arrival_is(t, s->addr);
}

/* Its registers are those of a system call it is in: its entry, or an event in it. */
static bool is_in_call(const struct tracee *t)
{
	int event = t->status >> 16;

	return (event && event != PTRACE_EVENT_STOP) || t->status >> 8 == CALL_STOP;
}

/* Not in a call, nor broken off in one, when the kernel would put its pc back. */
static bool is_free(const struct tracee *t)
{
	uint64_t call;

	return !is_in_call(t) && !machine_restarts(&t->regs, &call);
}

/* It goes on from where nothing (more) is planted. */
static void leave_unpatched(struct tracee *t)
{
	uint64_t pc = machine_pc(&t->regs);

	if (!watch_breaks_at(t->target, pc))
		arrival_take(t, pc);
}

/* It was counted at the instruction of a call that the kernel may repeat. */
static bool is_amid_call(const struct tracee *t)
{
	uint64_t addr;

	return machine_restarts(&t->regs, &addr) && arrival_is(t, addr);
}

void run_on(struct tracee *t, int sig)
{
	bool steps = t->action != WIRE_RESUME_CONT;
	struct site *s = NULL;

	t->went_ns = burst_now_ns();
	t->brisk |= steps;
	if (t->rejoin) {
		ptrace(PTRACE_INTERRUPT, t->tid, 0, 0);
		t->rejoin = false;
	}
	if (t->target->patches && run_regs(t)) {
		s = site_at(t->target, machine_pc(&t->regs));
		if (!s || !s->planted)
			leave_unpatched(t);
		else if (has_come(t, s) && !sig && is_free(t)) {
			pass_on(t, s);
			return;
		}
	}
	if (sig && t->regs_known && is_amid_call(t)) {
		t->pass = PASS_FRAME;
		steps = true;
	}
	if (steps)
		run_steps(t);
	trace_run(t, steps ? PTRACE_SINGLESTEP : PTRACE_CONT, sig);
}

/* ---- ends --------------------------------------------------------------------------------- */

void run_ended(struct tracee *t)
{
	t->regs_known = false;
	t->state = TRACEE_DEAD;
	pass_alone_over(t, false);
}

void run_free(struct target *tg)
{
	patches_free(tg);
	buf_free(&tg->causes);
}

void run_executed(struct target *tg)
{
	tg->alone = NULL;
	tg->alone_at = NULL;
	run_free(tg);
	watch_forget(tg);
	for (struct tracee *t = tg->first; t; t = t->next) {
		memset(t->arrivals, 0, sizeof(t->arrivals));
		t->action = WIRE_RESUME_CONT;
		t->pass = PASS_NONE;
		t->ticket = 0;
		t->stepped = t->regs_known = false;
	}
}

void run_leave(struct target *tg)
{
	if (tg->alone_at)
		site_restore(tg, tg->alone_at);
	tg->alone = NULL;
	tg->alone_at = NULL;
	patch_remove_all(tg);
	buf_reset(&tg->causes);
}

/* Nobody else is left who could be in a slot. */
static bool is_last(const struct tracee *t)
{
	for (const struct tracee *e = t->target->first; e; e = e->next)
		if (e != t && !e->foreign && e->state != TRACEE_DEAD)
			return false;
	return true;
}

static bool is_to_unmap(const struct tracee *t)
{
	return t->target->patches && slots_any(t->target->patches) && is_last(t);
}

bool run_leaves_call(struct tracee *t)
{
	if (!is_to_unmap(t) || !is_in_call(t) || t->status >> 16 == PTRACE_EVENT_VFORK)
		return false;
	ptrace(PTRACE_INTERRUPT, t->tid, 0, 0);
	trace_run(t, PTRACE_CONT, 0);
	t->asked = true;
	return true;
}

void run_detach(struct tracee *t)
{
	watch_load(t);
	if (is_to_unmap(t))
		t->target->slots_left = tracee_in_group_stop(t) || is_in_call(t) || !slots_unmap(t);
}
