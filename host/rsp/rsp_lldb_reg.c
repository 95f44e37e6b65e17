/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Packets about registers, by LLDB's numbers: qRegisterInfo, g, p, P, and registers saved
 * and restored around a function that the debugger calls.
 */
#include <errno.h>
#include <stdlib.h>

#include "host/rsp/rsp_lldb.h"
#include "host/rsp/rsp_parts.h"

enum { END_OF_LIST = 0x45, SAVED_MAX = 64 };

struct lldb_saved {
	struct lldb_saved *next;
	const struct rsp_process *p;
	uint64_t tid;
	unsigned number;
	struct he_registers *v;
};

struct he_error *lldb_regs_of(struct rsp *r, struct rsp_process *p, const struct lldb_regs **ret)
{
	struct rsp_lldb *l = r->lldb;
	struct he_threads *threads;
	struct he_registers *have;
	struct he_target_info info;
	struct he_error *e;

	*ret = &l->regs;
	he_target_info(p->t, &info);
	if (l->regs_of == p && l->regs_arch == info.arch)
		return NULL;
	e = he_threads(p->t, &threads);
	if (e)
		return e;
	e = he_registers(p->t, threads->n ? threads->v[0].tid : p->pid, 0, &have);
	he_threads_free(threads);
	if (e)
		return e;
	lldb_regs_build(&l->regs, have);
	he_registers_free(have);
	l->regs_of = p;
	l->regs_arch = info.arch;
	return NULL;
}

struct he_error *rsp_lldb_features(struct rsp *r, struct rsp_process *p, struct buf *out)
{
	const struct lldb_regs *regs;
	struct he_error *e = lldb_regs_of(r, p, &regs);

	if (!e)
		lldb_regs_xml(out, regs);
	return e;
}

/* ---- their list ---------------------------------------------------------------------- */

static void register_info(struct rsp *r, struct rd *args)
{
	uint64_t n = rsp_take_hex(args);
	const struct lldb_regs *regs;
	struct rsp_process *p;
	struct he_error *e;

	if (!rsp_lldb_on(r))
		return;
	p = rsp_current(r);
	e = p ? lldb_regs_of(r, p, &regs) : NULL;
	if (e)
		rsp_fail(r, e);
	if (!p || e)
		return;
	if (!rd_done(args) || n >= regs->n)
		rsp_fail_errno(r, END_OF_LIST);
	else
		lldb_reg_info(&r->reply, regs, (unsigned)n);
}

/* ---- their values ------------------------------------------------------------------- */

/* The registers of the thread that args end with.  False: an error is the reply. */
static bool load(struct rsp *r, struct rd *args, struct rsp_process **p, uint64_t *tid,
    const struct lldb_regs **regs, struct he_registers **have)
{
	struct he_error *e;

	*p = lldb_thread(r, args, tid);
	if (!*p)
		return false;
	e = lldb_regs_of(r, *p, regs);
	if (!e)
		e = he_registers((*p)->t, *tid, 0, have);
	if (e)
		rsp_fail(r, e);
	return !e;
}

static void read_one(struct rsp *r, struct rd *args)
{
	uint64_t n = rsp_take_hex(args), tid;
	const struct lldb_regs *regs;
	struct he_registers *have;
	struct rsp_process *p;
	uint8_t value[64];

	if (args->bad) {
		rsp_bad(r);
		return;
	}
	if (!load(r, args, &p, &tid, &regs, &have))
		return;
	if (n < regs->n && lldb_reg_get(&regs->v[n], have, value))
		rsp_put_hex(&r->reply, value, regs->v[n].bytes);
	else
		rsp_fail_errno(r, EINVAL);
	he_registers_free(have);
}

static void read_all(struct rsp *r, struct rd *args)
{
	const struct lldb_regs *regs;
	struct he_registers *have;
	struct rsp_process *p;
	uint8_t value[64];
	uint64_t tid;

	if (!load(r, args, &p, &tid, &regs, &have))
		return;
	for (unsigned i = 0; i < regs->n; i++) {
		const struct lldb_reg *g = &regs->v[i];

		if (g->whole != LLDB_REG_NONE)
			continue;
		if (!lldb_reg_get(g, have, value))
			memset(value, 0, sizeof(value));
		rsp_put_hex(&r->reply, value, g->bytes);
	}
	he_registers_free(have);
}

static struct he_error *write_register(
    struct rsp *r, struct rsp_process *p, uint64_t tid, const struct he_register *v)
{
	struct he_error *e = he_write_register(p->t, tid, 0, v->name, v->value, v->bits / 8);

