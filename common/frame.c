/* SPDX-License-Identifier: BSD-2-Clause */
#include "frame.h"

#include "err.h"

int frame_head(struct evbuffer *in, enum wire_from from, struct wire_head *h)
{
	uint8_t head[WIRE_HEAD];
	struct rd r = rd_init(head, sizeof(head));
	int err;

	if (evbuffer_copyout(in, head, sizeof(head)) < (ev_ssize_t)sizeof(head))
		return FRAME_WAIT;
	wire_get_head(&r, h);
	err = wire_check_head(h, from);
	if (err != E_OK && err != E_UNKNOWN)
		return err;
	return evbuffer_get_length(in) < WIRE_HEAD + (size_t)h->len ? FRAME_WAIT : err;
}

int frame_next(struct evbuffer *in, enum wire_from from, struct wire_msg *m)
{
	const struct wire_row *row;
	const uint8_t *p;
	int err = frame_head(in, from, &m->h);

	if (err != E_OK && err != E_UNKNOWN)
		return err;
	p = evbuffer_pullup(in, WIRE_HEAD + (ev_ssize_t)m->h.len);
	if (!p)
		return E_NOMEM;
	m->body = (struct span){p + WIRE_HEAD, m->h.len};
	row = wire_row(m->h.type);
	if (row && !wire_valid(m->h.type, m->body))
		return E_MALFORMED;
	return err;
}

void frame_drop(struct evbuffer *in, const struct wire_msg *m)
{
	evbuffer_drain(in, WIRE_HEAD + (size_t)m->h.len);
}

int frame_put(struct evbuffer *out, struct wire_head h, struct span body)
{
	uint8_t room[WIRE_HEAD];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};

	if (body.n > WIRE_PIECE)
		return E_TOO_BIG;
	h.len = body.n;
	wire_put_head(&b, &h);
	if (evbuffer_expand(out, WIRE_HEAD + (size_t)body.n) != 0)
		return E_NOMEM;
	evbuffer_add(out, room, b.len);
	evbuffer_add(out, body.p, body.n);
	return E_OK;
}
