/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Stops as LLDB wants them told: one reply has all threads, their pcs, the reasons of all
 * that have one, and the registers of the one that is shown.
 */
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "host/rsp/rsp_lldb.h"
#include "host/rsp/rsp_parts.h"
#include "host/rsp/rsp_stop.h"

enum {
	NO_PROCESS = 50, /* lldb-server's */
	NO_THREAD = 51,
	/* With more threads jThreadsInfo has the pc, the stack and the frame pointer alone,
	 * for a reply must not become longer than LLDB takes. */
	FULL_THREADS = 64,
	SPECIAL_SIZE = 256,
};

/* What the threads of a process stand for since its last stop. */
struct lldb_stops {
	struct lldb_stops *next;
	uint32_t pid;
	uint64_t generation;
	struct rsp_stop *first; /* what was told; the others at the same time behind it */
};

/* ---- kept ---------------------------------------------------------------------------- */

static void stops_clear(struct lldb_stops *w)
{
	while (w->first) {
		struct rsp_stop *s = w->first;

		w->first = s->next;
		free(s);
	}
}

void lldb_stops_forget(struct rsp_lldb *l, const struct rsp_process *p)
{
	struct lldb_stops **at = &l->stops;

	while (*at) {
		struct lldb_stops *w = *at;

		if (p && w->pid != p->pid) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		stops_clear(w);
		free(w);
	}
}

static struct lldb_stops *stops_of(struct rsp_lldb *l, uint32_t pid)
{
	struct lldb_stops *w = l->stops;

	while (w && w->pid != pid)
		w = w->next;
	return w;
}

/* What other threads stopped for meanwhile is told by this stop, too. */
static void gather(struct rsp_process *p, struct rsp_stop **end)
{
	struct he_event ev;

	while (he_also_stopped(p->t, &ev)) {
		*end = rsp_stop_of(p, &ev);
		if (!*end)
			return;
		end = &(*end)->next;
	}
}

/* The same stop may be told again ("?"). */
static void note(struct rsp *r, struct rsp_process *p, const struct rsp_stop *s)
{
	struct lldb_stops *w = stops_of(r->lldb, s->pid);
	struct rsp_stop *copy;

	if (w && w->first && w->generation == s->generation && w->first->tid == s->tid)
		return;
	if (!w) {
		w = calloc(1, sizeof(*w));
		if (!w)
			return;
		w->next = r->lldb->stops;
		r->lldb->stops = w;
	}
	stops_clear(w);
	w->pid = s->pid;
	w->generation = s->generation;
	copy = malloc(sizeof(*copy));
	if (!copy)
		return;
	*copy = *s;
	copy->next = NULL;
	w->first = copy;
	gather(p, &copy->next);
}

static const struct rsp_stop *stop_of(struct rsp *r, const struct rsp_process *p, uint64_t tid)
{
	const struct lldb_stops *w = stops_of(r->lldb, p->pid);
	const struct rsp_stop *s = w ? w->first : NULL;

	while (s && s->tid != tid)
		s = s->next;
	return s;
}

/* ---- why ------------------------------------------------------------------------------- */

/* LLDB goes on by itself after a SIGSTOP that answers an interruption of its own.  What
 * came with no event is how it stood when it was attached to or started. */
static uint32_t signal_of(const struct rsp_stop *s)
{
	bool at_once = !s->generation && s->signal == SIGTRAP;

	return s->reason == HE_R_REQUEST || s->reason == HE_R_LAUNCH || at_once ? SIGSTOP
										: s->signal;
}

static const char *reason_of(const struct rsp_stop *s)
{
	static const char *const caught[] = {
	    [HE_CATCH_FORK] = "fork",
	    [HE_CATCH_VFORK] = "vfork",
	    [HE_CATCH_VFORK_DONE] = "vforkdone",
	    [HE_CATCH_EXEC] = "exec",
	};

	switch (s->reason) {
	case HE_R_BREAKPOINT:
		return "breakpoint";
	case HE_R_STEP:
		return "trace";
	case HE_R_WATCH:
		return "watchpoint";
	case HE_R_EXEC:
		return "exec";
	case HE_R_CATCH:
		if (s->caught < sizeof(caught) / sizeof(caught[0]) && caught[s->caught])
			return caught[s->caught];
		return "trap";
	default:
		return "signal";
	}
}

