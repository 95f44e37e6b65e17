/* SPDX-License-Identifier: BSD-2-Clause */
#include "reply.h"

#include <stdlib.h>

struct reply *reply_new(uint16_t type, uint64_t id, uint32_t target, size_t *total)
{
	struct reply *r = calloc(1, sizeof(*r));

	if (r)
		*r = (struct reply){.type = type, .id = id, .target = target, .total = total};
	return r;
}

static void forget_pieces(struct reply *r)
{
	struct piece *p;

	while ((p = reply_take(r)))
		free(p);
}

void reply_free(struct reply *r)
{
	if (!r)
		return;
	forget_pieces(r);
	reply_drop_kept(r);
	if (r->drop)
		r->drop(r);
	free(r);
}

static bool append(struct reply *r, struct span body)
{
	struct piece *p = span_bad(body) ? NULL : malloc(sizeof(*p) + body.n);

	if (!p)
		return false;
	p->next = NULL;
	p->n = body.n;
	if (body.n)
		memcpy(p->body, body.p, body.n);
	if (r->last)
		r->last->next = p;
	else
		r->first = p;
	r->last = p;
	r->pieces++;
	r->bytes += body.n;
	*r->total += body.n;
	return true;
}

void reply_piece(struct reply *r, struct span body)
{
	if (!r->done && !append(r, body))
		reply_fail_code(r, E_NOMEM);
}

void reply_done(struct reply *r)
{
	r->done = true;
	r->refill = NULL;
}

void reply_fail(struct reply *r, const struct fault *f)
{
	struct wire_error e = {
	    .code = (uint16_t)f->code,
	    .os_errno = f->os_errno,
	    .addr = f->addr,
	    .pid = f->pid,
	    .subject = span_str(f->subject),
	    .detail = span_str(f->detail),
	};
	uint8_t room[1024];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};

	forget_pieces(r);
	wire_encode_error(&b, &e);
	r->type = WIRE_error;
	/* Without memory even for this the reply is empty, and the link ends. */
	append(r, span_buf(&b));
	reply_done(r);
}

void reply_fail_code(struct reply *r, int code)
{
	struct fault f = {.code = code};

	reply_fail(r, &f);
}

struct piece *reply_take(struct reply *r)
{
	struct piece *p = r->first;

	if (!p)
		return NULL;
	r->first = p->next;
	if (!r->first)
		r->last = NULL;
	r->pieces--;
	r->bytes -= p->n;
	*r->total -= p->n;
	return p;
}

void reply_put_back(struct reply *r, struct piece *p)
{
	p->next = r->first;
	r->first = p;
	if (!r->last)
		r->last = p;
	r->pieces++;
	r->bytes += p->n;
	*r->total += p->n;
}

/* ---- keeping --------------------------------------------------------------- */

size_t reply_keep(struct reply *r, struct piece *p)
{
	p->next = NULL;
	if (r->kept_last)
		r->kept_last->next = p;
	else
		r->kept_first = p;
	r->kept_last = p;
	r->kept_bytes += p->n;
	return p->n;
}

size_t reply_drop_kept(struct reply *r)
{
	size_t n = r->kept_bytes;
	struct piece *p;

	while ((p = r->kept_first)) {
		r->kept_first = p->next;
		free(p);
	}
	r->kept_last = NULL;
	r->kept_bytes = 0;
	return n;
}

size_t reply_rewind(struct reply *r)
{
	size_t n = r->kept_bytes;

	for (const struct piece *p = r->kept_first; p; p = p->next)
		r->pieces++;
	if (r->kept_first) {
		r->kept_last->next = r->first;
		if (!r->first)
			r->last = r->kept_last;
		r->first = r->kept_first;
	}
	r->bytes += n;
	*r->total += n;
	r->kept_first = r->kept_last = NULL;
	r->kept_bytes = 0;
	r->sent = 0;
	return n;
}

/* ---- packing ---------------------------------------------------------------- */

void pack_init(struct pack *p, struct reply *r, size_t fixed,
    void (*encode)(struct pack *, struct buf *), void *arg)
{
	*p = (struct pack){.r = r, .fixed = fixed, .encode = encode, .arg = arg};
	for (unsigned i = 0; i < PACK_LISTS; i++)
		buf_init(&p->list[i], WIRE_PIECE);
	buf_init(&p->body, WIRE_PIECE);
}

void pack_free(struct pack *p)
{
	for (unsigned i = 0; i < PACK_LISTS; i++)
		buf_free(&p->list[i]);
	buf_free(&p->body);
}

static size_t filled(const struct pack *p)
{
	size_t n = p->fixed;

	for (unsigned i = 0; i < PACK_LISTS; i++)
		n += p->list[i].len;
	return n;
}

void pack_flush(struct pack *p)
{
	bool bad = false;

	for (unsigned i = 0; i < PACK_LISTS; i++)
		bad |= p->list[i].bad;
	p->encode(p, &p->body);
	if (bad || p->body.bad)
		reply_fail_code(p->r, E_NOMEM);
	else
		reply_piece(p->r, span_buf(&p->body));
	buf_reset(&p->body);
	for (unsigned i = 0; i < PACK_LISTS; i++)
		buf_reset(&p->list[i]);
}

struct buf *pack_room(struct pack *p, unsigned list, size_t size)
{
	if (filled(p) + size > WIRE_PIECE && filled(p) > p->fixed)
		pack_flush(p);
	return &p->list[list];
}
