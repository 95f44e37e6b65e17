/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A target as the engine core knows it: one table of operations, so that a
 * process behind procsrv, a snapshot, a core file, a kernel or a scripted mock
 * look alike, and above it threads, caches, mappings and symbols, which are the
 * same for all of them.
 */
#ifndef HOST_TARGET_H
#define HOST_TARGET_H

#include "common/arch.h"
#include "common/wire.h"
#include "host/hosteng.h"
#include "host/engine/maps.h"
#include "host/engine/memcache.h"
#include "host/sym/sym.h"
#include "host/engine/threads.h"

struct he_target;
struct run;     /* run.h */
struct patches; /* patches.h */
struct stepper; /* run.h */
struct raw;     /* raw.h */

/* What an operation yields, piece by piece; the record is valid during the call. */
typedef void chunk_sink(void *arg, const struct wire_rec_chunk *c);
typedef void regset_sink(void *arg, const struct wire_rec_regset *r);
typedef void thread_sink(void *arg, const struct wire_rec_thread *r);
typedef void node_sink(void *arg, const struct wire_rec_node *n);
typedef void patch_sink(void *arg, const struct wire_rec_patch_result *r);

/* What changes a target, or lets it run: all that is there goes in one flight, in the
 * order of the fields. */
struct run_flight {
	struct span clear; /* of wire_rec_patch_id; empty = nothing to do, of each field */
	struct span set;   /* of wire_rec_patch */
	patch_sink *sink;  /* the answer for each of them ... */
	void *arg;
	const struct wire_catch *caught;
	const struct wire_signals *signals;
	const struct wire_preorder *preorder;
	struct span go; /* of wire_rec_go */
	uint8_t go_stop;
	bool ordered;        /* go only where no stop is newer than ... */
	uint64_t generation; /* ... that one */
	struct he_error *refused; /* out: why something of it but go was not done; the caller's */
	bool held; /* out: not all could be sent, nor go; then the error is E_LIMIT */
};

/* Operations, each in as few round trips as possible.  One that a target does not
 * offer is NULL.  What a sink gets was checked against what was asked: chunks lie in
 * the ranges, in order and without gaps; regsets have notes that were asked for. */
struct target_ops {
	const char *name;
	/* An unreadable range is no error (a chunk says it). */
	struct he_error *(*mem_read)(
	    struct he_target *t, const struct mem_range *v, size_t n, chunk_sink *sink, void *arg);
	/* n_tids 0: all that stand.  notes ends with 0. */
	struct he_error *(*regs_read)(struct he_target *t, const uint64_t *tids, size_t n_tids,
	    const uint32_t *notes, regset_sink *sink, void *arg);
	/* Both in one flight: what was read goes to t's own threads and cache. */
	struct he_error *(*bring)(struct he_target *t, const uint64_t *tids, size_t n_tids,
	    const uint32_t *notes, const struct mem_range *v, size_t n);
	struct he_error *(*threads)(struct he_target *t, thread_sink *sink, void *arg);
	/* The mappings; with auxv != NULL that too (freed by the caller), in the same trip. */
	struct he_error *(*maps)(struct he_target *t, struct maps *maps, struct buf *auxv);
	struct he_error *(*facts)(struct he_target *t, unsigned what, struct he_facts **ret);
	/* Ends silently where the list cannot be followed. */
	struct he_error *(*mem_walk)(struct he_target *t, uint64_t head, uint32_t next_off,
	    uint32_t size, uint32_t limit, node_sink *sink, void *arg);
	/* Part of a file in the target's root; dev and ino 0,0 = any file of that path. *got
	 * shorter than len = end of file. size: of the whole file. */
	struct he_error *(*file_read)(struct he_target *t, const char *path, uint64_t dev,
	    uint64_t ino, uint64_t offset, void *buf, size_t len, size_t *got, uint64_t *size);
	/* The error is that of go. */
	struct he_error *(*run)(struct he_target *t, struct run_flight *f);
	struct he_error *(*mem_write)(
	    struct he_target *t, uint64_t addr, const void *data, size_t len);
	struct he_error *(*regs_write)(
	    struct he_target *t, const struct wire_rec_regset *v, size_t n);
	struct he_error *(*patch_hits)(struct he_target *t,
	    void (*sink)(void *, const struct wire_rec_patch_state *), void *arg);
	struct he_error *(*signal)(struct he_target *t, uint64_t tid, uint32_t signal);
	struct he_error *(*siginfo_write)(
	    struct he_target *t, uint64_t tid, const void *data, size_t len);
	struct he_error *(*kill)(struct he_target *t);
	struct he_error *(*abandon)(struct he_target *t); /* as detach, but left stopped */
	struct he_error *(*interrupt)(struct he_target *t, uint64_t tid);
	/* Let go of the process; the answer is waited for.  NULL: nothing to let go of. */
	struct he_error *(*detach)(struct he_target *t);
	/* Frees t->priv.  May be NULL. */
	void (*free)(struct he_target *t);
};

