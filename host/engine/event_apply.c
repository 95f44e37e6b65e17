/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What each event of the wire does to its target, in one table.
 */
#include "common/err.h"
#include "host/engine/engine.h"
#include "host/engine/raw.h"
#include "host/engine/run.h"

/* What was ordered with a stop fits many times; more is a liar's, whose chunks of one
 * byte would each cost a page. */
enum { BUNDLE_PAGES = 4096 };

/* Handles from here on are the agent's choice (event forked). */
#define HANDLE_AGENT 0x80000000u

/* ---- the pushed stop ----------------------------------------------------------- */

/* A new stop: everything known is of an earlier one. */
static void begin_stop(struct he_target *t, const struct wire_stopped *q)
{
	target_ran(t, 0);
	threads_clear(&t->threads);
	t->generation = q->generation;
	t->stops_lost = false;
	t->cause_tid = 0;
	t->cause_signal = 0;
}

/* They come to stand by themselves, whatever each does at the moment. */
static void note_missing(struct he_target *t, struct span tids)
{
	struct wire_rec_tid r;

	while (wire_next_tid(&tids, &r)) {
		struct thread *h = threads_find(&t->threads, r.tid);

		if (h && h->state == HE_T_RUNNING)
			h->state = HE_T_STOPPING;
	}
}

/* Which thread to tell a person about: the first that caused it. */
static void note_cause(struct he_target *t, struct span stops)
{
	struct wire_rec_stop s;

	if (t->cause_tid || !wire_next_stop(&stops, &s))
		return;
	t->cause_tid = s.tid;
	t->cause_signal = s.signal;
}

static void end_stop(struct he_target *t)
{
	bool runs = false;

	came_in_stop(t);
	if (t->raw)
		raw_correct(t);
	for (size_t i = 0; i < t->threads.n; i++)
		runs = runs || t->threads.v[i].state == HE_T_RUNNING;
	t->threads.complete = true;
	t->stop_due = false;
	t->state = runs ? HE_RUNNING : HE_STOPPED;
}

/* Pieces come in order; one of an older stop than we know, or one whose first piece
 * was never seen, is not believed. */
static int stopped(struct he_target *t, const struct wire_msg *m, struct he_event *ret)
{
	struct wire_rec_thread thread;
	struct wire_rec_regset regs;
	struct wire_rec_chunk chunk;
	struct wire_stopped q;

	if (!wire_decode_stopped(m->body, &q))
		return E_MALFORMED;
	if (m->h.piece ? q.generation != t->generation : q.generation <= t->generation)
		return E_PROTOCOL;
	if (!m->h.piece)
		begin_stop(t, &q);
	while (wire_next_thread(&q.threads, &thread))
		threads_put(&t->threads, &thread);
	while (wire_next_regset(&q.regs, &regs))
		threads_put_regs(&t->threads, &regs);
	while (wire_next_chunk(&q.chunks, &chunk))
		if (memcache_pages(t->mem) < BUNDLE_PAGES)
			target_put_chunk(t, &chunk);
	note_missing(t, q.missing);
	note_cause(t, q.stops);
	run_note_stops(t, q.stops);
	if (m->h.flags & WIRE_MORE)
		return E_OK;
	end_stop(t);
	*ret = (struct he_event){.kind = HE_E_STOPPED,
	    .generation = q.generation,
	    .tid = t->cause_tid,
	    .signal = t->cause_signal};
	return E_OK;
}

static int causes(struct he_target *t, const struct wire_msg *m, struct he_event *ret)
{
	struct wire_causes q;

	(void)ret;
	if (!wire_decode_causes(m->body, &q))
		return E_MALFORMED;
	run_note_hits(t, &q);
	return E_OK;
}

/* ---- the others ------------------------------------------------------------------- */

static int signalled(struct he_target *t, const struct wire_msg *m, struct he_event *ret)
{
	struct wire_signalled q;

	(void)t;
	if (!wire_decode_signalled(m->body, &q))
		return E_MALFORMED;
	*ret = (struct he_event){.kind = HE_E_SIGNALLED, .tid = q.tid, .signal = q.signal};
	return E_OK;
}

static int thread_born(struct he_target *t, const struct wire_msg *m, struct he_event *ret)
{
	struct wire_thread_born q;

	if (!wire_decode_thread_born(m->body, &q))
		return E_MALFORMED;
	if (t->threads.complete)
		(void)threads_obtain(&t->threads, q.tid);
	*ret = (struct he_event){.kind = HE_E_THREAD_BORN, .tid = q.tid};
	return E_OK;
}

static int thread_exited(struct he_target *t, const struct wire_msg *m, struct he_event *ret)
{
	struct wire_thread_exited q;

	if (!wire_decode_thread_exited(m->body, &q))
		return E_MALFORMED;
	threads_remove(&t->threads, q.tid);
	run_forget(t, q.tid);
	came_left(t, q.tid);
	*ret = (struct he_event){.kind = HE_E_THREAD_EXITED, .tid = q.tid, .status = q.status};
	return E_OK;
}

