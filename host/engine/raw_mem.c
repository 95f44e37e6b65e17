/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Memory and extended registers for a front end that asks for them in small pieces: what
 * it will probably ask for next comes along.
 *
 * A debugger that shows the stacks of a thousand threads asks each for its registers and
 * then up its stack, or, content with the general registers, for the stack at once.  So the
 * first question about a thread of which nothing but those is known brings a batch of
 * threads, with a window of each stack, and each batch is four times the one before.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/err.h"
#include "host/engine/raw_parts.h"
#include "host/errtext.h"

enum {
	RED_ZONE = 128, /* below the stack pointer, in use by leaf functions (psABI 3.2.2) */
	BATCH_MOST = 4096,
	PROT_WRITE_ = 2, /* of wire.def's map.prot */
	PROT_EXEC_ = 4,
	SPARE = 512, /* above what was asked for */
	ROW_LEAST = 16 * 1024,
	ROW_MOST = 4 * 1024 * 1024,
};

/* ---- code ----------------------------------------------------------------------------- */

size_t raw_code(const struct he_target *t, uint64_t addr, void *buf, size_t len)
{
	int why = 0;

	return memcache_get(t->raw->code, addr, buf, len, &why);
}

void raw_note_code(struct he_target *t, const struct wire_rec_chunk *c)
{
	const struct he_mapping *m = maps_find(&t->maps, c->addr);

	if (m && (m->prot & PROT_EXEC_) && c->kind == WIRE_BYTES && c->data.n == c->len)
		memcache_put(t->raw->code, c->addr, c->data.p, c->data.n);
}

/* ---- stacks ------------------------------------------------------------------------------ */

static bool pointer_of(struct he_target *t, const struct thread *h, uint64_t *sp)
{
	struct sym_regs regs;
	struct he_error *err;

	if (h->state != HE_T_STOPPED || !thread_regs(h, arch_x86_64.notes[0]))
		return false;
	err = target_sym_regs(t, h->tid, &regs);
	*sp = err ? 0 : regs.sp;
	he_error_free(err);
	return *sp > RED_ZONE;
}

/* The thread whose stack has addr, if one has: that with the nearest pointer below. */
static struct thread *owner(struct he_target *t, uint64_t addr, uint64_t *sp)
{
	struct thread *found = NULL;

	for (size_t i = 0; i < t->threads.n; i++) {
		struct thread *h = &t->threads.v[i];
		uint64_t at;

		if (!pointer_of(t, h, &at) || at - RED_ZONE > addr ||
		    addr - at + RED_ZONE > RAW_WINDOW_MOST || (found && at <= *sp))
			continue;
		found = h;
		*sp = at;
	}
	return found;
}

static struct mem_range page(uint64_t addr, size_t len)
{
	uint64_t lo = addr & ~(uint64_t)(MEMCACHE_PAGE - 1);

	return (struct mem_range){lo, ((addr + len - 1) | (MEMCACHE_PAGE - 1)) - lo + 1};
}

/* Below all mappings nothing is: debuggers look there for programs that they have not
 * found yet. */
static bool is_below(const struct he_target *t, uint64_t addr)
{
	return t->maps_fresh && t->maps.n && addr < t->maps.v[0].lo;
}

static struct mem_range some_page(struct he_target *t, uint64_t addr, size_t len)
{
	struct mem_range r = page(addr, len);

	if (is_below(t, r.addr + r.len - 1))
		memcache_put_unreadable(t->mem, r.addr, r.len, EFAULT);
	else if (!t->raw->ahead && t->maps.n)
		/* What has failed here the read behind it will say. */
		he_error_free(raw_fetch_ahead(t, r));
	return r;
}

/* Of files, or not to be written: no stack, however near. */
static bool is_other(const struct he_target *t, uint64_t addr)
{
	const struct he_mapping *m = maps_find(&t->maps, addr);

	return m && (m->ino || !(m->prot & PROT_WRITE_));
}

/* Two stacks have turned out to be deeper than what came of them: the others' of the
 * batches so far will be, too. */
static void deepen(struct he_target *t, uint32_t window)
{
	struct mem_range *v = calloc(t->threads.n + 1, sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; v && i < t->threads.n; i++) {
		struct thread *h = &t->threads.v[i];
		uint64_t sp;

		if (!h->fetched || h->fetched >= window || !pointer_of(t, h, &sp))
			continue;
		v[n++] = (struct mem_range){sp + h->fetched, window - h->fetched};
		h->fetched = window;
	}
	/* What has failed here the read behind it will say. */
	if (n)
		he_error_free(target_prefetch(t, v, n));
	t->raw->window = window;
	free(v);
}

/* A dump asks for one piece behind the other, as long as a packet: each time twice as much
 * comes, within its mapping. */
static struct mem_range row(struct he_target *t, uint64_t addr, size_t len)
{
	struct raw *r = t->raw;
	struct mem_range ret = page(addr, len);
	const struct he_mapping *m = maps_find(&t->maps, addr);
	uint64_t ahead = r->row * 2 < ROW_MOST ? r->row * 2 : ROW_MOST;

