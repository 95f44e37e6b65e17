/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Stops of raw targets: each cause as an event, and which of them is told when.
 */
#include <stdlib.h>

#include "common/err.h"
#include "common/clock.h"
#include "host/engine/engine.h"
#include "host/engine/raw_parts.h"
#include "host/errtext.h"

/* ---- siginfo ------------------------------------------------------------------------ */

static struct raw_info *info_of(const struct raw *r, uint64_t tid)
{
	for (size_t i = 0; i < r->n_info; i++)
		if (r->info[i].tid == tid)
			return &r->info[i];
	return NULL;
}

void raw_note_stop(struct he_target *t, const struct wire_rec_stop *s)
{
	struct raw *r = t->raw;
	struct raw_info *v = info_of(r, s->tid);

	if (!s->siginfo.n || s->siginfo.n > RAW_SIGINFO)
		return;
	if (!v) {
		if (r->n_info >= CAUSES_MAX ||
		    !raw_grow((void **)&r->info, r->n_info, sizeof(*r->info)))
			return;
		v = &r->info[r->n_info++];
	}
	v->tid = s->tid;
	v->len = s->siginfo.n;
	memcpy(v->data, s->siginfo.p, s->siginfo.n);
}

static struct he_error *no_info(uint64_t tid)
{
	return he_error_new(
	    E_STATE, "thread %llu stopped with no signal.", (unsigned long long)tid);
}

struct he_error *he_siginfo(struct he_target *t, uint64_t tid, void *buf, size_t *len)
{
	struct he_error *err = target_enter(t);
	const struct raw_info *v = !err && t->raw ? info_of(t->raw, tid) : NULL;

	if (err)
		return err;
	if (!v)
		return target_leave(t, no_info(tid));
	if (*len > v->len)
		*len = v->len;
	memcpy(buf, v->data, *len);
	return target_leave(t, NULL);
}

struct he_error *he_set_siginfo(struct he_target *t, uint64_t tid, const void *data, size_t len)
{
	struct he_error *err = target_enter(t);
	struct raw_info *v = !err && t->raw ? info_of(t->raw, tid) : NULL;

	if (err)
		return err;
	if (!v || !t->ops->siginfo_write)
		return target_leave(t, no_info(tid));
	if (len != v->len)
		return target_leave(
		    t, he_error_new(
			   E_MALFORMED, "a siginfo_t there has %u bytes, not %zu.", v->len, len));
	err = t->ops->siginfo_write(t, tid, data, len);
	if (!err)
		memcpy(v->data, data, len);
	return target_leave(t, err);
}

/* ---- who was told ------------------------------------------------------------------- */

bool raw_is_told(const struct raw *r, uint64_t tid)
{
	for (size_t i = 0; i < r->n_told; i++)
		if (r->told[i] == tid)
			return true;
	return false;
}

static void note_told(struct raw *r, uint64_t tid)
{
	if (!raw_is_told(r, tid) && raw_grow((void **)&r->told, r->n_told, sizeof(*r->told)))
		r->told[r->n_told++] = tid;
}

static void untell(struct raw *r, uint64_t tid)
{
	for (size_t i = r->n_told; i-- > 0;)
		if (!tid || r->told[i] == tid)
			r->told[i] = r->told[--r->n_told];
}

void raw_tell_all(struct he_target *t)
{
	t->raw->n_told = 0;
	for (size_t i = 0; i < t->threads.n; i++)
		if (t->threads.v[i].state == HE_T_STOPPED)
			note_told(t->raw, t->threads.v[i].tid);
}

static bool has_cause(const struct run *r, uint64_t tid)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->cause[i].tid == tid)
			return true;
	return false;
}

void raw_correct(struct he_target *t)
{
	for (size_t i = 0; t->raw->alone && i < t->threads.n; i++) {
		struct thread *h = &t->threads.v[i];

		if (h->state == HE_T_STOPPED && !h->fresh && !raw_is_told(t->raw, h->tid) &&
		    !has_cause(t->run, h->tid))
			h->state = HE_T_RUNNING;
	}
}

