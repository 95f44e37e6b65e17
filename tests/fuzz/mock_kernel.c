/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sources: ptrace(2), wait(2); kernel/ptrace.c and kernel/exit.c for what is reported when.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"
#include "mock_parts.h"
#include "mock_process.h"

static struct {
	struct mock_process process[2];
	struct mock_thread thread[ALL];
	uint8_t text[MOCK_PAGE];
	bool excused, shares;
	unsigned kill_in; /* calls; 0 = never */
	uint64_t clock_ns;
} self;

/* What the tracer's objects call instead of the C library's (fuzz.mk). */
pid_t mock_waitpid(pid_t tid, int *status, int flags);
int mock_waitid(idtype_t type, id_t id, siginfo_t *si, int flags);
int mock_kill(pid_t pid, int sig);
int mock_tgkill(pid_t pid, pid_t tid, int sig);
int mock_raise(int sig);
int mock_pidfd_open(pid_t pid, unsigned flags);
int mock_pidfd_send_signal(int pidfd, int sig, siginfo_t *info, unsigned flags);
long mock_syscall(long number, ...);
int mock_clock_gettime(clockid_t clock, struct timespec *t);
int mock_nanosleep(const struct timespec *t, struct timespec *left);
int mock_setitimer(__itimer_which_t which, const struct itimerval *v, struct itimerval *old);

/* ---- the processes ----------------------------------------------------------------- */

static void put_text_back(struct mock_process *p)
{
	if (pwrite(p->mem, self.text, MOCK_PAGE, MOCK_TEXT) != MOCK_PAGE)
		abort();
}

static void make_processes(void)
{
	pid_t tids[ALL];

	mock_process_make(&self.process[0], tids, MOCK_THREADS);
	mock_process_make(&self.process[1], tids + FORKED, 1);
	for (unsigned i = 0; i < ALL; i++)
		self.thread[i].tid = tids[i];
	/* Its memory is there once it takes orders. */
	mock_process_order(&self.process[0], SYS_munmap, 0x20000000, MOCK_PAGE);
	mock_process_order(&self.process[1], SYS_munmap, 0x20000000, MOCK_PAGE);
	if (pread(self.process[0].mem, self.text, MOCK_PAGE, MOCK_TEXT) != MOCK_PAGE)
		abort();
}

pid_t mock_begin(void)
{
	if (!self.process[0].pid)
		make_processes();
	for (unsigned i = 0; i < ALL; i++) {
		struct mock_thread *t = &self.thread[i];

		*t = (struct mock_thread){.tid = t->tid, .there = i != FORKED};
		t->regs.cs = 0x33;
		t->regs.rip = MOCK_TEXT + 0x800;
		t->regs.rsp = MOCK_DATA + 0xf00;
		t->regs.orig_rax = UINT64_MAX;
	}
	put_text_back(&self.process[0]);
	put_text_back(&self.process[1]);
	self.excused = self.shares = false;
	self.kill_in = 0;
	self.clock_ns = 1000000000;
	return self.process[0].pid;
}

pid_t mock_tid(unsigned thread)
{
	return self.thread[thread % ALL].tid;
}

void mock_excuse_text(void)
{
	self.excused = true;
}

void mock_kill_at(unsigned n)
{
	self.kill_in = n;
}

/* ---- time -------------------------------------------------------------------------- */

uint64_t mock_now_ms(void)
{
	self.clock_ns += 1000;
	return self.clock_ns / 1000000;
}

void mock_pass(uint64_t ms)
{
	self.clock_ns += ms * 1000000;
}

int mock_clock_gettime(clockid_t clock, struct timespec *t)
{
	(void)clock;
	self.clock_ns += 1000;
	t->tv_sec = (time_t)(self.clock_ns / 1000000000);
	t->tv_nsec = (long)(self.clock_ns % 1000000000);
	return 0;
}

int mock_nanosleep(const struct timespec *t, struct timespec *left)
{
	(void)left;
	self.clock_ns += (uint64_t)t->tv_sec * 1000000000 + (uint64_t)t->tv_nsec;
	return 0;
}

int mock_setitimer(__itimer_which_t which, const struct itimerval *v, struct itimerval *old)
{
	(void)which;
	(void)v;
	(void)old;
	return 0;
}

/* ---- threads ----------------------------------------------------------------------- */

static struct mock_process *process_of(const struct mock_thread *t)
{
	return &self.process[t == &self.thread[FORKED]];
}

struct mock_thread *mock_find(pid_t tid)
{
	for (unsigned i = 0; i < ALL; i++)
		if (self.thread[i].tid == tid && self.thread[i].there)
			return &self.thread[i];
	return NULL;
}

