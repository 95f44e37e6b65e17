/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Backtraces: registers, a window of each stack and the symbol side brought together.
 *
 * Of a stack a window is fetched first, then more as the unwinder needs it, each time
 * twice as much.  For the stacks of all threads the same is done in rounds: unwind
 * every thread as far as its memory goes, note what each lacks, fetch all that in one
 * request.  Whatever is finished that way is kept for the he_backtrace that will
 * ask for it.
 */
#include <stdlib.h>

#include "common/err.h"
#include "host/errtext.h"
#include "host/engine/target.h"

enum {
	RED_ZONE = 128, /* below the stack pointer, in use by leaf functions (psABI 3.2.2) */
	WINDOW_ONE = 16 * 1024,        /* first of a single stack */
	WINDOW_MORE = 64 * 1024,       /* when that, or what came with the stop, will not do */
	WINDOW_LEAST = 1536,           /* first of each of many */
	WINDOW_MOST = 1024 * 1024,     /* it grows to this */
	FIRST_ROUND = 1536 * 1024,     /* what the first windows of all threads may come to */
	ALL_ROUNDS = 64 * 1024 * 1024, /* and all rounds together */
	ROUNDS = 12,
	CAME_ALONG = 1024, /* so much of a window in the cache is a window */
	VDSO_MOST = 64 * 1024,
	KEPT_FRAMES = 2048, /* a longer stack is not kept, but unwound again when asked for */
	PROT_WRITE_ = 2,    /* of wire.def's map.prot */
};

/* ---- memory while unwinding ------------------------------------------------------- */

static struct mem_range clip(const struct he_mapping *m, uint64_t lo, uint64_t len)
{
	uint64_t room;

	if (lo < m->lo)
		lo = m->lo;
	room = m->hi - lo;
	return (struct mem_range){lo, len < room ? len : room};
}

/* Not the mapping of the stack pointer alone: signal handlers run on stacks of their own. */
static bool like_stack(const struct he_mapping *m)
{
	return m && (m->prot & PROT_WRITE_) && !m->ino;
}

/* More of the stack, from addr up. */
static void more_stack(struct he_target *t, const struct he_mapping *m, uint64_t addr)
{
	struct stack_reading *s = t->reading;
	struct mem_range r = clip(m, addr & ~UINT64_C(63), s->window);

	if (s->window < WINDOW_MOST)
		s->window *= 4; /* each time somebody waits for the link */
	t->trouble = target_prefetch(t, &r, 1);
}

size_t stack_read(void *target, uint64_t addr, void *buf, size_t len)
{
	struct he_target *t = target;
	struct stack_reading *s = t->reading;
	const struct he_mapping *m;
	int why = 0;
	size_t got = memcache_get(t->mem, addr, buf, len, &why);

	if (got == len || why)
		return got;
	m = maps_find(&t->maps, addr + got);
	if (like_stack(m) && s->probe) {
		s->missed = true;
		s->at = addr + got;
		return got;
	}
	if (like_stack(m))
		more_stack(t, m, addr + got);
	if (!t->trouble)
		t->trouble = target_read(t, addr, buf, len, &got, &why);
	return t->trouble ? 0 : got;
}

/* ---- one stack ----------------------------------------------------------------------- */

static struct mem_range first_window(
    const struct he_target *t, const struct sym_regs *regs, uint32_t window)
{
	const struct he_mapping *m = maps_find(&t->maps, regs->sp);

	return m ? clip(m, regs->sp - RED_ZONE, window) : (struct mem_range){0};
}

/* The vdso's image is only in the target's memory: a thread that stands in it is
 * unwound with it. */
static struct mem_range vdso_at(const struct he_target *t, uint64_t pc)
{
	const struct he_mapping *m = maps_find(&t->maps, pc);

	if (!m || strcmp(m->name, "[vdso]") != 0)
		return (struct mem_range){0};
	return clip(m, m->lo, VDSO_MOST);
}

/* The mappings came with the attach, perhaps from before everything stood. */
static struct he_error *maps_with(struct he_target *t, const struct sym_regs *regs)
{
	struct he_error *err = target_load_maps(t, false);

	if (err || t->state == HE_FROZEN)
		return err;
	if (maps_find(&t->maps, regs->sp) && maps_find(&t->maps, regs->pc))
		return NULL;
	if (t->maps_retried)
		return NULL;
	t->maps_retried = true;
	return target_load_maps(t, true);
}

static struct he_error *unwind(struct he_target *t, const struct sym_regs *regs, unsigned max,
    struct stack_reading *reading, enum he_end fault_end, struct he_stack **ret)
{
	struct he_stack *got = NULL;
	struct he_error *err;
	struct symbols *s;

