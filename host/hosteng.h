/* SPDX-License-Identifier: BSD-2-Clause
 *
 * libhosteng: the host engine of a debugging session.  It connects to process
 * servers (procsrv), attaches to processes there, and knows everything symbolic
 * about them.
 *
 * Contracts that hold for all of it:
 *  - A function that can fail returns NULL or an error object, which the caller
 *    frees with he_error_free.  Results come through the last parameters, which
 *    are not touched on failure.
 *  - The engine never prints, never exits, installs no signal handlers.
 *  - One thread at a time may be inside an engine, but he_cancel, which may be
 *    called from anywhere (also from a signal handler).
 *  - Every wait ends: when the work is done, when the link is lost (silence of
 *    14 s), or when he_cancel is called.
 *  - const char * that the engine hands out is valid as long as the object it
 *    came with; texts from a target are any bytes (escape before showing).
 *  - Addresses are of the target, ranges are half open [lo, hi).
 */
#ifndef HOSTENG_H
#define HOSTENG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* ---- errors ----------------------------------------------------------- */

struct he_error {
	int code;	  /* enum err (err.h): 40-59 process and thread, 70 fault ... */
	int os_errno;	  /* errno behind it, here or on the box; 0 = none */
	uint64_t addr;	  /* the address it is about, for a fault */
	char message[];	  /* one sentence: what, where, what to do; no newline */
};

/* ret, without trouble: he_error_free(NULL) is fine. */
void he_error_free(struct he_error *e);

/* ---- engine ----------------------------------------------------------- */

struct he_engine;
struct he_server; /* a connected process server */
struct he_target; /* a process there, or a snapshot of one */

/* What becomes of processes that were attached to when a link breaks, and is not back within
 * two seconds: let go; held as long as the box keeps the session; killed. */
enum he_loss { HE_LOSS_DEFAULT, HE_LOSS_RESUME, HE_LOSS_HOLD, HE_LOSS_KILL };

struct he_config {
	/* Ask the person a yes/no question; NULL: nobody is there to be asked. */
	bool (*ask)(void *arg, const char *question);
	/* Ask for a passphrase, at most size - 1 bytes; false: there is none.  NULL: nobody
	 * is there to be asked. */
	bool (*secret)(void *arg, const char *question, char *text, size_t size);
	/* Long work: what, bytes done, bytes in all (0 = not known), done == total at
	 * its end.  NULL: quiet. */
	void (*progress)(void *arg, const char *what, uint64_t done, uint64_t total);
	/* A sentence that is worth showing but no failure.  NULL: dropped. */
	void (*notice)(void *arg, const char *text);
	void *arg;
	FILE *dump;	       /* every message of the wire, one line each; NULL = no */
	const char *config_dir; /* NULL: $XDG_CONFIG_HOME/hdb or ~/.config/hdb */
	const char *cache_dir;	/* NULL: $XDG_CACHE_HOME/hdb or ~/.cache/hdb */
	bool raw; /* the front end is a debugger itself: see he_go */
	uint32_t grace_ms; /* boxes shall keep a session without its link so long; 0 = as they do */
	enum he_loss loss; /* HE_LOSS_DEFAULT: as the box does */
};

struct he_error *he_new(const struct he_config *config, struct he_engine **ret);
void he_free(struct he_engine *e); /* disconnects everything first */

/* Break off what the engine is waiting for: that call returns error CANCELLED.
 * When nothing is being waited for, the next he_wait returns at once. */
void he_cancel(struct he_engine *e);

/* ---- servers ---------------------------------------------------------- */

/* What the key's row in the map allows there: bits 1 << enum wire_right. */
enum { HE_RIGHT_LOOK = 1 << 1, HE_RIGHT_STOP = 1 << 2, HE_RIGHT_WRITE = 1 << 3, HE_RIGHT_LAUNCH = 1 << 4 };

struct he_server_info {
	const char *name; /* how it was named: "box:7000", "exec:ssh box …", "this machine" */
	const char *build, *os, *machine, *host;
	const char *user; /* the local user we are there */
	const char *key;  /* the box's fingerprint, NULL when it has none (stdio) */
	uint32_t uid;
	uint32_t rights; /* HE_RIGHT_... */
	int yama;	 /* kernel.yama.ptrace_scope there, -1 = none */
	bool local;	 /* this machine, as us: its paths and its environment are ours */
};

/* transport: as behind -premote (transport(7)); NULL = $HDB_PREMOTE, and when that is
 * not set, as "": this machine, through a private `procsrv -t stdio`. */
struct he_error *he_connect(struct he_engine *e, const char *transport, struct he_server **ret);
const struct he_server_info *he_server_info(const struct he_server *s);
/* What its link has carried, and how often somebody had to wait for it; for people. */
struct he_server_counts {
	uint64_t requests, waits, sent, received; /* the last two in bytes, before TLS */
};
void he_server_counts(const struct he_server *s, struct he_server_counts *ret);
/* Targets are detached (resumed) first, launched ones killed.  Frees s and its targets. */
void he_disconnect(struct he_server *s);

/* Make a client key (never overwrites); fingerprint (freed by the caller) and
 * the file's path.  path NULL: config_dir/key.pem.  passphrase NULL: it is not protected. */
struct he_error *he_keygen(struct he_engine *e, const char *path, const char *passphrase,
    char **fingerprint, char **file);
/* A grant of a key that boxes trust to sign them (procsrv-authorized_keys(5)). */
struct he_grant {
	const char *key;   /* fingerprint of whose it shall be */
	const char *users; /* "alice,bob": whom it names on the boxes */
	const char *words; /* what it takes away: "readonly", "no-launch max-stop=2s"; NULL = nothing */
	const char *valid; /* "8h" from now, or days: "2026-11-23..2026-12-01" */
	const char *name;  /* for the boxes' records; NULL = the fingerprint */
	uint64_t serial;   /* to revoke it by; 0 = a new one is made up */
};
/* Make and sign one with the key in path (NULL: config_dir/key.pem).  text is what its holder
 * puts into the file KEY.grant beside the key; the caller frees it.  E_MALFORMED: a text of what
 * makes no sense. */
struct he_error *he_sign(
    struct he_engine *e, const char *path, const struct he_grant *what, char **text);