/* An event that waits to be told. */
struct pending {
	struct pending *next;
	struct he_event ev;
	uint8_t *data; /* ev.data of HE_E_OUTPUT */
	bool kept;    /* part of its target or server: not to be freed */
	bool decided; /* as it is to be told; else a stop is shown to run_decide first */
};

/* Functions of the modules that leave frames in other ways than by returning. */
enum { HOOKS_MAX = 4 };
struct step_hooks {
	uint64_t stamp; /* of the modules they were looked for in */
	uint64_t throws[HOOKS_MAX], jumps[HOOKS_MAX];
	unsigned n_throws, n_jumps;
	bool mangled; /* jmp_bufs, as glibc does it */
};

struct he_target {
	struct he_target *next; /* of the engine, by number */
	const struct target_ops *ops;
	void *priv; /* of the operations */

	struct he_engine *engine;
	struct he_server *server; /* NULL: no server behind it */
	unsigned number;
	unsigned family;   /* number of the target it came from by fork; its own else */
	bool lost;         /* GONE because the link is: it runs on there */
	bool born;         /* a followed child whose own stop has not come yet */
	bool hidden;       /* a snapshot's means, not shown to anybody */
	bool code_differs; /* what runs is not what the files have */
	uint32_t handle; /* on the wire; 0 = none */

	enum he_state state;
	int exit_status;
	struct pending last; /* the event of its end */
	uint64_t generation; /* of the newest stop */
	bool stops_lost;     /* there may be a newer one, which nobody will tell */
	uint64_t cause_tid;  /* thread that caused it, 0 = none in particular */
	uint32_t cause_signal;
	bool stop_due; /* an interrupt was answered, its stop has not been met yet */
	uint64_t stopped_ns;

	uint32_t pid, arch_id;
	uint64_t start;
	char *comm, *exe;

	struct memcache *mem;
	struct threads threads;
	struct maps maps;
	bool maps_fresh;   /* maps are of this stop */
	bool maps_retried; /* and were asked for twice, because a pc lay outside of them */
	struct buf auxv;   /* empty = not yet asked for */
	struct symbols *symbols;
	bool modules_fresh, links_fresh; /* symbols know this stop's maps, link map */
	struct he_error *trouble;        /* see target_symbol_trouble */
	struct stack_reading *reading;   /* while a stack is unwound */
	unsigned depth;                  /* engine calls inside one another, see target_enter */

	struct run *run;               /* what its threads stopped for */
	struct patches *patches;       /* what should be planted, and is */
	struct raw *raw;               /* NULL: the engine is not */
	const struct stepper *stepper; /* of the steps under way; NULL = none */
	void *step;                    /* the stepper's */
	bool stepped;                  /* its symbols are wanted at every stop */
	struct step_hooks hooks;       /* see step_hook.c */
	struct he_value *result;       /* of the function that was finished last */
	struct launched *launched;     /* its input and output; NULL = not through us */
};

/* ---- making and ending (target.c) --------------------------------------- */

/* Appended to the engine's list with the next number.  NULL without memory. */
struct he_target *target_new(
    struct he_engine *e, struct he_server *s, const struct target_ops *ops);
/* Out of the list, and everything of it freed; tells nobody on the box. */
void target_free(struct he_target *t);

/* Who it is, from the process record of attach, snapshot or exec. */
void target_identify(struct he_target *t, const struct wire_rec_proc *p);
void target_set_names(struct he_target *t, struct span comm, struct span exe);

/* It runs (perhaps only one thread of it): nothing known of registers and memory
 * holds any longer. */
void target_ran(struct he_target *t, uint64_t tid);
/* It executed another program: nothing at all holds any longer. */
void target_forget(struct he_target *t);
void target_gone(struct he_target *t, int exit_status);
/* No thread runs, as far as is known. */
bool target_stands(const struct he_target *t);

/* Every public call on a target stands between these two.  enter takes up what
 * events have arrived and fails when the target is gone.  While the target runs,
 * what the call read is forgotten at leave, so that nothing outlives its moment.
 * leave passes err through, as a sentence about this target where it is a lost link. */
struct he_error *target_enter(struct he_target *t);
struct he_error *target_leave(struct he_target *t, struct he_error *err);

/* Bytes of an address in its memory; one of them, taken from there. */
unsigned target_width(const struct he_target *t);
uint64_t target_rd(const struct he_target *t, struct rd *r);