void raw_forget(struct he_target *t, uint64_t tid)
{
	struct raw *r = t->raw;

	for (size_t i = r->n_info; i-- > 0;)
		if (!tid || r->info[i].tid == tid)
			r->info[i] = r->info[--r->n_info];
	untell(r, tid);
	r->batch = 0;
	r->window = 0;
	r->deep = 0;
}

void raw_let_go(struct he_target *t, uint32_t pid)
{
	t->raw->let_go = pid;
}

/* ---- a cause as an event ---------------------------------------------------------------- */

static int64_t value_of(const struct cause *c)
{
	for (size_t i = 0; i < c->n_hits; i++)
		if (!c->hit[i].patch)
			return c->hit[i].value;
	return -1;
}

static void add_patch(struct he_event *ev, const struct raw_patch *p)
{
	for (size_t i = 0; i < ev->n_patches; i++)
		if (ev->patches[i] == p->id)
			return;
	if (ev->n_patches < HE_PATCHES_HIT)
		ev->patches[ev->n_patches++] = p->id;
}

/* Data first: the front end compares what was watched before it looks at anything else. */
static bool tell_patch(struct he_target *t, const struct cause *c, struct he_event *ev)
{
	ev->reason = HE_R_BREAKPOINT;
	for (size_t i = 0; i < c->n_hits; i++) {
		const struct raw_patch *p = raw_patch_of(t, c->hit[i].patch);

		if (!p)
			continue;
		add_patch(ev, p);
		ev->hardware = ev->hardware || p->kind == HE_PATCH_HARD;
		if (p->kind != HE_PATCH_WRITE && p->kind != HE_PATCH_ACCESS)
			continue;
		ev->reason = HE_R_WATCH;
		ev->break_kind = p->kind == HE_PATCH_WRITE ? HE_BREAK_WATCH : HE_BREAK_AWATCH;
		ev->data_addr = c->hit[i].addr;
	}
	/* Its pc was moved: it has not come there. */
	return ev->n_patches && !(c->moved && ev->reason == HE_R_BREAKPOINT);
}

static struct he_target *child_of(const struct he_target *t)
{
	struct he_target *k = t->engine->targets;

	while (k && (k->server != t->server || k->pid != t->raw->awaited || k == t))
		k = k->next;
	return k;
}

/* The front end will want to look at it at once. */
static struct he_target *await_child(struct he_target *t, uint32_t pid)
{
	uint64_t end = now_ms() + RAW_CHILD_MS, now;
	struct he_target *k = NULL;

	t->raw->awaited = pid;
	if (t->raw->follow == WIRE_FOLLOW_PARENT)
		return NULL;
	while ((!(k = child_of(t)) || k->state == HE_RUNNING) && t->state != HE_GONE &&
	       t->raw->let_go != pid) {
		now = now_ms();
		if (now >= end || !engine_take_up(t->engine, (int)(end - now)))
			break;
	}
	return k;
}

static void tell_caught(struct he_target *t, const struct cause *c, struct he_event *ev)
{
	ev->number = value_of(c);
	if (c->reason == WIRE_STOP_FORK || c->reason == WIRE_STOP_VFORK)
		ev->child = await_child(t, (uint32_t)ev->number);
	if (c->reason == WIRE_STOP_EXEC)
		snprintf(ev->text, sizeof(ev->text), "%s", t->exe);
}

static const struct row {
	enum he_reason reason;
	enum he_catch caught;
	uint32_t event; /* enum wire_caught that asks for it; 0 = it cannot be asked for */
	bool returned;
} rows[] = {
    [WIRE_STOP_SIGNAL] = {.reason = HE_R_SIGNAL},
    [WIRE_STOP_JOB] = {.reason = HE_R_JOB},
    [WIRE_STOP_EXEC] = {HE_R_CATCH, HE_CATCH_EXEC, WIRE_CATCH_EXEC, false},
    [WIRE_STOP_STEP] = {.reason = HE_R_STEP},
    [WIRE_STOP_SYSCALL] = {HE_R_CATCH, HE_CATCH_SYSCALL, WIRE_CATCH_SYSCALL, false},
    [WIRE_STOP_SYSRET] = {HE_R_CATCH, HE_CATCH_SYSCALL, WIRE_CATCH_SYSCALL, true},
    [WIRE_STOP_FORK] = {HE_R_CATCH, HE_CATCH_FORK, WIRE_CATCH_FORK, false},
    [WIRE_STOP_VFORK] = {HE_R_CATCH, HE_CATCH_VFORK, WIRE_CATCH_VFORK, false},
    [WIRE_STOP_VFORK_DONE] = {HE_R_CATCH, HE_CATCH_VFORK_DONE, WIRE_CATCH_VFORK, false},
    [WIRE_STOP_CLONE] = {HE_R_CATCH, HE_CATCH_CLONE, WIRE_CATCH_CLONE, false},
    [WIRE_STOP_EXIT] = {HE_R_CATCH, HE_CATCH_EXIT, WIRE_CATCH_EXIT, false},
    [WIRE_STOP_LAUNCH] = {.reason = HE_R_LAUNCH},
};

