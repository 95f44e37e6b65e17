/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Going on over a patch.  In order of preference: a jump or call is done by us; the
 * instruction runs in its slot; it steps in its place, with the byte lifted and all others
 * standing.  A system call runs in its slot as far as its entry, where the thread is put
 * behind the original: the call may block, fork, or be repeated from there.
 */
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "common/heart.h"
#include "kill_point.h"
#include "machine.h"
#include "patch.h"
#include "run.h"
#include "run_parts.h"
#include "slot.h"
#include "target.h"
#include "trace_mem.h"
#include "trace_wait.h"

/* ---- arrivals ----------------------------------------------------------------------- */

/* One without a pc is free: nothing is planted at address 0. */
static struct arrival *find_arrival(const struct tracee *t, uint64_t pc)
{
	uint64_t sp = machine_sp(&t->regs);

	for (unsigned i = 0; i < ARRIVALS; i++)
		if (t->arrivals[i].pc == pc && t->arrivals[i].sp == sp)
			return (struct arrival *)&t->arrivals[i];
	return NULL;
}

/* The oldest gives way: a handler that never returned has left it. */
void arrival_add(struct tracee *t, uint64_t pc)
{
	if (find_arrival(t, pc))
		return;
	memmove(t->arrivals + 1, t->arrivals, sizeof(t->arrivals) - sizeof(t->arrivals[0]));
	t->arrivals[0] = (struct arrival){pc, machine_sp(&t->regs)};
}

bool arrival_is(const struct tracee *t, uint64_t pc)
{
	return find_arrival(t, pc) != NULL;
}

bool arrival_take(struct tracee *t, uint64_t pc)
{
	struct arrival *a = find_arrival(t, pc);

	if (a)
		*a = (struct arrival){0};
	return a != NULL;
}

static bool read_for(void *arg, uint64_t addr, void *to, size_t n)
{
	return mem_read_one(arg, addr, to, n) == n;
}

void arrival_broken_off(struct tracee *t)
{
	uint64_t pc, sp, call;

	if (!machine_frame(&t->regs, read_for, t->target, &pc, &sp))
		return;
	call = pc - sizeof(t->target->patches->machine->call.insn);
	for (unsigned i = 0; i < ARRIVALS; i++)
		if (t->arrivals[i].pc == call && t->arrivals[i].sp == sp)
			t->arrivals[i] = (struct arrival){0};
}

/* ---- slots ---------------------------------------------------------------------------- */

/* The kernel says where an instruction failed: not in a slot. */
static void put_back_fault(struct tracee *t)
{
	int sig = tracee_signal(t);
	const struct site *s;
	siginfo_t si;

	if (sig != SIGSEGV && sig != SIGBUS && sig != SIGILL && sig != SIGFPE)
		return;
	if (ptrace(PTRACE_GETSIGINFO, t->tid, 0, &si) != 0 || si.si_code <= 0)
		return;
	s = slot_of(t->target, (uint64_t)(uintptr_t)si.si_addr);
	if (!s)
		return;
	/* An address of another process. NOLINTNEXTLINE(performance-no-int-to-ptr) */
	si.si_addr = (void *)(uintptr_t)s->addr;
	ptrace(PTRACE_SETSIGINFO, t->tid, 0, &si);
}

void pass_put_back(struct tracee *t)
{
	uint64_t pc = machine_pc(&t->regs);
	const struct site *s = slot_of(t->target, pc);

	if (!s)
		return;
	if (pc == s->slot) {
		run_set_pc(t, s->addr);
		arrival_add(t, s->addr);
	} else if (pc == s->slot + s->slot_len) {
		machine_called_from(&t->regs, s->slot, s->addr);
		machine_set(t->tid, &t->regs);
	}
	put_back_fault(t);
}

static void go_by_slot(struct tracee *t, const struct site *s, bool steps)
{
	bool enters = machine_is_syscall(&s->insn);

	t->pass = enters ? PASS_ENTRY : PASS_NONE;
	if (steps && !enters)
		run_steps(t);
	run_set_pc(t, s->slot);
	KILL_POINT("slot-entered");
	trace_run(t, enters ? PTRACE_SYSCALL : steps ? PTRACE_SINGLESTEP : PTRACE_CONT, 0);
}

/* ---- jumps ---------------------------------------------------------------------------- */