/* Remember a box's key without asking; box is HOST[:PORT].  Where another key is
 * remembered, E_BAD_PROOF, or with replace its place is taken. */
struct he_error *he_trust(
    struct he_engine *e, const char *box, const char *fingerprint, bool replace);

/* ---- processes of a box ----------------------------------------------- */

struct he_process {
	uint32_t pid, ppid, uid, gid, threads, tracer;
	uint64_t start; /* clock ticks since boot: with pid, its identity */
	char state;
	bool kernel_thread;
	const char *user, *unit, *comm, *exe;
	const char *args; /* joined by blanks */
};

struct he_processes {
	struct he_process *v;
	size_t n;
	uint32_t truncated; /* so many more were left out */
};

/* pattern: part of name, executable, arguments or unit; NULL = all.  With a pattern the
 * caller itself, whose arguments tend to hold it, and its private procsrv are left out. */
struct he_error *he_ps(struct he_server *s, const char *pattern, struct he_processes **ret);
void he_processes_free(struct he_processes *p);

/* The one process of that name (comm or base name of exe), or of that systemd
 * unit (".service" may be left out; its main process = the one whose parent is not
 * in the unit).  None or several: an error that lists them. */
struct he_error *he_find_name(struct he_server *s, const char *name, struct he_process *ret);
struct he_error *he_find_unit(struct he_server *s, const char *unit, struct he_process *ret);
/* Strings of *ret above belong to the server object. */

/* ---- targets ---------------------------------------------------------- */

enum he_how { HE_STOP, HE_RUN, HE_LOOK }; /* as enum wire_how */
/* HE_STOPPED can be before the stop is told: one that means nothing is not, and it runs on. */
enum he_state { HE_RUNNING, HE_STOPPED, HE_LOOKING, HE_FROZEN /* a snapshot */, HE_GONE };

/* start 0: whichever process has that number now.  With HE_STOP it returns when
 * all threads stand (or 100 ms have passed: he_event tells of late ones). */
struct he_error *he_attach(
    struct he_server *s, uint32_t pid, uint64_t start, enum he_how how, struct he_target **ret);
/* Of one that was let go when the link broke (HE_E_RELEASED, by_loss): attach once more, and
 * let it stand.  What was asked for of it (breakpoints, or of a raw target patches by their
 * ids, catches and signals) is asked for of the new one, and planted when that is let run.
 * The old one stays gone, for he_detach to free. */
struct he_error *he_attach_again(struct he_target *old, struct he_target **ret);
/* Resume, let go, free t. */
struct he_error *he_detach(struct he_target *t);

/* ---- launching ---------------------------------------------------------- */

enum he_fate {
	HE_KILLED,     /* with the session, whatever ends it */
	HE_RUNS_ON,    /* when the link is lost */
	HE_DIES_ALONG, /* also when the box's tracer is killed */
};

struct he_launch {
	const char *program;     /* a path there; without / looked for in PATH of env */
	const char *const *args; /* NULL-terminated, the first is the name it is told */
	const char *const *env;  /* NULL-terminated, NAME=VALUE; NULL: what a login gives */
	bool env_adds;           /* env changes what a login gives; NAME alone takes one out */
	bool terminal;           /* a terminal of its own, else three pipes */
	bool apart;              /* which does not control its session: Ctrl-C typed there is no
				  * signal, and its children outlive it without SIGHUP */
	bool randomize;          /* addresses, as without a debugger */
	unsigned wrappers;       /* 0 to 3: program executes another, and that ... which is held */
	const char *cwd;         /* NULL: the user's home */
	unsigned rows, cols;     /* of the terminal */
	enum he_fate fate;
};

/* Held before its first instruction, which no event tells.  he_detach lets it go, and it
 * runs on: what it writes then is read by nobody, and a pipe of standard input is at its
 * end.  he_disconnect kills it. */
struct he_error *he_launch(
    struct he_server *s, const struct he_launch *q, struct he_target **ret);

/* To its terminal or its standard input, without waiting for it to read: *taken bytes are
 * on their way, fewer than len (perhaps 0) while it has not read earlier ones.  end:
 * nothing follows (on a terminal Ctrl-D is typed), which counts when all were taken.  An
 * error may be an earlier call's. */
struct he_error *he_input(
    struct he_target *t, const void *data, size_t len, bool end, size_t *taken);
/* The size of its terminal. */
struct he_error *he_window(struct he_target *t, unsigned rows, unsigned cols);

/* One look: stacks and registers of every thread, gathered at once; the process
 * runs again when this returns.  The target is HE_FROZEN; he_detach frees it.
 * window: bytes of stack per thread, total: bytes in all; 0 = the defaults. */
struct he_error *he_snapshot(struct he_server *s, uint32_t pid, uint64_t start, uint32_t window,
    uint64_t total, struct he_target **ret);

/* What a program that was launched reads and writes: by he_input and HE_E_OUTPUT.  One that it
 * forked has the same: he_input does for each of them, and what they write is told of the one
 * that was launched, or, when that is gone, of a child of it that is a target. */
enum he_streams { HE_STREAMS_NONE, HE_STREAMS_PIPES, HE_STREAMS_TERMINAL };

struct he_target_info {
	unsigned number; /* for people, from 1 within the engine */
	enum he_state state;
	struct he_server *server;
	uint32_t pid;
	uint64_t start;
	const char *comm, *exe;
	unsigned address_bytes; /* of the program that runs there: 4 or 8 */
	uint32_t arch;          /* and its AUDIT_ARCH_* of linux/audit.h; 0 = not known */
	bool launched;	     /* by this session */
	bool terminal;	     /* launched, on a terminal of its own */
	enum he_streams streams;
	bool lost;	     /* HE_GONE because the link is: it runs on there */
	uint64_t stopped_ns; /* of a snapshot: how long it stood still */
	int exit_status;     /* HE_GONE: wait status, -1 = not known */
};

void he_target_info(const struct he_target *t, struct he_target_info *ret);
/* The engine's targets in order of number; NULL after the last. */
struct he_target *he_target_next(struct he_engine *e, const struct he_target *after);

enum he_thread_state { HE_T_RUNNING, HE_T_STOPPED, HE_T_STOPPING, HE_T_EXITING };
struct he_thread {
	uint64_t tid;
	enum he_thread_state state;
	uint32_t signal; /* that it stopped with, 0 = none */
	uint32_t cpu;
	char kernel_state; /* letter of proc_pid_stat(5) */
	const char *name;
};

