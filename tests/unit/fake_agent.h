/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A process server made up for tests, in the place of the link: it implements
 * rpc.h, the taking side of an inbox and connect.h over a scripted process, and
 * counts how often somebody waited.  Its lies are switched on one by one.
 */
#ifndef TESTS_FAKE_AGENT_H
#define TESTS_FAKE_AGENT_H

#include "common/wire.h"
#include "host/hosteng.h"

enum { FAKE_THREADS = 1100, FAKE_PID = 4242, FAKE_MEM = 0x10000000, FAKE_STACK = 256 * 1024 };

enum fake_lie {
	FAKE_HONEST,
	FAKE_OVERLAP,     /* memory chunks overlap */
	FAKE_GAP,         /* one is left out */
	FAKE_HUGE_CHUNK,  /* one is longer than asked */
	FAKE_SHORT,       /* the reply ends early */
	FAKE_FOREIGN,     /* chunks elsewhere */
	FAKE_OTHER_REGS,  /* registers of threads that do not exist */
	FAKE_ENDLESS_MAPS /* a mapping list without end */
};

struct fake {
	unsigned threads;
	unsigned depth;      /* frames of each stack */
	uint32_t frame_size; /* bytes of each */
	uint32_t max_read;
	bool no_bundle;  /* a stop brings no registers and no memory */
	bool late;       /* the first stop comes without thread 1 of them */
	bool cut;        /* the snapshot's windows end after one frame */
	bool held_event; /* the stop of an interrupt shows only to who waits for it */
	bool silent;     /* no stop follows the attach: waits are cancelled */
	enum fake_lie lie;
	uint16_t unsendable; /* for this request there is no memory */
	uint16_t refuse;     /* this request ... */
	uint16_t refuse_as;  /* ... gets that error */
	uint32_t refuse_pid;
	bool xstate;      /* it has the regset with the AVX registers */
	uint16_t version; /* of the wire in use, and rights of the session */
	uint32_t rights;
	/* Requests that are not answered here: the type of the reply, its body to out; or
	 * 0 and an error's code in *code. */
	enum wire_type (*more)(
	    enum wire_type type, uint32_t target, struct span body, struct buf *out, int *code);
	bool unread; /* the launched program reads nothing: input is not answered */

	/* what was seen */
	unsigned requests[WIRE_TYPES];
	unsigned flights; /* times somebody waited for what had been sent since */
	uint64_t generation;
	struct buf args, env, input; /* of the launched program; args: with what came ahead */
	bool input_end;
	uint32_t output_more;
	uint8_t salt; /* what all memory reads as, changes with each resume */
};

extern struct fake fake;

/* All as new. */
void fake_reset(void);
/* An event into the inbox of the only link. */
void fake_event(
    enum wire_type type, uint32_t target, uint32_t piece, uint16_t flags, const struct buf *body);
void fake_stopped(uint32_t target, uint64_t generation);
void fake_lose(const char *why);
/* The launched program wrote. */
void fake_output(uint32_t target, uint8_t stream, const char *text, bool end);

/* Stack pointer and pc of thread number i (from 0); tid is FAKE_PID + i. */
uint64_t fake_sp(unsigned i);
uint64_t fake_pc(unsigned i, unsigned frame);

#endif