bool raw_tell(struct he_target *t, const struct cause *c, struct he_event *ev)
{
	struct he_event blank = *ev;
	const struct row *row = c->reason < sizeof(rows) / sizeof(*rows) ? &rows[c->reason] : NULL;

	ev->tid = c->tid;
	ev->signal = c->signal;
	if (c->reason == WIRE_STOP_PATCH) {
		if (tell_patch(t, c, ev))
			return true;
		*ev = blank;
		return false;
	}
	/* One that was asked for no more when it happened. */
	if (!row || !row->reason || (row->event && !(t->raw->events & row->event)))
		return false;
	ev->reason = row->reason;
	ev->caught = row->caught;
	ev->returned = row->returned;
	if (row->event)
		tell_caught(t, c, ev);
	return true;
}

/* ---- deciding: the first stops all ----------------------------------------------------- */

/* Worth more than that it stands. */
static bool is_strong(const struct cause *c)
{
	return c->reason != WIRE_STOP_REQUEST && c->reason != WIRE_STOP_BORN &&
	       c->reason != WIRE_STOP_JOB;
}

enum { STRONG = 1, WAITING = 2 };

/* The first that somebody wants to know; STRONG: those that are only stopped stay;
 * without WAITING those whose threads were not let run do, too. */
static bool tell_first(struct he_target *t, unsigned which, struct he_event *ev)
{
	struct run *r = t->run;

	for (size_t i = 0; i < r->n;) {
		struct cause c;
		bool tell;

		if ((which & STRONG && !is_strong(&r->cause[i])) ||
		    (!(which & WAITING) && r->cause[i].waits)) {
			i++;
			continue;
		}
		/* Taken out first: telling may take up events. */
		run_take(r, i, &c);
		tell = raw_tell(t, &c, ev);
		free(c.hit);
		if (tell)
			return true;
	}
	return false;
}

static bool any_stands(const struct he_target *t, uint64_t *tid)
{
	*tid = 0;
	for (size_t i = 0; i < t->threads.n && !*tid; i++)
		if (t->threads.v[i].state == HE_T_STOPPED)
			*tid = t->threads.v[i].tid;
	return *tid != 0;
}

/* It stopped for nothing: on with what it was told to do.  tid 0 = all. */
static struct he_error *go_on(struct he_target *t, uint64_t tid)
{
	const struct raw *r = t->raw;
	struct he_error *err;
	bool any = false;
	struct buf go;

	buf_init(&go, WIRE_PIECE);
	for (size_t i = 0; i < r->n_last; i++) {
		struct wire_rec_go one = r->last[i];

		if ((tid && one.tid && one.tid != tid) ||
		    (one.tid && !threads_find(&t->threads, one.tid)) || (tid && any))
			continue;
		one.tid = tid ? tid : one.tid;
		wire_put_go(&go, &one);
		any = true;
	}
	if (tid && !any)
		wire_put_go(&go, &(struct wire_rec_go){.tid = tid, .signal = -1});
	err = go.len ? flight_send(t, span_whole(&go), r->alone ? WIRE_STOPS_THREAD : WIRE_STOPS_ALL)
		     : NULL;
	buf_free(&go);
	return err;
}

static bool tell_request(struct he_target *t, struct he_event *ev)
{
	uint64_t tid;

	if (!any_stands(t, &tid))
		return false;
	ev->reason = HE_R_REQUEST;
	if (!ev->tid || !threads_find(&t->threads, ev->tid))
		ev->tid = tid;
	return true;
}

