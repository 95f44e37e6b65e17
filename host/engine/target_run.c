/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A process behind a process server: the operations that let it run or change it.
 */
#include "common/err.h"
#include "host/engine/engine.h"
#include "host/engine/raw.h"
#include "host/engine/target_run.h"
#include "host/errtext.h"

enum {
	LIST_BYTES = 50000, /* records of one request; the lists hold 60,000 */
	FLIGHT_CALLS = 16,
	WRITE_BYTES = 48 * 1024,
};

/* The calls of one flight that are under way, in order; the last is go's. */
struct flight {
	struct he_target *t;
	struct run_flight *f;
	struct rpc_call *call[FLIGHT_CALLS];
	bool results[FLIGHT_CALLS]; /* answered with patch_results */
	unsigned n;
	bool cut; /* something could not be sent */
};

static struct rpc *link_of(const struct he_target *t)
{
	return t->server->rpc;
}

/* ---- answers ------------------------------------------------------------------------- */

static bool results_piece(void *arg, const struct wire_msg *m)
{
	struct run_flight *f = arg;
	struct wire_rec_patch_result r;
	struct wire_patch_results q;

	if (!wire_decode_patch_results(m->body, &q))
		return false;
	while (wire_next_patch_result(&q.results, &r))
		f->sink(f->arg, &r);
	return true;
}

static void refused(struct run_flight *f, struct he_error *err)
{
	if (f->refused)
		he_error_free(err);
	else
		f->refused = err;
}

static struct he_error *wait_all(struct flight *g, bool go)
{
	struct he_error *err = NULL;

	for (unsigned i = 0; i < g->n; i++) {
		struct he_error *one = g->results[i] ? rpc_each(g->call[i], results_piece, g->f)
						     : rpc_wait(g->call[i], NULL);

		if (one && go && i + 1 == g->n)
			err = one;
		else if (one)
			refused(g->f, one);
	}
	g->n = 0;
	return err;
}

/* ---- sending ------------------------------------------------------------------------ */

static void push(struct flight *g, enum wire_type type, struct buf *body)
{
	struct rpc_call *c = rpc_send(link_of(g->t), type, g->t->handle, body, 0);

	buf_reset(body);
	g->cut = g->cut || !c;
	if (!c)
		return;
	if (g->n == FLIGHT_CALLS)
		refused(g->f, wait_all(g, false));
	g->results[g->n] = type == WIRE_patch_set;
	g->call[g->n++] = c;
}

static bool skip_patch(struct span *s)
{
	struct wire_rec_patch r;

	return wire_next_patch(s, &r);
}

static bool skip_id(struct span *s)
{
	struct wire_rec_patch_id r;

	return wire_next_patch_id(s, &r);
}

/* As many whole records from the front of *list as one request takes; a bad one whole. */
static struct span part(struct span *list, bool (*skip)(struct span *))
{
	struct span at = *list, all = *list;

	if (span_bad(all)) {
		list->n = 0;
		return all;
	}
	while (list->n && all.n - list->n < LIST_BYTES && skip(list))
		at = *list;
	*list = at;
	return (struct span){all.p, all.n - at.n};
}

static void push_patches(struct flight *g, struct buf *body)
{
	struct span clear = g->f->clear, set = g->f->set;

	while (clear.n) {
		struct wire_patch_clear q = {.ids = part(&clear, skip_id)};

		wire_encode_patch_clear(body, &q);
		push(g, WIRE_patch_clear, body);
	}
	while (set.n) {
		struct wire_patch_set q = {.patches = part(&set, skip_patch)};

		wire_encode_patch_set(body, &q);
		push(g, WIRE_patch_set, body);
	}
}

static void push_rest(struct flight *g, struct buf *body)
{
	if (g->f->caught) {
		wire_encode_catch(body, g->f->caught);
		push(g, WIRE_catch, body);
	}
	if (g->f->signals) {
		wire_encode_signals(body, g->f->signals);
		push(g, WIRE_signals, body);
	}
	if (g->f->preorder) {
		wire_encode_preorder(body, g->f->preorder);
		push(g, WIRE_preorder, body);
	}
}

/* A box of version 1 knows resume only, which is go without ranges. */
static bool encode_resume(struct span go, struct buf *body)
{
	struct wire_resume q = {0};
	struct wire_rec_go r;
	struct buf list;
	bool fits = true;

	buf_init(&list, WIRE_PIECE);
	while (wire_next_go(&go, &r)) {
		struct wire_rec_resume one = {.tid = r.tid, .action = r.action, .signal = r.signal};

		fits = fits && r.action != WIRE_RESUME_RANGE;
		wire_put_resume(&list, &one);
	}
	q.threads = span_whole(&list);
	wire_encode_resume(body, &q);
	buf_free(&list);
	return fits;
}

static struct he_error *old_box(const struct he_target *t)
{
	return he_error_new(E_VERSION,
	    "%s: its procsrv is older than hdb and cannot do that. Update procsrv there.",
	    t->server->info.name);
}

