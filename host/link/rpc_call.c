/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Calls: from a request to its whole reply, as the engine sees them.
 */
#include <stdlib.h>
#include <string.h>

#include "host/link/rpc_link.h"

/* ---- queues --------------------------------------------------------------- */

void rpc_queue_init(struct rpc_queue *q)
{
	q->first = NULL;
	q->last = &q->first;
}

void rpc_queue_push(struct rpc_queue *q, struct rpc_call *c)
{
	c->next = NULL;
	*q->last = c;
	q->last = &c->next;
}

void rpc_queue_remove(struct rpc_queue *q, struct rpc_call *c)
{
	struct rpc_call **at = &q->first;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	if (!c->next)
		q->last = at;
}

struct rpc_call *rpc_queue_pop(struct rpc_queue *q)
{
	struct rpc_call *c = q->first;

	if (c)
		rpc_queue_remove(q, c);
	return c;
}

/* ---- one call --------------------------------------------------------------- */

/* What a reply may cost us, so that a liar cannot make us hold more than was asked for. */
static uint64_t reply_limit(const struct rpc *r, enum wire_type type, uint64_t brings)
{
	switch ((int)type) {
	case WIRE_mem_read:
	case WIRE_file_read:
		return r->peer.max_read + brings + RPC_SLACK;
	case WIRE_snapshot:
		return brings + RPC_SLACK;
	default:
		return RPC_REPLY_MAX + brings;
	}
}

struct rpc_call *rpc_call_new(
    struct rpc *r, enum wire_type type, uint32_t target, const struct buf *body, uint64_t brings)
{
	size_t n = body ? body->len : 0;
	struct rpc_call *c;

	if ((body && body->bad) || n > WIRE_PIECE)
		return NULL;
	c = calloc(1, sizeof(*c) + n);
	if (!c)
		return NULL;
	c->rpc = r;
	c->type = (uint16_t)type;
	c->target = target;
	c->brings = brings < INT64_MAX / 4 ? brings : INT64_MAX / 4;
	c->limit = reply_limit(r, type, c->brings);
	c->last = &c->first;
	c->n = (uint32_t)n;
	if (n)
		memcpy(c->body, body->p, n);
	return c;
}

void rpc_pieces_free(struct rpc_piece *p)
{
	while (p) {
		struct rpc_piece *next = p->next;

		free(p);
		p = next;
	}
}

static void call_free(struct rpc_call *c)
{
	rpc_pieces_free(c->first);
	he_error_free(c->failed);
	free(c);
}

void rpc_call_done(struct rpc_call *c, struct he_error *e)
{
	c->done = true;
	c->failed = e;
	c->rpc->cancels -= c->cancel;
	if (c->dropped)
		call_free(c);
	else if (c->rpc->waiters)
		pthread_cond_broadcast(&c->rpc->changed);
}

struct he_error *rpc_call_error(const struct rpc_call *c, const struct wire_error *w)
{
	const struct rpc_peer *p = &c->rpc->peer;
	struct errtext_where where = {
	    .box = p->box, .user = *p->user ? p->user : NULL, .keyed = c->rpc->via.keyed};
	char doing[128];

	he_doing(doing, sizeof(doing), c->type, (struct span){c->body, c->n});
	return he_error_at(&where, doing, w);
}

/* NULL, or why the server cannot be asked this: it speaks an older version. */
static struct he_error *too_new(const struct rpc_call *c)
{
	const struct rpc_peer *p = &c->rpc->peer;
	const struct wire_row *row = wire_row(c->type);
	char doing[128];

	if (!p->version || !row || row->since <= p->version)
		return NULL;
	he_doing(doing, sizeof(doing), c->type, (struct span){c->body, c->n});
	return he_error_new(E_VERSION,
	    "%s: cannot %s: procsrv there speaks version %u of the protocol, and this needs version "
	    "%u. Update procsrv there",
	    p->box, doing, p->version, row->since);
}

/* ---- what the engine calls ---------------------------------------------------- */

struct rpc_call *rpc_send(
    struct rpc *r, enum wire_type type, uint32_t target, const struct buf *body, uint64_t brings)
{
	struct rpc_call *c = rpc_call_new(r, type, target, body, brings);
	struct he_error *e;
	bool alone, corked;

	if (!c)
		return NULL;
	pthread_mutex_lock(&r->lock);
	e = r->broken ? he_error_copy(r->why) : too_new(c);
	if (e) {
		/* Nobody waits for it, or could have dropped it, yet. */
		c->done = true;
		c->failed = e;
		pthread_mutex_unlock(&r->lock);
		return c;
	}
	corked = r->corked;
	alone = !r->in_flight && !r->queue.first;
	rpc_queue_push(&r->queue, c);
	pthread_mutex_unlock(&r->lock);
	/* As Nagle has it: the first goes at once, what follows while that is under way
	 * is collected until somebody waits or the thread has the pump. */
	if (!corked && !(alone && rpc_flush_now(r)))
		rpc_nudge(r);
	return c;
}

