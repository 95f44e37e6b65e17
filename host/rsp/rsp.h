/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The bridge: GDB's remote protocol in front of the engine.  A debugger's connection is a
 * struct rsp; what it debugs are struct rsp_process.  Every packet is a row of a table;
 * tables belong to parts (one file each), which rsp_table.c joins.
 *
 * To add a packet: write its handler, put a row into its part's table.  To add a part:
 * define a struct rsp_part, name it in rsp_table.c.
 */
#ifndef HOST_RSP_H
#define HOST_RSP_H

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "host/hosteng.h"
#include "host/rsp/rsp_frame.h"
#include "host/rsp/rsp_packet.h"

struct rsp;
struct rsp_process;
struct rsp_stop;     /* rsp_stop.h */
struct rsp_listener; /* rsp_listen.h */

/* ---- packets ----------------------------------------------------------------- */

enum rsp_match {
	RSP_WHOLE,  /* nothing follows */
	RSP_PREFIX, /* anything may follow: that is what the handler gets */
};

struct rsp_row {
	const char *prefix; /* the longest that matches wins; NULL ends a table */
	enum rsp_match match;
	/* Puts its reply into r->reply; one that puts nothing is answered as unknown, unless
	 * it called rsp_later.  args that cannot be read: rsp_bad. */
	void (*handle)(struct rsp *r, struct rd *args);
	const char *needs; /* who sends it, since when */
};

/* What one file adds to the bridge. */
struct rsp_part {
	const struct rsp_row *rows;
	const struct rsp_row *lldb; /* for r->lldb only, before any of rows; NULL = none */
	const char *offers;         /* for the answer to qSupported, "a+;b+"; NULL = nothing */
	/* To an LLDB: writes the whole stop reply and returns true.  NULL: as GDB has it. */
	bool (*stop)(struct rsp *r, const struct rsp_stop *s, struct buf *b);
	/* More fields "name:value;" for a stop reply about this thread. */
	void (*stop_fields)(struct rsp *r, struct rsp_process *p, uint64_t tid, struct buf *b);
	/* p (NULL: any) runs or was written to: what was kept of it holds no more. */
	void (*stale)(struct rsp *r, struct rsp_process *p);
	/* p ends or is let go: nothing may point to it any more. */
	void (*forget)(struct rsp *r, struct rsp_process *p);
	/* Something to do that no packet and no event brings (LLDB's vAttachWait): called when
	 * the bridge would sleep; returns after how many ms it wants to be called again, -1 =
	 * it does not. */
	int (*tick)(struct rsp *r);
	/* The debugger left: free what was its.  Another may come. */
	void (*closed)(struct rsp *r);
};

/* All parts, NULL-terminated. */
extern const struct rsp_part *const rsp_parts[];

/* Finds the row and calls it; r->reply is as it shall go then. */
void rsp_handle(struct rsp *r, const struct rd *packet);

/* ---- a debugger's connection --------------------------------------------------- */

/* What the debugger said it understands (qSupported). */
enum rsp_knows {
	RSP_MULTIPROCESS = 1 << 0,
	RSP_SWBREAK = 1 << 1,
	RSP_HWBREAK = 1 << 2,
	RSP_FORK_EVENTS = 1 << 3,
	RSP_VFORK_EVENTS = 1 << 4,
	RSP_EXEC_EVENTS = 1 << 5,
	RSP_NO_RESUMED = 1 << 6,
	RSP_VCONT = 1 << 7,
	RSP_ERROR_MESSAGE = 1 << 8,
	RSP_XML_I386 = 1 << 9,
	RSP_ERROR_HEX = 1 << 10, /* LLDB's QEnableErrorStrings */
};

/* Packets that are kept from the debugger (gdbserver's --disable-packet). */
enum rsp_without {
	RSP_NO_VCONT = 1 << 0,
	RSP_NO_TTHREAD = 1 << 1, /* thread: in stop replies */
	RSP_NO_QC = 1 << 2,
	RSP_NO_THREAD_LIST = 1 << 3, /* qfThreadInfo */
	RSP_NO_T = 1 << 4,           /* S instead */
};

struct rsp {
	struct he_engine *engine;
	struct he_server *server;
	struct rsp_frame frame;
	struct buf reply; /* to the packet being handled, as it goes between $ and # */
	bool later;       /* it gets none, or not now */
	unsigned knows;   /* enum rsp_knows */
	bool extended, non_stop;
	struct rsp_id general;         /* Hg: whose registers and memory; tid 0 = any thread */
	struct rsp_id resume;          /* Hc, of c and s */
	struct rsp_process *processes; /* in the order they came */
	unsigned without;              /* enum rsp_without: as an older stub, for tests */
	bool chatty;                   /* what happens is said on standard error, as gdbserver */
	int in, out;                   /* the debugger's descriptors, -1 = nobody is there */
	bool hang_up;                  /* it is to be let go once what waits was written */
	bool end;                      /* and the bridge is to end ... */
	int status;                    /* ... with this exit status */
	/* Kept from one debugger to the next. */
	struct rsp_run *run;
	struct rsp_launch *launch;
	struct rsp_terminal *terminal;
	struct rsp_alive *alive; /* rsp_alive.h; NULL = none */
	unsigned agains;         /* how often a process was attached to again */
	bool let_go;             /* the box does not know a process, which it has let go */
	const struct rsp_listener *listener; /* where further connections may come; NULL = nowhere */
	/* Of the parts; each is freed by its closed. */
	struct rsp_xfer *xfer;
	struct rsp_files *files;
	struct rsp_lldb *lldb; /* NULL: it is no LLDB */
};