static void stand(struct mock_thread *t, int status)
{
	t->state = STANDS;
	t->status = status;
	t->waited = t->steps = false;
}

static void stand_with(struct mock_thread *t, int sig, int code)
{
	memset(&t->si, 0, sizeof(t->si));
	t->si.si_signo = sig;
	t->si.si_code = code;
	stand(t, sig << 8 | 0x7f);
}

static void stand_at_event(struct mock_thread *t, int event, int sig)
{
	memset(&t->si, 0, sizeof(t->si));
	t->si.si_signo = sig;
	t->si.si_code = event << 8 | sig;
	stand(t, event << 16 | sig << 8 | 0x7f);
}

static void die(struct mock_thread *t, int status)
{
	t->state = DEAD;
	t->status = status;
	t->waited = t->steps = t->interrupted = false;
	if (!t->traced)
		t->there = false;
}

static void kill_process(unsigned first, unsigned end, int status)
{
	for (unsigned i = first; i < end; i++)
		if (self.thread[i].there && self.thread[i].state != DEAD)
			die(&self.thread[i], status);
}

static bool trap_at(const struct mock_thread *t, uint64_t addr)
{
	uint8_t now;

	return pread(process_of(t)->mem, &now, 1, (off_t)(addr & INT64_MAX)) == 1 && now == 0xcc;
}

/* It executes what is at its pc. */
static void step(struct mock_thread *t)
{
	struct user_regs_struct *r = &t->regs;
	uint8_t now[2] = {0};
	bool maps = r->rax == SYS_mmap || r->rax == SYS_munmap;

	(void)!pread(process_of(t)->mem, now, sizeof(now), (off_t)(r->rip & INT64_MAX));
	t->steps = false;
	if (now[0] == 0xcc) {
		r->rip++;
		stand_with(t, SIGTRAP, SI_KERNEL);
		return;
	}
	if (now[0] == 0x0f && now[1] == 0x05 && maps && r->rdi && r->rsi == MOCK_PAGE) {
		r->rax = (uint64_t)mock_process_order(process_of(t), r->rax, r->rdi, r->rsi);
		r->rip += 2;
	} else {
		r->rip += now[0] == 0x0f && now[1] == 0x05 ? 2 : 1;
	}
	stand_with(t, SIGTRAP, TRAP_TRACE);
}

void mock_get_on(struct mock_thread *t)
{
	if (t->busy || (t->state != RUNS && t->state != LISTENS))
		return;
	if (t->state == RUNS && t->queued) {
		t->si = t->queue[--t->queued];
		stand(t, t->si.si_signo << 8 | 0x7f);
	} else if (t->steps) {
		step(t);
	} else if (t->interrupted) {
		t->interrupted = false;
		stand_at_event(t, PTRACE_EVENT_STOP, SIGTRAP);
	}
}

/* A first thread that has ended is told of when the others have, too. */
static bool reports(struct mock_thread *t)
{
	mock_get_on(t);
	if (!t->there || !t->traced || t->waited || t->state == RUNS || t->state == LISTENS)
		return false;
	if (t == &self.thread[0] && t->state == DEAD)
		for (unsigned i = 1; i < MOCK_THREADS; i++)
			if (self.thread[i].there)
				return false;
	return true;
}

/* ---- what happens ------------------------------------------------------------------ */

static void trap(struct mock_thread *t, unsigned arg)
{
	const struct mock_place *p = &mock_places[arg % mock_nplaces];

	t->regs.rip = p->addr;
	if (!trap_at(t, p->addr))
		return;
	t->regs.rip++;
	stand_with(t, SIGTRAP, SI_KERNEL);
}

static void watch(struct mock_thread *t, unsigned arg)
{
	unsigned slot = arg % 4;

	if (!(t->dr[CONTROL] >> 2 * slot & 3))
		return;
	if (!(t->dr[CONTROL] >> (16 + 4 * slot) & 3))
		t->regs.rip = t->dr[slot];
	t->dr[6] |= 1ULL << slot;
	stand_with(t, SIGTRAP, TRAP_HWBKPT);
}

static void queue(struct mock_thread *t, unsigned arg)
{
	siginfo_t si = {0};

	si.si_signo = arg & 1 ? SIGTRAP : SIGUSR1;
	si.si_code = arg & 2 ? SI_KERNEL : arg & 4 ? TRAP_TRACE : SI_USER;
	if (t->queued < QUEUE)
		t->queue[t->queued++] = si;
}

