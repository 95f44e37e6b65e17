/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What both sides can, which thread is meant, and who is there.
 */
#include <stdlib.h>

#include "host/rsp/rsp_parts.h"
#include "host/rsp/rsp_queue.h"
#include "host/rsp/rsp_run.h"

/* ---- what both sides can ------------------------------------------------------------- */

static const struct {
	const char *word;
	unsigned bit;
} words[] = {
    {"multiprocess+", RSP_MULTIPROCESS},
    {"swbreak+", RSP_SWBREAK},
    {"hwbreak+", RSP_HWBREAK},
    {"fork-events+", RSP_FORK_EVENTS},
    {"vfork-events+", RSP_VFORK_EVENTS},
    {"exec-events+", RSP_EXEC_EVENTS},
    {"no-resumed+", RSP_NO_RESUMED},
    {"vContSupported+", RSP_VCONT},
    {"error-message+", RSP_ERROR_MESSAGE},
};

static void take_word(struct rsp *r, struct span word)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (span_eq(word, span_str(words[i].word)))
			r->knows |= words[i].bit;
}

static void supported(struct rsp *r, struct rd *args)
{
	r->knows = 0;
	if (rsp_take_char(args, ':'))
		while (args->left && !args->bad) {
			take_word(r, rsp_take_until(args, ";"));
			rsp_take_char(args, ';');
		}
	rsp_putf(&r->reply, "PacketSize=%x", RSP_PACKET);
	for (size_t i = 0; rsp_parts[i]; i++)
		if (rsp_parts[i]->offers)
			rsp_putf(&r->reply, ";%s", rsp_parts[i]->offers);
}

static void no_ack(struct rsp *r, struct rd *args)
{
	(void)args;
	r->frame.no_ack = true;
	rsp_ok(r);
}

static void extend(struct rsp *r, struct rd *args)
{
	(void)args;
	r->extended = true;
	rsp_ok(r);
}

/* ---- which thread -------------------------------------------------------------------- */

static void select_thread(struct rsp *r, struct rd *args)
{
	uint8_t what = rd_u8(args);
	struct rsp_id id = rsp_take_id(args);
	uint64_t tid;

	if (!rd_done(args) || (what != 'g' && what != 'c')) {
		rsp_bad(r);
	} else if (id.tid > 0 && !rsp_resolve(r, id, &tid)) {
		/* Any one is fine also when none is there: GDB asks so before it attaches. */
		rsp_fail_errno(r, ESRCH);
	} else {
		/* Any one: the one that is selected, if it is still there. */
		if (what != 'g' || id.tid || id.pid > 0 || !rsp_resolve(r, r->general, &tid))
			*(what == 'g' ? &r->general : &r->resume) = id;
		rsp_ok(r);
	}
}

static void alive(struct rsp *r, struct rd *args)
{
	struct rsp_id id = rsp_take_id(args);
	uint64_t tid;

	if (!rd_done(args))
		rsp_bad(r);
	else if (rsp_resolve(r, id, &tid))
		rsp_ok(r);
	else
		rsp_fail_errno(r, ESRCH);
}

/* ---- who is there ---------------------------------------------------------------------- */

static void current(struct rsp *r, struct rd *args)
{
	struct rsp_process *p;
	uint64_t tid;

	(void)args;
	p = rsp_current_thread(r, &tid);
	if (!p)
		return;
	rsp_put(&r->reply, "QC");
	rsp_put_id(&r->reply, r->knows & RSP_MULTIPROCESS, p->pid, tid);
}

static void attached(struct rsp *r, struct rd *args)
{
	struct rsp_process *p = r->processes;

	if (rsp_take_char(args, ':'))
		p = rsp_process_find(r, rsp_take_hex(args));
	if (!rd_done(args))
		rsp_bad(r);
	else if (!p)
		rsp_fail_errno(r, ESRCH);
	else
		rsp_put(&r->reply, p->attached ? "1" : "0");
}

/* All at once: a reply may be longer than a packet of the debugger's. */
static void first_threads(struct rsp *r, struct rd *args)
{
	(void)args;
	for (struct rsp_process *p = r->processes; p; p = p->next)
		if (!rsp_unheard(r, p))
			rsp_put_threads(r, p);
	if (!r->reply.len)
		rsp_put_char(&r->reply, 'l');
}

static void more_threads(struct rsp *r, struct rd *args)
{
	(void)args;
	rsp_put_char(&r->reply, 'l');
}

static void thread_name(struct rsp *r, struct rd *args)
{
	struct rsp_id id = rsp_take_id(args);
	uint64_t tid = 0;
	struct rsp_process *p = rd_done(args) ? rsp_resolve(r, id, &tid) : NULL;
	struct he_threads *v = NULL;

	if (!p) {
		rsp_fail_errno(r, ESRCH);
		return;
	}
	he_error_free(he_threads(p->t, &v));
	for (size_t i = 0; v && i < v->n; i++)
		if (v->v[i].tid == tid && v->v[i].name)
			rsp_put_hexstr(&r->reply, v->v[i].name);
	he_threads_free(v);
}

/* GDB offers to look symbols up for us; what we need of them the engine knows. */
static void no_symbols(struct rsp *r, struct rd *args)
{
	(void)args;
	rsp_ok(r);
}

static const struct rsp_row rows[] = {
    {"qSupported", RSP_PREFIX, supported, "gdb 6.6, lldb"},
    {"QStartNoAckMode", RSP_WHOLE, no_ack, "gdb 7.0, lldb"},
    {"!", RSP_WHOLE, extend, "gdb: target extended-remote"},
    {"H", RSP_PREFIX, select_thread, "gdb, lldb"},
    {"T", RSP_PREFIX, alive, "gdb"},
    {"qC", RSP_WHOLE, current, "gdb, lldb"},
    {"qAttached", RSP_PREFIX, attached, "gdb 7.0"},
    {"qfThreadInfo", RSP_WHOLE, first_threads, "gdb, lldb"},
    {"qsThreadInfo", RSP_WHOLE, more_threads, "gdb, lldb"},
    {"qThreadExtraInfo,", RSP_PREFIX, thread_name, "gdb"},
    {"qSymbol:", RSP_PREFIX, no_symbols, "gdb"},
    {0},
};

const struct rsp_part rsp_part_general = {
    .rows = rows,
    .offers = "QStartNoAckMode+;multiprocess+",
};
