/* SPDX-License-Identifier: BSD-2-Clause */
#include "keeper.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "repair_parts.h"

/* The sanitizer's check for leaks stops its own process by ptrace(2), which then nobody
 * else may do. */
#if defined(__SANITIZE_ADDRESS__)
#define LEAK_CHECK
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LEAK_CHECK
#endif
#endif

enum {
	LOOK_MS = 500,
	WAKE_MS = 1000,     /* without progress: it may only have been stopped ... */
	HANGS_MS = 2000,    /* ... or it hangs: its own last handler lets everything go ... */
	STARVES_MS = 10000, /* (one that only gets no processor is given more time) */
	LAST_MS = 1500,     /* ... and after so long again we do */
	THREADS_MS = 1000,  /* for a process's threads to be seen to */
};

/* ---- the journal ------------------------------------------------------------------- */

/* Where the tracer will find it. */
static int unnamed(void)
{
	int fd = memfd_create("journal", MFD_CLOEXEC);
	int err = fd < 0 || dup2(fd, FD_JOURNAL) < 0 ? errno : 0;

	if (fd >= 0 && fd != FD_JOURNAL)
		close(fd);
	return err;
}

int keeper_journal(struct keeper *k, int fd)
{
	int err = fd < 0 ? unnamed() : 0;

	if (err)
		return err;
	k->journal = journal_make(FD_JOURNAL);
	if (!k->journal)
		return errno;
	repair_init(&k->repair, k->journal, false);
	return 0;
}

void keeper_told(struct keeper *k, const struct ipc_target *t, const int fds[IPC_FDS])
{
	const struct journal_target *now =
	    t->index < JOURNAL_TARGETS ? &k->journal->targets[t->index] : NULL;

	if (now && now->pid == t->pid && now->start == t->start)
		repair_hold(&k->repair, t->index, t->image, fds[0], fds[1]);
	else
		ipc_close_fds(fds);
}

/* ---- its end ------------------------------------------------------------------------ */

void keeper_offer(void)
{
#ifndef LEAK_CHECK
	ptrace(PTRACE_TRACEME, 0, 0, 0);
#endif
}

void keeper_begin(struct keeper *k, pid_t tracer)
{
	k->tracer = tracer;
	k->looked_ms = now_ms();
}

static bool is_stop(int sig)
{
	return sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
}

static void put_text_back(struct keeper *k)
{
	if (k->journal && repair_due(&k->repair))
		repair_text(&k->repair);
	k->restored = true;
}

void keeper_stopped(struct keeper *k, int status)
{
	int sig = WSTOPSIG(status);

	if (status >> 16 == PTRACE_EVENT_EXIT) {
		put_text_back(k);
		sig = 0;
	} else if (!k->begun && sig == SIGTRAP) {
		/* Told by a signal that it has executed its program. */
		k->begun = true;
		ptrace(PTRACE_SETOPTIONS, k->tracer, 0, PTRACE_O_TRACEEXIT);
		sig = 0;
	} else if (is_stop(sig)) {
		sig = 0; /* nobody holds it up: its targets could be standing */
	}
	ptrace(PTRACE_CONT, k->tracer, 0, sig);
}

static unsigned targets(const struct keeper *k)
{
	unsigned n = 0;

	for (unsigned i = 0; i < JOURNAL_TARGETS; i++)
		n += k->journal->targets[i].pid > 0;
	return n;
}

/* Nobody need look at them again. */
static void forget_targets(struct keeper *k)
{
	for (unsigned i = 0; i < JOURNAL_TARGETS; i++)
		k->journal->targets[i].pid = 0;
}

unsigned keeper_ended(struct keeper *k)
{
	unsigned n = k->journal ? targets(k) : 0, left;

	if (!n)
		return 0;
	if (!k->restored)
		put_text_back(k);
	left = repair_threads(&k->repair, THREADS_MS);
	if (left)
		log_warn("%u threads did not stand to be let go", left);
	else
		forget_targets(k);
	return n;
}

bool keeper_mend(struct keeper *k, int fd)
{
	k->journal = journal_open(fd);
	if (!k->journal)
		return false;
	repair_init(&k->repair, k->journal, false);
	put_text_back(k);
	if (repair_threads(&k->repair, THREADS_MS) != 0)
		return false;
	forget_targets(k);
	return true;
}

/* ---- does it get on? ------------------------------------------------------------------ */

int keeper_patience(const struct keeper *k)
{
	return k->journal && k->journal->targets_used ? LOOK_MS : -1;
}

/* How long one may be without progress, as far as it is its own fault. */
static uint64_t hangs_ms(const struct keeper *k)
{
	struct proc_stat st;

	return repair_stat(k->tracer, 0, &st) && st.state == 'R' ? STARVES_MS : HANGS_MS;
}

static void press(struct keeper *k)
{
	if (k->stage == 0 && k->stale_ms >= WAKE_MS) {
		kill(k->tracer, SIGCONT);
		k->stage = 1;
	} else if (k->stage == 1 && k->stale_ms >= hangs_ms(k)) {
		kill(k->tracer, SIGABRT);
		log_error("the tracer hangs: ending it");
		k->stale_ms = HANGS_MS;
		k->stage = 2;
	} else if (k->stage == 2 && k->stale_ms >= HANGS_MS + LAST_MS) {
		kill(k->tracer, SIGKILL);
		k->stage = 3;
	}
}

void keeper_look(struct keeper *k)
{
	uint64_t now = now_ms(), passed = now - k->looked_ms;

	if (!k->journal || (!k->journal->targets_used && k->stage == 0)) {
		k->looked_ms = now;
		k->stale_ms = 0;
		return;
	}
	if (passed < LOOK_MS / 2)
		return;
	k->looked_ms = now;
	if (k->beats != k->journal->beats) {
		k->beats = k->journal->beats;
		k->stale_ms = 0;
		k->stage = 0;
		return;
	}
	/* If we were not woken in time ourselves, neither was it. */
	k->stale_ms += passed < 2UL * LOOK_MS ? passed : LOOK_MS;
	press(k);
}
