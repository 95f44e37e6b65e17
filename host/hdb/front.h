/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the console remembers between commands: the server, the selected target, thread
 * and frame.  Everything else is the engine's.
 */
#ifndef HOST_FRONT_H
#define HOST_FRONT_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

#include "host/hosteng.h"
#include "host/hdb/again.h"
#include "host/hdb/numbers.h"
#include "host/hdb/progress.h"
#include "host/hdb/relay.h"
#include "host/hdb/program.h"
#include "host/hdb/screen.h"
#include "host/hdb/show.h"

/* Where `x` goes on: GDB's letters for format and unit, 0 = none yet. */
struct x_state {
	char format, unit;
	unsigned count;
	uint64_t next;
};

/* Where `list` goes on: lines [first, last] were shown; first 0 = none yet. */
struct list_state {
	char *file, *directory;
	unsigned first, last;
	bool centred; /* first is the line to show around: nothing was shown yet */
};

/* Breakpoints on what is not there (yet). */
enum front_pending { PENDING_AUTO /* ask */, PENDING_ON, PENDING_OFF };

/* A variable that hdb sets by itself; convenience.h. */
enum { CONVENIENCES = 12 };
struct convenience {
	const char *name; /* NULL = none yet */
	int64_t value;
	bool told; /* the engine knows it */
};

struct hdb {
	struct he_engine *engine;
	const char *transport;    /* as he_connect takes it, once a server is needed */
	struct he_server *server; /* NULL = not connected (yet, or any more) */
	struct he_target *target; /* selected; NULL = none */
	uint64_t tid;             /* selected thread of it; 0 = none */
	unsigned frame;           /* selected frame of that, inlined ones counted */
	struct he_stack *stack;   /* of tid, as deep as was needed so far; NULL = not read */
	struct numbers *numbers;
	struct x_state x;
	struct list_state list;
	struct display *displays; /* display.h */
	struct actions *actions;  /* lines to run at breakpoints; actions.h */
	unsigned last_breakpoint; /* the one set last; 0 = none */
	struct convenience conveniences[CONVENIENCES];
	enum front_pending pending; /* set breakpoint pending */
	bool not_past_main;         /* set backtrace past-main off */
	bool intel;                 /* set disassembly-flavor intel */
	bool unconfirmed;           /* set confirm off */
	bool thread_events;         /* set print thread-events */
	unsigned elements;          /* set print elements; 0 = as the engine does */
	unsigned list_size;         /* set listsize; 0 = as ever */
	FILE *out;                  /* what commands print */
	FILE *err;                  /* what went wrong */
	struct screen screen;       /* that both are on */
	const char *prefix; /* in front of messages: "hdb: ", or "" for a person at the prompt */
	const char *script; /* the file whose commands are being done; NULL = none */
	unsigned script_line, script_depth;
	struct progress progress; /* drawn on err */
	struct program program;   /* the program that run starts */
	struct relay relay;       /* our terminal, for it */
	bool colour;              /* out is a terminal that may be coloured */
	bool verbose;
	bool person; /* somebody types at the prompt */
	bool again;  /* the command is being repeated by an empty line */
	struct again released;
	bool has_status; /* quit said what to end with */
	int status;
	bool lost;                         /* a link broke: its server waits to be freed */
	volatile sig_atomic_t busy;        /* inside the engine: a signal breaks its waiting off */
	volatile sig_atomic_t quit;        /* asked for, or a signal says so */
	volatile sig_atomic_t killed;      /* SIGTERM or SIGHUP said so, not the person */
	volatile sig_atomic_t interrupted; /* Ctrl-C since the command began, or killed */
	volatile sig_atomic_t stale;       /* the screen may have changed under the prompt */
	int wake_fd;                       /* an eventfd that each of these signals writes to */
};

/* Say what went wrong; both return 1, the status of a command that failed. */
int fail(struct hdb *h, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int fail_error(struct hdb *h, struct he_error *e); /* frees e */

void front_free(struct hdb *h);

/* The server, connected now if it was not.  NULL: said why. */
struct he_server *front_server(struct hdb *h);
/* One line about a server just connected. */
void front_banner(struct hdb *h);

/* How a person knows a target: "redis-server (4242)".  Cleaned, cut; returns buf. */
enum { FRONT_NAME = 96 };
const char *front_name(struct hdb *h, struct he_target *t, char buf[FRONT_NAME]);
struct show_style front_style(struct hdb *h);
/* Of the target, or of a usual one when there is none: bytes of an address; AUDIT_ARCH_*. */
unsigned front_address_bytes(struct hdb *h);
uint32_t front_arch(struct hdb *h);
/* Width of the screen the tables are cut to, 0 = no terminal. */
unsigned front_width(struct hdb *h);

/* Select a target (NULL = none) and of it the thread it starts with. */
void front_select(struct hdb *h, struct he_target *t);
void front_select_thread(struct hdb *h, uint64_t tid);
/* Forget what was read of the selected thread: it may have run. */
void front_stale(struct hdb *h);
enum he_state front_state(struct he_target *t);

/* The selected thread's stack with at least need frames (or all there are); NULL: said
 * why.  Valid until front_stale, or the next front_stack with a larger need. */
const struct he_stack *front_stack(struct hdb *h, unsigned need);
/* The selected frame, NULL: said why.  inner (may be NULL): the frame it called. */
const struct he_frame *front_frame(struct hdb *h, const struct he_frame **inner);
/* Have the arguments of frames [from, to) of h->stack; trouble with it is not worth a word. */
void front_arguments(struct hdb *h, size_t from, size_t to);
/* Show it, with its source line where that is on this machine, and have list begin around it.
 * 0, or 1 after saying why not. */
int front_say_frame(struct hdb *h);
/* The same as a stop shows it: without number; whole false: the source line only, where it
 * is known. */
int front_say_place(struct hdb *h, bool whole);
/* Its line as backtrace has it, alone. */
int front_say_frame_only(struct hdb *h);
/* That frame's number as he_registers counts (without inlined ones). */
unsigned front_physical(const struct he_stack *s, unsigned frame);

/* Attach and say so; 0 = done. */
int front_attach(struct hdb *h, uint32_t pid, uint64_t start, enum he_how how);
/* On a terminal: what letting t go will have to wait for, if anything; the progress line. */
void front_say_held(struct hdb *h, struct he_target *t);
/* One that was launched: say so. */
void front_say_launched(struct hdb *h, struct he_target *t);
/* Let t go; the selection moves to another target if it was that. */
int front_detach(struct hdb *h, struct he_target *t);

/* Show what happened (nothing for kinds that are quiet). */
void front_event(struct hdb *h, const struct he_event *ev);
/* Show what is waiting, without waiting. */
void front_events(struct hdb *h);
/* Wait until t no longer runs, showing events; Ctrl-C interrupts it, a second one gives
 * up waiting.  0 = it stands (in non-stop: the thread that was told of does) or is gone. */
int front_wait(struct hdb *h, struct he_target *t);
/* The same until t is gone. */
int front_wait_end(struct hdb *h, struct he_target *t);

#endif
