/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Programs that we start: a child of the tracer, through procsrv-launch, which waits to be
 * seized before it executes them (launch_spec.h).  Until then there is a target without
 * handle; from its first instruction on it is one like any other, that also has standard
 * input and output: a terminal's, or pipes.
 *
 * launch.c starts and ends them, launch_io.c relays what they read and write.
 */
#ifndef PROCSRV_LAUNCH_H
#define PROCSRV_LAUNCH_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/wire.h"

struct tracer;
struct target;
struct tracee;
struct reply;

enum { LAUNCH_STREAMS = 2 };

/* What it writes: a pipe of its standard output or error, or the terminal. */
struct launch_stream {
	struct launch *launch;
	uint8_t number; /* as the wire has it */
	int fd;         /* -1 = none, or at its end */
	struct event *readable;
};

/* Input that it has not taken yet; the first one is being written. */
struct launch_input {
	struct launch_input *next;
	struct launch *launch;
	struct reply *reply; /* NULL: nobody waits any more */
	bool end;
	uint32_t n, done;
	uint8_t data[];
};

struct launch {
	struct target *target; /* that was started, or who has its streams since it is gone */
	uint32_t handle; /* that it will have; 0 = it has it */
	uint8_t loss;    /* enum wire_loss */
	bool terminal;
	bool inherited;   /* target was not started, but forked by one that was */
	unsigned through; /* so many programs more execute another before it is the one */
	/* until the first instruction */
	struct reply *reply; /* of request launch; NULL = answered */
	int socket;          /* to procsrv-launch, -1 = closed */
	struct event *said, *late;
	char program[256], cwd[256]; /* for errors and records */
	/* from then on */
	struct launch_stream out[LAUNCH_STREAMS];
	uint64_t room; /* bytes of output the host wants to have */
	bool paused;   /* reads nothing until there is room for events */
	int in;        /* -1 = closed; of a terminal the same as out[0].fd */
	struct event *writable;
	struct launch_input *first, *last;
};

/* ---- launch.c ------------------------------------------------------------------ */

/* Is that handle promised to a program on its way? */
bool launch_has_handle(const struct tracer *t, uint32_t handle);

/* A target executed a program.  If that was the one to be launched, it has its handle now,
 * the host its answer, and t is to stand for it. */
void launch_executed(struct target *tg, struct tracee *t);

/* The target has ended: what it wrote last is told, or why it never began. */
void launch_exited(struct target *tg);

/* Whose streams a target's are: its own, or those of the one that forked it and is ours still.
 * NULL: nobody's of ours. */
struct launch *launch_of(const struct target *tg);

/* The target is no longer ours (or gone): a child of it that is ours has its streams from now
 * on.  Without one, whoever still writes to the terminal or the pipes gets another reader than
 * us, who forgets it. */
void launch_free(struct target *tg);

/* The session ends, or the link is lost: kill it, if it shall not outlive that.  False: it
 * is to be let go.  Its end is still to be collected (when it was traced: else tg is freed).
 * Rows that keep what they launched do not keep what the host asked to be killed. */
bool launch_kill(struct target *tg);

/* What ptrace(2) is to do beyond the usual. */
long launch_options(const struct target *tg);

/* Parts of launches that never came. */
void launch_forget_texts(struct tracer *t);

/* ---- launch_io.c ----------------------------------------------------------------- */

/* Take over our ends, without reading yet: in, out and err; of a terminal only out, which
 * is all of it, and err is -1.  False without memory. */
bool launch_io_open(struct launch *l, struct event_base *base, int in, int out, int err);
/* Read, as long as there is room. */
void launch_io_start(struct launch *l);
/* What it wrote before it stopped is told before the stop, as far as there is room. */
void launch_io_catch_up(struct launch *l);
/* The program is gone: tell what is left, and that nothing follows. */
void launch_io_finish(struct launch *l);
/* Whoever waits to have input taken waits no longer; closes what is for input. */
void launch_io_close_input(struct launch *l, int code);
void launch_io_free(struct launch *l);

/* Events have gone out: read on. */
void launch_unpause(struct tracer *t);

#endif