static int exited(struct he_target *t, const struct wire_msg *m, struct he_event *ret)
{
	struct wire_exited q;

	if (!wire_decode_exited(m->body, &q))
		return E_MALFORMED;
	target_gone(t, q.status);
	*ret = (struct he_event){.kind = HE_E_EXITED, .status = q.status};
	return E_OK;
}

static struct span base_name(struct span path)
{
	for (uint32_t i = path.n; i; i--)
		if (path.p[i - 1] == '/')
			return (struct span){path.p + i, path.n - i};
	return path;
}

static int executed(struct he_target *t, const struct wire_msg *m, struct he_event *ret)
{
	struct wire_executed q;

	if (!wire_decode_executed(m->body, &q))
		return E_MALFORMED;
	target_forget(t);
	run_executed(t);
	if (t->state == HE_STOPPED)
		t->state = HE_RUNNING;
	t->arch_id = q.arch;
	target_set_names(t, base_name(q.exe), q.exe);
	*ret = (struct he_event){.kind = HE_E_EXECUTED, .tid = q.pid};
	return E_OK;
}

/* A followed child: another target, with what its parent had.  Its own stop comes with
 * reason BORN. */
static struct he_target *child_of(struct he_target *parent, const struct wire_forked *q)
{
	struct he_target *t = target_new(parent->engine, parent->server, parent->ops);

	if (!t)
		return NULL;
	t->handle = q->handle;
	t->state = HE_RUNNING;
	t->born = true;
	t->pid = q->pid;
	t->start = q->start;
	t->arch_id = parent->arch_id;
	launched_inherit(t, parent);
	target_set_names(t, span_str(parent->comm), span_str(parent->exe));
	if (t->raw)
		raw_forked(t, parent, q->vfork);
	else
		breakpoints_forked(t, parent);
	return t;
}

static bool handle_taken(const struct he_target *t, uint32_t handle)
{
	for (const struct he_target *k = t->engine->targets; k; k = k->next)
		if (k->server == t->server && k->handle == handle)
			return true;
	return false;
}

static int forked(struct he_target *t, const struct wire_msg *m, struct he_event *ret)
{
	struct wire_forked q;

	if (!wire_decode_forked(m->body, &q))
		return E_MALFORMED;
	/* The agent's handles are its own half of them. */
	if (q.handle && (q.handle < HANDLE_AGENT || handle_taken(t, q.handle)))
		return E_PROTOCOL;
	if (!q.handle && t->raw)
		raw_let_go(t, q.pid);
	*ret = (struct he_event){.kind = HE_E_FORKED,
	    .tid = q.tid,
	    .number = q.pid,
	    .child = q.handle ? child_of(t, &q) : NULL};
	return E_OK;
}

static int released(struct he_target *t, const struct wire_msg *m, struct he_event *ret)
{
	struct wire_released q;

	if (!wire_decode_released(m->body, &q))
		return E_MALFORMED;
	target_gone(t, -1);
	*ret = (struct he_event){
	    .kind = HE_E_RELEASED, .status = -1, .ago_ms = q.ago_ms, .by_loss = q.why == E_LOST};
	snprintf(ret->text, sizeof(ret->text), "%s", err_text(q.why));
	return E_OK;
}

static int job_stopped(struct he_target *t, const struct wire_msg *m, struct he_event *ret)
{
	struct wire_job_stopped q;

	(void)t;
	if (!wire_decode_job_stopped(m->body, &q))
		return E_MALFORMED;
	*ret = (struct he_event){.kind = HE_E_JOB_STOPPED, .signal = q.signal};
	return E_OK;
}

static int job_continued(struct he_target *t, const struct wire_msg *m, struct he_event *ret)
{
	(void)t;
	(void)m;
	*ret = (struct he_event){.kind = HE_E_JOB_CONTINUED};
	return E_OK;
}

/* Its bytes stay the message's: whoever keeps the event copies them. */
static int output(struct he_target *t, const struct wire_msg *m, struct he_event *ret)
{
	struct wire_output q;

	if (!wire_decode_output(m->body, &q))
		return E_MALFORMED;
	if (!t->launched || q.stream < 1 || q.stream > 2)
		return E_PROTOCOL;
	*ret = (struct he_event){.kind = HE_E_OUTPUT,
	    .stream = q.stream,
	    .end = q.end,
	    .data = q.data.p,
	    .len = q.data.n};
	return E_OK;
}

int event_apply(struct he_target *t, const struct wire_msg *m, struct he_event *ret)
{
	static const struct {
		enum wire_type type;
		int (*apply)(struct he_target *, const struct wire_msg *, struct he_event *);
	} rows[] = {
	    {WIRE_stopped, stopped},
	    {WIRE_causes, causes},
	    {WIRE_signalled, signalled},
	    {WIRE_thread_born, thread_born},
	    {WIRE_thread_exited, thread_exited},
	    {WIRE_exited, exited},
	    {WIRE_executed, executed},
	    {WIRE_forked, forked},
	    {WIRE_released, released},
	    {WIRE_job_stopped, job_stopped},
	    {WIRE_job_continued, job_continued},
	    {WIRE_output, output},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].type == m->h.type)
			return rows[i].apply(t, m, ret);
	return E_UNKNOWN;
}
