/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The threads of one target: states as last told by the agent, regsets of the
 * present stop.  Sorted by tid; bounded, because an agent may claim anything.
 */
#ifndef HOST_THREADS_H
#define HOST_THREADS_H

#include "common/wire.h"
#include "host/hosteng.h"

enum { THREADS_MAX = 1 << 18, THREADS_REG_BYTES = 256 * 1024 * 1024 };

/* A regset of a thread. */
struct regblock {
	struct regblock *next;
	uint32_t arch, note;
	uint32_t len;
	uint8_t data[];
};

struct thread {
	uint64_t tid;
	enum he_thread_state state;
	uint32_t signal, cpu;
	char kernel_state;
	char *name; /* never NULL */
	struct regblock *regs;
	struct he_stack *stack;     /* unwound ahead of being asked for; NULL = not */
	uint32_t fetched;           /* raw: bytes of its stack, from its pointer up */
	unsigned entered;           /* inlined calls that begin at its pc and were stepped into */
	uint64_t cut_want, cut_got; /* snapshot: its window was cut */
	bool cut;
	bool listed; /* by the list being taken up, see threads_keep_listed */
	bool fresh;  /* the newest stop is its own, too: it has brought its registers */
};

struct threads {
	struct thread *v;
	size_t n, cap;
	size_t reg_bytes;
	bool complete; /* v is what the agent last listed, plus births, minus deaths */
};

struct thread *threads_find(const struct threads *s, uint64_t tid);
/* Found or made; NULL without memory or beyond the bound. */
struct thread *threads_obtain(struct threads *s, uint64_t tid);
void threads_remove(struct threads *s, uint64_t tid);
void threads_clear(struct threads *s);

/* Take up a whole list: begin, threads_put for each, then keep_listed removes the
 * others. */
void threads_begin_list(struct threads *s);
void threads_keep_listed(struct threads *s);
/* A record of a thread list; s is a struct threads. */
void threads_put(void *s, const struct wire_rec_thread *r);
/* A regset; unknown threads and failed ones (err != 0) are skipped. */
void threads_put_regs(void *s, const struct wire_rec_regset *r);
/* NULL = not known. */
const struct regblock *thread_regs(const struct thread *t, uint32_t note);

/* Registers and stacks of one thread are out of date. */
void thread_ran(struct threads *s, struct thread *t);

#endif
