/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A link that breaks and comes back: as long as the box keeps the session, another
 * connection is tried again and again, and what was under way goes on over it.  Callers
 * notice nothing but that it takes longer.
 */
#include <stdlib.h>
#include <string.h>

#include "host/link/rpc_link.h"

enum {
	AGAIN_FIRST_MS = 100,
	AGAIN_MOST_MS = 5000, /* between two attempts */
	ATTEMPT_S = 10,       /* for one of them */
};

static bool can_resume(const struct rpc *r)
{
	static const uint8_t none[sizeof(r->peer.session)];

	return r->via.again && r->peer.grace_ms && memcmp(r->peer.session, none, sizeof(none)) != 0;
}

static void later(struct rpc *r, uint64_t ms)
{
	struct timeval wait = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};

	event_del(r->limit);
	heart_stop(&r->heart);
	r->phase = RPC_LOST;
	if (event_add(r->retry, &wait) != 0)
		rpc_give_up(r);
}

void rpc_give_up(struct rpc *r)
{
	char lost[sizeof(r->lost) + 64];

	snprintf(lost, sizeof(lost), "%s; it did not come back within %u s", r->lost,
	    r->peer.grace_ms / 1000);
	rpc_end(r, he_error_new(E_LOST, "link to %s lost: %s", r->peer.box, lost), lost);
}

void rpc_not_again(struct rpc *r, int code)
{
	char lost[sizeof(r->lost) + 256];

	if (code == E_TIMEOUT || code == E_BUSY) {
		rpc_lose(r, r->lost);
		return;
	}
	snprintf(
	    lost, sizeof(lost), "%s; it cannot be taken up again: %s", r->lost, err_text(code));
	rpc_end(r, he_error_new(E_LOST, "link to %s lost: %s", r->peer.box, lost), lost);
}

/* A key that the box does not know any more it will not know the next time either. */
void rpc_attempt_failed(struct rpc *r, int os_errno)
{
	struct he_error *e = r->via.closed(r->via.arg, os_errno, r->hello);

	if (e->code == E_NO_KEY)
		rpc_not_again(r, E_NO_KEY);
	else
		rpc_lose(r, r->lost);
	he_error_free(e);
}

/* An attempt that got so far asks anew the next time. */
static void forget_open(struct rpc *r)
{
	struct rpc_call *c = r->open;

	if (!c)
		return;
	r->open = NULL;
	rpc_queue_remove(&r->sent, c);
	pthread_mutex_lock(&r->lock);
	r->in_flight--;
	rpc_call_done(c, NULL);
	pthread_mutex_unlock(&r->lock);
}

/* Only what the link is made of is gone: requests and their answers are not. */
bool rpc_lose(struct rpc *r, const char *lost)
{
	if (r->phase == RPC_ENDED || !r->opened || (!r->resuming && !can_resume(r)))
		return false;
	forget_open(r);
	rpc_pieces_free(r->partial.first);
	r->partial = (struct rpc_partial){0};
	if (!r->resuming) {
		r->resuming = true;
		r->lost_ms = now_ms();
		r->pause_ms = AGAIN_FIRST_MS;
		snprintf(r->lost, sizeof(r->lost), "%s", lost);
		rpc_tell(r, WIRE_hello, r->lost);
	} else {
		r->pause_ms = r->pause_ms * 2 < AGAIN_MOST_MS ? r->pause_ms * 2 : AGAIN_MOST_MS;
	}
	if (now_ms() - r->lost_ms + r->pause_ms > r->peer.grace_ms)
		rpc_give_up(r);
	else
		later(r, r->pause_ms);
	return true;
}

static void begin(struct rpc *r, int fd)
{
	struct timeval limit = {ATTEMPT_S, 0};

	r->hello = r->challenged = r->cut = false;
	r->out.bytes = 0;
	r->surplus = 0;
	r->unacked = 0;
	credit_open(&r->in, r->in.window);
	r->phase = RPC_GREETING;
	if (!rpc_start_channel(r, fd) || event_add(r->limit, &limit) != 0)
		rpc_lose(r, r->lost);
}

void rpc_on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct rpc *r = arg;
	int sock;

	(void)fd;
	(void)what;
	if (r->phase != RPC_LOST)
		return;
	sock = r->via.again(r->via.arg, &r->via.filter_arg);
	if (sock < 0)
		rpc_lose(r, r->lost);
	else
		begin(r, sock);
}

/* Every reply up to this one is here, whole. */
uint64_t rpc_last_reply(const struct rpc *r)
{
	return r->sent.first ? r->sent.first->id - 1 : r->last_id;
}

void rpc_prove_session(const struct rpc *r, struct wire_proof *p)
{
	p->last_reply = rpc_last_reply(r);
	p->last_event = r->last_event;
	memcpy(p->session, r->peer.session, sizeof(p->session));
	memcpy(p->resume_mac, r->secret, sizeof(p->resume_mac));
}

/* The request open once more, with the id it had: it comes before all others. */
bool rpc_open_again(struct rpc *r, const struct buf *body)
{
	struct rpc_call *c = rpc_call_new(r, WIRE_open, 0, body, 0);

	if (!c)
		return false;
	r->open = c;
	c->dropped = true;
	c->id = 1;
	pthread_mutex_lock(&r->lock);
	c->next = r->sent.first;
	if (!r->sent.first)
		r->sent.last = &c->next;
	r->sent.first = c;
	r->in_flight++;
	pthread_mutex_unlock(&r->lock);
	rpc_put_call(r, c);
	return true;
}

/* ---- it is back ------------------------------------------------------------------ */

/* Answers begin anew, with their first pieces; what has been there is passed over. */
static void go_on(struct rpc *r, uint64_t seen)
{
	for (struct rpc_call *c = r->sent.first; c; c = c->next) {
		c->again = c->seen;
		c->seen = 0;
		c->got = 0;
		c->brought = 0;
		if (c->id > seen)
			rpc_put_call(r, c);
	}
}

void rpc_resumed(struct rpc *r, const struct wire_opened *o)
{
	if (!o->resumed || memcmp(o->session, r->peer.session, sizeof(o->session)) != 0) {
		rpc_protocol(r, "another session than the one that was to go on");
		return;
	}
	r->resuming = false;
	r->known_id = r->last_id;
	memcpy(r->secret, o->secret, sizeof(r->secret));
	event_del(r->limit);
	r->phase = RPC_OPEN;
	go_on(r, o->last_reply);
	rpc_put_ack(r);
	rpc_tell(r, WIRE_opened, r->lost);
}

/* The agent could not keep the answer: ask anew, unless somebody has begun to read it.
 * True: that is done. */
bool rpc_ask_again(struct rpc *r, struct rpc_call *c, const struct wire_msg *m)
{
	struct wire_error w = {0};

	if (m->h.type != WIRE_error || c->id > r->known_id)
		return false;
	wire_decode_error(m->body, &w);
	if (w.code != E_AGAIN || c->taken || c->dropped)
		return false;
	pthread_mutex_lock(&r->lock);
	rpc_pieces_free(c->first);
	c->first = NULL;
	c->last = &c->first;
	c->id = 0;
	c->seen = c->again = 0;
	c->got = 0;
	r->in_flight--;
	rpc_queue_push(&r->queue, c);
	pthread_mutex_unlock(&r->lock);
	return true;
}