static struct he_error *push_go(struct flight *g, struct buf *body)
{
	const struct run_flight *f = g->f;
	struct wire_go q = {.threads = f->go, .stop = f->go_stop};
	struct wire_go_after after = {
	    .generation = f->generation, .threads = f->go, .stop = f->go_stop};

	if (rpc_peer(link_of(g->t))->version >= 2) {
		if (f->ordered)
			wire_encode_go_after(body, &after);
		else
			wire_encode_go(body, &q);
		push(g, f->ordered ? WIRE_go_after : WIRE_go, body);
		return NULL;
	}
	if (!encode_resume(g->f->go, body))
		return old_box(g->t);
	push(g, WIRE_resume, body);
	return NULL;
}

struct he_error *procsrv_run(struct he_target *t, struct run_flight *f)
{
	struct flight g = {.t = t, .f = f};
	bool old = rpc_peer(link_of(t))->version < 2, go = f->go.n != 0;
	struct he_error *err = NULL;
	struct buf body;

	buf_init(&body, WIRE_PIECE);
	if (old && (f->set.n || (f->caught && f->caught->events)))
		f->refused = old_box(t);
	if (!old)
		push_patches(&g, &body);
	if (old)
		f->caught = NULL;
	push_rest(&g, &body);
	if (go && !g.cut)
		err = push_go(&g, &body);
	buf_free(&body);
	if (!err && !g.cut)
		return wait_all(&g, go);
	refused(f, wait_all(&g, false));
	f->held = true;
	return err ? err
		   : he_error_new(
			 E_LIMIT, "out of memory: not all could be sent, and nothing was let run.");
}

/* ---- changing ------------------------------------------------------------------------- */

struct he_error *procsrv_mem_write(struct he_target *t, uint64_t addr, const void *data, size_t len)
{
	const uint8_t *from = data;
	struct he_error *err = NULL;

	for (size_t done = 0; done < len && !err; done += WRITE_BYTES) {
		size_t n = len - done < WRITE_BYTES ? len - done : WRITE_BYTES;
		struct wire_rec_write w = {.addr = addr + done, .data = {from + done, (uint32_t)n}};
		struct wire_mem_write q = {0};
		struct buf list;

		buf_init(&list, WIRE_PIECE);
		wire_put_write(&list, &w);
		q.writes = span_whole(&list);
		err = rpc_wait(rpc_ask_mem_write(link_of(t), t->handle, &q), NULL);
		buf_free(&list);
	}
	return err;
}

struct he_error *procsrv_regs_write(struct he_target *t, const struct wire_rec_regset *v, size_t n)
{
	struct wire_regs_write q = {0};
	struct rpc_call *c;
	struct buf list;

	buf_init(&list, WIRE_PIECE);
	for (size_t i = 0; i < n; i++)
		wire_put_regset(&list, &v[i]);
	q.regs = span_whole(&list);
	c = rpc_ask_regs_write(link_of(t), t->handle, &q);
	buf_free(&list);
	/* A debugger that calls a function writes one register after the other. */
	return t->raw ? raw_write_behind(t, c) : rpc_wait(c, NULL);
}

struct he_error *procsrv_signal(struct he_target *t, uint64_t tid, uint32_t signal)
{
	struct wire_send_signal q = {.tid = tid, .signal = signal};

	return rpc_wait(rpc_ask_send_signal(link_of(t), t->handle, &q), NULL);
}

struct he_error *procsrv_siginfo_write(
    struct he_target *t, uint64_t tid, const void *data, size_t len)
{
	struct wire_siginfo_write q = {.tid = tid, .siginfo = {data, (uint32_t)len}};

	return rpc_wait(rpc_ask_siginfo_write(link_of(t), t->handle, &q), NULL);
}

struct he_error *procsrv_kill(struct he_target *t)
{
	return rpc_do(link_of(t), WIRE_kill, t->handle, NULL, 0, NULL);
}

struct he_error *procsrv_abandon(struct he_target *t)
{
	return rpc_do(link_of(t), WIRE_abandon, t->handle, NULL, 0, NULL);
}

/* ---- hits ----------------------------------------------------------------------------- */

struct hits_arg {
	void (*sink)(void *, const struct wire_rec_patch_state *);
	void *arg;
};

static bool hits_piece(void *arg, const struct wire_msg *m)
{
	const struct hits_arg *a = arg;
	struct wire_rec_patch_state r;
	struct wire_patch_states q;

	if (!wire_decode_patch_states(m->body, &q))
		return false;
	while (wire_next_patch_state(&q.states, &r))
		a->sink(a->arg, &r);
	return true;
}

struct he_error *procsrv_patch_hits(
    struct he_target *t, void (*sink)(void *, const struct wire_rec_patch_state *), void *arg)
{
	struct hits_arg a = {sink, arg};

	return rpc_each(rpc_send(link_of(t), WIRE_patch_hits, t->handle, NULL, 0), hits_piece, &a);
}
