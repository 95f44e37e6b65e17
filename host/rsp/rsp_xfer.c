/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/rsp/rsp_xfer.h"

#include <stdlib.h>

#include "host/rsp/rsp_parts.h"

enum { ANNEX_MAX = 256 };

/* The object under way, and what it was asked for with. */
struct rsp_xfer {
	const struct rsp_object *object; /* NULL: none */
	struct rsp_id of;
	uint8_t annex[ANNEX_MAX];
	uint32_t annex_n;
	struct buf data;
};

static void drop(struct rsp_xfer *x)
{
	buf_free(&x->data);
	x->object = NULL;
}

static void stale(struct rsp *r, struct rsp_process *p)
{
	(void)p;
	if (r->xfer)
		drop(r->xfer);
}

static void closed(struct rsp *r)
{
	if (r->xfer)
		drop(r->xfer);
	free(r->xfer);
	r->xfer = NULL;
}

static struct rsp_xfer *xfer_of(struct rsp *r)
{
	if (!r->xfer)
		r->xfer = calloc(1, sizeof(*r->xfer));
	return r->xfer;
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool is_under_way(
    const struct rsp *r, const struct rsp_xfer *x, const struct rsp_object *o, struct span annex)
{
	return x->object == o && x->of.pid == r->general.pid && x->of.tid == r->general.tid &&
	       span_eq(annex, (struct span){x->annex, x->annex_n});
}

static bool make(struct rsp *r, struct rsp_xfer *x, const struct rsp_object *o, struct span annex)
{
	struct rd rd = rd_init(annex.p, annex.n);

	drop(x);
	if (annex.n > ANNEX_MAX)
		return rsp_bad(r), false;
	buf_init(&x->data, RSP_OBJECT_MAX);
	if (!o->read(r, &rd, &x->data))
		return drop(x), false;
	if (x->data.bad)
		return drop(x), rsp_fail_errno(r, ENOMEM), false;
	x->object = o;
	x->of = r->general;
	x->annex_n = annex.n;
	if (annex.n)
		memcpy(x->annex, annex.p, annex.n);
	return true;
}

/* LLDB asks for its libraries several times at one stop. */
static bool keeps(const struct rsp *r, const struct rsp_object *o)
{
	return r->lldb && o->keeps;
}

/* "m" and data, or "l" and the last of it. */
static void answer(struct rsp *r, struct rsp_xfer *x, uint64_t offset, uint64_t len)
{
	size_t left = x->data.len - (size_t)offset, n = len < left ? (size_t)len : left, done = 0;

	rsp_put_char(&r->reply, 'm');
	if (n)
		done = rsp_put_binary_cut(&r->reply, x->data.p + offset, n, RSP_PACKET - 8);
	if (r->reply.bad || done < left)
		return;
	r->reply.p[0] = 'l';
	if (!keeps(r, x->object))
		drop(x);
}

static void read_part(struct rsp *r, const struct rsp_object *o, struct rd *args)
{
	struct span annex = rsp_take_until(args, ":");
	struct rsp_xfer *x = xfer_of(r);
	uint64_t offset, len;

	rsp_want_char(args, ':');
	offset = rsp_take_hex(args);
	rsp_want_char(args, ',');
	len = rsp_take_hex(args);
	rsp_take_char(args, ':'); /* lldb 14's own tests send one */
	if (!rd_done(args)) {
		rsp_bad(r);
	} else if (!x) {
		rsp_fail_errno(r, ENOMEM);
	} else if (((offset || keeps(r, o)) && is_under_way(r, x, o, annex)) ||
		   make(r, x, o, annex)) {
		/* From the beginning it is made anew, as a rule. */
		if (offset <= x->data.len)
			answer(r, x, offset, len);
		else
			rsp_bad(r);
	}
}

static void write_part(struct rsp *r, const struct rsp_object *o, struct rd *args)
{
	struct span annex = rsp_take_until(args, ":");
	struct rd rd = rd_init(annex.p, annex.n);
	uint64_t at;

	rsp_want_char(args, ':');
	at = rsp_take_hex(args);
	rsp_want_char(args, ':');
	if (args->bad)
		rsp_bad(r);
	else
		o->write(r, &rd, at, rsp_take_rest(args));
}

/* ---- "qXfer:OBJECT:read:…" ----------------------------------------------------------------------
 */

static void xfer(struct rsp *r, struct rd *args)
{
	struct span name = rsp_take_until(args, ":");
	const struct rsp_object *o = rsp_objects;

	while (o->name && !span_eq(name, span_str(o->name)))
		o++;
	if (!o->name)
		return;
	if (rsp_take_word(args, ":read:"))
		read_part(r, o, args);
	else if (o->write && rsp_take_word(args, ":write:"))
		write_part(r, o, args);
}

static const struct rsp_row rows[] = {
    {"qXfer:", RSP_PREFIX, xfer, "gdb 6.7, lldb"},
    {0},
};

const struct rsp_part rsp_part_xfer = {
    .rows = rows,
    .offers = "qXfer:auxv:read+;qXfer:exec-file:read+;qXfer:features:read+;"
	      "qXfer:libraries-svr4:read+;augmented-libraries-svr4-read+;qXfer:osdata:read+;"
	      "qXfer:siginfo:read+;qXfer:siginfo:write+;qXfer:threads:read+",
    .stale = stale,
    .closed = closed,
};
