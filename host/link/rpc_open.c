/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From the server's hello to the open session.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "common/log.h"
#include "host/link/rpc_link.h"

/* A text of the server's, fit for a terminal, kept in slot. */
static const char *keep(struct rpc *r, size_t slot, struct span s)
{
	size_t size = 4 * (size_t)s.n + 1;
	char *text = malloc(size);

	if (!text)
		return "";
	log_escape(text, size, s.n ? (const void *)s.p : "", s.n);
	free(r->texts[slot]);
	r->texts[slot] = text;
	return text;
}

static void version_mismatch(struct rpc *r, const struct wire_hello *h)
{
	bool older = h->version_max < WIRE_VERSION_MIN;

	rpc_goodbye(r, E_VERSION, "no common version of the protocol");
	rpc_end(r,
	    he_error_new(E_VERSION,
		"%s runs %s, which speaks versions %u to %u of the protocol; this is hdb %s, which "
		"speaks %d to %d. Update %s",
		r->peer.name, r->peer.build, h->version_min, h->version_max, PROCSRV_VERSION,
		WIRE_VERSION_MIN, WIRE_VERSION, older ? "procsrv there" : "hdb here"),
	    NULL);
}

static void wrong_kind(struct rpc *r, uint8_t kind)
{
	rpc_goodbye(r, E_PROTOCOL, "not a process server");
	rpc_end(r,
	    he_error_new(E_PROTOCOL,
		"%s is %s (%s), and hdb wants a process server there (procsrv)", r->peer.name,
		kind == WIRE_PEER_KDSRV    ? "a kernel connection server"
		: kind == WIRE_PEER_HDBSRV ? "a debugging server"
					   : "something else",
		r->peer.build),
	    NULL);
}

void rpc_stranger(struct rpc *r)
{
	uint8_t first[48];
	char text[4 * sizeof(first) + 1];
	ev_ssize_t n = evbuffer_copyout(chan_in(r->chan), first, sizeof(first));

	log_escape(text, sizeof(text), first, n > 0 ? (size_t)n : 0);
	rpc_end(r,
	    he_error_new(E_PROTOCOL, "%s: what answers there is not procsrv; it begins with \"%s\"",
		r->peer.name, text),
	    NULL);
}

/* What the engine computes with must make sense. */
static bool sensible(const struct wire_hello *h)
{
	return h->page_size >= 512 && !(h->page_size & (h->page_size - 1)) &&
	       h->max_read >= RPC_READ_LEAST && h->credit_requests > 0 && h->credit_bytes > 0;
}

static void ask(void *arg)
{
	struct rpc *r = arg;
	struct wire_heartbeat m = {.stamp = now_ms()};
	uint8_t room[16];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};

	if (!r->chan || chan_pending(r->chan) > RPC_SEND_MAX)
		return;
	wire_encode_heartbeat(&b, &m);
	rpc_put(r, WIRE_heartbeat, &b);
	chan_flush(r->chan);
}

static void silent(void *arg)
{
	struct rpc *r = arg;
	unsigned s = (HEART_INTERVAL_MS * HEART_MISSES + HEART_SLACK_MS) / 1000;
	char lost[64];

	snprintf(lost, sizeof(lost), "no answer for %u s", s);
	if (rpc_lose(r, lost))
		return;
	rpc_end(r, he_error_new(E_LOST, "link to %s lost: %s", r->peer.box, lost),
	    r->phase == RPC_OPEN ? lost : NULL);
}

/* Everything is there that our answer needs. */
static void greeted(struct rpc *r)
{
	struct timeval limit = {RPC_OPEN_MS / 1000, 0};

	if (heart_start(&r->heart, r->base, HEART_INTERVAL_MS, ask, silent, r) != 0 ||
	    event_add(r->limit, &limit) != 0) {
		rpc_end(r, he_error_new(E_NOMEM, "%s: out of memory", r->peer.name), NULL);
		return;
	}
	r->phase = RPC_GREETED;
	pthread_mutex_lock(&r->lock);
	r->greeted = true;
	pthread_mutex_unlock(&r->lock);
}

static void learn(struct rpc *r, const struct wire_hello *h)
{
	r->peer.kind = h->kind;
	r->peer.page_size = h->page_size;
	r->peer.arch = h->arch;
	r->peer.max_read = h->max_read < RPC_READ_MOST ? h->max_read : RPC_READ_MOST;
	r->peer.machine = keep(r, 0, h->machine);
	r->peer.os = keep(r, 1, h->os);
	r->peer.host = keep(r, 2, h->host);
	r->peer.build = keep(r, 3, h->build);
}

void rpc_on_hello(struct rpc *r, const struct wire_msg *m)
{
	struct wire_hello h;

	if (!wire_decode_hello(m->body, &h))
		return;
	r->hello = true;
	r->features = h.features;
	if (!r->resuming)
		learn(r, &h); /* others read it from then on */
	r->max_requests = h.credit_requests < CREDIT_REQUESTS ? h.credit_requests : CREDIT_REQUESTS;
	if (h.kind != WIRE_PEER_PROCSRV)
		wrong_kind(r, h.kind);
	else if (h.version_min > WIRE_VERSION || h.version_max < WIRE_VERSION_MIN)
		version_mismatch(r, &h);
	else if (!sensible(&h) || !credit_granted(&r->out, h.credit_bytes))
		rpc_protocol(r, "figures in its hello that make no sense");
	if (r->phase == RPC_ENDED)
		return;
	if (!r->resuming)
		r->peer.version = h.version_max < WIRE_VERSION ? h.version_max : WIRE_VERSION;
	if (!r->via.prove)
		greeted(r);
}

