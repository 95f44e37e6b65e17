/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A process behind a process server: the operations as requests of the wire.
 * What does not fit one request is several, sent together.
 */
#include <stdlib.h>

#include "common/err.h"
#include "host/engine/engine.h"
#include "host/engine/target_run.h"
#include "host/errtext.h"

enum {
	RANGES_PER_REQUEST = 2900, /* 20 bytes each; mem_read's list holds 60,000 */
	TIDS_PER_REQUEST = 7400,   /* 8 bytes each */
	BRING_FROM = 256 * 1024,   /* a reply of this size brings its own credit */
	CHUNK_HEAD = 32,           /* of a chunk beside its data, about */
};

struct rpc_call *rpc_ask(struct rpc *r, enum wire_type type, uint32_t target, const void *q)
{
	struct rpc_call *c;
	struct buf body;

	buf_init(&body, WIRE_PIECE);
	wire_pack(&body, wire_row((uint16_t)type)->form, q);
	c = rpc_send(r, type, target, &body, 0);
	buf_free(&body);
	return c;
}

struct he_error *rpc_each(
    struct rpc_call *c, bool (*fn)(void *arg, const struct wire_msg *m), void *arg)
{
	struct rpc_piece *p;
	struct he_error *err;

	for (;;) {
		bool more;

		err = rpc_wait_piece(c, &p);
		if (err || !p)
			return err;
		more = fn(arg, &p->m);
		rpc_pieces_free(p);
		if (!more) {
			rpc_drop(c);
			return he_error_new(E_LIMIT,
			    "the box answered with more than fits, or with "
			    "what was not asked for.");
		}
	}
}

bool bytes_piece(void *bytes, const struct wire_msg *m)
{
	struct wire_bytes q;
	struct buf *b = bytes;

	if (!wire_decode_bytes(m->body, &q))
		return false;
	buf_raw(b, q.data.p, q.data.n);
	return !b->bad;
}

static struct rpc *link_of(const struct he_target *t)
{
	return t->server->rpc;
}

/* ---- memory ------------------------------------------------------------------ */

/* The chunks of a reply must tile the ranges asked for: where we are in them. */
struct tiling {
	const struct mem_range *v;
	size_t n, i;
	uint64_t done; /* of v[i] */
	chunk_sink *sink;
	void *arg;
};

static bool tile(struct tiling *g, const struct wire_rec_chunk *c)
{
	if (g->i >= g->n || c->space || c->addr != g->v[g->i].addr + g->done || !c->len ||
	    c->len > g->v[g->i].len - g->done)
		return false;
	if (c->kind == WIRE_BYTES ? c->data.n != c->len
				  : c->kind != WIRE_ZEROS && c->kind != WIRE_UNREADABLE)
		return false;
	g->sink(g->arg, c);
	g->done += c->len;
	if (g->done == g->v[g->i].len) {
		g->i++;
		g->done = 0;
	}
	return true;
}

static bool memory_piece(void *arg, const struct wire_msg *m)
{
	struct wire_rec_chunk c;
	struct wire_memory r;

	if (!wire_decode_memory(m->body, &r))
		return false;
	while (wire_next_chunk(&r.chunks, &c))
		if (!tile(arg, &c))
			return false;
	return true;
}

/* A request for some of the ranges. */
struct batch {
	struct batch *next;
	struct rpc_call *call;
	size_t n;
	struct mem_range v[];
};

static struct rpc_call *send_ranges(struct he_target *t, const struct batch *b)
{
	struct wire_mem_read q = {0};
	struct buf list, body;
	struct rpc_call *c;
	uint64_t bytes = 0;

	buf_init(&list, WIRE_PIECE);
	buf_init(&body, WIRE_PIECE);
	for (size_t i = 0; i < b->n; i++) {
		struct wire_rec_range r = {.addr = b->v[i].addr, .len = b->v[i].len};

		wire_put_range(&list, &r);
		bytes += r.len + CHUNK_HEAD;
	}
	q.ranges = span_whole(&list);
	wire_encode_mem_read(&body, &q);
	c = rpc_send(link_of(t), WIRE_mem_read, t->handle, &body,
	    bytes >= BRING_FROM ? bytes + bytes / 64 : 0);
	buf_free(&list);
	buf_free(&body);
	return c;
}

