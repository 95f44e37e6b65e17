/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A snapshot: registers and stacks of all threads as they were at one moment, of a
 * process that runs on.  What cannot have changed since (code, the vdso) is read from
 * the process itself when it is asked for, through a target that only looks.
 */
#include <stdlib.h>

#include "common/err.h"
#include "host/engine/engine.h"
#include "host/errtext.h"

enum {
	WINDOW = 64 * 1024,
	TOTAL = 64 * 1024 * 1024,
	PROT_WRITE_ = 2, /* of wire.def's map.prot */
};

struct snapshot {
	struct he_target *looker; /* NULL: not yet made */
	bool blind;               /* it could not be made */
};

/* ---- taking it ---------------------------------------------------------------------- */

static struct rpc_call *send_snapshot(
    const struct he_server *s, uint32_t pid, uint64_t start, uint32_t window, uint64_t total)
{
	struct wire_snapshot q = {.pid = pid, .start = start, .window = window, .total = total};
	const struct arch *a = arch_find(rpc_peer(s->rpc)->arch);
	struct buf notes, body;
	struct rpc_call *c;

	buf_init(&notes, WIRE_PIECE);
	buf_init(&body, WIRE_PIECE);
	if (a)
		wire_put_note(&notes, &(struct wire_rec_note){a->notes[0]});
	q.notes = span_whole(&notes);
	wire_encode_snapshot(&body, &q);
	c = rpc_send(s->rpc, WIRE_snapshot, 0, &body, total);
	buf_free(&notes);
	buf_free(&body);
	return c;
}

static void put_cut(struct he_target *t, const struct wire_rec_cut *c)
{
	struct thread *h = threads_find(&t->threads, c->tid);

	if (!h)
		return;
	h->cut = true;
	h->cut_want = c->want;
	h->cut_got = c->got;
}

static bool piece(void *arg, const struct wire_msg *m)
{
	struct he_target *t = arg;
	struct wire_snapshot_data q;
	struct wire_rec_thread thread;
	struct wire_rec_regset regs;
	struct wire_rec_chunk chunk;
	struct wire_rec_proc proc;
	struct wire_rec_cut cut;

	if (!wire_decode_snapshot_data(m->body, &q))
		return false;
	t->stopped_ns = q.stopped_ns;
	if (!m->h.piece && wire_next_proc(&q.procs, &proc))
		target_identify(t, &proc);
	while (wire_next_thread(&q.threads, &thread))
		threads_put(&t->threads, &thread);
	while (wire_next_regset(&q.regs, &regs)) {
		threads_put_regs(&t->threads, &regs);
		t->arch_id = t->arch_id ? t->arch_id : regs.arch;
	}
	while (wire_next_chunk(&q.chunks, &chunk))
		target_put_chunk(t, &chunk);
	while (wire_next_cut(&q.cuts, &cut))
		put_cut(t, &cut);
	return maps_put(&t->maps, q.maps);
}

static struct he_target *prepare(struct he_server *s, uint64_t total)
{
	struct he_target *t = target_new(s->engine, s, &snapshot_ops);

	if (!t)
		return NULL;
	t->priv = calloc(1, sizeof(struct snapshot));
	memcache_free(t->mem);
	/* Windows begin and end within pages: room for twice what the bytes fill. */
	t->mem = memcache_new((size_t)(total / MEMCACHE_PAGE) * 2 + 4096, true);
	if (t->priv && t->mem)
		return t;
	target_free(t);
	return NULL;
}

struct he_error *he_snapshot(struct he_server *s, uint32_t pid, uint64_t start, uint32_t window,
    uint64_t total, struct he_target **ret)
{
	struct he_target *t;
	struct he_error *err;

	window = window ? window : WINDOW;
	total = total ? total : TOTAL;
	t = prepare(s, total);
	if (!t)
		return he_error_new(E_NOMEM, "out of memory.");
	err = rpc_each(send_snapshot(s, pid, start, window, total), piece, t);
	if (!err && !t->threads.n)
		err = he_error_new(
		    E_PROTOCOL, "%s: the snapshot of %u has no threads.", s->info.name, pid);
	if (err) {
		target_free(t);
		return err;
	}
	t->state = HE_FROZEN;
	t->threads.complete = t->maps_fresh = true;
	*ret = t;
	return NULL;
}

/* ---- what it does not hold ------------------------------------------------------------ */

static struct he_target *looker(struct he_target *t)
{
	struct snapshot *p = t->priv;
	struct he_error *err;

	if (p->blind || t->server->lost)
		return NULL;
	if (p->looker)
		return p->looker;
	err = he_attach(t->server, t->pid, t->start, HE_LOOK, &p->looker);
	p->blind = err != NULL;
	he_error_free(err);
	if (p->looker) {
		p->looker->hidden = true;
		t->engine->last_number--;
	}
	return p->looker;
}

/* May it have changed since? */
static bool constant(const struct he_target *t, const struct mem_range *r)
{
	const struct he_mapping *m = maps_find(&t->maps, r->addr);

	return m && !(m->prot & PROT_WRITE_) && r->len <= m->hi - r->addr;
}

static void unreadable(const struct mem_range *r, chunk_sink *sink, void *arg)
{
	struct wire_rec_chunk c = {.addr = r->addr, .len = r->len, .kind = WIRE_UNREADABLE};

	sink(arg, &c);
}

static struct he_error *mem_read(
    struct he_target *t, const struct mem_range *v, size_t n, chunk_sink *sink, void *arg)
{
	struct mem_range *ask = calloc(n, sizeof(*ask));
	struct he_error *err = NULL;
	size_t m = 0;

	for (size_t i = 0; ask && i < n; i++)
		if (constant(t, &v[i]) && looker(t))
			ask[m++] = v[i];
		else
			unreadable(&v[i], sink, arg);
	if (!ask)
		return he_error_new(E_NOMEM, "out of memory.");
	if (m)
		err = procsrv_ops.mem_read(((struct snapshot *)t->priv)->looker, ask, m, sink, arg);
	free(ask);
	return err;
}

static void end(struct he_target *t)
{
	struct snapshot *p = t->priv;

	if (p && p->looker)
		he_error_free(he_detach(p->looker));
	free(p);
}

const struct target_ops snapshot_ops = {
    .name = "snapshot",
    .mem_read = mem_read,
    .facts = facts_ask,
    .file_read = file_ask,
    .free = end,
};
