/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Stepping, among the files that make it up.
 *
 * A step by lines does not step: the code of the line is taken apart beforehand, patches
 * stand at every way out of it (each with a condition that tells this frame from deeper
 * ones of the same function, evaluated at the target), and the thread runs.  So a line
 * with calls and loops is one flight.  Where the ways out are not all known, or are not
 * worth a patch, the agent steps through a range.  Wherever the thread then stands, GDB's
 * rules say whether that is the end (step_rules.c); if not, there is another flight.
 */
#ifndef HOST_STEP_H
#define HOST_STEP_H

#include "host/engine/patches.h"
#include "host/engine/run.h"
#include "host/sym/spot.h"

/* ---- where a thread stands (step_where.c) ------------------------------------------- */

/* Which call of which function, as GDB's frame ids. */
struct frame_id {
	uint64_t cfa, function;
	unsigned depth; /* inlined calls around it */
	uint64_t die;   /* of the innermost of these */
};

struct standing {
	uint64_t tid;
	struct sym_regs regs;
	struct spot spot;
	uint64_t cfa;    /* 0 = not known */
	bool trampoline; /* it is about to return from a signal's handler */
	/* Who called it, and with what frame. */
	bool has_caller;
	struct sym_regs caller;
	uint64_t caller_cfa;
	/* It is a signal's handler: what that interrupted. */
	bool handler;
	struct sym_regs interrupted;
	uint64_t interrupted_cfa;
	unsigned hidden; /* inlined calls that begin here and are not shown yet */
	/* Of the frame that is shown: */
	struct frame_id id;
	const char *file;
	unsigned line;
};

/* The innermost frames of a thread with those registers. */
struct he_error *step_frames(struct he_target *t, const struct sym_regs *regs, struct near_frame *v,
    unsigned max, unsigned *n);
struct he_error *step_where(struct he_target *t, uint64_t tid, struct standing *ret);
/* An inlined call that begins there is made: its frame is shown now. */
void step_enter(struct he_target *t, struct standing *now);
bool frame_same(const struct frame_id *a, const struct frame_id *b);
/* Inlined calls that begin at a pc and are not shown yet, of a thread that stands there. */
unsigned step_hidden(const struct thread *h, const struct spot *spot);

/* ---- code (step_code.c) --------------------------------------------------------------- */

enum { CODE_WAYS = 96, CODE_INSNS = 4096 };

struct code_call {
	uint64_t at, next; /* where it stands, and behind it */
	uint64_t target;   /* 0 = not known before it runs */
};

/* The ways out of a piece of code. */
struct code_ways {
	bool known; /* all of them are here */
	bool loops; /* it goes back somewhere */
	bool returns;
	bool computed_now; /* the first instruction goes where only running it shows */
	unsigned n_exits, n_calls, n_computed;
	uint64_t exits[CODE_WAYS];
	struct code_call calls[CODE_WAYS];
	uint64_t computed[CODE_WAYS]; /* jumps to computed addresses */
};

/* From regs' pc on, as long as it is in [lo, hi). */
struct he_error *step_code(struct he_target *t, const struct sym_regs *regs, uint64_t lo,
    uint64_t hi, struct code_ways *ret);
/* The instruction there is a call: where it returns to; 0 = it is none. */
struct he_error *step_call(struct he_target *t, uint64_t addr, uint64_t *next);
/* Of a stub (jmp *slot(%rip)): where the slot is; 0 = it is none. */
struct he_error *step_slot(struct he_target *t, uint64_t addr, uint64_t *slot);
bool step_unbound(struct he_target *t, uint64_t addr);
/* The instruction by which the dynamic linker jumps to a function that it has bound just
 * now; unbound: what the function's slot held before.  0: not found. */
struct he_error *step_resolver(struct he_target *t, uint64_t unbound, uint64_t *ret);
/* An address in memory; 0 also when it cannot be read. */
struct he_error *step_word(struct he_target *t, uint64_t addr, uint64_t *ret);
/* Direct calls of the n bytes of code at addr: each with its target. */
struct he_error *step_calls(struct he_target *t, uint64_t addr, uint64_t n,
    void (*each)(void *arg, uint64_t target), void *arg);
/* A function that does nothing but return. */
struct he_error *step_returns_at_once(struct he_target *t, uint64_t addr, bool *ret);