struct he_threads {
	struct he_thread *v;
	size_t n;
};

struct he_error *he_threads(struct he_target *t, struct he_threads **ret);
void he_threads_free(struct he_threads *p);

/* tid 0 = all.  A thread that stopped with a signal gets it, as its handling says. */
struct he_error *he_continue(struct he_target *t, uint64_t tid);
/* The same, but thread tid (not 0) gets this signal instead, 0 = none; others: these go on,
 * too, but in non-stop and where the scheduler is locked. */
struct he_error *he_continue_with(struct he_target *t, uint64_t tid, uint32_t signal, bool others);
struct he_error *he_interrupt(struct he_target *t, uint64_t tid); /* event follows */

enum he_event_kind {
	HE_E_NONE, /* he_wait: nothing in time */
	HE_E_STOPPED,
	HE_E_SIGNALLED,
	HE_E_THREAD_BORN,
	HE_E_THREAD_EXITED,
	HE_E_EXITED, /* target is HE_GONE; he_detach frees it */
	HE_E_EXECUTED,
	HE_E_JOB_STOPPED,
	HE_E_JOB_CONTINUED,
	HE_E_LINK_LOST, /* every target of server is HE_GONE to us (info: lost) */
	HE_E_RELEASED,	/* let go by the box (text: why); HE_GONE to us, it runs on there */
	HE_E_OUTPUT,    /* a launched program wrote: stream, end, data, len */
	HE_E_FORKED,    /* number: pid of the child; child: its target, NULL = it was let go */
	HE_E_LINK_AWAY, /* the link to server broke (text: why) and is being taken up again:
			 * calls wait for it, nothing else changes */
	HE_E_LINK_BACK, /* it is back, or HE_E_LINK_LOST follows */
};

enum he_break_kind {
	HE_BREAK_SOFT,
	HE_BREAK_HARD,
	HE_BREAK_WATCH,  /* written */
	HE_BREAK_RWATCH, /* read */
	HE_BREAK_AWATCH, /* either */
	HE_BREAK_CATCH,
};

/* Why a thread stands (HE_E_STOPPED). */
enum he_reason {
	HE_R_REQUEST, /* attach or interrupt */
	HE_R_SIGNAL,
	HE_R_JOB, /* group stop: SIGSTOP, SIGTSTP ... */
	HE_R_EXEC,
	HE_R_BORN, /* a new thread or a followed child that has not run yet */
	HE_R_BREAKPOINT,
	HE_R_WATCH,       /* expression, old_value, value */
	HE_R_WATCH_SCOPE, /* the block of a watched local was left: that one is deleted */
	HE_R_CATCH,       /* caught; number, text */
	HE_R_STEP,        /* what he_step, he_finish ... were asked for is done */
	HE_R_LAUNCH,      /* before the first instruction of a program we started */
};

enum he_catch {
	HE_CATCH_FORK,
	HE_CATCH_VFORK,
	HE_CATCH_EXEC,
	HE_CATCH_SYSCALL,
	HE_CATCH_SIGNAL,
	HE_CATCH_LOAD,
	HE_CATCH_UNLOAD,
	HE_CATCH_THROW,
	HE_CATCH_RETHROW,
	HE_CATCH_CATCH,
	HE_CATCH_VFORK_DONE, /* this and the following: of raw engines only */
	HE_CATCH_CLONE,
	HE_CATCH_EXIT, /* of a thread */
};

struct he_value; /* see he_evaluate */

enum { HE_PATCHES_HIT = 16 };

struct he_event {
	enum he_event_kind kind;
	struct he_target *target; /* NULL for HE_E_LINK_LOST */
	struct he_server *server;
	uint64_t tid; /* that it is about; 0 = none in particular */
	uint32_t signal;
	int status; /* wait status */
	uint64_t ago_ms;     /* HE_E_RELEASED: since when */
	bool by_loss;        /* HE_E_RELEASED: because the link had broken */
	char text[256];      /* HE_E_LINK_LOST, HE_E_LINK_AWAY, HE_E_RELEASED: why; HE_CATCH_EXEC: the program,
			      * HE_CATCH_LOAD, HE_CATCH_UNLOAD: the first library */
	uint64_t generation; /* HE_E_STOPPED: grows with each stop of the target */
	/* HE_E_STOPPED, too; what is pointed to is valid until the next he_wait */
	enum he_reason reason;
	const unsigned *breakpoints; /* numbers of all that were hit, the first is shown */
	size_t n_breakpoints;
	unsigned location; /* which of the first one's; 0 = it has no more than one */
	bool temporary; /* the first was, and is deleted now */
	bool hardware;  /* the first needs the processor's help */
	enum he_break_kind break_kind;
	enum he_catch caught;
	bool returned;           /* HE_CATCH_SYSCALL: from it, not at its entry */
	int64_t number;          /* the system call; the child's pid (also HE_E_FORKED) */
	struct he_target *child; /* HE_E_FORKED: when it is followed */
	const char *expression, *old_value, *value; /* NULL where not known */
	const char *trouble; /* why a condition could not be evaluated: it stopped for that */
	bool same_frame;     /* HE_R_STEP: in the function and frame where it began */
	struct he_value *result;   /* what a finished function did; NULL: void, not known */
	/* of a raw engine */
	uint32_t patches[HE_PATCHES_HIT]; /* ids of those that were hit */
	size_t n_patches;
	uint64_t data_addr; /* HE_R_WATCH: of what was written or read */
	/* HE_E_OUTPUT; data is any bytes, valid until the next he_wait */
	unsigned stream; /* 1 standard output or the terminal, 2 standard error */
	bool end;        /* nothing follows on it */
	const void *data;
	size_t len;
};

/* The next event, in the order they happened: a stop that was resumed meanwhile is told
 * all the same (he_target_info has the present state).  When nobody takes them some may be
 * dropped, but never a LINK_LOST, EXITED, RELEASED or OUTPUT.  Waits up to timeout_ms (-1 = until
 * one comes).  HE_E_NONE when nothing came, or he_cancel was called; with a timeout also
 * when much came that is not worth telling. */
