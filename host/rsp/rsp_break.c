/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Z and z: noted here, planted by the next resume.  GDB takes all breakpoints out at every
 * stop and sets them again before it goes on: that costs nothing.
 */
#include "host/rsp/rsp_break.h"

#include <stdlib.h>

#include "common/err.h"
#include "host/rsp/rsp_command.h"
#include "host/rsp/rsp_parts.h"
#include "host/rsp/rsp_regs.h"
#include "host/rsp/rsp_terminal.h"

enum { CODES_MAX = 64 };

struct place {
	enum he_patch_kind kind;
	uint64_t addr;
	uint32_t len;
	uint32_t id; /* he_patch's */
	bool conditional;
	struct rsp_commands *commands; /* NULL: a hit is told */
	bool persists;                 /* they run when no debugger is there, too */
};

/* What a packet has behind the place: conditions, and behind them commands. */
struct options {
	struct he_code v[CODES_MAX];
	size_t n_conditions, n;
	bool commands; /* what follows is */
	bool persists;
	struct buf bytes;
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

/* q's commands are the list's. */
static void note(struct rsp_process *p, const struct place *q)
{
	struct place *v;

	if (!p->breaks)
		p->breaks = calloc(1, sizeof(*p->breaks));
	v = find(p, q);
	if (v) {
		rsp_commands_free(v->commands);
		*v = *q;
		return;
	}
	v = p->breaks ? reallocarray(p->breaks->v, p->breaks->n + 1, sizeof(*v)) : NULL;
	if (!v) {
		rsp_commands_free(q->commands);
		return;
	}
	p->breaks->v = v;
	v[p->breaks->n++] = *q;
}

static void strike(struct rsp_process *p, const struct place *q)
{
	struct place *v = find(p, q);

	if (!v)
		return;
	rsp_commands_free(v->commands);
	*v = p->breaks->v[--p->breaks->n];
}

void rsp_breaks_copy(struct rsp_process *child, const struct rsp_process *parent)
{
	for (size_t i = 0; parent->breaks && i < parent->breaks->n; i++) {
		struct place q = parent->breaks->v[i];

		if (q.commands)
			q.commands = rsp_commands_copy(child, q.commands);
		note(child, &q);
	}
}

void rsp_breaks_forget(struct rsp_process *p)
{
	for (size_t i = 0; p->breaks && i < p->breaks->n; i++)
		rsp_commands_free(p->breaks->v[i].commands);
	if (p->breaks)
		free(p->breaks->v);
	free(p->breaks);
	p->breaks = NULL;
}

/* ---- commands ------------------------------------------------------------------------- */

static bool was_hit(const struct place *v, const struct he_event *ev)
{
	for (size_t i = 0; i < ev->n_patches; i++)
		if (ev->patches[i] == v->id)
			return true;
	return false;
}

bool rsp_breaks_quiet(const struct rsp_process *p, const struct he_event *ev)
{
	size_t n = 0;

	for (size_t i = 0; p->breaks && i < p->breaks->n; i++)
		n += p->breaks->v[i].commands && was_hit(&p->breaks->v[i], ev);
	return ev->reason == HE_R_BREAKPOINT && n && n == ev->n_patches;
}

void rsp_breaks_run(struct rsp *r, struct rsp_process *p, const struct he_event *ev)
{
	for (size_t i = 0; p->breaks && i < p->breaks->n; i++)
		if (p->breaks->v[i].commands && was_hit(&p->breaks->v[i], ev))
			rsp_commands_run(r, p, ev->tid, p->breaks->v[i].commands);
}

/* GDB will step over what is there. */
void rsp_breaks_run_unhit(struct rsp *r, struct rsp_process *p, const struct he_event *ev)
{
	uint64_t pc = 0;

	if (ev->reason != HE_R_BREAKPOINT && ev->reason != HE_R_STEP && ev->reason != HE_R_WATCH)
		return;
	for (size_t i = 0; p->breaks && i < p->breaks->n; i++) {
		const struct place *v = &p->breaks->v[i];

		if (!v->commands || was_hit(v, ev))
			continue;
		if (!pc)
			pc = rsp_regs_pc(p, ev->tid);
		if (v->addr == pc && rsp_commands_due(p, ev->tid, v->commands))
			rsp_commands_run(r, p, ev->tid, v->commands);
	}
}

/* Nobody would be told of a hit: the program would stand for nothing. */
static void closed(struct rsp *r)
{
	for (struct rsp_process *p = r->processes; p; p = p->next)
		for (size_t i = p->breaks ? p->breaks->n : 0; i-- > 0;) {
			const struct place q = p->breaks->v[i];

			if (!q.commands || q.persists)
				continue;
			strike(p, &q);
			he_unpatch_at(p->t, q.kind, q.addr, q.len);
		}
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

/* "Xlen,bytecode" */
static void take_code(struct rd *args, struct options *o, size_t *at)
{
	uint64_t len = rsp_take_hex(args);
	uint8_t *to;

	rsp_want_char(args, ',');
	if (args->bad || len > args->left / 2 || o->n == CODES_MAX) {
		args->bad = true;
		return;
	}
	at[o->n] = o->bytes.len;
	to = buf_grow(&o->bytes, len);
	if (!to)
		return;
	rsp_take_bytes(args, to, len);
	o->v[o->n++].len = len;
	o->n_conditions += !o->commands;
}

/* Conditions any number of times, side by side or with ; between, and "cmds:persist," with
 * commands behind them likewise. */
static void take_options(struct rd *args, struct options *o)
{
	size_t at[CODES_MAX];

	buf_init(&o->bytes, RSP_PACKET);
	while (args->left && !args->bad && !o->bytes.bad) {
		if (rsp_take_char(args, ';') && !args->left)
			break;
		if (!o->commands && rsp_take_word(args, "cmds:")) {
			o->commands = true;
			o->persists = rsp_take_hex(args) != 0;
			rsp_want_char(args, ',');
		}
		rsp_want_char(args, 'X');
		if (!args->bad)
			take_code(args, o, at);
	}
	for (size_t i = 0; i < o->n; i++)
		o->v[i].data = o->bytes.p + at[i];
}

/* false: replied. */
static bool take_commands(
    struct rsp *r, struct rsp_process *p, const struct options *o, struct place *q)
{
	int err = E_OK;

	if (o->n == o->n_conditions)
		return true;
	if (q->kind <= HE_PATCH_HARD)
		err = rsp_commands_new(
		    p, o->v, o->n_conditions, o->n - o->n_conditions, &q->commands);
	else
		err = E_BAD_CONDITION;
	if (err == E_NOMEM)
		rsp_fail_errno(r, ENOMEM);
	else if (err != E_OK)
		rsp_fail_text(r, EINVAL,
		    "a command of this breakpoint cannot be run by the bridge: of printf it takes "
		    "d i u o x X c p s; see hdb-rsp(7).");
	q->persists = o->persists;
	return err == E_OK;
}

static void set(struct rsp *r, struct rsp_process *p, const struct options *o, struct place *q)
{
	struct he_error *e;

	if (!take_commands(r, p, o, q))
		return;
	q->conditional = o->n_conditions > 0;
	e = he_patch(p->t,
	    &(struct he_patch){.kind = q->kind,
		.addr = q->addr,
		.len = q->len,
		.conditions = o->v,
		.n_conditions = o->n_conditions},
	    &q->id);
	if (e)
		rsp_commands_free(q->commands);
	else
		note(p, q);
	rsp_done(r, e);
}

static void insert(struct rsp *r, struct rd *args)
{
	struct options o = {0};
	struct place q = {0};
	struct rsp_process *p;

	if (!take_place(r, args, &q))
		return;
	p = rsp_current(r);
	if (!p)
		return;
	take_options(args, &o);
	if (!rd_done(args) || o.bytes.bad)
		rsp_bad(r);
	else
		set(r, p, &o, &q);
	buf_free(&o.bytes);
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
    .offers = "ConditionalBreakpoints+;BreakpointCommands+",
    .forget = forget,
    .tick = rsp_terminal_tick,
    .closed = closed,
};
