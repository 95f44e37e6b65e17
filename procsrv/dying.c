/* SPDX-License-Identifier: BSD-2-Clause */
#include "dying.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "repair.h"

enum { STACK = 64 * 1024, THREADS_MS = 1000 };

static const int fatal_signals[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};
enum { FATAL_SIGNALS = sizeof(fatal_signals) / sizeof(fatal_signals[0]) };

/* A signal handler has no other way to what it needs. */
static struct {
	struct journal *journal;
	struct repair repair;
	struct sigaction before[FATAL_SIGNALS];
	volatile sig_atomic_t again;
	_Alignas(16) uint8_t stack[STACK];
} self;

/* What has been seen to, the guard need not look at: signals in any case, as whoever stood
 * with one has gone on with it. */
static void strike_out(bool all)
{
	for (unsigned i = 0; i < JOURNAL_TARGETS; i++) {
		struct journal_target *t = &self.journal->targets[i];

		for (unsigned n = 0; n < JOURNAL_SIGNALS; n++)
			t->signals[n].tid = 0;
		if (all)
			t->pid = 0;
	}
	if (all)
		self.journal->targets_used = 0;
}

static void on_fatal(int sig)
{
	if (!self.again) {
		self.again = 1;
		repair_text(&self.repair);
		strike_out(repair_threads(&self.repair, THREADS_MS) == 0);
	}
	/* On return it comes once more, and kills. */
	for (size_t i = 0; i < FATAL_SIGNALS; i++)
		if (fatal_signals[i] == sig)
			sigaction(sig, &self.before[i], NULL);
	raise(sig);
}

int dying_prepare(struct journal *j)
{
	const stack_t stack = {.ss_sp = self.stack, .ss_size = sizeof(self.stack)};
	struct sigaction sa = {.sa_handler = on_fatal, .sa_flags = SA_ONSTACK};

	self.journal = j;
	repair_init(&self.repair, j, true);
	sigfillset(&sa.sa_mask);
	if (sigaltstack(&stack, NULL) != 0)
		return errno;
	for (size_t i = 0; i < FATAL_SIGNALS; i++)
		if (sigaction(fatal_signals[i], &sa, &self.before[i]) != 0)
			return errno;
	return 0;
}

void dying_hold(unsigned index, uint32_t image, int pidfd, int mem)
{
	repair_hold(&self.repair, index, image, fcntl(pidfd, F_DUPFD_CLOEXEC, 0),
	    fcntl(mem, F_DUPFD_CLOEXEC, 0));
}