struct he_error *he_wait(struct he_engine *e, int timeout_ms, struct he_event *ret);
/* Readable while events wait: for poll(2).  Always the same one, valid as long as e;
 * ask for it anew before each sleep, so that the links know. */
int he_event_fd(struct he_engine *e);

/* ---- breakpoints, watchpoints, catchpoints ------------------------------- */

/* They belong to the engine, by number from 1, and to one target and what it forks; when
 * these are gone they wait for the next target that is attached to or launched. */
struct he_break {
	enum he_break_kind kind;
	/* A location: FUNCTION, FILE:FUNCTION, LINE (of file), FILE:LINE, or *ADDRESS (its value
	 * is addr); of a watchpoint: the expression; of HE_CATCH_LOAD and HE_CATCH_UNLOAD: a
	 * regular expression of names, NULL = any. */
	const char *where;
	const char *file; /* for LINE; NULL: there is none */
	uint64_t addr;
	const char *condition; /* NULL = none */
	uint64_t tid;          /* only this thread; 0 = all */
	uint64_t ignore;       /* so many hits pass */
	bool temporary;
	bool pending; /* nothing found is fine: a library that comes may have it */
	/* Where names of condition and expression are looked up. */
	uint64_t frame_tid; /* 0 = nowhere: globals only */
	unsigned frame;
	bool location; /* watch what the expression means now, wherever the program goes */
	enum he_catch catch;
	const uint32_t *numbers; /* of syscalls or signals; none = all (of signals: all that
				  * are no debugger's own) */
	size_t n_numbers;
};

/* Set at once, when t is not NULL.  E_NO_FILE: no such place (yet): with pending it
 * would be set all the same.  A refused patch is no error of this: see trouble. */
struct he_error *he_break(
    struct he_engine *e, struct he_target *t, const struct he_break *q, unsigned *number);

struct he_location {
	unsigned number; /* from 1 within its breakpoint */
	struct he_target *target;
	uint64_t addr;
	bool enabled;
	bool chooses; /* no hit is told: what it chooses will be the place (he_place.chooses) */
	const char *function, *file, *module; /* NULL = not known */
	unsigned line;
	const char *trouble; /* a sentence, why it is not planted; NULL = it is (or needs not be) */
};

struct he_breakpoint {
	unsigned number;
	enum he_break_kind kind;
	enum he_catch catch;
	const char *where;     /* NULL for most catchpoints */
	const char *condition; /* NULL */
	bool on_host;          /* the condition is evaluated here: each hit stops the target */
	bool enabled, temporary, pending;
	bool software;      /* a watchpoint by single steps */
	bool disable_hit;   /* disabled (delete_hit: deleted) by its next hit */
	uint64_t countdown; /* disabled after so many more hits; 0 = not */
	uint64_t tid;
	uint64_t hits, ignore;
	const uint32_t *numbers;
	size_t n_numbers;
	struct he_location *v;
	size_t n;
};

struct he_breakpoints {
	struct he_breakpoint *v; /* by number */
	size_t n;
};

/* number 0 = all; E_NO_FILE: no such one. */
struct he_error *he_breakpoints(struct he_engine *e, unsigned number, struct he_breakpoints **ret);
void he_breakpoints_free(struct he_breakpoints *p);

struct he_error *he_break_delete(struct he_engine *e, unsigned number);
enum he_enable { HE_DISABLE, HE_ENABLE, HE_ENABLE_ONCE, HE_ENABLE_DELETE, HE_ENABLE_COUNT };
/* location 0 = the whole; count: of HE_ENABLE_COUNT. */
struct he_error *he_break_enable(
    struct he_engine *e, unsigned number, unsigned location, enum he_enable how, uint64_t count);
/* text NULL = none. */
struct he_error *he_break_condition(struct he_engine *e, unsigned number, const char *text);
struct he_error *he_break_ignore(struct he_engine *e, unsigned number, uint64_t count);

/* Functions whose names match a POSIX extended regular expression, each once, with its
 * place; of file only, when that is not NULL. */
struct he_place {
	const char *function, *file, *module; /* file: NULL without debug information */
	unsigned line;
	uint64_t addr; /* where a breakpoint on it goes */
	bool chooses;  /* addr is of what will choose the function (STT_GNU_IFUNC), and has not yet */
};
struct he_places {
	struct he_place *v;
	size_t n;
};
struct he_error *he_functions(
    struct he_target *t, const char *regex, const char *file, struct he_places **ret);
/* Where a location is (see he_break.where), without setting anything. */
struct he_error *he_locate(
    struct he_target *t, const char *where, const char *file, struct he_places **ret);
void he_places_free(struct he_places *p);

/* Everything of that kind whose name matches a POSIX extended regular expression (NULL: all),
 * for a person to choose from: by file and name, then symbols without debug information, by
 * address. */
enum he_names_of { HE_NAMES_FUNCTIONS, HE_NAMES_VARIABLES, HE_NAMES_TYPES };
struct he_name {
	const char *name, *module;
	const char *file; /* NULL: a symbol without debug information */
	unsigned line;    /* 0 = not known */
	uint64_t addr;    /* 0 = none, or not one */
};
struct he_names {
	struct he_name *v;
	size_t n;
	size_t left; /* so many more there are */
};
struct he_error *he_names(
    struct he_target *t, enum he_names_of what, const char *regex, struct he_names **ret);
void he_names_free(struct he_names *p);

/* ---- how targets run -------------------------------------------------------- */

/* What is done about a signal, as GDB's handle table has it. */
struct he_handling {
	bool stop, print, pass;
};
enum { HE_SIGNALS = 64 };
struct he_error *he_handling(struct he_engine *e, uint32_t signal, struct he_handling *ret);
struct he_error *he_handle(struct he_engine *e, uint32_t signal, const struct he_handling *h);

enum he_scheduler { HE_LOCK_OFF, HE_LOCK_ON, HE_LOCK_STEP };
struct he_settings {
	bool follow_child;           /* after fork and vfork */
	bool detach_on_fork;         /* the one that is not followed is let go */
	bool non_stop;               /* only the thread that hit something stops */
	bool stop_on_load;           /* at each change of the list of libraries */
	enum he_scheduler scheduler; /* do other threads run with the one that is resumed? */
};
void he_settings(const struct he_engine *e, struct he_settings *ret);
struct he_error *he_set_settings(struct he_engine *e, const struct he_settings *s);

