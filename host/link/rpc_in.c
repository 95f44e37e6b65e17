/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What arrives.  The server may lie: nothing is believed that was not asked for, and
 * everything that is kept has a bound.
 */
#include <stdlib.h>

#include "common/frame.h"
#include "common/log.h"
#include "host/link/rpc_link.h"

static void dump(struct rpc *r, const struct wire_msg *m)
{
	flockfile(r->via.dump);
	fprintf(r->via.dump, "%s ", r->peer.box);
	wire_dump(r->via.dump, "<-", m);
	funlockfile(r->via.dump);
}

/* ---- replies ---------------------------------------------------------------- */

static struct rpc_call *find_sent(struct rpc *r, uint64_t id)
{
	struct rpc_call *c = r->sent.first;

	while (c && c->id < id)
		c = c->next;
	return c && c->id == id ? c : NULL;
}

/* Is it what that call may get next?  NULL, or what is wrong. */
static const char *judge_reply(const struct rpc_call *c, const struct rpc_piece *p)
{
	const struct wire_head *h = &p->m.h;

	if (!wire_is_reply_to(h->type, c->type))
		return "a reply of another kind than was asked for";
	if (h->type == WIRE_error)
		return h->flags & WIRE_MORE ? "an error in pieces" : NULL;
	if (h->piece != c->seen)
		return "pieces of a reply out of order";
	if (c->got + rpc_piece_cost(p) > c->limit)
		return "a reply larger than what was asked for";
	return NULL;
}

/* Credit that a request brought is not given again when its reply uses it up; what
 * the reply leaves of it is taken off later grants. */
static void settle_credit(struct rpc *r, struct rpc_call *c, uint64_t bytes, bool last)
{
	uint64_t own = bytes < c->brought ? bytes : c->brought;
	uint64_t rest = bytes - own, pay;

	c->brought -= own;
	if (last) {
		r->surplus += c->brought;
		c->brought = 0;
	}
	pay = rest < r->surplus ? rest : r->surplus;
	r->surplus -= pay;
	credit_consumed(&r->in, rest - pay);
}

static struct he_error *error_of(const struct rpc_call *c, const struct wire_msg *m)
{
	struct wire_error w = {0};

	wire_decode_error(m->body, &w);
	if (w.code == E_OK)
		w.code = E_INTERNAL;
	return rpc_call_error(c, &w);
}

/* Hand the piece over.  Takes p. */
static void deliver(struct rpc *r, struct rpc_call *c, struct rpc_piece *p, bool last)
{
	struct he_error *e = NULL;
	struct rpc_piece *drop = p;
	bool opening = last && c == r->open;

	if (p->m.h.type == WIRE_error)
		e = error_of(c, &p->m);
	if (opening)
		r->open = NULL;
	pthread_mutex_lock(&r->lock);
	if (!e && !c->dropped) {
		*c->last = p;
		c->last = &p->next;
		drop = NULL;
	}
	if (last) {
		r->in_flight--;
		r->unacked++;
		rpc_call_done(c, e);
	} else if (r->waiters) {
		pthread_cond_broadcast(&r->changed);
	}
	pthread_mutex_unlock(&r->lock);
	if (opening)
		rpc_on_opened(r, &p->m);
	free(drop);
}

/* An answer that was here before the link broke comes once more. */
static bool is_old(struct rpc *r, const struct rpc_call *c, const struct rpc_piece *p)
{
	return !c && p->m.h.id <= r->known_id && wire_row(p->m.h.type)->kind == WIRE_REP;
}

static void on_reply(struct rpc *r, struct rpc_piece *p)
{
	struct rpc_call *c = find_sent(r, p->m.h.id);
	const char *wrong = c ? judge_reply(c, p) : "a reply to nothing that was asked";
	bool last = !(p->m.h.flags & WIRE_MORE);
	bool passed = c && p->m.h.type != WIRE_error && c->seen < c->again;

	if (passed && last)
		wrong = "an answer shorter than it was before";
	if (is_old(r, c, p)) {
		credit_consumed(&r->in, WIRE_HEAD + (uint64_t)p->m.h.len);
		free(p);
		return;
	}
	if (wrong) {
		free(p);
		rpc_protocol(r, wrong);
		return;
	}
	c->seen++;
	c->got += rpc_piece_cost(p);
	settle_credit(r, c, WIRE_HEAD + (uint64_t)p->m.h.len, last);
	if (last)
		rpc_queue_remove(&r->sent, c);
	if (passed || (last && rpc_ask_again(r, c, &p->m)))
		free(p);
	else
		deliver(r, c, p, last);
}

/* ---- events ------------------------------------------------------------------- */

/* Events come one after the other, each with all its pieces. */
static const char *judge_event(const struct rpc *r, const struct rpc_piece *p)
{
	const struct wire_head *h = &p->m.h;
	const struct rpc_partial *part = &r->partial;

	if (r->phase != RPC_OPEN)
		return "an event before the session";
	if (!part->id && h->id <= r->last_event)
		return "numbers of events that do not rise";
	if (part->id && (h->id != part->id || h->type != part->type || h->target != part->target))
		return "an event inside another";
	if (h->piece != part->seen)
		return "pieces of an event out of order";
	if (part->cost + rpc_piece_cost(p) > RPC_EVENTS_MAX)
		return "an event without end";
	return NULL;
}