	err = target_symbols(t, &s);
	t->reading = reading;
	if (!err)
		err = symbols_backtrace(s, regs, max, fault_end, &got);
	t->reading = NULL;
	err = target_symbol_outcome(t, err);
	if (err)
		he_stack_free(got);
	else
		*ret = got;
	return err;
}

static bool came_along(const struct he_target *t, const struct mem_range *r)
{
	uint64_t len = r->len < CAME_ALONG ? r->len : CAME_ALONG;

	return memcache_missing(t->mem, r->addr, len).len == 0;
}

/* ---- what its end says --------------------------------------------------------------- */

static struct he_error *no_memory(void)
{
	return he_error_new(E_NOMEM, "out of memory.");
}

/* Nothing is wrong with that memory: a stack that goes on elsewhere (below a handler on
 * a stack of its own, say) is not in the thread's window. */
static struct he_error *not_gathered(struct he_stack *s, uint64_t addr)
{
	char *text;

	if (asprintf(&text, "cut: the snapshot did not gather the stack at 0x%llx",
		(unsigned long long)addr) < 0)
		return no_memory();
	free(s->end_text);
	s->end_text = text;
	s->end = HE_END_WINDOW;
	return NULL;
}

static struct he_error *unwind_one(
    struct he_target *t, const struct thread *h, unsigned max, struct he_stack **ret)
{
	/* A snapshot has no more than it has. */
	struct stack_reading reading = {.window = WINDOW_MORE, .probe = t->state == HE_FROZEN};
	enum he_end end = h->cut ? HE_END_WINDOW : HE_END_FAULT;
	struct mem_range first[2];
	struct sym_regs regs;
	struct he_error *err = target_sym_regs(t, h->tid, &regs);

	if (!err)
		err = maps_with(t, &regs);
	if (err)
		return err;
	first[0] = first_window(t, &regs, WINDOW_ONE);
	first[1] = vdso_at(t, regs.pc);
	/* What came with the stop may do; unwinding asks for more if need be. */
	if (came_along(t, &first[0]))
		first[0].len = 0;
	err = target_prefetch(t, first, 2);
	if (!err)
		err = unwind(t, &regs, max, &reading, end, ret);
	if (!err && reading.missed && (*ret)->end == HE_END_FAULT) {
		err = not_gathered(*ret, reading.at);
		if (err)
			he_stack_free(*ret);
	}
	return err;
}

/* The bound of a snapshot, in its own words. */
static struct he_error *name_bound(const struct thread *h, struct he_stack *s)
{
	char *text;

	if (s->end != HE_END_WINDOW || !h->cut)
		return NULL;
	if (asprintf(&text, "cut after %llu KiB of %llu KiB: the snapshot's bound",
		(unsigned long long)h->cut_got / 1024, (unsigned long long)h->cut_want / 1024) < 0)
		return no_memory();
	free(s->end_text);
	s->end_text = text;
	return NULL;
}

static struct he_error *running(const struct thread *h, struct he_stack **ret)
{
	struct he_stack *s = symbols_no_stack(HE_END_RUNNING,
	    h->state == HE_T_EXITING ? "the thread is ending" : "the thread is running");

	if (!s)
		return no_memory();
	*ret = s;
	return NULL;
}

/* ---- for the caller --------------------------------------------------------------------- */

/* A stack unwound ahead goes to the first who asks for all of it. */
static bool take_kept(struct thread *h, unsigned max, struct he_stack **ret)
{
	if (!h->stack || (max && max < h->stack->n))
		return false;
	*ret = h->stack;
	h->stack = NULL;
	return true;
}

/* Inlined calls that only begin where the thread stands have not been made yet. */
static void hide_inlined(struct he_target *t, uint64_t tid, struct he_stack *s)
{
	unsigned n = s->n && s->v[0].inlined ? target_hidden(t, tid) : 0;

	if (!n || n >= s->n)
		return;
	s->n -= n;
	memmove(s->v, s->v + n, s->n * sizeof(*s->v));
	s->v[0].at_line = true;
}

static struct he_error *backtrace(
    struct he_target *t, uint64_t tid, unsigned max, struct he_stack **ret)
{
	struct thread *h;
	struct he_error *err = target_thread(t, tid, &h);

	if (err)
		return err;
	if (h->state != HE_T_STOPPED)
		return running(h, ret);
	if (take_kept(h, max, ret))
		return NULL;
	err = unwind_one(t, h, max, ret);
	if (!err)
		err = name_bound(h, *ret);
	return err;
}

struct he_error *he_backtrace(
    struct he_target *t, uint64_t tid, unsigned max, struct he_stack **ret)
{
	struct he_error *err = target_enter(t);
	struct he_stack *got = NULL;

	if (err)
		return err;
	err = backtrace(t, tid, max, &got);
	if (!err)
		hide_inlined(t, tid, got);
	err = target_leave(t, err);
	if (err)
		he_stack_free(got);
	else
		*ret = got;
	return err;
}

