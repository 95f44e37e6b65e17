/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Threads, one by one: made to stand, put where they would be without us, let go.  They
 * need not be waited for: whether one stands is seen by whether the kernel shows its
 * registers, and nobody takes a report away from whom it is meant for.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "debugreg.h"
#include "repair_parts.h"

enum {
	ROUNDS = 8,      /* of stops of one thread */
	QUEUE = 16,      /* signals of its queue looked at, at once ... */
	QUEUES = 8,      /* ... and so many times */
	AT_ONCE_MS = 20, /* a thread that is told to go on to its trap does so */
	DEAD_MS = 20,    /* before it is asked whether one that does not stand can */
};

/* The thread in hand. */
struct hand {
	struct repair *r;
	const struct journal_target *t;
	const struct journal_site *sites;
	const struct machine *machine; /* NULL: nothing was planted */
	unsigned index;
	pid_t tid;
	struct user_regs_struct regs;
};

/* ---- the list -------------------------------------------------------------------------- */

struct entry { /* of getdents64(2) */
	uint64_t ino, off;
	uint16_t len;
	uint8_t type;
	char name[];
};

static pid_t number(const char *name)
{
	pid_t n = 0;

	for (; *name >= '0' && *name <= '9'; name++)
		n = n * 10 + (*name - '0');
	return n;
}

/* The kernel lists them in the same order each time. */
static bool is_listed(const struct repair *r, pid_t tid, unsigned *hint)
{
	for (unsigned i = 0; i < r->nthreads; i++) {
		unsigned at = (*hint + i) % r->nthreads;

		if (r->threads[at].tid == tid) {
			*hint = at + 1;
			return true;
		}
	}
	return false;
}

unsigned repair_list(struct repair *r, pid_t pid)
{
	int fd = repair_open(pid, 0, "/task", O_RDONLY | O_DIRECTORY);
	unsigned before = r->nthreads, hint = 0;
	long n;

	while (fd >= 0 && (n = syscall(SYS_getdents64, fd, r->text, sizeof(r->text))) > 0)
		for (long at = 0; at < n;) {
			const struct entry *e = (const void *)(r->text + at);
			pid_t tid = number(e->name);

			at += e->len;
			if (tid > 0 && r->nthreads < REPAIR_THREADS &&
			    !(before && is_listed(r, tid, &hint)))
				r->threads[r->nthreads++] = (struct repair_thread){tid, false};
		}
	if (fd >= 0)
		close(fd);
	return r->nthreads - before;
}

/* ---- time ------------------------------------------------------------------------------- */

static uint64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void nap(void)
{
	const struct timespec t = {.tv_nsec = 100000};

	nanosleep(&t, NULL);
}

/* ---- one thread --------------------------------------------------------------------------- */

static bool stands(struct hand *h)
{
	return machine_get(h->tid, &h->regs) == 0;
}

static bool await(struct hand *h)
{
	uint64_t end = clock_ms() + AT_ONCE_MS;

	while (!stands(h)) {
		if (errno == ESRCH && clock_ms() > end)
			return false;
		nap();
	}
	return true;
}

static const struct journal_site *site_at(const struct hand *h, uint64_t addr)
{
	for (uint32_t i = 0; h->machine && i < repair_sites(h->t); i++)
		if (h->sites[i].state != JOURNAL_FREE && h->sites[i].addr == addr)
			return &h->sites[i];
	return NULL;
}

static const struct journal_site *site_behind(const struct hand *h)
{
	return h->machine ? site_at(h, machine_pc(&h->regs) - h->machine->trap_behind) : NULL;
}

static void move_back(struct hand *h, const struct journal_site *s)
{
	machine_move(&h->regs, s->addr);
	machine_set_pc(h->tid, s->addr);
}

/* A breakpoint instruction that it has executed was the program's own if it still stands
 * there: ours do not any more. */
static bool trap_in_text(const struct hand *h)
{
	const struct repair_held *held = &h->r->held[h->index];
	const struct machine *m = h->machine;
	uint64_t at = machine_pc(&h->regs) - (m ? m->trap_behind : 0);
	uint8_t now[TRAP_MAX];

	return !m || held->mem < 0 || at > INT64_MAX ||
	       repair_page(held->pagemap, at) == REPAIR_PAGE_ABSENT ||
	       (pread(held->mem, now, m->trap_len, (off_t)at) == (ssize_t)m->trap_len &&
		   memcmp(now, m->trap, m->trap_len) == 0);
}

/* An event's or a system call's stop: no signal at all (ptrace(2)). */
static bool is_event(const siginfo_t *si)
{
	return si->si_signo == SIGTRAP && (si->si_code & 0x7f) == SIGTRAP;
}

/* Nobody has seen to this stop yet, so that its pc is as the trap left it. */
static bool is_fresh(const struct hand *h)
{
	siginfo_t si = {0};

	if (!h->r->own || h->r->journal->waited == h->tid)
		return true;
	return waitid(P_PID, (id_t)h->tid, &si, WSTOPPED | WNOHANG | WNOWAIT | __WALL) == 0 &&
	       si.si_pid == h->tid;
}

static bool is_our_trap(struct hand *h, const siginfo_t *si)
{
	const struct journal_site *s;

	switch (machine_trap(si)) {
	case TRAPPED_BREAK:
		s = is_fresh(h) ? site_behind(h) : NULL;
		if (s)
			move_back(h, s);
		return s || site_at(h, machine_pc(&h->regs)) || !trap_in_text(h);
	case TRAPPED_STEP:
		return h->t->stepped;
	case TRAPPED_WATCH:
		return h->t->debugregs;
	case TRAPPED_ALIEN:
		break;
	}
	return false;
}

