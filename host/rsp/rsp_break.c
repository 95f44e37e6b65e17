/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Z and z: noted here, planted by the next resume.  GDB takes all breakpoints out at every
 * stop and sets them again before it goes on: that costs nothing.
 *
 * BreakpointCommands are not offered: GDB then runs its own (dprintf-style agent falls back).
 */
#include "host/rsp/rsp_break.h"

#include <stdlib.h>

#include "host/rsp/rsp_parts.h"

enum { CONDITIONS_MAX = 64 };

struct place {
	enum he_patch_kind kind;
	uint64_t addr;
	uint32_t len;
	bool conditional;
};

struct rsp_breaks {
	struct place *v;
	size_t n;
};

/* ---- what there is ------------------------------------------------------------------ */

static struct place *find(const struct rsp_process *p, const struct place *q)
{
	for (size_t i = 0; p->breaks && i < p->breaks->n; i++) {
		struct place *v = &p->breaks->v[i];

		if (v->kind == q->kind && v->addr == q->addr && v->len == q->len)
			return v;
	}
	return NULL;
}

bool rsp_breaks_at(const struct rsp_process *p, uint64_t addr)
{
	for (size_t i = 0; p->breaks && i < p->breaks->n; i++)
		if (p->breaks->v[i].kind <= HE_PATCH_HARD && p->breaks->v[i].addr == addr)
			return true;
	return false;
}

bool rsp_breaks_if_at(const struct rsp_process *p, uint64_t addr)
{
	for (size_t i = 0; p->breaks && i < p->breaks->n; i++)
		if (p->breaks->v[i].kind == HE_PATCH_SOFT && p->breaks->v[i].addr == addr)
			return p->breaks->v[i].conditional;
	return false;
}

static void note(struct rsp_process *p, const struct place *q)
{
	struct place *v;

	if (!p->breaks)
		p->breaks = calloc(1, sizeof(*p->breaks));
	v = find(p, q);
	if (v)
		v->conditional = q->conditional;
	if (!p->breaks || v)
		return;
	v = reallocarray(p->breaks->v, p->breaks->n + 1, sizeof(*v));
	if (!v)
		return;
	p->breaks->v = v;
	v[p->breaks->n++] = *q;
}

static void strike(struct rsp_process *p, const struct place *q)
{
	struct place *v = find(p, q);

	if (v)
		*v = p->breaks->v[--p->breaks->n];
}

void rsp_breaks_copy(struct rsp_process *child, const struct rsp_process *parent)
{
	for (size_t i = 0; parent->breaks && i < parent->breaks->n; i++)
		note(child, &parent->breaks->v[i]);
}

void rsp_breaks_forget(struct rsp_process *p)
{
	if (p->breaks)
		free(p->breaks->v);
	free(p->breaks);
	p->breaks = NULL;
}

/* ---- packets --------------------------------------------------------------------------- */

/* "type,addr,kind".  false: replied (empty: this kind is not offered). */
static bool take_place(struct rsp *r, struct rd *args, struct place *q)
{
	/* x86 has no watchpoint for reads alone: GDB does it with one for both then. */
	static const int kinds[] = {
	    HE_PATCH_SOFT, HE_PATCH_HARD, HE_PATCH_WRITE, -1, HE_PATCH_ACCESS};
	uint64_t type = rsp_take_hex(args), len;

	rsp_want_char(args, ',');
	q->addr = rsp_take_hex(args);
	rsp_want_char(args, ',');
	len = rsp_take_hex(args);
	q->len = (uint32_t)len;
	if (args->bad || len > UINT32_MAX) {
		rsp_bad(r);
		return false;
	}
	if (type >= sizeof(kinds) / sizeof(kinds[0]) || kinds[type] < 0)
		return false;
	q->kind = (enum he_patch_kind)kinds[type];
	return true;
}

/* ";Xlen,bytecode" any number of times, side by side or with ; between. */
static size_t take_conditions(struct rd *args, struct buf *bytes, struct he_code *v)
{
	size_t n = 0, at[CONDITIONS_MAX];
	uint8_t *to;

	rsp_take_char(args, ';');
	while (!args->bad && rsp_take_char(args, 'X') && n < CONDITIONS_MAX) {
		uint64_t len = rsp_take_hex(args);

		rsp_want_char(args, ',');
		if (args->bad || len > args->left / 2) {
			args->bad = true;
			break;
		}
		at[n] = bytes->len;
		to = buf_grow(bytes, len);
		if (!to)
			break;
		rsp_take_bytes(args, to, len);
		v[n++].len = len;
		rsp_take_char(args, ';');
	}
	for (size_t i = 0; i < n; i++)
		v[i].data = bytes->p + at[i];
	return n;
}

static void insert(struct rsp *r, struct rd *args)
{
	struct he_code conditions[CONDITIONS_MAX];
	struct place q;
	struct rsp_process *p;
	struct he_error *e;
	struct buf bytes;
	size_t n;
	uint32_t id;

	if (!take_place(r, args, &q))
		return;
	p = rsp_current(r);
	if (!p)
		return;
	buf_init(&bytes, RSP_PACKET);
	n = take_conditions(args, &bytes, conditions);
	if (!rd_done(args) || bytes.bad) {
		rsp_bad(r);
	} else {
		e = he_patch(p->t,
		    &(struct he_patch){.kind = q.kind,
			.addr = q.addr,
			.len = q.len,
			.conditions = conditions,
			.n_conditions = n},
		    &id);
		q.conditional = n > 0;
		if (!e)
			note(p, &q);
		rsp_done(r, e);
	}
	buf_free(&bytes);
}

static void take_out(struct rsp *r, struct rd *args)
{
	struct rsp_process *p;
	struct place q;

	if (!take_place(r, args, &q))
		return;
	p = rsp_current(r);
	if (!p)
		return;
	strike(p, &q);
	he_unpatch_at(p->t, q.kind, q.addr, q.len);
	rsp_ok(r);
}

static void forget(struct rsp *r, struct rsp_process *p)
{
	(void)r;
	rsp_breaks_forget(p);
}

static const struct rsp_row rows[] = {
    {"Z", RSP_PREFIX, insert, "gdb, lldb"},
    {"z", RSP_PREFIX, take_out, "gdb, lldb"},
    {0},
};

const struct rsp_part rsp_part_break = {
    .rows = rows,
    .offers = "ConditionalBreakpoints+",
    .forget = forget,
};