static void fork_now(struct mock_thread *t, unsigned arg)
{
	static const int events[] = {
	    PTRACE_EVENT_FORK, PTRACE_EVENT_VFORK, PTRACE_EVENT_VFORK_DONE, PTRACE_EVENT_CLONE};
	struct mock_thread *child = &self.thread[FORKED];
	uint8_t text[MOCK_PAGE];

	t->message = 1;
	if (arg % 4 < 2) {
		if (child->there || t == child)
			return;
		/* A child begins with the memory of its maker, and traced if that is. */
		if (pread(self.process[0].mem, text, MOCK_PAGE, MOCK_TEXT) != MOCK_PAGE ||
		    pwrite(self.process[1].mem, text, MOCK_PAGE, MOCK_TEXT) != MOCK_PAGE)
			abort();
		self.shares = arg % 4 == 1;
		child->there = child->traced = true;
		child->options = t->options;
		child->regs = t->regs;
		stand_at_event(child, PTRACE_EVENT_STOP, SIGTRAP);
		t->message = (unsigned long)child->tid;
	}
	stand_at_event(t, events[arg % 4], SIGTRAP);
}

static void execute(struct mock_thread *t)
{
	unsigned first = t == &self.thread[FORKED] ? FORKED : 0;

	for (unsigned i = first; i < (first ? ALL : MOCK_THREADS); i++)
		if (i != first)
			self.thread[i].there = self.thread[i].traced = false;
	put_text_back(process_of(t));
	self.shares = self.shares && !first;
	self.thread[first].message = (unsigned long)t->tid;
	self.thread[first].there = true;
	memset(self.thread[first].dr, 0, sizeof(t->dr));
	self.thread[first].queued = 0;
	self.thread[first].interrupted = false;
	self.thread[first].regs.eflags &= ~(uint64_t)FLAG_TF;
	if (self.thread[first].traced)
		stand_at_event(&self.thread[first], PTRACE_EVENT_EXEC, SIGTRAP);
}

static void job(unsigned arg)
{
	static const int signals[] = {0, SIGSTOP, SIGTSTP, SIGTTIN};
	int sig = signals[arg % 4];

	for (unsigned i = 0; i < MOCK_THREADS; i++) {
		struct mock_thread *t = &self.thread[i];

		if (t->there && t->traced && sig && t->state == RUNS)
			stand_at_event(t, PTRACE_EVENT_STOP, sig);
		else if (t->there && t->traced && !sig && t->state == LISTENS)
			stand_at_event(t, PTRACE_EVENT_STOP, SIGTRAP);
	}
}

static void run_into(struct mock_thread *t, enum mock_event e, unsigned arg)
{
	switch (e) {
	case MOCK_TRAPS:
		trap(t, arg);
		break;
	case MOCK_WATCHES:
		watch(t, arg);
		break;
	case MOCK_SIGNAL:
		stand_with(t, (int)(arg % 31) + 1, arg & 32 ? SI_USER : SI_TKILL);
		break;
	case MOCK_CALLS:
		if (t->calls)
			stand(t, (SIGTRAP | 0x80) << 8 | 0x7f);
		break;
	case MOCK_FORKS:
		fork_now(t, arg);
		break;
	case MOCK_EXECS:
		execute(t);
		break;
	default:
		break;
	}
}

void mock_happens(enum mock_event e, unsigned thread, unsigned arg)
{
	struct mock_thread *t = &self.thread[thread % ALL];

	if (!t->there || t->state == DEAD)
		return;
	if (e == MOCK_KILLED)
		kill_process(0, MOCK_THREADS, SIGKILL);
	else if (e == MOCK_EXITS)
		die(t, (int)(arg & 0xff) << 8);
	else if (e == MOCK_BUSY)
		t->busy = !t->busy;
	else if (e == MOCK_QUEUES && t->traced)
		queue(t, arg);
	else if (e == MOCK_JOB)
		job(arg);
	else if (t->traced && t->state == RUNS)
		run_into(t, e, arg);
}

/* ---- calls ------------------------------------------------------------------------- */

long mock_fail(int err)
{
	errno = err;
	return -1;
}

void mock_count_down(void)
{
	if (self.kill_in && --self.kill_in == 0)
		kill_process(0, MOCK_THREADS, SIGKILL);
}

/* ---- wait(2) ----------------------------------------------------------------------- */

static struct mock_thread *reporter(pid_t tid)
{
	for (unsigned i = 0; i < ALL; i++)
		if ((tid == -1 || self.thread[i].tid == tid) && reports(&self.thread[i]))
			return &self.thread[i];
	return NULL;
}

static bool have_child(pid_t tid)
{
	for (unsigned i = 0; i < ALL; i++)
		if ((tid == -1 || self.thread[i].tid == tid) && self.thread[i].there &&
		    self.thread[i].traced)
			return true;
	return false;
}

/* Who waits without end gets something to wait for. */
static struct mock_thread *make_report(pid_t tid)
{
	struct mock_thread *t = mock_find(tid);