/* ---- stepping ------------------------------------------------------------- */

/* Each of these lets the target run and returns; HE_E_STOPPED with HE_R_STEP follows when
 * it is done, or another stop, which ends it.  tid is a thread that stands; the others run
 * meanwhile as the scheduler says.  A signal that the thread stopped with is delivered. */
enum he_step {
	HE_STEP_INTO,      /* to the beginning of another line, also in a called function that
			    * has line numbers */
	HE_STEP_OVER,      /* the same, but calls run to their end */
	HE_STEP_UNTIL,     /* the same, but never back within the function: out of loops */
	HE_STEP_INSN,      /* one instruction */
	HE_STEP_INSN_OVER, /* the same, but a call counts as one */
};
/* count (at least 1) times; nothing is told of those in between. */
struct he_error *he_step(struct he_target *t, uint64_t tid, enum he_step how, uint64_t count);
/* Until that frame (as he_backtrace counts) has returned to its caller; the event has what
 * it returned, where that is known. */
struct he_error *he_finish(struct he_target *t, uint64_t tid, unsigned frame);
/* Until one of these addresses is reached (anywhere not set: in this frame or one that
 * called it), or the frame has returned. */
struct he_error *he_until(struct he_target *t, uint64_t tid, unsigned frame,
    const uint64_t *addrs, size_t n, bool anywhere);

/* Without running: that frame and those it called are undone, as if it had returned.
 * value: an expression, evaluated in it; NULL = whatever the registers hold. */
struct he_error *he_return(
    struct he_target *t, uint64_t tid, unsigned frame, const char *value);
/* Go on at addr instead. */
struct he_error *he_jump(struct he_target *t, uint64_t tid, uint64_t addr);

/* ---- changing a target -------------------------------------------------------- */

/* All of it or, with E_FAULT, up to the error's addr.  Planted breakpoints stay. */
struct he_error *he_write(struct he_target *t, uint64_t addr, const void *data, size_t len);
/* bits of reg's value, little-endian; only of frame 0, or one that outer frames keep in
 * memory or in a register. */
struct he_error *he_write_register(struct he_target *t, uint64_t tid, unsigned frame,
    const char *name, const void *value, size_t len);
/* Memory for the caller's own use, private and zero: whole pages; prot as in he_mapping.  A
 * thread that stands makes the system call (tid 0: any that can): E_RUNNING when all run or
 * are in one of their own, E_FILTERED. */
struct he_error *he_map(
    struct he_target *t, uint64_t tid, uint64_t size, unsigned prot, uint64_t *addr);
struct he_error *he_unmap(struct he_target *t, uint64_t tid, uint64_t addr, uint64_t size);
struct he_error *he_signal(
    struct he_target *t, uint64_t tid, uint32_t signal); /* tid 0 = process */
struct he_error *he_kill(struct he_target *t);           /* HE_E_EXITED follows */
struct he_error *he_abandon(struct he_target *t);        /* let go, left stopped; frees t */

/* ---- for front ends that are debuggers themselves ---------------------------- */

/* With he_config.raw the engine plants nothing and steps nowhere on its own account, looks
 * at no symbols when something stops, and tells every stop.  What is to be planted, which
 * events and signals stop, and how threads go on is said by these functions instead of
 * he_break, he_handle, he_set_settings, he_step, he_continue and their like. */

enum he_patch_kind {
	HE_PATCH_SOFT,
	HE_PATCH_HARD,
	HE_PATCH_WRITE,  /* of data */
	HE_PATCH_ACCESS, /* of data: read or written */
};

/* An expression of GDB's agent (GDB manual, appendix F). */
struct he_code {
	const void *data;
	size_t len;
};

struct he_patch {
	enum he_patch_kind kind;
	uint64_t addr;
	uint32_t len; /* of data, of any size and alignment; else it does not count */
	uint64_t tid; /* only this thread; 0 = all */
	/* A hit is one when any of these is true, or cannot be evaluated; none = always. */
	const struct he_code *conditions;
	size_t n_conditions;
};

/* Noted; it goes with the next he_go or he_patch_sync (at once, while threads run).  The
 * same kind, addr and data len replace what is there under its id.  Refused at once:
 * E_FAULT where nothing is mapped, E_NO_DEBUG_REGISTER, E_RIGHT.  Where no code is mapped
 * it waits for some.  After exec there are none. */
struct he_error *he_patch(struct he_target *t, const struct he_patch *q, uint32_t *id);
/* Noted, too; one that comes again before the next he_go has never left.  One that is not
 * known is fine. */
void he_unpatch(struct he_target *t, uint32_t id);
/* The same by what it is; false: there is none. */
bool he_unpatch_at(struct he_target *t, enum he_patch_kind kind, uint64_t addr, uint32_t len);
/* Now.  The first that is refused: its addr. */
struct he_error *he_patch_sync(struct he_target *t);

enum he_follow { HE_FOLLOW_PARENT, HE_FOLLOW_CHILD, HE_FOLLOW_BOTH };
struct he_catches {
	/* Bits 1 << HE_CATCH_FORK, VFORK (with VFORK_DONE), EXEC, CLONE, EXIT. */
	unsigned events;
	/* Whose we are after fork and vfork.  A followed child is a target of its own, with
	 * the same patches and wishes; its own first stop is not told where its parent's fork
	 * is caught: it stands when that is. */
	enum he_follow follow;
	bool syscalls;
	const uint32_t *numbers; /* of system calls; none = all */
	size_t n_numbers;
};
/* Replaces what was asked before; goes with the next he_go (at once, while threads run). */
struct he_error *he_catch_events(struct he_target *t, const struct he_catches *q);
/* Signals, bit n-1 = n.  pass: they do not stop it but are delivered at once; all others
 * stop it and are told.  drop: neither he_detach nor a he_go with -1 delivers them. */
struct he_error *he_pass_signals(struct he_target *t, uint64_t pass, uint64_t drop);