/* For sentences: "redis-server (4242)", escaped.  Returns text. */
enum { TARGET_TITLE = 96 };
char *target_title(const struct he_target *t, char text[TARGET_TITLE]);

/* ---- memory (target_mem.c) ---------------------------------------------- */

/* The readable prefix of len bytes at addr, through the cache; with the errno that
 * ends it in *why (0 = the target does not say). */
struct he_error *target_read(
    struct he_target *t, uint64_t addr, void *buf, size_t len, size_t *got, int *why);
/* Have all of these in the cache, in one request where possible. */
struct he_error *target_prefetch(struct he_target *t, const struct mem_range *v, size_t n);
/* A chunk that came unasked (stop bundle, snapshot). */
void target_put_chunk(void *target, const struct wire_rec_chunk *c);

/* Code at addr: what the cache knows of this stop, else what the module's file on this
 * machine has, else what is read.  *file: it is the file's. */
struct he_error *target_code(
    struct he_target *t, uint64_t addr, void *buf, size_t len, size_t *got, bool *file);

/* ---- threads and registers (target_threads.c, regs.c) ---------------------- */

/* Have the list of threads. */
struct he_error *target_load_threads(struct he_target *t);
/* The thread with that tid: E_NO_THREAD, or *ret, valid until events are taken up. */
struct he_error *target_thread(struct he_target *t, uint64_t tid, struct thread **ret);
/* Have the general registers of all threads that stand, in one request. */
struct he_error *target_load_regs(struct he_target *t);
/* The general registers of a thread that stands, as the unwinder wants them. */
struct he_error *target_sym_regs(struct he_target *t, uint64_t tid, struct sym_regs *ret);

/* Write the general ones that regs knows, all at once. (change.c) */
struct he_error *target_set_regs(struct he_target *t, uint64_t tid, const struct sym_regs *regs);

/* ---- mappings and symbols (target_symbols.c, link_map.c) -------------------- */
/* Have the general (all: every) regsets of a thread that stands; *arch is set only when all
 * is well. */
struct he_error *target_thread_regs(struct he_target *t, uint64_t tid, bool all,
    struct thread **thread, const struct arch **arch);
/* One more regset of it; *ret NULL: this machine has none. */
struct he_error *target_thread_note(
    struct he_target *t, const struct thread *h, uint32_t note, const struct regblock **ret);

/* Have the mappings (and auxv) of this stop; again: whatever is known. */
struct he_error *target_load_maps(struct he_target *t, bool again);
/* A value of the auxiliary vector (AT_* of elf.h), 0 = it is not there or not known. */
uint64_t target_auxv(const struct he_target *t, uint64_t type);
/* The symbol side, its modules up to date. */
struct he_error *target_symbols(struct he_target *t, struct symbols **ret);
/* The same, after asking the dynamic linker's list. */
struct he_error *target_linked_symbols(struct he_target *t, struct symbols **ret);
/* What went wrong below a call of the symbol side that cannot pass it on (a lost link,
 * a cancellation): NULL, or the caller's to free. */
struct he_error *target_symbol_trouble(struct he_target *t);
/* The end of such a call, which made err of it: trouble below it outweighs that. */
struct he_error *target_symbol_outcome(struct he_target *t, struct he_error *err);

/* Where its C library keeps what is a thread's own. (tls.c) */
struct he_error *target_thread_pointer(struct he_target *t, uint64_t tid, uint64_t *ret);
/* Where a thread has what lies at offset in the thread-local data of m. (tls.c) */
struct module;
struct he_error *target_tls(struct he_target *t, uint64_t tid, const struct module *m,
    uint64_t offset, uint64_t *addr);

/* Frames at the inner end of a thread's stack that are not shown, and not counted: inlined
 * calls that only begin where it stands. (step_where.c) */
unsigned target_hidden(struct he_target *t, uint64_t tid);
/* A breakpoint on that function (NULL = not known) was hit where one or more inlined calls
 * begin: as GDB has it, its copy counts as entered when it is one of them. */
void target_enter_inlined(struct he_target *t, uint64_t tid, uint64_t pc, const char *function);

/* ---- unwinding (stack.c) ------------------------------------------------------ */

/* How memory of a stack is got while a thread is unwound. */
struct stack_reading {
	bool probe;      /* do not fetch: note what is missing and stop there */
	bool missed;     /* out: it stopped there ... */
	uint64_t at;     /* ... at this address */
	uint32_t window; /* bytes to fetch when something is missing; doubles */
};

/* The sym_source's read. */
size_t stack_read(void *target, uint64_t addr, void *buf, size_t len);

#endif
