/* SPDX-License-Identifier: BSD-2-Clause */
#include "conn.h"

#include <stdio.h>
#include <string.h>

#include "common/proof.h"
#include "common/wire.h"

void link_put(struct conn *c, enum wire_type type, uint64_t id, const struct buf *body)
{
	struct wire_head h = {.type = (uint16_t)type, .id = id};
	struct span b = {body->p, (uint32_t)body->len};

	if (c->setup.verbose) {
		struct wire_msg m = {h, b};

		m.h.len = b.n;
		wire_dump(stderr, "conn >", &m);
	}
	if (body->bad || frame_put(chan_out(c->net), h, b) != E_OK)
		conn_end(c, E_NOMEM, TLS_ALERT_INTERNAL_ERROR);
}

#define PUT(c, name, id, ...)                                                                      \
	do {                                                                                       \
		struct wire_##name m_ = {__VA_ARGS__};                                             \
		struct buf b_;                                                                     \
		buf_init(&b_, WIRE_PIECE);                                                         \
		wire_encode_##name(&b_, &m_);                                                      \
		link_put(c, WIRE_##name, id, &b_);                                                 \
		buf_free(&b_);                                                                     \
	} while (0)

/* Both in one record: the host answers them in one flight. */
void link_greet(struct conn *c)
{
	struct wire_challenge challenge = {.proof_version = WIRE_PROOF_VERSION};
	struct buf b;

	memcpy(challenge.nonce, c->setup.nonce, sizeof(challenge.nonce));
	buf_init(&b, WIRE_PIECE);
	wire_encode_hello(&b, &c->greet.hello);
	link_put(c, WIRE_hello, 0, &b);
	buf_reset(&b);
	wire_encode_challenge(&b, &challenge);
	link_put(c, WIRE_challenge, 0, &b);
	buf_free(&b);
}

static bool end(struct conn *c, enum err code, enum tls_alert alert)
{
	conn_end(c, code, alert);
	return false;
}

static bool take_hello(struct conn *c, const struct wire_msg *m)
{
	struct wire_hello h;
	int err;

	if (c->greeted || !wire_decode_hello(m->body, &h))
		return end(c, E_PROTOCOL, TLS_ALERT_UNEXPECTED_MESSAGE);
	err = greet_judge(&h);
	if (err != E_OK)
		return end(c, (enum err)err, TLS_ALERT_PROTOCOL_VERSION);
	c->host = h;
	c->host.machine = c->host.os = c->host.host = c->host.build = (struct span){NULL, 0};
	c->greeted = true;
	return true;
}

static bool take_proof(struct conn *c, const struct wire_msg *m)
{
	struct wire_proof p;
	struct ipc_proof ask = {0};
	struct ipc_grant grant;
	struct ipc_verdict verdict;

	if (c->phase.phase != PHASE_SIGNED || !wire_decode_proof(m->body, &p))
		return end(c, E_PROTOCOL, TLS_ALERT_UNEXPECTED_MESSAGE);
	ask.version = p.proof_version;
	ask.mode = p.mode;
	ask.granted = p.grant.n != 0;
	ask.user_n = (uint8_t)p.user.n; /* the decoder bounds it by 32 */
	memcpy(ask.user, p.user.p, p.user.n);
	memcpy(ask.point, p.point, sizeof(ask.point));
	memcpy(ask.sig, p.sig, sizeof(ask.sig));
	memcpy(ask.session, p.session, sizeof(ask.session));
	memcpy(ask.mac, p.resume_mac, sizeof(ask.mac));
	ask.last_reply = p.last_reply;
	ask.last_event = p.last_event;
	if (p.grant.n == sizeof(grant.bytes)) {
		memcpy(grant.bytes, p.grant.p, sizeof(grant.bytes));
		if (ipc_send(FD_PIPE, IPC_GRANT, &grant, sizeof(grant)) != 0)
			return end(c, E_SHUTDOWN, TLS_ALERT_INTERNAL_ERROR);
	}
	if (!conn_ask(c, IPC_PROOF, &ask, sizeof(ask), IPC_PROVEN, &verdict, sizeof(verdict)))
		return end(c, E_SHUTDOWN, TLS_ALERT_INTERNAL_ERROR);
	if (verdict.result != E_OK)
		return end(c, (enum err)verdict.result, TLS_ALERT_ACCESS_DENIED);
	c->phase.phase = PHASE_PROVED;
	return true;
}

/* The row does not allow it: the host is told which word, as the answer to open. */
static bool refuse_open(struct conn *c, uint64_t id, const struct ipc_opened *o)
{
	PUT(c, error, id, .code = (uint16_t)o->result, .subject = span_str(o->user),
	    .detail = span_str(o->key));
	return end(c, (enum err)o->result, TLS_ALERT_NONE);
}

static void start_heart(struct conn *c);

static void put_opened(struct conn *c, uint64_t id, const struct ipc_opened *o)
{
	struct wire_opened m = {
	    .resumed = o->resumed != 0,
	    .uid = o->uid,
	    .gid = o->gid,
	    .user = span_str(o->user),
	    .rights = o->rights,
	    .grace_ms = o->grace_ms,
	    .max_stop_ms = o->max_stop_ms,
	    .yama = o->yama,
	    .last_reply = o->last_id,
	    .last_event = o->last_event,
	};
	struct buf b;

	memcpy(m.session, o->session, sizeof(m.session));
	memcpy(m.secret, o->secret, sizeof(m.secret));
	buf_init(&b, WIRE_PIECE);
	wire_encode_opened(&b, &m);
	link_put(c, WIRE_opened, id, &b);
	buf_free(&b);
}

static bool take_open(struct conn *c, const struct wire_msg *m)
{
	struct wire_open o;
	struct ipc_open ask;
	struct ipc_opened opened;

	if (c->phase.phase != PHASE_PROVED || !wire_decode_open(m->body, &o))
		return end(c, E_PROTOCOL, TLS_ALERT_UNEXPECTED_MESSAGE);
	ask = (struct ipc_open){o.last_reply, o.last_event, o.grace_ms, o.loss};
	if (!conn_ask(c, IPC_OPEN, &ask, sizeof(ask), IPC_OPENED, &opened, sizeof(opened)))
		return end(c, E_SHUTDOWN, TLS_ALERT_NONE);
	c->last_id = m->h.id;
	opened.user[sizeof(opened.user) - 1] = 0;
	opened.key[sizeof(opened.key) - 1] = 0;
	if (opened.result != E_OK)
		return refuse_open(c, m->h.id, &opened);
	c->phase.phase = PHASE_OPENED;
	c->resumed = opened.resumed != 0;
	event_del(c->deadline);
	start_heart(c);
	put_opened(c, m->h.id, &opened);
	return !c->ending;
}

static void ask_for_life(void *arg)
{
	struct conn *c = arg;

	PUT(c, heartbeat, 0, .stamp = now_ms());
	chan_flush(c->net);
}

static void lost(void *arg)
{
	conn_end(arg, E_LOST, TLS_ALERT_NONE);
}

static void start_heart(struct conn *c)
{
	if (heart_start(&c->heart, c->base, HEART_INTERVAL_MS, ask_for_life, lost, c) != 0)
		conn_end(c, E_NOMEM, TLS_ALERT_NONE);
}

static bool take_heartbeat(struct conn *c, const struct wire_msg *m)
{
	struct wire_heartbeat h;

	if (!wire_decode_heartbeat(m->body, &h))
		return end(c, E_MALFORMED, TLS_ALERT_UNEXPECTED_MESSAGE);
	if (chan_pending(c->net) <= HEART_UNREAD)
		PUT(c, heartbeat_ack, 0, .stamp = h.stamp);
	return !c->ending;
}

static bool take_nothing(struct conn *c, const struct wire_msg *m)
{
	(void)c;
	(void)m;
	return true;
}

static bool take_goodbye(struct conn *c, const struct wire_msg *m)
{
	(void)m;
	return end(c, E_OK, TLS_ALERT_CLOSE_NOTIFY);
}

static const struct {
	bool (*take)(struct conn *c, const struct wire_msg *m);
} table[WIRE_TYPES] = {
    [WIRE_hello] = {take_hello},
    [WIRE_proof] = {take_proof},
    [WIRE_open] = {take_open},
    [WIRE_heartbeat] = {take_heartbeat},
    [WIRE_heartbeat_ack] = {take_nothing},
    [WIRE_goodbye] = {take_goodbye},
};

void link_farewell(struct conn *c, enum err code)
{
	struct wire_goodbye bye = {.code = (uint16_t)code, .text = span_str(err_text((int)code))};
	bool lost = code == E_LOST || code == E_NOMEM; /* no fault of the host's */
	struct buf b;

	if (!(c->introduced || c->resumed) || !c->tracer || lost)
		return;
	buf_init(&b, WIRE_PIECE);
	wire_encode_goodbye(&b, &bye);
	if (!b.bad)
		frame_put(
		    chan_out(c->tracer), (struct wire_head){.type = WIRE_goodbye}, span_buf(&b));
	buf_free(&b);
}

bool link_take(struct conn *c, const struct wire_row *row, const struct wire_msg *m)
{
	if (!table[row->type].take)
		return end(c, E_PROTOCOL, TLS_ALERT_UNEXPECTED_MESSAGE);
	return table[row->type].take(c, m);
}
