/* SPDX-License-Identifier: BSD-2-Clause
 *
 * rpc.h, connect.h and the taking side of an inbox over the made-up agent.
 */
#include "fake_link.h"

#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/err.h"
#include "fake_agent.h"
#include "host/errtext.h"
#include "host/link/connect.h"

struct inbox {
	struct rpc_piece *first, **end;
	int fd;
};

struct rpc {
	struct rpc_peer peer;
	struct inbox *inbox;
	bool lost;
};

static struct rpc *the_link;
static bool sent_since; /* something was sent that nobody has waited for */

/* ---- replies and events ------------------------------------------------------------- */

static struct rpc_piece *piece(
    enum wire_type type, uint32_t target, uint32_t n, uint16_t flags, const struct buf *body)
{
	struct rpc_piece *p = calloc(1, sizeof(*p) + body->len);

	p->rpc = the_link;
	p->m.h = (struct wire_head){.type = (uint16_t)type,
	    .target = target,
	    .piece = n,
	    .flags = flags,
	    .len = (uint32_t)body->len};
	if (body->len)
		memcpy(p->bytes, body->p, body->len);
	p->m.body = (struct span){p->bytes, (uint32_t)body->len};
	return p;
}

void fake_event(
    enum wire_type type, uint32_t target, uint32_t n, uint16_t flags, const struct buf *body)
{
	struct inbox *b = the_link->inbox;

	*b->end = piece(type, target, n, flags, body);
	b->end = &(*b->end)->next;
	(void)eventfd_write(b->fd, 1);
}

void fake_lose(const char *why)
{
	struct wire_goodbye g = {.code = E_LOST, .text = span_str(why)};
	struct buf body;

	buf_init(&body, WIRE_PIECE);
	wire_encode_goodbye(&body, &g);
	fake_event(WIRE_goodbye, 0, 0, 0, &body);
	buf_free(&body);
	the_link->lost = true;
}

void fake_reply(struct rpc_call *c, const struct buf *body, bool more)
{
	*c->end = piece(c->reply, c->target, c->pieces++, more ? WIRE_MORE : 0, body);
	c->end = &(*c->end)->next;
}

/* ---- rpc.h ------------------------------------------------------------------------------- */

struct rpc_call *rpc_send(
    struct rpc *r, enum wire_type type, uint32_t target, const struct buf *body, uint64_t brings)
{
	struct rpc_call *c;

	(void)r;
	(void)brings;
	if ((body && body->bad) || (fake.unsendable && fake.unsendable == type))
		return NULL;
	c = calloc(1, sizeof(*c));
	c->end = &c->first;
	c->target = target;
	fake.requests[type]++;
	sent_since = true;
	if (the_link->lost)
		c->failed = he_error_new(E_LOST, "lost");
	else
		fake_answer(c, type, body ? span_buf(body) : (struct span){0});
	return c;
}

static void waited(void)
{
	fake.flights += sent_since;
	sent_since = false;
}

void rpc_drop(struct rpc_call *c)
{
	if (!c)
		return;
	rpc_pieces_free(c->first);
	he_error_free(c->failed);
	free(c);
}

void rpc_forget(struct rpc_call *c)
{
	rpc_drop(c);
}

bool rpc_done(struct rpc_call *c)
{
	return c->reply != WIRE_ok || !fake.unread;
}

struct he_error *rpc_wait_piece(struct rpc_call *c, struct rpc_piece **ret)
{
	struct rpc_piece *p = c->first;
	struct he_error *err = c->failed;

	waited();
	if (!p) {
		*ret = NULL;
		free(c);
		return err;
	}
	c->first = p->next;
	p->next = NULL;
	*ret = p;
	return NULL;
}

struct he_error *rpc_wait(struct rpc_call *c, struct rpc_piece **ret)
{
	struct he_error *err;

	if (!c)
		return he_error_new(E_NOMEM, "no memory");
	err = c->failed;
	waited();
	c->failed = NULL;
	if (ret && !err) {
		*ret = c->first;
		c->first = NULL;
	}
	rpc_drop(c);
	return err;
}

struct he_error *rpc_do(struct rpc *r, enum wire_type type, uint32_t target, const struct buf *body,
    uint64_t brings, struct rpc_piece **ret)
{
	return rpc_wait(rpc_send(r, type, target, body, brings), ret);
}

void rpc_pieces_free(struct rpc_piece *p)
{
	while (p) {
		struct rpc_piece *next = p->next;

		free(p);
		p = next;
	}
}

const struct rpc_peer *rpc_peer(const struct rpc *r)
{
	the_link->peer.max_read = fake.max_read;
	return &r->peer;
}

void rpc_free(struct rpc *r)
{
	free(r);
	the_link = NULL;
}

struct he_error *connect_open(
    const struct he_config *config, const char *transport, struct inbox *inbox, struct rpc **ret)
{
	(void)config;
	the_link = calloc(1, sizeof(*the_link));
	the_link->inbox = inbox;
	the_link->peer = (struct rpc_peer){
	    .name = transport,
	    .box = "box",
	    .build = "",
	    .os = "",
	    .machine = "",
	    .host = "",
	    .user = "alice",
	    .arch = AUDIT_ARCH_X86_64,
	    .version = fake.version,
	    .rights = fake.rights,
	};
	*ret = the_link;
	return NULL;
}

/* ---- inbox ----------------------------------------------------------------------------------- */

struct inbox *inbox_new(void)
{
	struct inbox *b = calloc(1, sizeof(*b));

	b->end = &b->first;
	b->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return b;
}

void inbox_free(struct inbox *b)
{
	rpc_pieces_free(b->first);
	close(b->fd);
	free(b);
}

int inbox_fd(const struct inbox *b)
{
	return b->fd;
}

/* All pieces of the oldest event; nothing there: as if cancelled. */
struct rpc_piece *inbox_take(struct inbox *b, int timeout_ms)
{
	struct rpc_piece *event = b->first, *last = event;
	eventfd_t n;

	if (timeout_ms) {
		waited();
		fake_tell_held();
		event = b->first;
		last = event;
	}
	if (!event) {
		(void)eventfd_read(b->fd, &n);
		return NULL;
	}
	while (last->m.h.flags & WIRE_MORE && last->next)
		last = last->next;
	b->first = last->next;
	last->next = NULL;
	if (!b->first)
		b->end = &b->first;
	return event;
}

void inbox_cancel(struct inbox *b)
{
	(void)b;
}

void inbox_idle(struct inbox *b)
{
	(void)b;
}

void fake_reset(void)
{
	fake = (struct fake){.threads = 5, .depth = 12, .frame_size = 64, .max_read = 1 << 20};
	sent_since = false;
}
