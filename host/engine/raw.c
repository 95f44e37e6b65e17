/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a front end that is a debugger itself has asked for of a target, and letting it
 * run.
 *
 * Where the first stop stops all, several threads may have something to tell.  One is
 * told; the others' causes wait (run.c's list), and a he_go that would let such a thread
 * run tells it instead, as gdbserver does.
 */
#include "host/engine/raw.h"

#include <signal.h>
#include <stdlib.h>

#include "common/err.h"
#include "host/engine/engine.h"
#include "host/engine/raw_parts.h"
#include "host/errtext.h"

enum { GO_REC = 29, GO_MOST = 60000 / GO_REC, PC_BEFORE = 256, PC_BYTES = 1024 };

bool raw_grow(void **v, size_t n, size_t size)
{
	void *more;

	/* At powers of two. */
	if (n & (n - 1))
		return true;
	more = realloc(*v, (n ? 2 * n : 1) * size);
	if (more)
		*v = more;
	return more != NULL;
}

/* ---- life -------------------------------------------------------------------------- */

struct raw *raw_new(void)
{
	struct raw *r = calloc(1, sizeof(*r));

	if (r)
		r->code = memcache_new(RAW_CODE_PAGES, false);
	if (r && r->code)
		return r;
	raw_free(r);
	return NULL;
}

void raw_free(struct raw *r)
{
	if (!r)
		return;
	raw_patches_free(r);
	for (unsigned i = 0; i < r->n_writes; i++)
		rpc_forget(r->writes[i]);
	memcache_free(r->code);
	free(r->numbers);
	free(r->last);
	free(r->owed);
	free(r->info);
	free(r->told);
	free(r);
}

static bool copy_numbers(struct raw *r, const uint32_t *numbers, size_t n)
{
	uint32_t *v = calloc(n + 1, sizeof(*v));

	if (!v)
		return false;
	if (n)
		memcpy(v, numbers, n * sizeof(*v));
	free(r->numbers);
	r->numbers = v;
	r->n_numbers = n;
	return true;
}

void raw_forked(struct he_target *child, const struct he_target *parent, bool shares)
{
	struct raw *to = child->raw;
	const struct raw *from = parent->raw;

	run_copy(child, parent);
	to->sharing = shares;
	to->events = from->events;
	to->follow = from->follow;
	to->pass = from->pass;
	to->drop = from->drop;
	to->alone = from->alone;
	/* Without memory it has nothing; the agent lifts what is there when it is let go. */
	(void)copy_numbers(to, from->numbers, from->n_numbers);
	(void)raw_patches_copy(child, parent);
}

void raw_succeed(struct he_target *t, struct he_target *old)
{
	struct raw *to = t->raw, *from = old->raw;

	to->events = from->events;
	to->follow = from->follow;
	to->pass = from->pass;
	to->drop = from->drop;
	to->alone = from->alone;
	(void)copy_numbers(to, from->numbers, from->n_numbers);
	raw_patches_move(to, from);
}

void raw_executed(struct he_target *t)
{
	struct raw *r = t->raw;

	raw_patches_free(r);
	memcache_flush(r->code);
	r->r_debug = r->dt_debug = 0;
	r->ahead = false;
	r->sharing = false;
	r->n_owed = 0;
}

/* ---- what is asked for ----------------------------------------------------------------- */

static uint64_t bit(int signal)
{
	return UINT64_C(1) << (signal - 1);
}

void raw_masks(const struct he_target *t, uint64_t ret[3])
{
	const uint64_t faults = bit(SIGSEGV) | bit(SIGILL) | bit(SIGTRAP);
	uint64_t pass = t->raw->pass;

	/* Where nothing may run they are what coming to a breakpoint looks like. */
	if (raw_patches_dormant(t->raw))
		pass &= ~faults;
	ret[0] = ~pass;
	ret[1] = 0;
	ret[2] = t->raw->drop;
}

void raw_catch(const struct he_target *t, struct wire_catch *ret, struct buf *list)
{
	const struct raw *r = t->raw;

	for (size_t i = 0; i < r->n_numbers; i++)
		wire_put_number(list, &(struct wire_rec_number){r->numbers[i]});
	*ret = (struct wire_catch){
	    .events = r->events, .follow = r->follow, .syscalls = span_whole(list)};
}