/* The next batch: ranges from *v on (advanced), split where max_read ends. */
static struct batch *next_batch(
    const struct mem_range *v, size_t n, size_t *i, uint64_t *done, uint64_t max_read)
{
	size_t cap = n - *i < RANGES_PER_REQUEST ? n - *i : RANGES_PER_REQUEST;
	struct batch *b = calloc(1, sizeof(*b) + cap * sizeof(b->v[0]));
	uint64_t bytes = 0;

	while (b && b->n < cap && *i < n && bytes < max_read) {
		uint64_t left = v[*i].len - *done;
		uint64_t len = left < max_read - bytes ? left : max_read - bytes;

		b->v[b->n++] = (struct mem_range){v[*i].addr + *done, len};
		bytes += len;
		*done += len;
		if (*done == v[*i].len) {
			++*i;
			*done = 0;
		}
	}
	return b;
}

static struct he_error *wait_batch(struct batch *b, chunk_sink *sink, void *arg)
{
	struct tiling g = {.v = b->v, .n = b->n, .sink = sink, .arg = arg};
	struct he_error *err = rpc_each(b->call, memory_piece, &g);

	if (!err && g.i < g.n)
		err = he_error_new(E_PROTOCOL, "the box did not answer for all of the memory.");
	return err;
}

/* All of the ranges in as many requests as it takes, under way; *err without memory. */
static struct batch *send_all(
    struct he_target *t, const struct mem_range *v, size_t n, struct he_error **err)
{
	uint64_t max_read = server_max_read(t->server), done = 0;
	struct batch *first = NULL, **end = &first;
	size_t i = 0;

	*err = NULL;
	while (i < n) {
		struct batch *b = next_batch(v, n, &i, &done, max_read);

		if (!b) {
			*err = he_error_new(E_NOMEM, "out of memory.");
			break;
		}
		b->call = send_ranges(t, b);
		*end = b;
		end = &b->next;
	}
	return first;
}

/* With an error they are dropped. */
static struct he_error *wait_ranges(
    struct batch *first, struct he_error *err, chunk_sink *sink, void *arg)
{
	while (first) {
		struct batch *b = first;

		first = b->next;
		if (err)
			rpc_drop(b->call);
		else
			err = wait_batch(b, sink, arg);
		free(b);
	}
	return err;
}

static struct he_error *mem_read(
    struct he_target *t, const struct mem_range *v, size_t n, chunk_sink *sink, void *arg)
{
	struct he_error *err;
	struct batch *first = send_all(t, v, n, &err);

	return wait_ranges(first, err, sink, arg);
}

/* ---- registers and threads ------------------------------------------------------ */

struct regs_arg {
	regset_sink *sink;
	void *arg;
};

static bool regs_piece(void *arg, const struct wire_msg *m)
{
	struct regs_arg *a = arg;
	struct wire_rec_regset r;
	struct wire_regs q;

	if (!wire_decode_regs(m->body, &q))
		return false;
	while (wire_next_regset(&q.regs, &r))
		a->sink(a->arg, &r);
	return true;
}

static struct rpc_call *send_regs(
    struct he_target *t, const uint64_t *tids, size_t n, const uint32_t *notes)
{
	struct wire_regs_read q = {0};
	struct buf who, what;
	struct rpc_call *c;

	buf_init(&who, WIRE_PIECE);
	buf_init(&what, WIRE_PIECE);
	for (size_t i = 0; i < n; i++)
		wire_put_tid(&who, &(struct wire_rec_tid){tids[i]});
	for (; *notes; notes++)
		wire_put_note(&what, &(struct wire_rec_note){*notes});
	q.tids = span_whole(&who);
	q.notes = span_whole(&what);
	c = rpc_ask_regs_read(link_of(t), t->handle, &q);
	buf_free(&who);
	buf_free(&what);
	return c;
}

/* Under way; NULL without memory.  *calls of them, not all need be there. */
static struct rpc_call **send_all_regs(
    struct he_target *t, const uint64_t *tids, size_t n, const uint32_t *notes, size_t *calls)
{
	struct rpc_call **c;
	size_t done = 0;

	*calls = n / TIDS_PER_REQUEST + 1;
	c = calloc(*calls, sizeof(struct rpc_call *));
	for (size_t i = 0; c && i < *calls; i++) {
		size_t part = n - done < TIDS_PER_REQUEST ? n - done : TIDS_PER_REQUEST;

		/* An empty list would mean all of them. */
		if (i == 0 || part)
			c[i] = send_regs(t, part ? tids + done : NULL, part, notes);
		done += part;
	}
	return c;
}

static struct he_error *wait_regs(struct rpc_call **c, size_t calls, regset_sink *sink, void *arg)
{
	struct regs_arg a = {sink, arg};
	struct he_error *err = NULL;