static bool decide_all(struct he_target *t, struct he_event *ev)
{
	struct run *run = t->run;
	struct raw *r = t->raw;
	struct he_error *err;
	uint64_t tid;
	bool tell;

	if (!r->went && !run->interrupting)
		return false; /* a late one: what it has to tell waits */
	if (ev->generation <= r->went_at)
		return false; /* from before it was let run */
	tell = tell_first(t, STRONG, ev) || tell_first(t, 0, ev);
	if (!tell && run->interrupting)
		tell = tell_request(t, ev);
	if (!tell && t->state != HE_GONE && any_stands(t, &tid)) {
		bool overtaken;

		err = go_on(t, 0);
		overtaken = flight_overtaken(err);
		he_error_free(err);
		if (!err || overtaken)
			return false;
		tell = tell_request(t, ev);
	}
	if (tell)
		r->went = run->interrupting = false;
	return tell;
}

/* ---- deciding: each by itself ------------------------------------------------------------ */

/* The first goes back to who waits, the others follow. */
static void tell_one(
    struct he_target *t, const struct he_event *one, struct he_event *ev, bool *told)
{
	note_told(t->raw, one->tid);
	if (*told)
		engine_keep_event(t->engine, one);
	else
		*ev = *one;
	*told = true;
}

/* Telling of a fork awaits the child, and further stops are taken up meanwhile: of this thread,
 * whose cause is out of the list by then, they are to know. */
static bool tell_each(struct he_target *t, const struct cause *c, struct he_event *one)
{
	bool before = raw_is_told(t->raw, c->tid), tell;

	note_told(t->raw, c->tid);
	tell = raw_tell(t, c, one);
	if (!tell && !before) {
		untell(t->raw, c->tid);
		if (is_strong(c))
			he_error_free(go_on(t, c->tid));
	}
	return tell;
}

static bool decide_each(struct he_target *t, struct he_event *ev)
{
	struct he_event blank = *ev, one;
	struct run *r = t->run;
	bool told = false;

	t->run->interrupting = false;
	while (r->n) {
		struct cause c;

		run_take(r, 0, &c);
		one = blank;
		if (tell_each(t, &c, &one))
			tell_one(t, &one, ev, &told);
		free(c.hit);
	}
	/* Those that were asked to stand. */
	for (size_t i = 0; i < t->threads.n; i++) {
		const struct thread *h = &t->threads.v[i];

		if (h->state != HE_T_STOPPED || raw_is_told(t->raw, h->tid))
			continue;
		one = blank;
		one.tid = h->tid;
		one.reason = HE_R_REQUEST;
		tell_one(t, &one, ev, &told);
	}
	return told;
}

/* A followed child's own first stop; where its parent's fork is told, that was it. */
static bool is_birth(struct he_target *t, struct he_event *ev, bool *tell)
{
	bool birth = t->born;

	t->born = false;
	if (!birth)
		return false;
	*tell = !(t->raw->events & (WIRE_CATCH_FORK | WIRE_CATCH_VFORK));
	raw_attached(t);
	ev->tid = t->pid;
	ev->reason = HE_R_BORN;
	return true;
}

bool raw_decide(struct he_target *t, struct he_event *ev)
{
	bool tell;

	if (is_birth(t, ev, &tell))
		return tell;
	return t->raw->alone ? decide_each(t, ev) : decide_all(t, ev);
}

void raw_attached(struct he_target *t)
{
	struct run *r = t->run;

	for (size_t i = r->n; i-- > 0;) {
		struct cause c;

		if (is_strong(&r->cause[i]) && r->cause[i].reason != WIRE_STOP_LAUNCH)
			continue;
		run_take(r, i, &c);
		free(c.hit);
	}
	raw_tell_all(t);
}

bool he_also_stopped(struct he_target *t, struct he_event *ret)
{
	struct he_event ev = {
	    .kind = HE_E_STOPPED, .target = t, .server = t->server, .generation = t->generation};

	if (!t->raw || t->raw->alone || t->state == HE_GONE ||
	    !tell_first(t, STRONG | WAITING, &ev))
		return false;
	*ret = ev;
	return true;
}