/* More, for reasons that have it; false: nothing. */
static bool describe(const struct rsp_stop *s, char text[64])
{
	if (s->reason == HE_R_WATCH)
		snprintf(text, 64, "%llu 0 %llu", (unsigned long long)s->data_addr,
		    (unsigned long long)s->data_addr);
	else if (s->reason == HE_R_CATCH && s->child)
		snprintf(text, 64, "%u %u", s->child, s->child);
	else
		return false;
	return true;
}

/* ---- registers ------------------------------------------------------------------------ */

static void put_register(struct buf *b, const struct lldb_reg *g, const struct he_registers *have)
{
	uint8_t v[64];

	if (lldb_reg_get(g, have, v))
		rsp_put_hex(b, v, g->bytes);
}

static uint64_t pc_of(const struct lldb_regs *regs, const struct he_registers *have)
{
	uint8_t v[64];
	struct rd rd = rd_init(v, sizeof(v));

	if (regs->pc == LLDB_REG_NONE || !lldb_reg_get(&regs->v[regs->pc], have, v))
		return 0;
	return regs->v[regs->pc].bytes == 4 ? rd_u32(&rd) : rd_u64(&rd);
}

static struct he_registers *general(struct rsp_process *p, uint64_t tid)
{
	struct he_registers *have = NULL;

	he_error_free(he_general_registers(p->t, tid, &have));
	return have;
}

/* ---- JSON of a thread ------------------------------------------------------------------- */

static void put_json_why(struct buf *b, const struct rsp_stop *s)
{
	char text[64];

	if (!s)
		return;
	rsp_putf(b, ",\"reason\":\"%s\"", reason_of(s));
	if (signal_of(s))
		rsp_putf(b, ",\"signal\":%u", signal_of(s));
	if (!describe(s, text))
		return;
	rsp_put(b, ",\"description\":");
	lldb_json_text(b, text);
}

static void put_json_registers(
    struct buf *b, const struct lldb_regs *regs, const struct he_registers *have, bool full)
{
	bool any = false;

	rsp_put(b, ",\"registers\":{");
	for (unsigned i = 0; i < regs->general; i++) {
		if (!full && (int)i != regs->pc && (int)i != regs->sp && (int)i != regs->fp)
			continue;
		rsp_putf(b, "%s\"%u\":\"", any ? "," : "", i);
		put_register(b, &regs->v[i], have);
		rsp_put_char(b, '"');
		any = true;
	}
	rsp_put_char(b, '}');
}

static void put_json_thread(struct rsp *r, struct buf *b, struct rsp_process *p,
    const struct he_thread *t, const struct lldb_regs *regs, bool full)
{
	struct he_registers *have = regs ? general(p, t->tid) : NULL;

	rsp_putf(b, "{\"tid\":%llu", (unsigned long long)t->tid);
	if (t->name && *t->name) {
		rsp_put(b, ",\"name\":");
		lldb_json_text(b, t->name);
	}
	put_json_why(b, stop_of(r, p, t->tid));
	if (have)
		put_json_registers(b, regs, have, full);
	he_registers_free(have);
	rsp_put_char(b, '}');
}

static void threads_info(struct rsp *r, struct rd *args)
{
	struct rsp_process *p = rsp_current(r);
	struct he_threads *v = NULL;
	const struct lldb_regs *regs;
	struct he_error *e;
	struct buf json;

	(void)args;
	if (!p) {
		buf_reset(&r->reply);
		rsp_fail_errno(r, NO_PROCESS);
		return;
	}
	if (!rsp_lldb_on(r))
		return;
	e = lldb_regs_of(r, p, &regs);
	if (!e)
		e = he_threads(p->t, &v);
	if (e) {
		rsp_fail(r, e);
		return;
	}
	buf_init(&json, RSP_PACKET);
	for (size_t i = 0; i < v->n; i++) {
		rsp_put_char(&json, i ? ',' : '[');
		put_json_thread(r, &json, p, &v->v[i], regs, v->n <= FULL_THREADS);
	}
	rsp_put_char(&json, ']');
	lldb_json_reply(r, &json);
	buf_free(&json);
	he_threads_free(v);
}