static void on_event(struct rpc *r, struct rpc_piece *p)
{
	struct rpc_partial *part = &r->partial;
	const char *wrong = judge_event(r, p);

	if (wrong) {
		free(p);
		rpc_protocol(r, wrong);
		return;
	}
	credit_consumed(&r->in, WIRE_HEAD + (uint64_t)p->m.h.len);
	if (!part->id) {
		*part = (struct rpc_partial){
		    .id = p->m.h.id, .type = p->m.h.type, .target = p->m.h.target};
		part->last = &part->first;
	}
	*part->last = p;
	part->last = &p->next;
	part->seen++;
	part->cost += rpc_piece_cost(p);
	if (p->m.h.flags & WIRE_MORE)
		return;
	r->last_event = part->id;
	inbox_put(r->inbox, part->first);
	*part = (struct rpc_partial){0};
}

/* ---- the link itself -------------------------------------------------------------- */

/* A server that asks and asks and never reads gets no answers piled up. */
static void on_heartbeat(struct rpc *r, const struct wire_msg *m)
{
	struct wire_heartbeat ask;
	struct wire_heartbeat_ack answer;
	uint8_t room[16];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};

	if (!wire_decode_heartbeat(m->body, &ask) || chan_pending(r->chan) > RPC_SEND_MAX)
		return;
	answer.stamp = ask.stamp;
	wire_encode_heartbeat_ack(&b, &answer);
	rpc_put(r, WIRE_heartbeat_ack, &b);
}

static void on_ack(struct rpc *r, const struct wire_msg *m)
{
	struct wire_ack a;

	if (wire_decode_ack(m->body, &a) && !credit_granted(&r->out, a.credit_bytes))
		rpc_protocol(r, "credit without end");
}

static void on_goodbye(struct rpc *r, const struct wire_msg *m)
{
	struct wire_goodbye g = {0};
	struct wire_error w = {0};
	struct he_error *e = NULL;
	char text[512], lost[600];

	wire_decode_goodbye(m->body, &g);
	log_escape(text, sizeof(text), g.text.n ? (const void *)g.text.p : "", g.text.n);
	if (r->phase != RPC_OPEN && r->resuming) {
		rpc_lose(r, r->lost);
		return;
	}
	if (r->phase != RPC_OPEN) {
		w.code = g.code ? g.code : E_SHUTDOWN;
		w.detail = g.text;
		e = rpc_refusal(r, &w);
		rpc_end(r, e, NULL);
		return;
	}
	if (g.code == E_LOST && rpc_lose(r, "the server let go of the connection"))
		return;
	/* Its own words when it has some; they tend to say more than the code. */
	snprintf(lost, sizeof(lost), "the server said goodbye (%s)",
	    *text            ? text
	    : g.code == E_OK ? "done"
			     : err_text(g.code));
	rpc_end(r, he_error_new(E_LOST, "link to %s lost: %s", r->peer.box, lost), lost);
}

static void on_link(struct rpc *r, const struct wire_msg *m)
{
	bool greeting = r->phase == RPC_GREETING;

	if (m->h.type == WIRE_goodbye)
		on_goodbye(r, m);
	else if (m->h.type == WIRE_hello && greeting && !r->hello)
		rpc_on_hello(r, m);
	else if (m->h.type == WIRE_challenge && greeting && r->hello && !r->challenged)
		rpc_on_challenge(r, m);
	else if (m->h.type == WIRE_heartbeat && !greeting)
		on_heartbeat(r, m);
	else if (m->h.type == WIRE_ack && !greeting)
		on_ack(r, m);
	else if (m->h.type != WIRE_heartbeat_ack || greeting)
		rpc_protocol(r, "a message at the wrong time");
}

/* ---- frames --------------------------------------------------------------------------- */

/* The next message that is there whole, in memory of its own.  E_OK, FRAME_WAIT, or an
 * enum err the link ends with. */
static int next_piece(struct rpc *r, struct rpc_piece **ret)
{
	struct evbuffer *in = chan_in(r->chan);
	struct rpc_piece *p;
	struct wire_head h;
	int err = frame_head(in, WIRE_FROM_AGENT, &h);

	if (err != E_OK)
		return err;
	p = malloc(sizeof(*p) + h.len);
	if (!p)
		return E_NOMEM;
	*p = (struct rpc_piece){.rpc = r, .m = {h, {p->bytes, h.len}}};
	evbuffer_drain(in, WIRE_HEAD);
	evbuffer_remove(in, p->bytes, h.len);
	r->bytes_in += WIRE_HEAD + (uint64_t)h.len;
	if (!wire_valid(h.type, p->m.body)) {
		free(p);
		return E_MALFORMED;
	}
	*ret = p;
	return E_OK;
}

/* Takes p. */
static void dispatch(struct rpc *r, struct rpc_piece *p)
{
	enum wire_kind kind = wire_row(p->m.h.type)->kind;

	if (r->via.dump)
		dump(r, &p->m);
	if (wire_needs_credit(kind) && !credit_arrived(&r->in, WIRE_HEAD + (uint64_t)p->m.h.len)) {
		free(p);
		rpc_protocol(r, "more than it had credit for");
	} else if (kind == WIRE_REP) {
		on_reply(r, p);
	} else if (kind == WIRE_EVT) {
		on_event(r, p);
	} else {
		on_link(r, &p->m);
		free(p);
	}
}

/* Behind the end of a channel nothing counts. */
static bool is_up(const struct rpc *r)
{
	return r->phase != RPC_ENDED && r->phase != RPC_LOST;
}

void rpc_take(struct rpc *r)
{
	struct rpc_piece *p;
	int err = E_OK;

	while (is_up(r) && (err = next_piece(r, &p)) == E_OK)
		dispatch(r, p);
	if (!is_up(r) || err == FRAME_WAIT)
		return;
	if (!r->hello && err != E_NOMEM)
		rpc_stranger(r);
	else
		rpc_protocol(r, err == E_TOO_BIG     ? "a message above the limit"
				: err == E_NOMEM     ? "out of memory"
				: err == E_MALFORMED ? "a message that cannot be read"
						     : "bytes that are no message");
}