/* ---- all stacks ------------------------------------------------------------------------- */

/* A thread on its way through the rounds. */
struct runner {
	uint64_t tid;
	struct sym_regs regs;
	struct mem_range want; /* len 0: nothing */
	uint32_t window;
	bool done;
};

struct race {
	struct runner *v;
	size_t n;
	struct mem_range *ranges; /* n + 1 */
	uint64_t bytes;           /* fetched so far */
};

static struct he_error *line_up(struct he_target *t, struct race *r)
{
	uint32_t window;

	for (size_t i = 0; i < t->threads.n; i++) {
		const struct thread *h = &t->threads.v[i];
		struct he_error *err;

		if (h->state != HE_T_STOPPED || h->stack)
			continue;
		err = target_sym_regs(t, h->tid, &r->v[r->n].regs);
		if (err && (err->code == E_LOST || err->code == E_CANCELLED))
			return err;
		if (err)
			he_error_free(err);
		else
			r->v[r->n++].tid = h->tid;
	}
	window = r->n ? (uint32_t)(FIRST_ROUND / r->n) & ~511u : 0;
	window = window < WINDOW_LEAST ? WINDOW_LEAST : window > WINDOW_ONE ? WINDOW_ONE : window;
	for (size_t i = 0; i < r->n; i++) {
		r->v[i].window = window;
		r->v[i].want = first_window(t, &r->v[i].regs, window);
	}
	return NULL;
}

/* One request for what all of them lack. */
static struct he_error *fetch_round(struct he_target *t, struct race *r, bool first)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		if (!r->v[i].done && r->v[i].want.len) {
			r->ranges[n++] = r->v[i].want;
			r->bytes += r->v[i].want.len;
		}
	for (size_t i = 0; first && i < r->n && !r->ranges[n].len; i++)
		r->ranges[n] = vdso_at(t, r->v[i].regs.pc);
	n += r->ranges[n].len != 0;
	return n ? target_prefetch(t, r->ranges, n) : NULL;
}

static void keep_stack(struct he_target *t, uint64_t tid, struct he_stack *s)
{
	struct thread *h = threads_find(&t->threads, tid);

	if (!h || h->stack || s->n > KEPT_FRAMES)
		he_stack_free(s);
	else
		h->stack = s;
}

static struct he_error *run_one(struct he_target *t, struct runner *w)
{
	struct stack_reading reading = {.probe = true};
	struct he_stack *s = NULL;
	struct he_error *err = unwind(t, &w->regs, 0, &reading, HE_END_FAULT, &s);
	const struct he_mapping *m;

	w->want.len = 0;
	if (err)
		return err;
	m = reading.missed ? maps_find(&t->maps, reading.at) : NULL;
	if (!m) {
		w->done = true;
		keep_stack(t, w->tid, s);
		return NULL;
	}
	he_stack_free(s);
	if (w->window < WINDOW_MOST)
		w->window *= 2;
	w->want = clip(m, reading.at & ~UINT64_C(63), w->window);
	return NULL;
}

/* False in *more: every thread is done. */
static struct he_error *run_all(struct he_target *t, struct race *r, bool *more)
{
	*more = false;
	for (size_t i = 0; i < r->n; i++) {
		struct he_error *err = r->v[i].done ? NULL : run_one(t, &r->v[i]);

		if (err && (err->code == E_LOST || err->code == E_CANCELLED))
			return err;
		if (err) {
			/* Its own he_backtrace will say it. */
			r->v[i].done = true;
			he_error_free(err);
		}
		*more = *more || !r->v[i].done;
	}
	return NULL;
}

static struct he_error *race(struct he_target *t, struct race *r)
{
	struct he_error *err = line_up(t, r);
	bool more = r->n > 0;

	for (unsigned round = 0; !err && more && round < ROUNDS && r->bytes < ALL_ROUNDS; round++) {
		err = fetch_round(t, r, round == 0);
		if (!err)
			err = run_all(t, r, &more);
	}
	return err;
}

static struct he_error *prefetch(struct he_target *t)
{
	struct he_error *err = target_load_regs(t);
	struct race r = {0};

	if (!err)
		err = target_load_maps(t, false);
	if (err || !t->threads.n)
		return err;
	r.v = calloc(t->threads.n, sizeof(*r.v));
	r.ranges = calloc(t->threads.n + 1, sizeof(*r.ranges));
	err = r.v && r.ranges ? race(t, &r) : no_memory();
	free(r.v);
	free(r.ranges);
	return err;
}

struct he_error *he_prefetch_stacks(struct he_target *t)
{
	struct he_error *err = target_enter(t);

	if (err)
		return err;
	/* A snapshot has what it has; of what runs nothing could be kept. */
	return target_leave(t, t->state == HE_STOPPED ? prefetch(t) : NULL);
}
