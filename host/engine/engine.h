/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The engine's insides, shared by the files above the link: one engine, its
 * servers, its targets, and the events that wait to be told.
 */
#ifndef HOST_ENGINE_H
#define HOST_ENGINE_H

#include "host/arena.h"
#include "host/hosteng.h"
#include "host/link/rpc.h"
#include "host/engine/breakpoint.h"
#include "host/engine/handling.h"
#include "host/engine/target.h"

enum {
	/* Events taken up and not yet told.  More than these are dropped (the targets'
	 * state is up to date all the same): nobody has asked for a long time.  The last
	 * event of a target or a server has a place of its own. */
	ENGINE_PENDING = 4096,
	/* Events that one call takes up without waiting: a box that sends them faster
	 * than we take them must not keep us. */
	ENGINE_TURN = 1024,
};

/* What the stop told last points to. */
enum { TOLD_MAX = 64 };
struct told {
	unsigned numbers[TOLD_MAX]; /* of breakpoints */
	size_t n;
	struct arena texts;
};

struct value_store;

struct he_engine {
	struct he_config config; /* its texts are ours */
	struct inbox *inbox;
	int poll_fd; /* epoll: the inbox, and wake_fd */
	int wake_fd; /* eventfd: not zero while pending is not empty */
	struct he_server *servers;
	struct he_target *targets; /* ascending by number */
	unsigned last_number;
	struct pending *pending, **pending_end;
	size_t n_pending;
	char **source_dirs; /* NULL-terminated */
	size_t n_source_dirs;
	struct handling handling;
	struct breakpoints breakpoints;
	struct told told;
	struct value_store *values; /* history and variables of expressions */
	uint8_t *told_output; /* data of the output told last */
};

struct he_server {
	struct he_server *next;
	struct he_engine *engine;
	struct rpc *rpc;
	struct he_server_info info;
	char *cache; /* he_cache_dir */
	uint32_t last_handle;
	bool local; /* this machine: its paths are ours */
	bool lost;
	char lost_why[256];  /* in words that go after "link to box lost: " */
	struct pending last; /* the event that says so */
	struct arena texts;  /* strings he_find_… handed out */
};

/* ---- events (events.c) -------------------------------------------------- */

/* Take up what has arrived (at most ENGINE_TURN), without waiting. */
void engine_pump(struct he_engine *e);
/* Wait until *done holds; the events met on the way are kept for he_wait.  Fails when
 * s is lost or with CANCELLED. */
struct he_error *engine_wait_for(struct he_engine *e, struct he_server *s,
    bool (*done)(struct he_target *t), struct he_target *t);
/* Take up one message, without telling anything; false: none has come in time, or it was
 * cancelled. */
bool engine_take_up(struct he_engine *e, int timeout_ms);
/* The next event into *ret, HE_E_NONE after timeout_ms, or when ENGINE_TURN of them had
 * nothing to tell. */
void engine_next_event(struct he_engine *e, int timeout_ms, struct he_event *ret);
/* One to be told that was decided already (decide.c). */
void engine_keep_event(struct he_engine *e, const struct he_event *ev);
/* A stop of which more is to be decided. */
void engine_keep_stop(struct he_target *t);
/* No event about this one will be told any more. */
void engine_drop_events(struct he_engine *e, const struct he_target *t, const struct he_server *s);

/* An event of the wire, taken up into its target: E_OK and *ret (kind NONE when there is
 * nothing to tell), or why it is not believable. (event_apply.c) */
int event_apply(struct he_target *t, const struct wire_msg *m, struct he_event *ret);

/* ---- launching (launch.c) -------------------------------------------------- */

/* Output that was taken up: true when it went to a pending one of the same stream, which
 * nothing has followed. */