	if (!t || !t->traced)
		return NULL;
	if (t->state != DEAD)
		die(t, SIGKILL);
	return reports(t) ? t : NULL;
}

static struct mock_thread *await(pid_t tid, int flags)
{
	struct mock_thread *t;

	mock_count_down();
	t = reporter(tid);
	return t || flags & WNOHANG ? t : make_report(tid);
}

pid_t mock_waitpid(pid_t tid, int *status, int flags)
{
	struct mock_thread *t;

	if (!have_child(tid))
		return (pid_t)mock_fail(ECHILD);
	t = await(tid, flags);
	if (!t)
		return flags & WNOHANG ? 0 : (pid_t)mock_fail(ECHILD);
	if (status)
		*status = t->status;
	t->waited = true;
	if (t->state == DEAD)
		t->there = t->traced = false;
	return t->tid;
}

int mock_waitid(idtype_t type, id_t id, siginfo_t *si, int flags)
{
	struct mock_thread *t;

	FUZZ_CHECK(type == P_PID && flags & WNOWAIT);
	if (!have_child((pid_t)id))
		return (int)mock_fail(ECHILD);
	memset(si, 0, sizeof(*si));
	t = await((pid_t)id, flags);
	if (!t)
		return flags & WNOHANG ? 0 : (int)mock_fail(ECHILD);
	si->si_pid = t->tid;
	si->si_code = t->state != DEAD       ? CLD_TRAPPED
		      : WIFEXITED(t->status) ? CLD_EXITED
					     : CLD_KILLED;
	return 0;
}

/* ---- signals and the rest ---------------------------------------------------------- */

static void send_to(struct mock_thread *t, int sig)
{
	if (!t || t->state == DEAD || !sig)
		return;
	if (sig == SIGKILL)
		kill_process(t == &self.thread[FORKED] ? FORKED : 0,
		    t == &self.thread[FORKED] ? ALL : MOCK_THREADS, SIGKILL);
	else if (t->traced && t->queued < QUEUE)
		t->queue[t->queued++] = (siginfo_t){.si_signo = sig, .si_code = SI_TKILL};
}

int mock_tgkill(pid_t pid, pid_t tid, int sig)
{
	(void)pid;
	send_to(mock_find(tid), sig);
	return 0;
}

int mock_kill(pid_t pid, int sig)
{
	send_to(mock_find(pid), sig);
	return 0;
}

int mock_raise(int sig)
{
	(void)sig;
	return 0;
}

/* Of a reader, which does not end. */
int mock_pidfd_open(pid_t pid, unsigned flags)
{
	(void)pid;
	(void)flags;
	return eventfd(0, EFD_CLOEXEC);
}

int mock_pidfd_send_signal(int pidfd, int sig, siginfo_t *info, unsigned flags)
{
	(void)pidfd;
	(void)sig;
	(void)info;
	(void)flags;
	return 0;
}

long mock_syscall(long number, ...)
{
	unsigned n = number == SYS_kcmp                ? 5
		     : number == SYS_pidfd_send_signal ? 4
		     : number == SYS_pidfd_open        ? 2
						       : 3;
	long a[5] = {0};
	va_list ap;

	va_start(ap, number);
	for (unsigned i = 0; i < n; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	switch (number) {
	case SYS_tgkill:
		return mock_tgkill((pid_t)a[0], (pid_t)a[1], (int)a[2]);
	case SYS_pidfd_send_signal: /* of the first process: nobody else has one that matters */
		if (!self.thread[0].there)
			return mock_fail(ESRCH);
		send_to(&self.thread[0], (int)a[1]);
		return 0;
	case SYS_kcmp:
		return self.shares ? 0 : 1;
	default:
		return syscall(number, a[0], a[1], a[2]);
	}
}

/* ---- the end
 * ---------------------------------------------------------------------------------------------------
 */

static void check_text(const struct mock_process *p)
{
	uint8_t now[MOCK_PAGE];

	if (pread(p->mem, now, MOCK_PAGE, MOCK_TEXT) != MOCK_PAGE)
		abort();
	FUZZ_CHECK(self.excused || memcmp(now, self.text, MOCK_PAGE) == 0);
}

void mock_check(void)
{
	for (unsigned i = 0; i < ALL; i++) {
		const struct mock_thread *t = &self.thread[i];

		FUZZ_CHECK(!t->there || t->state == DEAD || t->busy || !t->traced);
	}
	if (self.thread[0].there && self.thread[0].state != DEAD)
		check_text(&self.process[0]);
	/* What it shares with its maker is no copy in truth. */
	if (self.thread[FORKED].there && self.thread[FORKED].state != DEAD && !self.shares)
		check_text(&self.process[1]);
}