void rpc_on_challenge(struct rpc *r, const struct wire_msg *m)
{
	if (!r->via.prove) {
		rpc_protocol(r, "a challenge where there is no key");
		return;
	}
	r->challenged = true;
	wire_decode_challenge(m->body, &r->challenge);
	greeted(r);
}

/* ---- our answer ----------------------------------------------------------------- */

static void put_hello(struct rpc *r)
{
	struct utsname un;
	struct wire_hello h = {
	    .kind = WIRE_PEER_HOST,
	    .version_min = WIRE_VERSION_MIN,
	    .version_max = WIRE_VERSION,
	    .heartbeat_ms = HEART_INTERVAL_MS,
	    .features = r->features & WIRE_FEATURE_GRANTS,
	    .credit_bytes = r->in.window,
	    .build = span_str("hdb " PROCSRV_VERSION),
	};
	uint8_t room[1024];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};

	if (uname(&un) == 0) {
		h.machine = span_str(un.machine);
		h.os = span_str(un.sysname);
		h.host = span_str(un.nodename);
	}
	wire_encode_hello(&b, &h);
	rpc_put(r, WIRE_hello, &b);
}

static struct he_error *put_proof(struct rpc *r)
{
	struct wire_proof p = {0};
	struct he_error *e;
	struct buf b;

	if (r->resuming)
		rpc_prove_session(r, &p);
	e = r->via.prove(r->via.arg, &r->challenge, &p);
	if (e)
		return e; /* cppcheck-suppress returnDanglingLifetime ; it has nothing of p */
	/* One that takes none would refuse the proof for it. */
	if (!(r->features & WIRE_FEATURE_GRANTS))
		p.grant.n = 0;
	buf_init(&b, WIRE_PIECE);
	wire_encode_proof(&b, &p);
	if (!b.bad)
		rpc_put(r, WIRE_proof, &b);
	else
		r->no_memory = true;
	buf_free(&b);
	return NULL;
}

static bool put_open(struct rpc *r)
{
	struct wire_open o = {.grace_ms = r->via.grace_ms, .loss = WIRE_LOSS_DEFAULT};
	uint8_t room[64];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};

	o.last_reply = r->resuming ? rpc_last_reply(r) : 0;
	o.last_event = r->last_event;
	wire_encode_open(&b, &o);
	if (r->resuming)
		return rpc_open_again(r, &b);
	r->open = rpc_call_new(r, WIRE_open, 0, &b, 0);
	if (!r->open)
		return false;
	r->open->dropped = true;
	/* Before what was queued already. */
	pthread_mutex_lock(&r->lock);
	r->open->next = r->queue.first;
	if (!r->queue.first)
		r->queue.last = &r->open->next;
	r->queue.first = r->open;
	pthread_mutex_unlock(&r->lock);
	return true;
}

void rpc_greet(struct rpc *r)
{
	struct he_error *e = NULL;

	put_hello(r);
	if (r->via.prove)
		e = put_proof(r);
	if (!e && !put_open(r))
		e = he_error_new(E_NOMEM, "%s: out of memory", r->peer.name);
	if (e)
		rpc_end(r, e, NULL);
	else
		r->phase = RPC_OPENING;
}

/* ---- the session ------------------------------------------------------------------- */

struct he_error *rpc_refusal(struct rpc *r, const struct wire_error *w)
{
	struct errtext_where where = {.box = r->peer.name, .keyed = r->via.keyed};
	struct he_error *e = r->via.refused ? r->via.refused(r->via.arg, w) : NULL;

	return e ? e : he_error_at(&where, "open a session", w);
}

void rpc_on_opened(struct rpc *r, const struct wire_msg *m)
{
	struct wire_opened o;
	struct wire_error w = {0};

	if (m->h.type == WIRE_error) {
		wire_decode_error(m->body, &w);
		if (r->resuming)
			rpc_not_again(r, w.code);
		else
			rpc_end(r, rpc_refusal(r, &w), NULL);
		return;
	}
	if (!wire_decode_opened(m->body, &o))
		return;
	if (r->resuming) {
		rpc_resumed(r, &o);
		return;
	}
	memcpy(r->secret, o.secret, sizeof(r->secret));
	r->peer.user = keep(r, 4, o.user);
	r->peer.uid = o.uid;
	r->peer.gid = o.gid;
	r->peer.rights = o.rights;
	r->peer.grace_ms = o.grace_ms;
	r->peer.max_stop_ms = o.max_stop_ms;
	r->peer.yama = o.yama;
	memcpy(r->peer.session, o.session, sizeof(r->peer.session));
	event_del(r->limit);
	r->phase = RPC_OPEN;
	pthread_mutex_lock(&r->lock);
	r->opened = true;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
}

void rpc_set_key(struct rpc *r, char *text)
{
	free(r->via.key);
	r->via.key = text;
	r->peer.key = text;
}