/* The signal it is to go on with. */
static int judge(struct hand *h)
{
	siginfo_t si;

	/* EINVAL: it takes part in a group stop. */
	if (ptrace(PTRACE_GETSIGINFO, h->tid, 0, &si) != 0 || is_event(&si))
		return 0;
	if (si.si_signo == SIGTRAP && is_our_trap(h, &si))
		return 0;
	if (si.si_signo == SIGSTOP && si.si_code == SI_TKILL && si.si_pid == getpid())
		return 0;
	return si.si_signo;
}

static bool trap_queued(const struct hand *h)
{
	struct __ptrace_peeksiginfo_args args = {.nr = QUEUE};
	siginfo_t si[QUEUE];

	for (unsigned round = 0; round < QUEUES; round++) {
		long n = ptrace(PTRACE_PEEKSIGINFO, h->tid, &args, si);

		for (long i = 0; i < n; i++)
			if (si[i].si_signo == SIGTRAP && machine_trap(&si[i]) != TRAPPED_ALIEN)
				return true;
		if (n < QUEUE)
			break;
		args.off += QUEUE;
	}
	return false;
}

/* It was made to do a call, or its report was taken and nothing came of it: its tracer
 * died just there. */
static void mend_registers(struct hand *h)
{
	const struct journal_site *s = site_behind(h);

	if (h->t->call.tid == h->tid) {
		machine_set(h->tid, &h->t->call.regs);
		ptrace(PTRACE_SETSIGMASK, h->tid, sizeof(h->t->call.mask), &h->t->call.mask);
	} else if (s &&
		   (h->r->journal->waited == h->tid || s->insn_len > h->machine->trap_behind)) {
		move_back(h, s);
	}
}

/* It stands.  False: it does not any more. */
static bool let_go(struct hand *h)
{
	const struct debugregs none = {0};
	int sig = judge(h);

	for (unsigned n = 0; n < ROUNDS && trap_queued(h); n++) {
		if (sig)
			tgkill(h->t->pid, h->tid, sig);
		if (ptrace(PTRACE_CONT, h->tid, 0, 0) != 0 || !await(h))
			return false;
		sig = judge(h);
	}
	mend_registers(h);
	if (h->t->debugregs)
		debugreg_load(h->tid, &none);
	/* Clears the flag for stepping, too. */
	return ptrace(PTRACE_DETACH, h->tid, 0, sig) == 0;
}

/* ---- all of a target -------------------------------------------------------------------- */

/* A first thread that has ended before the others never stands. */
static bool is_dead(const struct hand *h)
{
	struct proc_stat st;

	return !repair_stat(h->t->pid, h->tid, &st) || st.state == 'Z' || st.state == 'X';
}

static void catch (struct repair *r, pid_t tid)
{
	/* While its tracer is still dying: EPERM.  It is asked again. */
	if (r->own || ptrace(PTRACE_SEIZE, tid, 0, 0) == 0)
		ptrace(PTRACE_INTERRUPT, tid, 0, 0);
}

/* How many do not stand so far. */
static unsigned pass(struct hand *h, bool slow)
{
	struct repair *r = h->r;
	unsigned left = 0;

	for (unsigned i = 0; i < r->nthreads; i++) {
		struct repair_thread *t = &r->threads[i];

		h->tid = t->tid;
		if (t->done)
			continue;
		if (stands(h)) {
			/* A fork that it was in the middle of is done by now. */
			repair_children(r, h->index, h->tid);
			t->done = let_go(h);
		} else if (slow && is_dead(h)) {
			t->done = true;
		} else if (!r->own) {
			catch (r, t->tid);
		}
		left += !t->done;
	}
	return left;
}

static unsigned see_to(struct repair *r, unsigned index, unsigned ms)
{
	const struct journal_target *t = &r->journal->targets[index];
	struct hand h = {r, t, r->journal->sites[index], machine_find(t->arch), index, 0, {0}};
	uint64_t began = clock_ms();
	unsigned left;

	r->nthreads = 0;
	do {
		unsigned before = r->nthreads;
		bool slow = clock_ms() - began >= DEAD_MS;

		repair_list(r, t->pid);
		for (unsigned i = before; i < r->nthreads; i++)
			catch (r, r->threads[i].tid);
		/* Some kernels let nobody write to text but the tracer. */
		if (!before)
			repair_own_text(r, index);
		left = pass(&h, slow);
		if (left)
			nap();
	} while ((left || repair_list(r, t->pid)) && clock_ms() - began < ms);
	return left;
}

/* Those that the tracer has taken from threads and died with.  One that a process cannot
 * have sent (kill(2) with the kernel's code) comes as ours. */
static void give_signals(const struct journal_target *t)
{
	for (unsigned i = 0; i < JOURNAL_SIGNALS; i++) {
		const struct journal_signal *s = &t->signals[i];
		siginfo_t si = s->info;

		if (s->tid > 0 &&
		    syscall(SYS_rt_tgsigqueueinfo, t->pid, s->tid, si.si_signo, &si) != 0 &&
		    errno == EPERM)
			tgkill(t->pid, s->tid, si.si_signo);
	}
}

unsigned repair_threads(struct repair *r, unsigned ms)
{
	unsigned left = 0;

	for (unsigned i = 0; i < JOURNAL_TARGETS; i++) {
		const struct journal_target *t = &r->journal->targets[i];

		if (!repair_target(r, i))
			continue;
		if (t->killed)
			syscall(SYS_pidfd_send_signal, r->held[i].pidfd, SIGKILL, NULL, 0);
		else
			left += see_to(r, i, ms);
		if (r->held[i].stopped)
			syscall(SYS_pidfd_send_signal, r->held[i].pidfd, SIGCONT, NULL, 0);
		r->held[i].stopped = false;
		if (!r->own && !t->killed)
			give_signals(t);
	}
	return left;
}
