/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An engine under a front end (one that is a debugger itself, but with setup_person), attached
 * to a made-up agent that keeps what it was told.
 */
#ifndef TESTS_RAW_AGENT_H
#define TESTS_RAW_AGENT_H

#include "common/wire.h"
#include "fake_agent.h"

enum { CODE = 0x400100, MOST = 16 };

extern struct he_engine *engine;
extern struct he_server *server;
extern struct he_target *target;

/* What the agent was told in its last requests, and how it answers. */
struct seen {
	struct wire_rec_patch set[MOST];
	uint32_t cleared[MOST];
	unsigned n_set, n_cleared;
	struct wire_rec_go go[MOST];
	unsigned n_go, goes, sets;
	uint8_t stop;
	bool hits; /* what stands where something is planted is to hit that */
	uint64_t signals;
	struct wire_catch caught;
	uint64_t refused; /* address of a patch, 0 = none ... */
	uint16_t refused_as;
	unsigned refusals; /* ... so many times */
	bool missing;
	bool quiet;       /* an interrupt is answered, no stop follows */
	unsigned written; /* regsets, at once */
	uint8_t siginfo[128];
	bool lists; /* it tells of the threads when it is asked */
	uint64_t standing;
	uint64_t base; /* AT_BASE, where the dynamic linker is mapped; 0 = nowhere */
	uint64_t pc;   /* of the thread a stop names first, 0 = fake_pc ... */
	bool crossed;  /* a stop names who stands, but brings the registers of its causes only */
	bool early;    /* it goes out before all stand: the others are missing */
	void (*meanwhile)(void); /* while the next go is under way; NULL = nothing happens */
};
extern struct seen seen;

/* Why a thread stands. */
struct why {
	unsigned thread;
	enum wire_reason reason;
	uint32_t signal, patch;
	uint64_t addr;
	int64_t value;
};

/* Threads (bits) stand, some of them for a reason. */
void stop(uint64_t standing, const struct why *w, size_t n);
#define STOP(standing, ...)                                                                        \
	stop(standing, (struct why[]){__VA_ARGS__},                                                \
	    sizeof((struct why[]){__VA_ARGS__}) / sizeof(struct why))

/* ---- the front end; all of it fails the test where it fails ------------------------- */

int setup(void **state);
int setup_person(void **state); /* its breakpoints are the engine's */
int teardown(void **state);
void attach(void);
/* Of an error, which is freed. */
int code_of(struct he_error *e);
uint32_t patch(enum he_patch_kind kind, uint64_t addr, uint32_t len);
struct he_error *go(uint64_t tid, enum he_action action, int32_t signal);
void run_on(void);
/* The next event; the next, which has to be that stop; none. */
struct he_event next(void);
struct he_event told(unsigned thread, enum he_reason reason);
void nothing_told(void);

#endif