void raw_order(const struct he_target *t, struct buf *recipes)
{
	const struct rpc_peer *peer = rpc_peer(t->server->rpc);
	const struct arch *a = arch_find(peer->arch);
	static const struct wire_rec_recipe rows[] = {
	    {.scope = WIRE_SCOPE_CAUSE,
		.base = WIRE_BASE_SP,
		.offset = -RAW_BELOW,
		.len = RAW_BELOW + RAW_WINDOW},
	    {.scope = WIRE_SCOPE_CAUSE,
		.base = WIRE_BASE_PC,
		.offset = -PC_BEFORE,
		.len = PC_BYTES},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		wire_put_recipe(recipes, &rows[i]);
	if (a && peer->version >= 2)
		wire_put_recipe(recipes, &(struct wire_rec_recipe){.scope = WIRE_SCOPE_CAUSE,
					     .base = WIRE_BASE_REGSET,
					     .offset = a->notes[1]});
}

static struct he_error *not_raw(void)
{
	return he_error_new(E_STATE, "this engine keeps breakpoints and signals itself.");
}

/* What stands is told with its next he_go. */
static struct he_error *tell_running(struct he_target *t)
{
	return t->state == HE_RUNNING ? flight_go(t, NULL) : NULL;
}

struct he_error *he_catch_events(struct he_target *t, const struct he_catches *q)
{
	static const struct {
		enum he_catch event;
		uint32_t bit;
	} rows[] = {
	    {HE_CATCH_FORK, WIRE_CATCH_FORK},
	    {HE_CATCH_VFORK, WIRE_CATCH_VFORK},
	    {HE_CATCH_EXEC, WIRE_CATCH_EXEC},
	    {HE_CATCH_CLONE, WIRE_CATCH_CLONE},
	    {HE_CATCH_EXIT, WIRE_CATCH_EXIT},
	};
	static const uint8_t follows[] = {
	    [HE_FOLLOW_PARENT] = WIRE_FOLLOW_PARENT,
	    [HE_FOLLOW_CHILD] = WIRE_FOLLOW_CHILD,
	    [HE_FOLLOW_BOTH] = WIRE_FOLLOW_BOTH,
	};
	struct he_error *err = target_enter(t);
	struct raw *r = t->raw;

	if (err)
		return err;
	if (!r)
		return target_leave(t, not_raw());
	if (!copy_numbers(r, q->numbers, q->syscalls ? q->n_numbers : 0))
		return target_leave(t, he_error_new(E_NOMEM, "out of memory."));
	r->follow = follows[q->follow];
	r->events = q->syscalls ? WIRE_CATCH_SYSCALL : 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (q->events & 1u << rows[i].event)
			r->events |= rows[i].bit;
	return target_leave(t, tell_running(t));
}

struct he_error *he_pass_signals(struct he_target *t, uint64_t pass, uint64_t drop)
{
	struct he_error *err = target_enter(t);

	if (err)
		return err;
	if (!t->raw)
		return target_leave(t, not_raw());
	t->raw->pass = pass;
	t->raw->drop = drop;
	return target_leave(t, tell_running(t));
}

/* ---- signals that are owed ------------------------------------------------------------- */

static int32_t owed(const struct raw *r, uint64_t tid)
{
	for (size_t i = 0; i < r->n_owed; i++)
		if (r->owed[i].tid == tid)
			return r->owed[i].signal;
	return 0;
}

/* Nothing runs: the front end has said what its thread gets, and will not say it again. */
static void keep_signals(struct raw *r, const struct he_go *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!v[i].tid || v[i].signal <= 0 || owed(r, v[i].tid))
			continue;
		if (!raw_grow((void **)&r->owed, r->n_owed, sizeof(*r->owed)))
			return;
		r->owed[r->n_owed++] = (struct raw_owed){v[i].tid, v[i].signal};
	}
}

/* ---- what waits to be told ---------------------------------------------------------------- */

/* What the list has for a thread; NULL = nothing. */
static const struct he_go *row_for(const struct he_go *v, size_t n, uint64_t tid)
{
	for (size_t i = 0; i < n; i++)
		if (!v[i].tid || v[i].tid == tid)
			return &v[i];
	return NULL;
}

static void drop(struct run *r, size_t i)
{
	struct cause c;

	run_take(r, i, &c);
	free(c.hit);
}

