/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Putting right what a session has changed in processes, from its journal, when the
 * tracer cannot do it in order.  Three of us do: the tracer's last handler (with its
 * tracees), the guard, and procsrv -repair (with processes that nobody traces any more).
 *
 * Only async-signal-safe calls are made, and nothing is allocated.  The journal may have
 * been left in the middle of anything, and its file is a mapped user's: its numbers are
 * bounded here, a process is only touched if it began when the journal says, and a byte
 * only if it is our trap, in a page of its own, in the mapping it was planted in.
 */
#ifndef PROCSRV_REPAIR_H
#define PROCSRV_REPAIR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "journal.h"

enum { REPAIR_THREADS = 32768, REPAIR_TEXT = 65536 };

/* A process, by descriptors that outlive a change of its rights; -1 = none. */
struct repair_held {
	pid_t pid;
	uint32_t image;
	int pidfd, mem, maps, pagemap;
	bool stopped; /* by our SIGSTOP */
};

struct repair {
	const struct journal *journal;
	bool own; /* its threads are our tracees */
	struct repair_held held[JOURNAL_TARGETS];
	/* room for the one in hand */
	unsigned nthreads;
	struct repair_thread {
		pid_t tid;
		bool done;
	} threads[REPAIR_THREADS];
	bool there[JOURNAL_SITES];
	uint8_t text[REPAIR_TEXT];
};

/* r is all zeros before. */
void repair_init(struct repair *r, const struct journal *j, bool own);

/* Somebody has opened these for the target of that index: ours from now on. */
void repair_hold(struct repair *r, unsigned index, uint32_t image, int pidfd, int mem);

/* Is there anything to do at all? */
bool repair_due(const struct repair *r);

/* First: no byte of ours in any text, and nobody is to run before it is seen to.  Those
 * that still trace them do not mind. */
void repair_text(struct repair *r);

/* Then: every thread as without us, and let go.  How many could not be, because they did
 * not stand within ms. */
unsigned repair_threads(struct repair *r, unsigned ms);

#endif