/* Where glibc and musl have what pthread_self() returns; elsewhere the thread has none that
 * would be known without its memory. */
static void put_json_pthread(struct buf *b, struct rsp_process *p, uint64_t tid)
{
	struct he_registers *have = general(p, tid);

	for (size_t i = 0; have && i < have->n; i++) {
		struct rd value = rd_init(have->v[i].value, sizeof(have->v[i].value));

		if (strcmp(have->v[i].name, "fs_base") == 0)
			rsp_putf(b, ",\"pthread_t\":%llu", (unsigned long long)rd_u64(&value));
	}
	he_registers_free(have);
}

static void put_json_extended(struct buf *b, struct rsp_process *p, const struct he_thread *t)
{
	rsp_putf(b, "{\"thread\":%llu", (unsigned long long)t->tid);
	if (t->name && *t->name) {
		rsp_put(b, ",\"name\":");
		lldb_json_text(b, t->name);
	}
	put_json_pthread(b, p, t->tid);
	rsp_put_char(b, '}');
}

/* False: there is no such thread. */
static bool extend(struct rsp *r, uint64_t tid)
{
	struct rsp_process *p = rsp_resolve(r, (struct rsp_id){.tid = (int64_t)tid}, &tid);
	struct he_threads *v = NULL;
	struct buf json;
	bool any = false;

	if (p)
		he_error_free(he_threads(p->t, &v));
	for (size_t i = 0; v && !any && i < v->n; i++) {
		if (v->v[i].tid != tid)
			continue;
		buf_init(&json, RSP_PACKET);
		put_json_extended(&json, p, &v->v[i]);
		lldb_json_reply(r, &json);
		buf_free(&json);
		any = true;
	}
	he_threads_free(v);
	return any;
}

/* With nothing behind it LLDB asks whether it is known.  What LLDB escapes of the object is
 * its last brace, behind which the escaped one is left. */
static void extended_info(struct rsp *r, struct rd *args)
{
	struct span text = rsp_take_rest(args);
	json_t *asked, *thread;

	if (!text.n) {
		rsp_ok(r);
		return;
	}
	asked = json_loadb((const char *)text.p, text.n, JSON_DISABLE_EOF_CHECK, NULL);
	thread = json_object_get(asked, "thread");
	if (!json_is_integer(thread) || json_integer_value(thread) <= 0)
		rsp_bad(r);
	else if (!extend(r, (uint64_t)json_integer_value(thread)))
		rsp_fail_errno(r, NO_THREAD);
	json_decref(asked);
}

/* ---- a stop reply --------------------------------------------------------------------- */

static void put_name(struct buf *b, const char *name)
{
	if (!name || !*name)
		return;
	for (const char *c = name; *c; c++)
		if (*c < ' ' || *c > '~' || strchr("$#+-;:}*", *c)) {
			rsp_put(b, "hexname:");
			rsp_put_hexstr(b, name);
			rsp_put_char(b, ';');
			return;
		}
	rsp_putf(b, "name:%s;", name);
}

static void put_all_threads(
    struct buf *b, struct rsp_process *p, const struct he_threads *v, const struct lldb_regs *regs)
{
	rsp_put(b, "threads:");
	for (size_t i = 0; i < v->n; i++)
		rsp_putf(b, "%s%llx", i ? "," : "", (unsigned long long)v->v[i].tid);
	rsp_put(b, ";thread-pcs:");
	for (size_t i = 0; i < v->n; i++) {
		struct he_registers *have = general(p, v->v[i].tid);

		rsp_putf(b, "%s%0*llx", i ? "," : "", regs->wide ? 16 : 8,
		    have ? (unsigned long long)pc_of(regs, have) : 0ULL);
		he_registers_free(have);
	}
	rsp_put_char(b, ';');
}

/* Of the threads that have a reason, so that LLDB asks for no others'. */
static void put_reasons(
    struct rsp *r, struct buf *b, struct rsp_process *p, const struct he_threads *v)
{
	struct buf json;
	bool any = false;