	rsp_stale(r, p);
	return e;
}

static void write_one(struct rsp *r, struct rd *args)
{
	uint64_t n = rsp_take_hex(args), tid;
	const struct lldb_regs *regs;
	struct he_registers *have;
	struct he_register reg;
	struct rsp_process *p;
	struct buf value;

	rsp_want_char(args, '=');
	buf_init(&value, sizeof(reg.value));
	rsp_take_pairs(args, &value);
	if (args->bad || value.bad) {
		rsp_bad(r);
	} else if (load(r, args, &p, &tid, &regs, &have)) {
		if (n >= regs->n || value.len != regs->v[n].bytes ||
		    !lldb_reg_set(&regs->v[n], have, value.p, &reg))
			rsp_fail_errno(r, EINVAL);
		else
			rsp_done(r, write_register(r, p, tid, &reg));
		he_registers_free(have);
	}
	buf_free(&value);
}

/* ---- saved and restored ------------------------------------------------------------- */

static void drop(struct lldb_saved **at)
{
	struct lldb_saved *s = *at;

	*at = s->next;
	he_registers_free(s->v);
	free(s);
}

/* A debugger that never restores (its expression died) must not fill our memory. */
static void drop_oldest(struct rsp_lldb *l)
{
	struct lldb_saved **at = &l->saved;
	unsigned n = 0;

	while (*at) {
		if (++n > SAVED_MAX)
			drop(at);
		else
			at = &(*at)->next;
	}
}

static void save(struct rsp *r, struct rd *args)
{
	struct rsp_lldb *l = r->lldb;
	const struct lldb_regs *regs;
	struct he_registers *have;
	struct lldb_saved *s;
	struct rsp_process *p;
	uint64_t tid;

	if (!load(r, args, &p, &tid, &regs, &have))
		return;
	s = calloc(1, sizeof(*s));
	if (!s) {
		he_registers_free(have);
		rsp_fail_errno(r, ENOMEM);
		return;
	}
	*s = (struct lldb_saved){l->saved, p, tid, ++l->last_saved, have};
	l->saved = s;
	drop_oldest(l);
	rsp_putf(&r->reply, "%u", s->number);
}

/* Only what is another now: each is a message to the box. */
static struct he_error *restore_values(struct rsp *r, struct rsp_process *p, uint64_t tid,
    const struct he_registers *was, const struct he_registers *now)
{
	struct he_error *e = NULL;

	for (size_t i = 0, k = 0; !e && i < was->n; i++) {
		const struct he_register *v = &was->v[i];

		while (k < now->n && strcmp(now->v[k].name, v->name) != 0)
			k++;
		if (k < now->n && memcmp(now->v[k].value, v->value, v->bits / 8) != 0)
			e = write_register(r, p, tid, v);
	}
	return e;
}

static void restore(struct rsp *r, struct rd *args)
{
	uint64_t number = rsp_take_dec(args), tid;
	struct lldb_saved **at = &r->lldb->saved;
	const struct lldb_regs *regs;
	struct he_registers *have;
	struct rsp_process *p;

	if (args->bad) {
		rsp_bad(r);
		return;
	}
	if (!load(r, args, &p, &tid, &regs, &have))
		return;
	while (*at && ((*at)->number != number || (*at)->p != p || (*at)->tid != tid))
		at = &(*at)->next;
	if (*at) {
		rsp_done(r, restore_values(r, p, tid, (*at)->v, have));
		drop(at);
	} else {
		rsp_fail_errno(r, EINVAL);
	}
	he_registers_free(have);
}

void lldb_saved_forget(struct rsp_lldb *l, const struct rsp_process *p)
{
	struct lldb_saved **at = &l->saved;

	while (*at) {
		if (!p || (*at)->p == p)
			drop(at);
		else
			at = &(*at)->next;
	}
}

static const struct rsp_row rows[] = {
    {"qRegisterInfo", RSP_PREFIX, register_info, "lldb without XML"},
    {0},
};

static const struct rsp_row lldb[] = {
    {"p", RSP_PREFIX, read_one, "lldb"},
    {"g", RSP_PREFIX, read_all, "lldb"},
    {"P", RSP_PREFIX, write_one, "lldb"},
    {"QSaveRegisterState", RSP_PREFIX, save, "lldb: calls of functions"},
    {"QRestoreRegisterState:", RSP_PREFIX, restore, "lldb: calls of functions"},
    {0},
};

const struct rsp_part rsp_part_lldb_reg = {
    .rows = rows,
    .lldb = lldb,
};
