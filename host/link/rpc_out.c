/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What leaves: requests as credit allows, cancellations, acknowledgements.
 */
#include "common/frame.h"
#include "host/link/rpc_link.h"

/* Replies after which an acknowledgement rides along though credit does not need it:
 * the server keeps what is not acknowledged. */
enum { ACK_REPLIES = 64 };

static void dump(struct rpc *r, const struct wire_head *h, struct span body)
{
	struct wire_msg m = {*h, body};

	m.h.len = body.n;
	flockfile(r->via.dump);
	fprintf(r->via.dump, "%s ", r->peer.box);
	wire_dump(r->via.dump, "->", &m);
	funlockfile(r->via.dump);
}

static void put(struct rpc *r, struct wire_head h, struct span body)
{
	if (!r->chan)
		return;
	if (r->via.dump)
		dump(r, &h, body);
	if (frame_put(chan_out(r->chan), h, body) != E_OK)
		r->no_memory = true;
	r->bytes_out += WIRE_HEAD + (uint64_t)body.n;
	r->requests += h.id != 0;
}

void rpc_put(struct rpc *r, enum wire_type type, const struct buf *body)
{
	if (body->bad)
		r->no_memory = true;
	else
		put(r, (struct wire_head){.type = (uint16_t)type}, span_buf(body));
}

void rpc_goodbye(struct rpc *r, int code, const char *text)
{
	struct wire_goodbye g = {.code = (uint16_t)code, .text = span_str(text)};
	uint8_t room[600];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};

	wire_encode_goodbye(&b, &g);
	rpc_put(r, WIRE_goodbye, &b);
}

/* brings: credit beyond what was used up. */
static void put_ack(struct rpc *r, uint64_t brings)
{
	uint64_t owed = credit_take(&r->in);
	struct wire_ack a = {
	    .last_reply = rpc_last_reply(r),
	    .last_event = r->last_event,
	    .credit_bytes = owed + brings,
	};
	uint8_t room[32];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};

	r->in.left += (int64_t)brings;
	r->unacked = 0;
	wire_encode_ack(&b, &a);
	rpc_put(r, WIRE_ack, &b);
}

/* The next request that may go; moved from queue to sent. */
static struct rpc_call *next_call(struct rpc *r)
{
	struct rpc_call *c;

	pthread_mutex_lock(&r->lock);
	c = r->in_flight < r->max_requests && credit_may_send(&r->out) ? rpc_queue_pop(&r->queue)
								       : NULL;
	if (c) {
		c->id = ++r->last_id;
		r->in_flight++;
		rpc_queue_push(&r->sent, c);
	}
	pthread_mutex_unlock(&r->lock);
	return c;
}

void rpc_put_ack(struct rpc *r)
{
	put_ack(r, 0);
}

void rpc_put_call(struct rpc *r, struct rpc_call *c)
{
	struct wire_head h = {.type = c->type, .target = c->target, .id = c->id};

	c->brought = c->brings;
	if (c->brings || r->in.owed >= r->in.window / 16 || r->unacked >= ACK_REPLIES)
		put_ack(r, c->brings);
	put(r, h, (struct span){c->body, c->n});
	credit_sent(&r->out, WIRE_HEAD + (uint64_t)c->n);
}

static void put_cancels(struct rpc *r)
{
	uint8_t room[16];

	pthread_mutex_lock(&r->lock);
	for (struct rpc_call *c = r->sent.first; c && r->cancels; c = c->next)
		if (c->cancel) {
			struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};
			struct wire_cancel m = {.request = c->id};

			c->cancel = false;
			r->cancels--;
			wire_encode_cancel(&b, &m);
			rpc_put(r, WIRE_cancel, &b);
		}
	pthread_mutex_unlock(&r->lock);
}

void rpc_flush(struct rpc *r)
{
	struct rpc_call *c;
	bool corked, cancels;

	pthread_mutex_lock(&r->lock);
	r->kicked = false;
	corked = r->corked;
	cancels = r->cancels;
	pthread_mutex_unlock(&r->lock);
	if (r->phase == RPC_GREETED && !corked)
		rpc_greet(r);
	if (r->phase == RPC_OPENING && r->resuming) {
		chan_flush(r->chan);
		return;
	}
	if (r->phase != RPC_OPENING && r->phase != RPC_OPEN)
		return;
	if (cancels)
		put_cancels(r);
	while ((c = next_call(r)))
		rpc_put_call(r, c);
	if (credit_due(&r->in))
		put_ack(r, 0);
	if (r->chan && evbuffer_get_length(chan_out(r->chan)))
		chan_flush(r->chan);
	if (r->no_memory)
		rpc_end(
		    r, he_error_new(E_NOMEM, "%s: out of memory", r->peer.box), "out of memory");
}