void rpc_drop(struct rpc_call *c)
{
	struct rpc *r;

	if (!c)
		return;
	r = c->rpc;
	pthread_mutex_lock(&r->lock);
	if (!c->done && c->id) {
		rpc_pieces_free(c->first);
		c->first = NULL;
		c->last = &c->first;
		c->dropped = c->cancel = true;
		r->cancels++;
		c = NULL;
	} else if (!c->done) {
		rpc_queue_remove(&r->queue, c);
	}
	pthread_mutex_unlock(&r->lock);
	if (c)
		call_free(c);
	else
		rpc_nudge(r);
}

void rpc_forget(struct rpc_call *c)
{
	struct rpc *r;
	bool done;

	if (!c)
		return;
	r = c->rpc;
	pthread_mutex_lock(&r->lock);
	done = c->done;
	c->dropped = true;
	pthread_mutex_unlock(&r->lock);
	if (done)
		call_free(c);
}

static void uncork(struct rpc *r)
{
	pthread_mutex_lock(&r->lock);
	r->corked = false;
	pthread_mutex_unlock(&r->lock);
}

static bool is_done(const struct rpc *r, const void *arg)
{
	const struct rpc_call *c = arg;

	(void)r;
	return c->done;
}

static bool has_piece(const struct rpc *r, const void *arg)
{
	const struct rpc_call *c = arg;

	(void)r;
	return c->first || c->done;
}

/* Drop the call and say why. */
static struct he_error *cancelled(struct rpc_call *c)
{
	struct wire_error w = {.code = E_CANCELLED};
	struct he_error *e = rpc_call_error(c, &w);

	rpc_drop(c);
	return e;
}

/* What is the matter with a call that is done; frees it. */
static struct he_error *failure(struct rpc_call *c)
{
	struct he_error *e = c->failed;

	c->failed = NULL;
	call_free(c);
	return e;
}

static struct he_error *no_call(void)
{
	return he_error_new(E_NOMEM, "out of memory, or a request above its limit");
}

bool rpc_done(struct rpc_call *c)
{
	bool done;

	pthread_mutex_lock(&c->rpc->lock);
	done = c->done;
	pthread_mutex_unlock(&c->rpc->lock);
	return done;
}

struct he_error *rpc_wait(struct rpc_call *c, struct rpc_piece **ret)
{
	if (!c)
		return no_call();
	uncork(c->rpc);
	if (!rpc_run(c->rpc, is_done, c))
		return cancelled(c);
	if (!c->failed && ret) {
		*ret = c->first;
		c->first = NULL;
	}
	return failure(c);
}

struct he_error *rpc_wait_piece(struct rpc_call *c, struct rpc_piece **ret)
{
	struct rpc_piece *p;

	if (!c)
		return no_call();
	uncork(c->rpc);
	if (!rpc_run(c->rpc, has_piece, c))
		return cancelled(c);
	pthread_mutex_lock(&c->rpc->lock);
	p = c->failed ? NULL : c->first;
	if (p) {
		c->first = p->next;
		c->taken = true;
		p->next = NULL;
		if (!c->first)
			c->last = &c->first;
	}
	pthread_mutex_unlock(&c->rpc->lock);
	if (!p) {
		struct he_error *e = failure(c);

		if (!e)
			*ret = NULL;
		return e;
	}
	*ret = p;
	return NULL;
}

struct he_error *rpc_do(struct rpc *r, enum wire_type type, uint32_t target, const struct buf *body,
    uint64_t brings, struct rpc_piece **ret)
{
	return rpc_wait(rpc_send(r, type, target, body, brings), ret);
}

/* ---- the opening, as connect.c waits for it ------------------------------------- */

static bool is_greeted(const struct rpc *r, const void *arg)
{
	(void)arg;
	return r->greeted;
}

static bool is_open(const struct rpc *r, const void *arg)
{
	(void)arg;
	return r->opened;
}

static struct he_error *wait_phase(
    struct rpc *r, bool (*ready)(const struct rpc *r, const void *arg))
{
	struct he_error *e = NULL;

	if (!rpc_run(r, ready, NULL))
		return he_error_new(E_CANCELLED, "%s: connecting was cancelled", r->peer.name);
	pthread_mutex_lock(&r->lock);
	if (r->broken && !ready(r, NULL))
		e = he_error_copy(r->why);
	pthread_mutex_unlock(&r->lock);
	return e;
}

struct he_error *rpc_greeted(struct rpc *r)
{
	return wait_phase(r, is_greeted);
}

struct he_error *rpc_ready(struct rpc *r)
{
	uncork(r);
	return wait_phase(r, is_open);
}