	if (v->n < 2)
		return;
	buf_init(&json, RSP_PACKET / 2);
	for (size_t i = 0; i < v->n; i++) {
		if (!stop_of(r, p, v->v[i].tid))
			continue;
		rsp_put_char(&json, any ? ',' : '[');
		put_json_thread(r, &json, p, &v->v[i], NULL, false);
		any = true;
	}
	rsp_put(&json, any ? "]" : "[]");
	if (!json.bad) {
		rsp_put(b, "jstopinfo:");
		rsp_put_hex(b, json.p, json.len);
		rsp_put_char(b, ';');
	}
	buf_free(&json);
}

static void put_expedited(
    struct buf *b, struct rsp_process *p, uint64_t tid, const struct lldb_regs *regs)
{
	struct he_registers *have = general(p, tid);

	for (unsigned i = 0; have && i < regs->general; i++) {
		rsp_putf(b, "%02x:", i);
		put_register(b, &regs->v[i], have);
		rsp_put_char(b, ';');
	}
	he_registers_free(have);
}

static void put_why(struct rsp *r, struct buf *b, const struct rsp_stop *s)
{
	const char *reason = reason_of(s);
	char text[64];

	rsp_putf(b, "reason:%s;", reason);
	if (describe(s, text)) {
		rsp_put(b, "description:");
		rsp_put_hexstr(b, text);
		rsp_put_char(b, ';');
	}
	if (s->reason == HE_R_CATCH && s->child && r->knows & RSP_MULTIPROCESS)
		rsp_putf(b, "%s:p%x.%x;", reason, s->child, s->child);
}

static const char *name_of(const struct he_threads *v, uint64_t tid)
{
	for (size_t i = 0; i < v->n; i++)
		if (v->v[i].tid == tid)
			return v->v[i].name;
	return NULL;
}

/* s NULL: the thread stands because others do. */
static void put_stop(
    struct rsp *r, struct buf *b, struct rsp_process *p, uint64_t tid, const struct rsp_stop *s)
{
	const struct lldb_regs *regs;
	struct he_threads *v = NULL;
	struct he_error *e = lldb_regs_of(r, p, &regs);

	if (e)
		regs = NULL;
	he_error_free(e);
	rsp_putf(b, "T%02xthread:%llx;", s ? signal_of(s) : 0, (unsigned long long)tid);
	he_error_free(he_threads(p->t, &v));
	if (v)
		put_name(b, name_of(v, tid));
	if (v && regs && r->lldb->threads) {
		put_all_threads(b, p, v, regs);
		put_reasons(r, b, p, v);
	}
	he_threads_free(v);
	if (regs)
		put_expedited(b, p, tid, regs);
	if (s)
		put_why(r, b, s);
}

/* Whose end it is LLDB knows, and takes no further word about it. */
static void put_end(struct buf *b, const struct rsp_stop *s)
{
	if (s->status >= 0 && WIFSIGNALED(s->status))
		rsp_putf(b, "X%02x", WTERMSIG(s->status));
	else
		rsp_putf(b, "W%02x", s->status >= 0 ? WEXITSTATUS(s->status) : 0);
}

static bool stop(struct rsp *r, const struct rsp_stop *s, struct buf *b)
{
	struct rsp_process *p = rsp_process_find(r, s->pid);

	if (s->kind == RSP_STOP_EXITED) {
		put_end(b, s);
		return true;
	}
	if (s->kind != RSP_STOP_THREAD || !p)
		return false;
	note(r, p, s);
	put_stop(r, b, p, s->tid, s);
	return true;
}

static void thread_stop_info(struct rsp *r, struct rd *args)
{
	struct rsp_id id = rsp_take_id(args);
	struct rsp_process *p;
	uint64_t tid;

	if (!rd_done(args)) {
		rsp_bad(r);
		return;
	}
	p = id.tid > 0 ? rsp_resolve(r, id, &tid) : NULL;
	if (p)
		put_stop(r, &r->reply, p, tid, stop_of(r, p, tid));
	else
		rsp_fail_errno(r, NO_THREAD);
}

static const struct rsp_row lldb[] = {
    {"jThreadsInfo", RSP_WHOLE, threads_info, "lldb"},
    {"jThreadExtendedInfo:", RSP_PREFIX, extended_info, "lldb"},
    {"qThreadStopInfo", RSP_PREFIX, thread_stop_info, "lldb"},
    {0},
};

const struct rsp_part rsp_part_lldb_stop = {
    .lldb = lldb,
    .stop = stop,
};
