/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/rsp/rsp_regs.h"

#include <linux/audit.h>
#include <stdlib.h>

#include "host/rsp/rsp_again.h"
#include "host/rsp/rsp_parts.h"

/* ---- the description ------------------------------------------------------------------ */

struct he_error *rsp_regs_of(struct rsp_process *p, uint64_t tid, const struct rsp_regs **ret)
{
	struct he_target_info i;
	struct he_registers *v;
	struct he_error *e = NULL;

	if (!p->regs) {
		e = he_registers(p->t, tid, 0, &v);
		if (e)
			return e;
		he_target_info(p->t, &i);
		p->regs = rsp_regs_new(i.arch ? i.arch : AUDIT_ARCH_X86_64, v);
		he_registers_free(v);
	}
	*ret = p->regs;
	return e;
}

void rsp_regs_forget(struct rsp_process *p)
{
	rsp_regs_free(p->regs);
	p->regs = NULL;
}

/* The current thread with its description and its registers, to be freed by the caller;
 * NULL: an error was put. */
static struct he_registers *current(
    struct rsp *r, struct rsp_process **p, uint64_t *tid, const struct rsp_regs **d)
{
	struct he_registers *v = NULL;
	struct he_error *e;

	*p = rsp_current_thread(r, tid);
	if (!*p)
		return NULL;
	/* Its end was not told yet: nothing is known of what the debugger takes to be there. */
	*d = (*p)->regs;
	if (*d && rsp_gone(*p))
		return calloc(1, sizeof(*v));
	e = rsp_regs_of(*p, *tid, d);
	if (!e && !*d)
		rsp_fail_errno(r, ENOMEM);
	else if (!e)
		e = he_registers((*p)->t, *tid, 0, &v);
	if (e)
		rsp_done(r, e);
	return v;
}

/* The engine's register behind g, where it stood in the sample or else by name. */
static const struct he_register *source(const struct he_registers *v, const struct rsp_reg *g)
{
	if (g->source_at < v->n && strcmp(v->v[g->source_at].name, g->source) == 0)
		return &v->v[g->source_at];
	for (size_t i = 0; i < v->n; i++)
		if (strcmp(v->v[i].name, g->source) == 0)
			return &v->v[i];
	return NULL;
}

/* ---- reading ---------------------------------------------------------------------------- */

static void put_reg(struct buf *b, const struct he_registers *v, const struct rsp_reg *g)
{
	const struct he_register *s = source(v, g);
	unsigned have = s ? s->bits / 8 : 0;
	uint8_t value[64] = {0};

	/* Of a thread whose end was not told: GDB cannot do without a pc. */
	if (!s && v->n) {
		for (unsigned i = 0; i < g->bits / 8u; i++)
			rsp_put(b, "xx");
		return;
	}
	for (unsigned i = 0; i < g->bits / 8u && g->piece + i < have; i++)
		value[i] = s->value[g->piece + i];
	rsp_put_hex(b, value, g->bits / 8u);
}

static void read_all(struct rsp *r, struct rd *args)
{
	const struct rsp_regs *d = NULL;
	struct rsp_process *p;
	struct he_registers *v;
	uint64_t tid;

	(void)args;
	v = current(r, &p, &tid, &d);
	for (unsigned i = 0; v && i < d->n; i++)
		put_reg(&r->reply, v, &d->v[i]);
	he_registers_free(v);
}

static void read_one(struct rsp *r, struct rd *args)
{
	const struct rsp_regs *d = NULL;
	uint64_t number = rsp_take_hex(args), tid;
	struct rsp_process *p;
	struct he_registers *v;

	if (!rd_done(args)) {
		rsp_bad(r);
		return;
	}
	v = current(r, &p, &tid, &d);
	if (v && number < d->n)
		put_reg(&r->reply, v, &d->v[number]);
	else if (v)
		rsp_bad(r);
	he_registers_free(v);
}

void rsp_regs_expedite(struct buf *b, struct rsp_process *p, uint64_t tid)
{
	const struct rsp_regs *d = NULL;
	struct he_registers *v = NULL;
	struct he_error *e = rsp_regs_of(p, tid, &d);

	if (!e && d)
		e = he_general_registers(p->t, tid, &v);
	for (unsigned i = 0; v && i < 3; i++) {
		unsigned number = d->expedite[i];

		rsp_putf(b, "%02x:", number);
		put_reg(b, v, &d->v[number]);
		rsp_put_char(b, ';');
	}
	he_registers_free(v);
	he_error_free(e);
}

/* ---- the pc ------------------------------------------------------------------------------- */

static const char *pc_name(const struct rsp_process *p)
{
	struct he_target_info i;

	he_target_info(p->t, &i);
	return i.arch == AUDIT_ARCH_I386 ? "eip" : "rip";
}