	if (!c)
		return he_error_new(E_NOMEM, "out of memory.");
	for (size_t i = 0; i < calls; i++)
		if (err)
			rpc_drop(c[i]);
		else if (i == 0 || c[i])
			err = rpc_each(c[i], regs_piece, &a);
	free(c);
	return err;
}

static struct he_error *regs_read(struct he_target *t, const uint64_t *tids, size_t n,
    const uint32_t *notes, regset_sink *sink, void *arg)
{
	size_t calls;
	struct rpc_call **c = send_all_regs(t, tids, n, notes, &calls);

	return wait_regs(c, calls, sink, arg);
}

static struct he_error *bring(struct he_target *t, const uint64_t *tids, size_t n_tids,
    const uint32_t *notes, const struct mem_range *v, size_t n)
{
	size_t calls;
	struct rpc_call **c = send_all_regs(t, tids, n_tids, notes, &calls);
	struct he_error *err, *regs;
	struct batch *first = send_all(t, v, n, &err);

	regs = wait_regs(c, calls, threads_put_regs, &t->threads);
	if (err)
		he_error_free(regs);
	else
		err = regs;
	return wait_ranges(first, err, target_put_chunk, t);
}

struct threads_arg {
	thread_sink *sink;
	void *arg;
};

static bool threads_piece(void *arg, const struct wire_msg *m)
{
	struct threads_arg *a = arg;
	struct wire_rec_thread r;
	struct wire_thread_list q;

	if (!wire_decode_thread_list(m->body, &q))
		return false;
	while (wire_next_thread(&q.threads, &r))
		a->sink(a->arg, &r);
	return true;
}

static struct he_error *threads(struct he_target *t, thread_sink *sink, void *arg)
{
	struct threads_arg a = {sink, arg};

	return rpc_each(rpc_send(link_of(t), WIRE_threads, t->handle, NULL, 0), threads_piece, &a);
}

/* ---- linked lists ----------------------------------------------------------------- */

struct nodes_arg {
	node_sink *sink;
	void *arg;
	size_t left;
};

static bool nodes_piece(void *arg, const struct wire_msg *m)
{
	struct nodes_arg *a = arg;
	struct wire_rec_node r;
	struct wire_nodes q;

	if (!wire_decode_nodes(m->body, &q))
		return false;
	while (wire_next_node(&q.nodes, &r)) {
		if (!a->left--)
			return false;
		a->sink(a->arg, &r);
	}
	return true;
}

static struct he_error *mem_walk(struct he_target *t, uint64_t head, uint32_t next_off,
    uint32_t size, uint32_t limit, node_sink *sink, void *arg)
{
	struct wire_mem_walk q = {.head = head, .next_off = next_off, .size = size, .limit = limit};
	struct nodes_arg a = {sink, arg, limit};

	return rpc_each(rpc_ask_mem_walk(link_of(t), t->handle, &q), nodes_piece, &a);
}

/* ---- running and stopping ------------------------------------------------------------ */

static struct he_error *interrupt(struct he_target *t, uint64_t tid)
{
	struct wire_interrupt q = {0};
	struct he_error *err;
	struct buf list;

	buf_init(&list, WIRE_PIECE);
	if (tid)
		wire_put_tid(&list, &(struct wire_rec_tid){tid});
	q.tids = span_whole(&list);
	err = rpc_wait(rpc_ask_interrupt(link_of(t), t->handle, &q), NULL);
	buf_free(&list);
	return err;
}

static struct he_error *detach(struct he_target *t)
{
	return rpc_do(link_of(t), WIRE_detach, t->handle, NULL, 0, NULL);
}

/* ---- mappings ------------------------------------------------------------------------- */

static struct he_error *maps(struct he_target *t, struct maps *m, struct buf *auxv)
{
	struct who w = who_is(t);
	struct maps_call c = maps_send(&w, auxv != NULL);

	return maps_wait(&c, m, auxv);
}

const struct target_ops procsrv_ops = {
    .name = "process",
    .mem_read = mem_read,
    .regs_read = regs_read,
    .bring = bring,
    .threads = threads,
    .maps = maps,
    .facts = facts_ask,
    .mem_walk = mem_walk,
    .file_read = file_ask,
    .run = procsrv_run,
    .mem_write = procsrv_mem_write,
    .regs_write = procsrv_regs_write,
    .patch_hits = procsrv_patch_hits,
    .signal = procsrv_signal,
    .siginfo_write = procsrv_siginfo_write,
    .kill = procsrv_kill,
    .abandon = procsrv_abandon,
    .interrupt = interrupt,
    .detach = detach,
};