enum he_action { HE_GO_CONT, HE_GO_STEP, HE_GO_RANGE };
struct he_go {
	uint64_t tid; /* 0 = all that are left; the first that names a thread holds for it */
	enum he_action action;
	int32_t signal;  /* 0 none, -1 the one it stopped with, else this one */
	uint64_t lo, hi; /* HE_GO_RANGE: until the pc is outside */
};
/* All of it in one flight with what waits.  Threads that run already or have ended are
 * passed over.
 * alone: what a thread stops for stops it alone, and is told by itself.  Threads whose stop
 * was not told yet stay.
 * Otherwise the first stops all, and one is told.  What others stopped for at the same time
 * waits: a he_go that would let such a thread run tells it instead, and nothing runs (the
 * signals it named are kept for it), unless its patch is gone or its pc was written.
 * When a patch cannot be planted nothing runs; the error's addr is its. */
struct he_error *he_go(struct he_target *t, const struct he_go *v, size_t n, bool alone);
/* The same after a stop that the front end keeps to itself: a thread passes what it stopped for
 * where it stands.  (After he_go it is hit there, anew: a debugger steps over its breakpoints
 * itself.) */
struct he_error *he_go_past(struct he_target *t, const struct he_go *v, size_t n, bool alone);
/* What further threads stopped for at the same time as the stop told last, one by one, as
 * if told; false: nothing more. */
bool he_also_stopped(struct he_target *t, struct he_event *ret);

/* Of the signal that a thread stopped with, a siginfo_t as the box's kernel has it; E_STATE:
 * there is none.  *len: room in, bytes out. */
struct he_error *he_siginfo(struct he_target *t, uint64_t tid, void *buf, size_t *len);
struct he_error *he_set_siginfo(
    struct he_target *t, uint64_t tid, const void *data, size_t len);

/* he_registers has all of frame 0, in one order for all threads of an architecture on one
 * box, and costs nothing for a thread that caused the stop.  For another it brings a batch of
 * threads with windows of their stacks, each batch four times the one before.  These are only the
 * general ones (and whatever is known), which came with the stop of every thread. */
struct he_registers;
struct he_error *he_general_registers(
    struct he_target *t, uint64_t tid, struct he_registers **ret);
/* Several at once: name, bits and value of each; of a value the first bits/8 bytes. */
struct he_register;
struct he_error *he_write_registers(
    struct he_target *t, uint64_t tid, const struct he_register *v, size_t n);

/* he_read of a target that stands brings a page, or a window of the stack, for a small
 * question: ask as small as you like.  The mappings, in order; valid until the next call
 * that can ask the box. */
struct he_mapping; /* see he_facts */
struct he_error *he_maps(struct he_target *t, const struct he_mapping **v, size_t *n);
/* The auxiliary vector in words of the program's width, from the attach. */
struct he_error *he_auxv(struct he_target *t, const void **data, size_t *len);

struct he_link {
	const char *name;  /* l_name: empty for the program itself */
	uint64_t lm;       /* address of its struct link_map */
	uint64_t addr, ld; /* l_addr, l_ld */
	uint64_t lmid;     /* address of its namespace's struct r_debug */
};
struct he_links {
	struct he_link *v; /* namespace by namespace, in the linker's order */
	size_t n;
	uint64_t main_lm; /* of the program; 0: there is no list (yet) */
	uint64_t r_debug; /* 0: not known (yet) */
	bool unlisted;    /* it will not be: the program's headers do not say where it is */
};
/* What the dynamic linker has loaded, in at most three round trips. */
struct he_error *he_links(struct he_target *t, struct he_links **ret);
void he_links_free(struct he_links *p);
/* Where the program says where r_debug is (the value of its DT_DEBUG); 0: nowhere. */
struct he_error *he_dt_debug(struct he_target *t, uint64_t *ret);

/* ---- memory and registers --------------------------------------------- */

/* Up to len bytes at addr.  *got bytes (the readable prefix) are in buf also when
 * it fails with E_FAULT, whose addr is the first that cannot be read. */
struct he_error *he_read(struct he_target *t, uint64_t addr, void *buf, size_t len, size_t *got);

struct he_register {
	const char *name;  /* as GDB calls it: rax … rip eflags … xmm0 */
	const char *group; /* "general", "float", "vector", "system" */
	uint32_t bits;
	uint8_t value[64]; /* little-endian, as many bytes as bits says */
};

struct he_registers {
	struct he_register *v;
	size_t n;
};

/* Registers of a frame (0 = innermost; inlined frames, which have none of their own,
 * are not counted).  Of outer frames only those the unwinder recovers (pc, sp and
 * the callee-saved) are there. */
struct he_error *he_registers(
    struct he_target *t, uint64_t tid, unsigned frame, struct he_registers **ret);
void he_registers_free(struct he_registers *p);

/* ---- symbols ---------------------------------------------------------- */

enum he_end {
	HE_END_OUTERMOST, /* the stack's proper beginning */
	HE_END_WINDOW,	  /* what was gathered ends here (a snapshot's bound) */
	HE_END_FAULT,	  /* memory could not be read */
	HE_END_NO_CFI,	  /* no unwind information for this pc */
	HE_END_BAD,	  /* a frame repeats, or lies below the one it called */
	HE_END_MAX,	  /* as many frames as were asked for */
	HE_END_RUNNING,	  /* the thread did not stop */
};

struct he_frame {
	uint64_t pc;
	uint64_t cfa;	  /* canonical frame address, 0 = not known */
	bool inlined;	  /* shares pc and cfa with the frame after it */
	bool signal;	  /* called by the kernel to deliver a signal */
	const char *function; /* demangled; NULL = not known */
	const char *linkage;  /* as in the symbol table; NULL = not known */
	uint64_t offset;      /* of pc in the function's symbol */
	const char *file;     /* as the compiler recorded it; NULL */
	const char *directory; /* compilation directory, NULL */
	unsigned line, column; /* 0 = not known */
	bool at_line;          /* pc is where the code of that line begins */
	const char *module;    /* path of the mapped file or "[vdso]"; NULL */
	const char *build_id;  /* hex; NULL */
	const char *args; /* "n=3, name=0x… \"x\"", from he_stack_arguments; NULL = not known */
};

struct he_stack {
	struct he_frame *v;
	size_t n;
	enum he_end end;
	char *end_text; /* for people: "outermost", "cut after 64 KiB: …", never NULL */
};