uint64_t rsp_regs_pc(struct rsp_process *p, uint64_t tid)
{
	struct he_registers *v = NULL;
	struct he_error *e = he_general_registers(p->t, tid, &v);
	const char *name = pc_name(p);
	uint64_t pc = 0;

	for (size_t i = 0; v && i < v->n; i++)
		if (strcmp(v->v[i].name, name) == 0)
			memcpy(&pc, v->v[i].value, sizeof(pc));
	he_registers_free(v);
	he_error_free(e);
	return pc;
}

struct he_error *rsp_regs_set_pc(struct rsp_process *p, uint64_t tid, uint64_t pc)
{
	struct he_register v = {.name = pc_name(p)};

	v.bits = strcmp(v.name, "rip") == 0 ? 64 : 32;
	memcpy(v.value, &pc, sizeof(pc));
	return he_write_registers(p->t, tid, &v, 1);
}

/* ---- writing -------------------------------------------------------------------------------- */

/* The engine's register with the bytes of g changed; false: they were so. */
static bool changed(const struct he_registers *v, const struct rsp_reg *g, const uint8_t *bytes,
    struct he_register *ret)
{
	const struct he_register *s = source(v, g);
	unsigned n = g->bits / 8;

	if (!s)
		return false;
	/* fctrl and its like are wider in GDB than in the processor. */
	if (n > s->bits / 8 - g->piece)
		n = s->bits / 8 - g->piece;
	*ret = *s;
	if (memcmp(ret->value + g->piece, bytes, n) == 0)
		return false;
	memcpy(ret->value + g->piece, bytes, n);
	return true;
}

/* Upper halves are parts of registers whose lower halves have names, too: after these. */
static struct he_error *write_pieces(
    struct rsp_process *p, uint64_t tid, const struct rsp_regs *d, const uint8_t *bytes)
{
	struct he_error *e = NULL;

	for (unsigned i = 0; i < d->n && !e; i++) {
		struct he_register one;
		struct he_registers *v;

		if (!d->v[i].piece)
			continue;
		e = he_registers(p->t, tid, 0, &v);
		if (e)
			break;
		if (changed(v, &d->v[i], bytes + d->v[i].at, &one))
			e = he_write_registers(p->t, tid, &one, 1);
		he_registers_free(v);
	}
	return e;
}

static struct he_error *write_whole(struct rsp_process *p, uint64_t tid, const struct rsp_regs *d,
    const struct he_registers *v, const uint8_t *bytes)
{
	struct he_register *list = calloc(d->n, sizeof(*list));
	struct he_error *e = NULL;
	size_t n = 0;

	for (unsigned i = 0; list && i < d->n; i++)
		if (!d->v[i].piece && changed(v, &d->v[i], bytes + d->v[i].at, &list[n]))
			n++;
	if (n)
		e = he_write_registers(p->t, tid, list, n);
	free(list);
	return e;
}

static void write_all(struct rsp *r, struct rd *args)
{
	const struct rsp_regs *d = NULL;
	struct he_error *e;
	struct rsp_process *p;
	uint64_t tid;
	struct he_registers *v = current(r, &p, &tid, &d);
	uint8_t *bytes;

	if (!v || rsp_again_moved(r, p)) {
		he_registers_free(v);
		return;
	}
	bytes = calloc(1, d->bytes);
	if (bytes)
		rsp_take_bytes(args, bytes, d->bytes);
	if (!bytes || !rd_done(args)) {
		rsp_bad(r);
	} else {
		e = write_whole(p, tid, d, v, bytes);
		rsp_done(r, e ? e : write_pieces(p, tid, d, bytes));
	}
	free(bytes);
	he_registers_free(v);
}

static void write_one(struct rsp *r, struct rd *args)
{
	const struct rsp_regs *d = NULL;
	uint64_t number = rsp_take_hex(args), tid;
	struct he_registers *v;
	struct rsp_process *p;
	struct he_register one;
	uint8_t bytes[64];

	rsp_want_char(args, '=');
	v = args->bad ? NULL : current(r, &p, &tid, &d);
	if (v && number < d->n)
		rsp_take_bytes(args, bytes, d->v[number].bits / 8u);
	if (v ? number >= d->n || !rd_done(args) : args->bad)
		rsp_bad(r);
	else if (v && rsp_again_moved(r, p))
		; /* it was told so */
	else if (v && changed(v, &d->v[number], bytes, &one))
		rsp_done(r, he_write_registers(p->t, tid, &one, 1));
	else if (v)
		rsp_ok(r);
	he_registers_free(v);
}

static void forget(struct rsp *r, struct rsp_process *p)
{
	(void)r;
	rsp_regs_forget(p);
}

static const struct rsp_row rows[] = {
    {"g", RSP_WHOLE, read_all, "gdb, lldb"},
    {"G", RSP_PREFIX, write_all, "gdb"},
    {"p", RSP_PREFIX, read_one, "gdb, lldb"},
    {"P", RSP_PREFIX, write_one, "gdb, lldb"},
    {0},
};

const struct rsp_part rsp_part_regs = {.rows = rows, .forget = forget};