bool launched_gather(const struct he_event *ev);
/* An event of the target follows: what is pending grows no more; but output, if it is one. */
void launched_follow(struct pending *p);
/* Output leaves the queue, told or not: the program may write so much more. */
void launched_told(struct pending *p);
void launched_free(struct he_target *t);
bool launched_terminal(const struct he_target *t);
/* We started it; what it forked only has its streams. */
bool launched_here(const struct he_target *t);
/* A child may come to write where its parent does.  Without memory nobody hears what. */
void launched_inherit(struct he_target *child, const struct he_target *parent);

/* ---- attaching (attach.c) ---------------------------------------------------- */

/* Recipes and notes for every stop of t. */
void attach_order(const struct he_target *t, struct buf *recipes, struct buf *notes);
/* A piece of reply attached: who t is. */
bool attach_piece(void *target, const struct wire_msg *m);
/* Wait until it stands; E_GONE when it ends instead, while being what is said. */
struct he_error *attach_stop(struct he_target *t, const char *doing);
/* Its first stop is told by the return of the call. */
void attach_met(struct he_target *t);

/* ---- calls over the wire -------------------------------------------------- */

/* rpc_send of a request with the fields in q, the struct of its row; the row's own form of
 * it where the row is known: rpc_ask_NAME(r, target, &q). */
struct rpc_call *rpc_ask(struct rpc *r, enum wire_type type, uint32_t target, const void *q);
#define MSG(number, name, kind, since, reply, state, right, effect)                                \
	static inline struct rpc_call *rpc_ask_##name(                                             \
	    struct rpc *r, uint32_t target, const struct wire_##name *q)                           \
	{                                                                                          \
		return rpc_ask(r, WIRE_##name, target, q);                                         \
	}
#include "common/wire.def"

/* Every piece of a reply through fn, which returns false when it cannot take more: the
 * rest is dropped then, and the call fails with E_LIMIT. Ends and frees c. */
struct he_error *rpc_each(
    struct rpc_call *c, bool (*fn)(void *arg, const struct wire_msg *m), void *arg);
/* For rpc_each: pieces of reply bytes go to a struct buf. */
bool bytes_piece(void *bytes, const struct wire_msg *m);

/* ---- processes (process.c) ------------------------------------------------ */

/* Texts go to a; false without memory. */
bool process_copy(struct arena *a, struct he_process *to, const struct wire_rec_proc *r);

/* ---- targets of a server ---------------------------------------------------- */

/* Which process a request is about: the target with that handle, or (handle 0) the
 * process with that number and start. */
struct who {
	struct he_server *server;
	uint32_t handle;
	uint32_t pid;
	uint64_t start;
};

/* The process of a target; of one without a handle (a snapshot) by its number. */
struct who who_is(const struct he_target *t);

/* target_ops.facts and .file_read of whatever is a process there; the file comes in pieces
 * of max_read that travel together. (facts.c) */
struct he_error *facts_ask(struct he_target *t, unsigned what, struct he_facts **ret);
struct he_error *file_ask(struct he_target *t, const char *path, uint64_t dev, uint64_t ino,
    uint64_t offset, void *buf, size_t len, size_t *got, uint64_t *size);

/* The requests for mappings and auxiliary vector, sent but not yet waited for. */
struct maps_call {
	struct rpc_call *maps, *auxv;
};
struct maps_call maps_send(const struct who *w, bool auxv);
/* The mappings, and with auxv != NULL that; both calls are ended in any case.  That the
 * auxiliary vector may not be read is no error: auxv is empty then. */
struct he_error *maps_wait(struct maps_call *c, struct maps *maps, struct buf *auxv);

/* "link to box lost: why", and that t runs on there when the loss took it from us (NULL:
 * about no target). */
struct he_error *server_lost(const struct he_server *s, const struct he_target *t);

/* What one mem_read or file_read may ask of this server; never 0. */
uint32_t server_max_read(const struct he_server *s);

extern const struct target_ops procsrv_ops;  /* target_procsrv.c */
extern const struct target_ops snapshot_ops; /* target_snapshot.c */

#endif