/* ---- one step ------------------------------------------------------------------------- */

enum { STEP_PATCHES = 256, STEP_ADDRS = 64 };

struct step;

enum step_outcome {
	STEP_ON, /* planned: it goes on */
	STEP_DONE,
};

/* One kind of step: what to do first, and when its thread stands. */
struct step_row {
	struct he_error *(*plan)(struct step *st, struct standing *now, enum step_outcome *ret);
	bool
	    running; /* not a step by GDB's book: the others run even with scheduler-locking step */
};

struct step {
	struct step *next; /* of the target: one a thread, but for non-stop one in all */
	struct he_target *target;
	const struct step_row *row;
	uint64_t tid;
	uint64_t left; /* how often, with this one */
	enum he_step how;

	/* Where it began, as far as it has come on since (GDB's step_frame_id, current_line). */
	struct frame_id id;
	const char *file;
	unsigned line;
	uint64_t lo, hi;
	bool began;        /* what it was asked for is under way */
	uint64_t function; /* where it was when the person asked */
	bool enters;       /* a signal is delivered: its handler is the next thing */

	/* finish, until: */
	struct frame_id frame;
	uint64_t back, back_cfa; /* where that frame returns to; CFA of the frame itself */
	uint64_t addrs[STEP_ADDRS];
	unsigned n_addrs;
	bool anywhere;
	bool returned;     /* out: the frame did */
	uint64_t value_pc; /* of the function that returned */

	/* Planned: */
	uint32_t patches[STEP_PATCHES];
	unsigned n_patches;
	unsigned first_hook, first_jump, end_hooks; /* of patches: those of plan_hooks */
	uint32_t bound;                             /* patch of plan_bound, 0 = none */
	bool landing;                               /* it is about to land out of one */
	struct wire_rec_go go;
};

/* ---- planning (step_plan.c) --------------------------------------------------------------- */

/* Nothing is planted, the thread goes on. */
void plan_begin(struct step *st);
/* A patch for the step's thread that counts ... */
struct he_error *plan_at(struct step *st, uint64_t addr, struct span condition, uint32_t *id);
/* ... in a frame that is not below cfa (0: any). */
struct he_error *plan_in_frame(struct step *st, uint64_t addr, uint64_t cfa);
/* ... when the stack pointer is at least sp. */
struct he_error *plan_above(struct step *st, uint64_t addr, uint64_t sp);
/* ... when it was called by the call in front of next, from a frame not above cfa. */
struct he_error *plan_called(struct step *st, uint64_t addr, uint64_t next, uint64_t cfa);
/* Where the dynamic linker has bound the function whose slot held unbound, called in front
 * of next. */
struct he_error *plan_bound(struct step *st, uint64_t unbound, uint64_t next);
/* Where the caller goes on, once the present frame (not one called by it) has returned. */
struct he_error *plan_out(struct step *st, const struct standing *now);
/* Exceptions and longjmp that leave what was called with that stack pointer.
 * (step_hook.c) */
struct he_error *plan_hooks(struct step *st, uint64_t sp);
/* One of these was hit: on to where it lands. False: it was none. */
struct he_error *plan_landing(
    struct step *st, const struct cause *c, const struct standing *now, bool *ret);
/* One instruction; or those of a range. */
void plan_insn(struct step *st);
void plan_range(struct step *st, uint64_t lo, uint64_t hi);

/* ---- the rows (step_line.c, step_insn.c, finish.c) ------------------------------------------ */

struct he_error *step_line(struct step *st, struct standing *now, enum step_outcome *ret);
struct he_error *step_out_of_inlined(struct step *st, struct standing *now, enum step_outcome *ret);
struct he_error *step_insn(struct step *st, struct standing *now, enum step_outcome *ret);
struct he_error *step_finish(struct step *st, struct standing *now, enum step_outcome *ret);
struct he_error *step_until(struct step *st, struct standing *now, enum step_outcome *ret);

/* ---- running it (step.c) ------------------------------------------------------------------------
 */

/* Between target_enter and target_leave: plan and let run. Takes st (of malloc). */
struct he_error *step_start(struct step *st, struct standing *now);
struct step *step_new(struct he_target *t, uint64_t tid, const struct step_row *row);
/* A thread has ended.  Where it was the one that steps, the others are stopped. */
void step_thread_gone(struct he_target *t, uint64_t tid);

#endif