/* max frames counted without inlined ones, 0 = no limit but sanity (100,000). */
struct he_error *he_backtrace(
    struct he_target *t, uint64_t tid, unsigned max, struct he_stack **ret);
void he_stack_free(struct he_stack *s);
/* Get ready for the backtraces of all threads in few round trips. */
struct he_error *he_prefetch_stacks(struct he_target *t);

/* Fill in the arguments of frames [from, to) as GDB shows them in a backtrace: structures and
 * arrays as "...".  Frames that have them already cost nothing. */
struct he_error *he_stack_arguments(
    struct he_target *t, uint64_t tid, struct he_stack *s, size_t from, size_t to);
/* The same for all that he_prefetch_stacks has got ready, in few round trips. */
struct he_error *he_prefetch_arguments(struct he_target *t);

struct he_module {
	uint64_t lo, hi;
	const char *name;
	const char *build_id;	  /* hex; NULL */
	const char
	    *symbols_from; /* "local file /usr/lib/…", "debug file …", "target", "none: why" */
	bool debug_info;	  /* has line numbers and types, not symbols only */
};

struct he_modules {
	struct he_module *v;
	size_t n;
};

struct he_error *he_modules(struct he_target *t, struct he_modules **ret);
void he_modules_free(struct he_modules *p);

struct he_symbol {
	char *name; /* demangled */
	uint64_t addr, size;
	char *module;
	bool function;
};

/* The symbol that addr belongs to, in its module, by the sizes of symbols that have one; E_NO_FILE
 * when there is none. */
struct he_error *he_symbol_at(struct he_target *t, uint64_t addr, struct he_symbol **ret);
/* By name, exact: what all files see before what is one file's own, first in the executable, then
 * in link-map order. */
struct he_error *he_symbol_named(struct he_target *t, const char *name, struct he_symbol **ret);
void he_symbol_free(struct he_symbol *s);
/* Where a thread that stands has what lies at offset in the thread-local data of the module whose
 * struct link_map (link.h) is at that address of the target's.  E_STATE: it has none of that module
 * yet, or the C library does not tell where it keeps them. */
struct he_error *he_tls(
    struct he_target *t, uint64_t tid, uint64_t link_map, uint64_t offset, uint64_t *addr);

struct he_line {
	char *file, *directory, *function;
	unsigned line;
	uint64_t lo, hi; /* code of this line around or after addr */
};

struct he_error *he_line_at(struct he_target *t, uint64_t addr, struct he_line **ret);
/* file: a base name or any trailing part of the path; line: the first with code at
 * or after it. */
struct he_error *he_line_named(
    struct he_target *t, const char *file, unsigned line, struct he_line **ret);
void he_line_free(struct he_line *l);

/* ---- code --------------------------------------------------------------- */

struct he_insn {
	uint64_t addr;
	uint8_t len, bytes[16];
	bool has_target; /* a branch, or an operand beside the pc, which means ... */
	uint64_t target; /* ... this; its symbol is for the caller to write behind text */
	const char *text; /* as capstone writes it; "(bad)": no instruction that is known, of
			   * one byte */
};

struct he_insns {
	struct he_insn *v;
	size_t n;
};

enum he_syntax { HE_ATT, HE_INTEL };
/* Those that begin in [lo, hi), max at most, as if nothing were planted there.  With E_FAULT,
 * *ret has those in front of it; he_insns_free in any case.  E_UNKNOWN: of this architecture
 * none are known. */
struct he_error *he_disassemble(struct he_target *t, uint64_t lo, uint64_t hi, size_t max,
    enum he_syntax syntax, struct he_insns **ret);
void he_insns_free(struct he_insns *p);

/* A function's code, which need not be in one piece. */
struct he_function {
	char *name; /* demangled */
	uint64_t entry;
	struct he_range {
		uint64_t lo, hi;
	} * v; /* the first has the entry */
	size_t n;
};
/* The one around addr, inlined ones not counted; E_NO_FILE: none is known there. */
struct he_error *he_function_at(struct he_target *t, uint64_t addr, struct he_function **ret);
void he_function_free(struct he_function *f);

/* Text of a source file on this machine: file as recorded, looked for there, below
 * the compilation directory, and in dirs added by he_source_dir. */
struct he_error *he_source(
    struct he_target *t, const char *file, const char *directory, char **text, char **path);
struct he_error *he_source_dir(struct he_engine *e, const char *dir);

/* ---- expressions and values --------------------------------------------- */

/* Expressions of C, with what C++ adds for looking at data; GDB's $registers of the frame,
 * $variables, $1 of the history, and n@count.  Frames are counted as in he_stack; tid 0: no
 * frame, statics only.  They may change the target (=, ++): needs the right to write. */
struct he_value; /* holds its type itself: lives as long as the engine at most */

struct he_error *he_evaluate(struct he_target *t, uint64_t tid, unsigned frame, const char *text,
    struct he_value **ret);
void he_value_free(struct he_value *v);

struct he_format {
	char letter;       /* GDB's x d u o t z a c f s; 0 = as its type asks */
	unsigned elements; /* of arrays and strings at most; 0 = 200 */
	bool top;          /* pointers with their type in front, as `print` has them */
};

/* As GDB writes it; the caller frees *ret.  Characters of strings are escaped, names are any
 * bytes. */
struct he_error *he_value_text(
    struct he_target *t, struct he_value *v, const struct he_format *f, char **ret);
/* An integer, a pointer; the address of an array or a function. */
struct he_error *he_value_number(struct he_target *t, struct he_value *v, uint64_t *ret);
/* Where it is in memory; false: it is not. */
bool he_value_address(const struct he_value *v, uint64_t *ret);
/* The type of an expression, or of a type's name; expand: with its members. */
struct he_error *he_type_text(struct he_target *t, uint64_t tid, unsigned frame, const char *text,
    bool expand, char **ret);

struct he_local {
	const char *name;
	const char *text; /* its value, or "<error: why>" */
	unsigned depth;   /* blocks of the function around it */
};

struct he_locals {
	struct he_local *v; /* innermost block first */
	size_t n;
};

/* Variables (or arguments) of a frame.  E_NO_FILE: no debug information. */
struct he_error *he_locals(struct he_target *t, uint64_t tid, unsigned frame, bool args,
    const struct he_format *f, struct he_locals **ret);
