/* SPDX-License-Identifier: BSD-2-Clause */
#include "inject.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#include "journal.h"
#include "kill_point.h"
#include "machine.h"
#include "surely.h"
#include "target.h"
#include "trace_mem.h"

enum { LOOK = 256 * 1024, STOPS = 16, YIELDS = 20 };

/* Signals of the thread's own doing, our step's trap among them: forced upon one that
 * blocks it, the kernel would reset the program's action for it. */
#define BIT(sig) (1ULL << ((sig)-1))
#define FAULTS (BIT(SIGTRAP) | BIT(SIGSEGV) | BIT(SIGBUS) | BIT(SIGILL) | BIT(SIGFPE))

/* ---- where ------------------------------------------------------------------------ */

/* The two bytes in a mapping; 0 = not there. */
static uint64_t look_in(struct target *tg, const struct proc_map *map, const uint8_t insn[2])
{
	uint8_t room[16 * 1024];
	uint64_t end = map->hi - map->lo > LOOK ? map->lo + LOOK : map->hi;

	for (uint64_t at = map->lo; at < end; at += sizeof(room) - 1) {
		size_t n = end - at < sizeof(room) ? (size_t)(end - at) : sizeof(room);
		const uint8_t *found;

		n = mem_read_one(tg, at, room, n);
		found = memmem(room, n, insn, 2);
		if (found)
			return at + (uint64_t)(found - room);
		if (n < sizeof(room))
			break;
	}
	return 0;
}

uint64_t inject_place(struct target *tg, const struct machine *m)
{
	struct span rest;
	struct proc_map map;
	uint64_t at = 0;
	struct buf maps;

	buf_init(&maps, PROC_MAPS_MAX);
	proc_read(tg->id.live, "maps", &maps);
	/* The kernel's own page is there for good; others the program can unmap. */
	for (int vdso = 1; vdso >= 0 && !at; vdso--)
		for (rest = span_buf(&maps); !at && proc_next_map(&rest, &map);)
			if ((map.prot & 5) == 5 &&
			    (vdso != 0) == span_eq(map.name, span_str("[vdso]")))
				at = look_in(tg, &map, m->call.insn);
	buf_free(&maps);
	return at;
}

/* ---- how -------------------------------------------------------------------------- */

bool inject_filtered(const struct tracee *t)
{
	uint8_t room[4096];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};
	char name[48];
	uint64_t mode;

	snprintf(name, sizeof(name), "task/%d/status", (int)t->tid);
	if (proc_read(t->target->id.dir, name, &b) != 0)
		return true;
	return !proc_status_numbers(span_buf(&b), "Seccomp", 10, &mode, 1) || mode != 0;
}

/* The end of a first thread is told when the others' has been reaped, which waits for us. */
static bool is_dead_leader(const struct tracee *t)
{
	struct proc_stat st;

	return t->tid == t->target->id.pid && proc_stat(t->target->id.dir, &st) == 0 &&
	       (st.state == 'Z' || st.state == 'X');
}

/* Soon at first: most stand after some microseconds. */
static void pause_before(unsigned n)
{
	const struct timespec bit = {.tv_nsec = 50000};

	if (n < YIELDS)
		sched_yield();
	else
		nanosleep(&bit, NULL);
}

/* Nobody may take a thread that runs with registers of ours for one that ends. */
int inject_await(const struct tracee *t, int *status)
{
	siginfo_t si = {0};
	unsigned tries = 0;

	for (unsigned n = 0; !si.si_pid; n++) {
		if (n)
			pause_before(n);
		if (n >= YIELDS && is_dead_leader(t))
			return ESRCH;
		if (waitid(P_PID, (id_t)t->tid, &si,
			WSTOPPED | WEXITED | __WALL | WNOWAIT | WNOHANG) != 0 &&
		    (errno == ECHILD || (errno != EINTR && ++tries == SURELY_TRIES)))
			return ESRCH;
	}
	if (si.si_code == CLD_EXITED || si.si_code == CLD_KILLED || si.si_code == CLD_DUMPED)
		return ESRCH;
	return waitpid(t->tid, status, __WALL | WNOHANG) == t->tid && WIFSTOPPED(*status) ? 0
											  : ESRCH;
}

/* Something that no mask holds off: SIGSTOP, and what belongs to a group stop. */
struct disturbed {
	bool stop, event;
};

static int step_over(struct tracee *t, const struct machine *m, uint64_t at,
    struct user_regs_struct *r, struct disturbed *by)
{
	for (unsigned n = 0; n < STOPS; n++) {
		int status;

		if (ptrace_surely(PTRACE_SINGLESTEP, t->tid, 0, 0) != 0)
			return ESRCH;
		KILL_POINT("call-stepping");
		if (inject_await(t, &status) != 0 || machine_get(t->tid, r) != 0)
			return ESRCH;
		if (machine_pc(r) == at + sizeof(m->call.insn) && WSTOPSIG(status) == SIGTRAP &&
		    status >> 16 == 0)
			return 0;
		by->event |= status >> 16 != 0;
		by->stop |= status >> 16 == 0 && WSTOPSIG(status) == SIGSTOP;
	}
	return EBUSY;
}

int inject_call(struct tracee *t, const struct machine *m, uint64_t at, long number,
    const uint64_t args[6], int64_t *result)
{
	struct user_regs_struct before, r;
	int signal = tracee_signal(t);
	siginfo_t si;
	uint64_t mask, held_off = ~FAULTS;
	struct disturbed by = {0};
	int err = machine_get(t->tid, &before);

	if (err)
		return err;
	if (signal && ptrace(PTRACE_GETSIGINFO, t->tid, 0, &si) != 0)
		return errno;
	r = before;
	machine_call(&r, at, number, args);
	if (ptrace(PTRACE_GETSIGMASK, t->tid, sizeof(mask), &mask) != 0)
		return errno;
	t->target->journal->stepped = 1;
	journal_call(t->target->journal, t->tid, &before, mask);
	KILL_POINT("call-written");
	if (ptrace(PTRACE_SETSIGMASK, t->tid, sizeof(held_off), &held_off) != 0)
		return errno;
	err = machine_set(t->tid, &r);
	KILL_POINT("call-begun");
	if (!err)
		err = step_over(t, m, at, &r, &by);
	*result = machine_result(&r);
	KILL_POINT("call-made");
	if (machine_set(t->tid, &before) != 0 ||
	    ptrace(PTRACE_SETSIGMASK, t->tid, sizeof(mask), &mask) != 0)
		return ESRCH;
	journal_called(t->target->journal);
	KILL_POINT("call-done");
	/* It stands at our step's trap now: the signal it stood with goes on from there. */
	if (signal)
		ptrace(PTRACE_SETSIGINFO, t->tid, 0, &si);
	if (by.stop)
		tgkill(t->target->id.pid, t->tid, SIGSTOP);
	/* The kernel says once more whether the group is stopped. */
	if (by.event)
		ptrace(PTRACE_INTERRUPT, t->tid, 0, 0);
	return err;
}