struct rsp_process {
	struct rsp_process *next;
	struct he_target *t;
	uint32_t pid;
	bool attached;             /* it was there before us: detached, not killed, at the end */
	struct rsp_regs *regs;     /* its target description; rsp_regs.h */
	struct rsp_breaks *breaks; /* rsp_break.h */
	struct rsp_stops *stops;   /* rsp_stop.h */
};

/* ---- replies ------------------------------------------------------------------ */

void rsp_ok(struct rsp *r);                       /* "OK" */
void rsp_bad(struct rsp *r);                      /* "E01": arguments that cannot be */
void rsp_fail_errno(struct rsp *r, int os_errno); /* "Enn" */
/* "Enn" by e's errno or code; NULL: "OK".  Frees e. */
void rsp_done(struct rsp *r, struct he_error *e);
/* "Enn" and e's sentence for a person: behind it where the debugger said that it
 * understands that, else on standard error, which GDB shows.  Frees e. */
void rsp_fail(struct rsp *r, struct he_error *e);
void rsp_fail_text(struct rsp *r, int os_errno, const char *text);
/* No reply to this packet, or a later one (rsp_stop.h). */
void rsp_later(struct rsp *r);
/* errno as the protocol has it: a Linux errno, at least 1. */
int rsp_errno(const struct he_error *e);

/* A sentence on our standard error, escaped. */
void rsp_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same, where that is no debugger's console. */
void rsp_chat(const struct rsp *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Text for the debugger's console: an O packet now (in a qRcmd, or while it waits for a
 * stop). */
void rsp_console(struct rsp *r, const void *text, size_t n);
/* The debugger has sent Ctrl-C while this packet is being handled, or has left: an error is
 * the reply.  For what takes long; nothing else that it sent is taken. */
bool rsp_interrupted(struct rsp *r);
/* Something went out besides the reply: write what waits without blocking. */
void rsp_flush(struct rsp *r);
/* r->reply goes, as the reply to what was sent later (rsp_later). */
void rsp_send(struct rsp *r);
/* What the engine has to tell. */
void rsp_event(struct rsp *r, const struct he_event *ev);

/* ---- processes ------------------------------------------------------------------- */

struct rsp_process *rsp_process_find(const struct rsp *r, uint64_t pid);
struct rsp_process *rsp_process_of(const struct rsp *r, const struct he_target *t);
/* The one with that thread; NULL. */
struct rsp_process *rsp_process_with(const struct rsp *r, uint64_t tid);
/* The process Hg means; NULL: there is none, and rsp_fail_errno(ESRCH) was called. */
struct rsp_process *rsp_current(struct rsp *r);
/* The same with its thread: "any" is the one that stopped last, else the main one. */
struct rsp_process *rsp_current_thread(struct rsp *r, uint64_t *tid);
/* What a thread id means: NULL when there is no such process or thread (of -1 and 0: any). */
struct rsp_process *rsp_resolve(struct rsp *r, struct rsp_id id, uint64_t *tid);
/* It has ended, and the debugger may not have been told yet. */
bool rsp_gone(const struct rsp_process *p);
/* A thread that debuggers see: a main one that has ended before the others is none. */
bool rsp_thread_lives(const struct he_thread *t);
/* Its main thread, or, when that has ended, the first there is. */
uint64_t rsp_first_thread(struct rsp_process *p);
/* "m" and the ids of its threads, or "," and those where there are others in the reply. */
void rsp_put_threads(struct rsp *r, const struct rsp_process *p);
/* New in the list: a target of ours. NULL without memory (t is detached then). */
struct rsp_process *rsp_process_add(struct rsp *r, struct he_target *t, bool attached);
/* Out of the list and freed, its target, too: let go or, when launched and kill, killed. */
void rsp_process_remove(struct rsp *r, struct rsp_process *p, bool kill);
/* Tells all parts. */
void rsp_stale(struct rsp *r, struct rsp_process *p);

/* ---- memory, through breakpoints as the debugger wants it ------------------------ */

/* As he_read and he_write of the current process; writes make stale. */
struct he_error *rsp_read(
    struct rsp *r, struct rsp_process *p, uint64_t addr, void *buf, size_t len, size_t *got);
struct he_error *rsp_write(
    struct rsp *r, struct rsp_process *p, uint64_t addr, const void *data, size_t len);

/* ---- a connection (rsp_session.c) --------------------------------------------------- */

/* NULL without memory. */
struct rsp *rsp_new(struct he_engine *e, struct he_server *s);
/* Processes that are left: those that were there before are let go, others killed. */
void rsp_free(struct rsp *r);
/* A debugger comes; it leaves, and what it debugged stays as it is. */
void rsp_open(struct rsp *r, int in, int out);
void rsp_close(struct rsp *r);
/* What it sent. */
void rsp_take(struct rsp *r, const void *data, size_t n);

#endif