	if (m && ahead > m->hi - addr)
		ahead = m->hi - addr;
	if (m && addr <= r->row_end && r->row_end - addr < len && ahead > ret.len)
		ret.len = ahead;
	r->row_end = ret.addr + ret.len;
	r->row = ret.len;
	return ret;
}

/* ---- batches ------------------------------------------------------------------------------- */

struct haul {
	uint64_t *tids;
	struct mem_range *v;
	size_t n, n_v;
};

static void add(struct he_target *t, struct thread *h, struct haul *haul)
{
	uint32_t window = t->raw->window ? t->raw->window : RAW_WINDOW;
	uint64_t sp, lo;

	haul->tids[haul->n++] = h->tid;
	if (h->fetched || !pointer_of(t, h, &sp))
		return;
	lo = (sp - RED_ZONE) & ~(uint64_t)(RAW_LINE - 1);
	haul->v[haul->n_v++] = (struct mem_range){lo, sp + window - lo};
	h->fetched = window;
}

/* Those that lack it (note 0: their stack), from tid downwards: debuggers that show all begin
 * with the last. */
static void choose(struct he_target *t, uint64_t tid, uint32_t note, struct haul *haul)
{
	const struct threads *all = &t->threads;
	size_t at = 0;

	while (at < all->n && all->v[at].tid != tid)
		at++;
	for (size_t i = 0; i < all->n && haul->n < t->raw->batch; i++) {
		struct thread *h = &all->v[(at + all->n - i) % all->n];

		if (h->state == HE_T_STOPPED && (note ? !thread_regs(h, note) : !h->fetched))
			add(t, h, haul);
	}
}

static bool haul_init(struct he_target *t, struct haul *haul)
{
	struct raw *r = t->raw;

	r->batch = r->batch ? RAW_BATCH_GROWS * r->batch : RAW_BATCH;
	r->batch = r->batch < BATCH_MOST ? r->batch : BATCH_MOST;
	*haul = (struct haul){
	    .tids = calloc(r->batch, sizeof(*haul->tids)), .v = calloc(r->batch, sizeof(*haul->v))};
	return haul->tids && haul->v;
}

static void haul_deinit(struct haul *haul)
{
	free(haul->tids);
	free(haul->v);
}

struct he_error *raw_bring(struct he_target *t, uint64_t tid, const uint32_t *notes)
{
	struct he_error *err = NULL;
	struct haul haul;

	if (haul_init(t, &haul))
		choose(t, tid, notes[0], &haul);
	else
		err = he_error_new(E_NOMEM, "out of memory.");
	if (!err && haul.n)
		err = t->ops->bring(t, haul.tids, haul.n, notes, haul.v, haul.n_v);
	haul_deinit(&haul);
	return err;
}

/* What has failed here the read behind it will say. */
static void bring_stacks(struct he_target *t, uint64_t tid)
{
	struct haul haul;

	if (haul_init(t, &haul))
		choose(t, tid, 0, &haul);
	if (haul.n_v)
		he_error_free(target_prefetch(t, haul.v, haul.n_v));
	haul_deinit(&haul);
}

/* ---- what comes with a read ---------------------------------------------------------------- */

struct mem_range raw_surroundings(struct he_target *t, uint64_t addr, size_t len)
{
	struct raw *r = t->raw;
	uint64_t sp = 0, lo = addr & ~UINT64_C(63);
	bool small = len < RAW_WINDOW_MOST && !is_other(t, addr);
	struct thread *h = small ? owner(t, addr, &sp) : NULL;
	uint32_t window = RAW_WINDOW;

	if (len >= ROW_LEAST)
		return row(t, addr, len);
	if (!h || addr + len < sp)
		return some_page(t, addr, len);
	while (window < addr + len - sp + SPARE)
		window *= 2;
	if (!h->fetched && window == RAW_WINDOW)
		bring_stacks(t, h->tid);
	else if (h->fetched && r->deep && r->deep != h->tid && window <= RAW_WINDOW_ALL)
		deepen(t, window);
	r->deep = h->tid;
	if (h->fetched && h->fetched < window)
		h->fetched = window;
	return (struct mem_range){lo, sp + window - lo};
}

/* ---- for the front end --------------------------------------------------------------------- */

struct he_error *he_maps(struct he_target *t, const struct he_mapping **v, size_t *n)
{
	struct he_error *err = target_enter(t);

	if (err)
		return err;
	err = target_load_maps(t, false);
	if (!err) {
		*v = t->maps.v;
		*n = t->maps.n;
	}
	return target_leave(t, err);
}

struct he_error *he_auxv(struct he_target *t, const void **data, size_t *len)
{
	struct he_error *err = target_enter(t);

	if (err)
		return err;
	if (!t->auxv.len)
		err = target_load_maps(t, true);
	if (!err) {
		*data = t->auxv.p;
		*len = t->auxv.len;
	}
	return target_leave(t, err);
}
