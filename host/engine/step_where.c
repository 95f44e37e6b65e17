/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where a thread stands, as stepping wants to know it.
 */
#include <string.h>

#include "host/engine/step.h"

enum { STEP_WINDOW = 16 * 1024 };

bool frame_same(const struct frame_id *a, const struct frame_id *b)
{
	return a->cfa == b->cfa && a->function == b->function && a->depth == b->depth &&
	       a->die == b->die;
}

static unsigned beginning(const struct spot *spot)
{
	unsigned n = 0;

	while (n < spot->n_inlined && spot->inlined[n].begins)
		n++;
	return n;
}

unsigned step_hidden(const struct thread *h, const struct spot *spot)
{
	unsigned n = beginning(spot);

	return n > h->entered ? n - h->entered : 0;
}

void target_enter_inlined(struct he_target *t, uint64_t tid, uint64_t pc, const char *function)
{
	struct thread *h = threads_find(&t->threads, tid);
	struct spot spot;
	unsigned n, k = 0;

	if (!h || !function || !t->symbols)
		return;
	he_error_free(symbols_spot(t->symbols, pc, &spot));
	n = beginning(&spot);
	while (k < n && (!spot.inlined[k].function || strcmp(spot.inlined[k].function, function)))
		k++;
	if (h->entered < n - k)
		h->entered = n - k;
}

unsigned target_hidden(struct he_target *t, uint64_t tid)
{
	const struct thread *h;
	struct sym_regs regs;
	struct spot spot;
	struct he_error *err = target_sym_regs(t, tid, &regs);

	if (!err && t->symbols)
		err = symbols_spot(t->symbols, regs.pc, &spot);
	h = threads_find(&t->threads, tid);
	if (!err && t->symbols && h)
		return step_hidden(h, &spot);
	/* Whoever asks will meet that himself. */
	he_error_free(err);
	return 0;
}

static void take_frames(struct standing *w, const struct near_frame *v, unsigned n)
{
	w->cfa = v[0].cfa;
	w->trampoline = v[0].signal;
	w->has_caller = n > 1;
	if (n > 1) {
		w->caller = v[1].regs;
		w->caller_cfa = v[1].cfa;
	}
	if (n > 2 && v[1].signal) {
		w->handler = true;
		w->interrupted = v[2].regs;
		w->interrupted_cfa = v[2].cfa;
	}
}

struct he_error *step_frames(struct he_target *t, const struct sym_regs *regs, struct near_frame *v,
    unsigned max, unsigned *n)
{
	struct stack_reading reading = {.window = STEP_WINDOW};
	struct he_error *err;
	struct symbols *s;

	err = target_symbols(t, &s);
	if (err)
		return err;
	t->reading = &reading;
	err = symbols_near_frames(s, regs, v, max, n);
	t->reading = NULL;
	return target_symbol_outcome(t, err);
}

/* The frame that is shown: an inlined call that only begins here is still ahead. */
static void choose_frame(struct standing *w)
{
	const struct spot *p = &w->spot;
	unsigned k = w->hidden;

	w->id = (struct frame_id){.cfa = w->cfa,
	    .function = p->function,
	    .depth = p->n_inlined - k,
	    .die = k < p->n_inlined ? p->inlined[k].die : 0};
	w->file = k ? p->inlined[k - 1].file : p->file;
	w->line = k ? p->inlined[k - 1].line : p->line;
}

void step_enter(struct he_target *t, struct standing *now)
{
	struct thread *h = threads_find(&t->threads, now->tid);

	if (!h || !now->hidden)
		return;
	h->entered++;
	now->hidden--;
	choose_frame(now);
}

struct he_error *step_where(struct he_target *t, uint64_t tid, struct standing *ret)
{
	struct near_frame v[3];
	unsigned n = 0;
	struct thread *h;
	struct he_error *err = target_thread(t, tid, &h);

	*ret = (struct standing){.tid = tid};
	if (!err)
		err = target_sym_regs(t, tid, &ret->regs);
	if (!err)
		err = step_frames(t, &ret->regs, v, 3, &n);
	if (!err)
		err = symbols_spot(t->symbols, ret->regs.pc, &ret->spot);
	if (err)
		return err;
	take_frames(ret, v, n);
	/* Found again: reading may have taken up events. */
	err = target_thread(t, tid, &h);
	if (err)
		return err;
	ret->hidden = step_hidden(h, &ret->spot);
	choose_frame(ret);
	return NULL;
}