/* Of a thread that is to run: told instead of letting it run, or nothing any more. */
static bool tell_waiting(struct he_target *t, const struct he_go *v, size_t n)
{
	struct run *r = t->run;

	for (size_t i = 0; i < r->n;) {
		struct he_event ev = {.kind = HE_E_STOPPED,
		    .target = t,
		    .server = t->server,
		    .generation = t->generation};
		const struct cause *c = &r->cause[i];
		const struct he_go *row = row_for(v, n, c->tid);
		bool stale = row && ((c->reason == WIRE_STOP_STEP && row->action == HE_GO_CONT) ||
					c->reason == WIRE_STOP_JOB);

		if (!row) {
			i++;
			continue;
		}
		if (!stale && raw_tell(t, c, &ev)) {
			drop(r, i);
			engine_keep_event(t->engine, &ev);
			return true;
		}
		drop(r, i);
	}
	return false;
}

/* ---- going ------------------------------------------------------------------------------ */

struct going {
	struct wire_rec_go *v;
	size_t n;
	bool bad; /* without memory */
};

static bool is_named(const struct going *g, uint64_t tid)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->v[i].tid == tid)
			return true;
	return false;
}

static void put(struct going *g, const struct raw *r, uint64_t tid, const struct he_go *from)
{
	static const uint8_t actions[] = {
	    [HE_GO_CONT] = WIRE_RESUME_CONT,
	    [HE_GO_STEP] = WIRE_RESUME_STEP,
	    [HE_GO_RANGE] = WIRE_RESUME_RANGE,
	};
	int32_t kept = tid ? owed(r, tid) : 0;

	if (!raw_grow((void **)&g->v, g->n, sizeof(*g->v))) {
		g->bad = true;
		return;
	}
	g->v[g->n++] = (struct wire_rec_go){.tid = tid,
	    .action = actions[from->action],
	    .signal = from->signal > 0 ? from->signal
		      : kept           ? kept
				       : from->signal,
	    .lo = from->action == HE_GO_RANGE ? from->lo : 0,
	    .hi = from->action == HE_GO_RANGE ? from->hi : 0};
}

/* Alone, others may have stopped, which the front end has not heard: they wait for it.  Where
 * something runs its stop can be on its way; only where nothing does "all" is who was told. */
static void put_told(struct going *g, const struct he_target *t, const struct he_go *from)
{
	const struct raw *r = t->raw;
	size_t stand = 0;

	for (size_t i = 0; i < t->threads.n; i++)
		stand += t->threads.v[i].state == HE_T_STOPPED;
	if (r->n_told == stand && (stand == t->threads.n || stand > GO_MOST)) {
		put(g, r, 0, from);
		return;
	}
	for (size_t i = 0; i < r->n_told; i++)
		if (!is_named(g, r->told[i]))
			put(g, r, r->told[i], from);
}

static void put_all(struct going *g, const struct he_target *t, const struct he_go *from)
{
	const struct raw *r = t->raw;

	for (size_t i = 0; i < r->n_owed; i++)
		if (!is_named(g, r->owed[i].tid) && threads_find(&t->threads, r->owed[i].tid))
			put(g, r, r->owed[i].tid, from);
	if (r->alone)
		put_told(g, t, from);
	else
		put(g, r, 0, from);
}

static bool stands(const struct he_target *t, uint64_t tid)
{
	const struct thread *h = threads_find(&t->threads, tid);

	return h && h->state == HE_T_STOPPED && (!t->raw->alone || raw_is_told(t->raw, tid));
}

static struct he_error *gather(
    struct he_target *t, const struct he_go *v, size_t n, struct going *g)
{
	for (size_t i = 0; i < n; i++) {
		if (v[i].action > HE_GO_RANGE || v[i].signal < -1 || v[i].signal > HE_SIGNALS ||
		    (v[i].action == HE_GO_RANGE && v[i].lo >= v[i].hi))
			return he_error_new(E_MALFORMED, "that is no way to go on.");
		if (!v[i].tid)
			put_all(g, t, &v[i]);
		else if (stands(t, v[i].tid) && !is_named(g, v[i].tid))
			put(g, t->raw, v[i].tid, &v[i]);
	}
	if (g->bad)
		return he_error_new(E_NOMEM, "out of memory.");
	if (g->n > GO_MOST)
		return he_error_new(E_LIMIT, "so many threads cannot be let run one by one.");
	return NULL;
}

static struct he_error *writes_done(struct raw *r)
{
	struct he_error *err = NULL;

	for (unsigned i = 0; i < r->n_writes; i++) {
		struct he_error *e = rpc_wait(r->writes[i], NULL);

		if (err)
			he_error_free(e);
		else
			err = e;
	}
	r->n_writes = 0;
	return err;
}