/* As the thread itself would: only where its mapping lets it write. */
static bool push(struct tracee *t, uint64_t sp, uint64_t value, unsigned width)
{
	struct iovec here = {&value, width};
	/* An address of another process. NOLINTNEXTLINE(performance-no-int-to-ptr) */
	struct iovec there = {(void *)(uintptr_t)sp, width};

	return process_vm_writev(t->tid, &here, 1, &there, 1, 0) == (ssize_t)width;
}

static bool jump(struct tracee *t, const struct site *s, bool steps)
{
	struct user_regs_struct r = t->regs;
	uint64_t back;

	if (s->insn.kind != WIRE_INSN_JUMP && s->insn.kind != WIRE_INSN_CALL)
		return false;
	if (s->insn.kind == WIRE_INSN_CALL && machine_keeps_returns(t->tid))
		return false;
	if (!machine_jump(&r, s->addr, &s->insn, read_for, t->target, &back))
		return false;
	if (back && !push(t, machine_sp(&r), back, t->target->patches->machine->width))
		return false;
	KILL_POINT("jump-begun");
	if (machine_set(t->tid, &r) != 0)
		return false;
	KILL_POINT("jump-done");
	/* A step ends there: it stands again before it does anything. */
	if (steps)
		ptrace(PTRACE_INTERRUPT, t->tid, 0, 0);
	trace_run(t, PTRACE_CONT, 0);
	t->pass = steps ? PASS_JUMP : PASS_NONE;
	t->from = (struct arrival){0};
	t->asked = steps;
	return true;
}

/* ---- alone ------------------------------------------------------------------------------ */

static struct tracee *next_turn(struct target *tg)
{
	struct tracee *next = NULL;

	for (struct tracee *t = tg->first; t; t = t->next)
		if (t->ticket && t->state == TRACEE_STANDS && tracee_may_go(t) &&
		    (!next || t->ticket < next->ticket))
			next = t;
	return next;
}

static void halt_others(struct target *tg)
{
	tg->alone_ms = now_ms();
	trace_halt(tg);
}

/* The turn is another's, or all go on, but the one that is just being seen to. */
static void next_alone(struct target *tg, const struct tracee *busy)
{
	struct tracee *next;

	tg->alone_at = NULL;
	tg->alone = next_turn(tg);
	if (tg->alone) {
		halt_others(tg);
		return;
	}
	for (struct tracee *t = tg->first; t; t = next) {
		next = t->next;
		if (t != busy && t->state == TRACEE_STANDS && !t->unannounced &&
		    !tracee_has_to_stand(t))
			trace_pass(t);
	}
}

void run_alone(struct target *tg)
{
	struct tracee *t = tg->alone;
	struct site *s;
	bool enters;

	if (!t || t->state != TRACEE_STANDS)
		return;
	s = tracee_may_go(t) && run_regs(t) ? site_at(tg, machine_pc(&t->regs)) : NULL;
	t->ticket = 0;
	if (!s || !s->planted || !site_suspend(tg, s)) {
		next_alone(tg, NULL);
		return;
	}
	KILL_POINT("alone-lifted");
	enters = machine_is_syscall(&s->insn);
	arrival_take(t, s->addr);
	tg->alone_at = s;
	t->pass = enters ? PASS_ENTRY : PASS_ALONE;
	if (!enters)
		run_steps(t);
	trace_run(t, enters ? PTRACE_SYSCALL : PTRACE_SINGLESTEP, 0);
	KILL_POINT("alone-stepping");
}

/* One of those that come back to themselves until they have done it all. */
static bool repeats(struct target *tg, const struct site *s)
{
	uint8_t bytes[INSN_MAX];

	return machine_repeats(bytes, mem_read_one(tg, s->addr, bytes, sizeof(bytes)));
}

void pass_alone_over(struct tracee *t, bool done)
{
	struct target *tg = t->target;
	struct site *s = tg->alone_at;

	if (tg->alone != t)
		return;
	if (s) {
		bool there = t->regs_known && machine_pc(&t->regs) == s->addr;

		if (there && (!done || repeats(tg, s)))
			arrival_add(t, s->addr);
		site_restore(tg, s);
	}
	next_alone(tg, t);
}

/* ---- all together ------------------------------------------------------------------------- */

void pass_on(struct tracee *t, struct site *s)
{
	struct target *tg = t->target;
	bool steps = t->action != WIRE_RESUME_CONT;

	arrival_take(t, s->addr);
	if (jump(t, s, steps))
		return;
	if (slot_give(t, s)) {
		go_by_slot(t, s, steps);
		return;
	}
	arrival_add(t, s->addr);
	t->ticket = ++tg->moment;
	if (tg->alone)
		return;
	tg->alone = t;
	halt_others(tg);
}