void he_locals_free(struct he_locals *p);

/* Into the engine's history, as $number; 0: there is no room. */
struct he_error *he_remember(struct he_target *t, struct he_value *v, unsigned *number);
/* $name = number */
struct he_error *he_set_number(struct he_target *t, const char *name, uint64_t number);

/* ---- facts ------------------------------------------------------------ */

struct he_mapping {
	uint64_t lo, hi, offset, dev, ino;
	uint8_t prot; /* 1 read, 2 write, 4 execute, 8 shared */
	const char *name;
	const char *build_id; /* hex; NULL */
};

struct he_facts {
	struct he_process process;
	const char *cwd, *root, *status; /* status: text of proc_pid_status(5) */
	const char *user_name;
	uint64_t caps;
	struct he_mapping *maps;
	size_t n_maps;
	char **environ; /* NULL-terminated; NULL when it may not be read */
	struct {
		uint64_t type, value;
	} * auxv;
	size_t n_auxv;
};

enum { HE_FACTS_MAPS = 1, HE_FACTS_ENVIRON = 2, HE_FACTS_AUXV = 4 };
struct he_error *he_facts(struct he_target *t, unsigned what, struct he_facts **ret);
void he_facts_free(struct he_facts *f);

/* A file inside the target's own root, into memory (freed by the caller); larger
 * than max is an error. */
struct he_error *he_file_read(
    struct he_target *t, const char *path, size_t max, void **data, size_t *size);

/* ---- files and /proc of a box ------------------------------------------- */

/* Where paths begin: at the root of process pid (start 0: whichever has that number now), or
 * with pid 0 of the user we are there.  They begin there with a slash or without, and lead
 * out of it nowhere. */
struct he_root {
	struct he_server *server;
	uint32_t pid;
	uint64_t start;
};

enum { HE_PATH_MAX = 4095 };

struct he_file_stat { /* of stat(2) */
	uint64_t dev, ino, rdev, size, blocks;
	uint32_t block_size, links, mode, uid, gid;
	int64_t atime, mtime, ctime; /* seconds since the epoch ... */
	uint32_t mtime_ns, ctime_ns; /* ... and nanoseconds beyond them */
};

/* link: a symbolic link itself, not what it leads to. */
struct he_error *he_file_stat(
    const struct he_root *r, const char *path, bool link, struct he_file_stat *ret);
/* The same, and in the same trip the first *got of len bytes, of what is a regular file that
 * may be read. */
struct he_error *he_file_open(const struct he_root *r, const char *path, struct he_file_stat *ret,
    void *head, size_t len, size_t *got);
/* The same of many, a few in each trip: path, head and len are the caller's, what has come of
 * it is in the others; st and got count where err is NULL. */
struct he_file_opening {
	const char *path;
	void *head;
	size_t len, got;
	struct he_file_stat st;
	struct he_error *err; /* the caller frees it */
};
void he_file_open_all(const struct he_root *r, struct he_file_opening *v, size_t n);
/* *got fewer than len: the end.  dev, ino: as he_file_stat has them, else E_CHANGED; both 0:
 * whichever has that path. */
struct he_error *he_file_pread(const struct he_root *r, const char *path, uint64_t dev,
    uint64_t ino, uint64_t offset, void *buf, size_t len, size_t *got);
/* The caller frees *ret; any bytes. */
struct he_error *he_file_readlink(const struct he_root *r, const char *path, char **ret);

enum { HE_FILE_CREATE = 1, HE_FILE_EMPTY = 2 /* first */, HE_FILE_NEW = 4 /* or fail */ };
struct he_file_data {
	unsigned flags; /* HE_FILE_... */
	uint32_t mode;  /* of one that is created */
	uint64_t dev, ino; /* as above */
	uint64_t offset;
	const void *data; /* len 0: it is only opened, as flags say */
	size_t len;
};
/* Needs the right to write, as the next.  Regular files only.  What it is then in *ret (NULL:
 * not wanted). */
struct he_error *he_file_write(const struct he_root *r, const char *path,
    const struct he_file_data *d, struct he_file_stat *ret);
enum he_file_deed { HE_FILE_UNLINK, HE_FILE_MKDIR, HE_FILE_CHMOD, HE_FILE_SYMLINK };
/* mode: of HE_FILE_MKDIR and HE_FILE_CHMOD; text: where HE_FILE_SYMLINK leads, else NULL. */
struct he_error *he_file_change(const struct he_root *r, const char *path,
    enum he_file_deed deed, uint32_t mode, const char *text);

enum he_text { /* as enum wire_text; see proc(5) */
	HE_TEXT_CPUINFO, /* of the machine */
	HE_TEXT_MODULES,
	HE_TEXT_SYSV_MSG,
	HE_TEXT_SYSV_SEM,
	HE_TEXT_SYSV_SHM,
	HE_TEXT_NET_TCP, /* of either */
	HE_TEXT_NET_TCP6,
	HE_TEXT_NET_UDP,
	HE_TEXT_NET_UDP6,
	HE_TEXT_NET_UNIX,
	HE_TEXT_STAT,  /* of a process */
	HE_TEXT_TASKS, /* stat of each thread, each ended by NUL */
	HE_TEXT_FDS,   /* number and link of each descriptor, each ended by NUL */
	HE_TEXT_CMDLINE,
	HE_TEXT_STATUS,
	HE_TEXT_MAPS,
	HE_TEXT_SMAPS,
	HE_TEXT_COREDUMP_FILTER,
};
/* pid 0: of the machine.  The caller frees *ret; behind its *len bytes stands a NUL. */
struct he_error *he_proc_text(
    const struct he_root *r, enum he_text text, char **ret, size_t *len);
/* Of many processes, in few trips; of those that cannot be looked at nothing comes. */
typedef void he_text_sink(void *arg, const struct he_process *p, const char *text, size_t len);
struct he_error *he_proc_texts(struct he_server *s, const struct he_processes *p,
    enum he_text text, he_text_sink *sink, void *arg);

/* Where copies of a box's ELF files are kept, as DIR/BUILD-ID/elf, apart from those of other boxes;
 * need not be there yet, but what is above DIR's last part.  NULL: nowhere.  Valid as long as s. */
const char *he_cache_dir(const struct he_server *s);

#endif