struct he_error *raw_write_behind(struct he_target *t, struct rpc_call *c)
{
	struct raw *r = t->raw;
	struct he_error *err = r->n_writes == RAW_WRITES ? writes_done(r) : NULL;

	r->writes[r->n_writes++] = c;
	return err;
}

struct he_error *raw_written(struct he_target *t)
{
	return writes_done(t->raw);
}

static struct he_error *fly(struct he_target *t, const struct going *g)
{
	uint8_t stop = t->raw->alone ? WIRE_STOPS_THREAD : WIRE_STOPS_ALL;
	struct he_error *err = writes_done(t->raw);
	struct buf list;

	if (!err)
		err = raw_patches_ready(t);
	if (err)
		return err;
	buf_init(&list, WIRE_PIECE);
	for (size_t i = 0; i < g->n; i++)
		wire_put_go(&list, &g->v[i]);
	err = flight_send(t, span_whole(&list), stop);
	buf_free(&list);
	return err;
}

static bool is_final(const struct he_error *err)
{
	return err->code == E_CANCELLED || err->code == E_LOST || err->code == E_NOMEM ||
	       flight_overtaken(err);
}

/* Refused for a patch's sake nothing runs: once more, where that may help. */
static struct he_error *go(struct he_target *t, const struct going *g)
{
	struct he_error *err = fly(t, g), *why;

	for (int tries = 0; err && !is_final(err) && tries < 3 && raw_patches_mend(t); tries++) {
		he_error_free(err);
		err = fly(t, g);
	}
	why = err && !is_final(err) ? raw_patches_refusal(t) : NULL;
	if (!why)
		return err;
	he_error_free(err);
	return why;
}

/* What it was told to do it does again when it has stopped for nothing. */
static void remember(struct raw *r, struct going *g)
{
	for (size_t i = 0; i < g->n; i++)
		g->v[i].signal = -1;
	free(r->last);
	r->last = g->v;
	r->n_last = g->n;
	*g = (struct going){.n = 0};
}

static void set_mode(struct he_target *t, bool alone)
{
	struct raw *r = t->raw;

	if (r->alone == alone)
		return;
	r->alone = alone;
	raw_patches_change(r);
	if (alone)
		raw_tell_all(t);
}

static void went(struct he_target *t, struct going *g)
{
	struct raw *r = t->raw;

	r->went = true;
	r->went_at = t->generation;
	t->run->interrupting = false;
	for (size_t i = 0; i < t->run->n; i++)
		t->run->cause[i].waits = true;
	if (g->n && !g->v[g->n - 1].tid)
		r->n_owed = 0;
	for (size_t i = r->n_owed; i-- > 0;)
		if (is_named(g, r->owed[i].tid))
			r->owed[i] = r->owed[--r->n_owed];
	remember(r, g);
}

static struct he_error *try_run(
    struct he_target *t, const struct he_go *v, size_t n, struct going *g)
{
	struct he_error *err = t->threads.complete ? NULL : target_load_threads(t);

	g->n = 0;
	if (!err && !t->raw->alone && tell_waiting(t, v, n)) {
		keep_signals(t->raw, v, n);
		return NULL;
	}
	if (!err)
		err = gather(t, v, n, g);
	if (err || !g->n)
		return err;
	err = go(t, g);
	if (!err)
		went(t, g);
	return err;
}

static struct he_error *let_run(
    struct he_target *t, const struct he_go *v, size_t n, struct going *g)
{
	struct he_error *err = try_run(t, v, n, g);

	/* What a thread that was late has to tell comes first. */
	while (flight_overtaken(err)) {
		he_error_free(err);
		err = try_run(t, v, n, g);
	}
	return err;
}

bool raw_goes_past(const struct raw *r)
{
	return r->past;
}

static struct he_error *go_some(
    struct he_target *t, const struct he_go *v, size_t n, bool alone, bool past)
{
	struct he_error *err = target_enter(t);
	struct going g = {.n = 0};

	if (err)
		return err;
	if (!t->raw)
		return target_leave(t, not_raw());
	err = run_met(t);
	if (!err) {
		set_mode(t, alone);
		t->raw->past = past;
		err = let_run(t, v, n, &g);
	}
	free(g.v);
	return target_leave(t, err);
}

struct he_error *he_go(struct he_target *t, const struct he_go *v, size_t n, bool alone)
{
	return go_some(t, v, n, alone, false);
}

struct he_error *he_go_past(struct he_target *t, const struct he_go *v, size_t n, bool alone)
{
	return go_some(t, v, n, alone, true);
}
