/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A step by lines: GDB's rules about where it ends (infrun.c, process_event_stop_test),
 * and how to get to the next place where they have to be asked.
 */
#include <elf.h>
#include <string.h>

#include "common/err.h"
#include "host/engine/step.h"
#include "host/errtext.h"

static bool into(const struct step *st)
{
	return st->how == HE_STEP_INTO;
}

static bool same_file(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* ---- how to go on --------------------------------------------------------------------------- */

/* Is it a function to be shown?  The dynamic linker is at work behind the scenes only. */
static bool has_lines(const struct step *st, const struct spot *spot)
{
	uint64_t linker = target_auxv(st->target, AT_BASE);

	return spot->line && !spot->chooses && !(linker && spot->module == linker);
}

/* Where a step into the function at entry would end; 0: it has no lines, the step goes over
 * it. */
static struct he_error *way_in(struct step *st, uint64_t entry, uint64_t *ret)
{
	struct symbols *s = st->target->symbols;
	struct spot spot;
	struct he_error *err = symbols_spot(s, entry, &spot);

	*ret = 0;
	if (err || !has_lines(st, &spot))
		return err;
	return symbols_step_in(s, entry, ret);
}

/* A stub of the procedure linkage table, named or not. */
static bool is_stub(struct step *st, uint64_t addr)
{
	struct symbols *s = st->target->symbols;
	uint64_t slot = 0;
	struct spot spot;
	struct he_error *err;

	if (symbols_stub(s, addr))
		return true;
	err = symbols_spot(s, addr, &spot);
	if (!err && !spot.line)
		err = step_slot(st->target, addr, &slot);
	he_error_free(err);
	return slot != 0;
}

static void take_first(void *arg, const struct spot_symbol *sym)
{
	struct spot_symbol *ret = arg;

	if (!ret->addr)
		*ret = *sym;
}

/* Past a stub that was called in front of next: to what its slot holds; where that is not
 * bound yet, to what has its name, but of such that choose the function only when they are
 * called nobody knows. */
static struct he_error *plan_past_stub(struct step *st, uint64_t stub, uint64_t next, uint64_t cfa)
{
	struct he_target *t = st->target;
	const char *name = symbols_stub(t->symbols, stub);
	uint64_t slot = 0, holds = 0, place = 0;
	struct spot_symbol named = {0};
	struct he_error *err = step_slot(t, stub, &slot);

	if (!err && slot)
		err = step_word(t, slot, &holds);
	if (!err && holds && !step_unbound(t, holds)) {
		err = way_in(st, holds, &place);
		return err || !place ? err : plan_called(st, place, next, cfa);
	}
	if (!err && name)
		err = symbols_each_named(t->symbols, name, take_first, &named);
	if (!err && named.addr && !named.chooses)
		err = way_in(st, named.addr, &place);
	if (!err && place)
		return plan_called(st, place, next, cfa);
	return err || !holds ? err : plan_bound(st, holds, next);
}

/* The slots of all stubs that are called, in one request. */
static struct he_error *have_slots(struct step *st, const struct code_ways *w)
{
	struct mem_range v[CODE_WAYS];
	struct he_error *err = NULL;
	size_t n = 0;

	for (unsigned i = 0; i < w->n_calls && !err; i++) {
		uint64_t slot = 0, target = w->calls[i].target;

		if (target && is_stub(st, target))
			err = step_slot(st->target, target, &slot);
		if (slot)
			v[n++] = (struct mem_range){slot, 8};
	}
	return err || !n ? err : target_prefetch(st->target, v, n);
}

static struct he_error *plan_call(
    struct step *st, const struct standing *now, const struct code_call *c)
{
	uint64_t place = 0;
	struct he_error *err;

	if (!c->target)
		return plan_in_frame(st, c->at, now->cfa);
	if (is_stub(st, c->target))
		return plan_past_stub(st, c->target, c->next, now->cfa);
	err = way_in(st, c->target, &place);
	return err || !place ? err : plan_called(st, place, c->next, now->cfa);
}

static struct he_error *plan_calls(
    struct step *st, const struct standing *now, const struct code_ways *w)
{
	struct he_error *err = into(st) ? have_slots(st, w) : NULL;

	for (unsigned i = 0; i < w->n_calls && into(st) && !err; i++)
		err = plan_call(st, now, &w->calls[i]);
	return err || !w->n_calls ? err : plan_hooks(st, now->regs.sp);
}

/* Patches at every way out, and off it goes. */
static struct he_error *plan_ways(
    struct step *st, const struct standing *now, const struct code_ways *w)
{
	struct he_error *err = NULL;

	for (unsigned i = 0; i < w->n_exits && !err; i++)
		err = plan_in_frame(st, w->exits[i], now->cfa);
	for (unsigned i = 0; i < w->n_computed && !err; i++)
		err = plan_in_frame(st, w->computed[i], now->cfa);
	if (!err && w->returns)
		err = plan_out(st, now);
	return err ? err : plan_calls(st, now, w);
}

static bool calls_unknown_now(
    const struct step *st, const struct standing *now, const struct code_ways *w)
{
	return into(st) && w->n_calls && w->calls[0].at == now->regs.pc && !w->calls[0].target;
}

/* Out of [lo, hi), or into a call it makes. */
static struct he_error *plan_leave(
    struct step *st, const struct standing *now, uint64_t lo, uint64_t hi)
{
	uint64_t pc = now->regs.pc;
	struct code_ways w;
	struct he_error *err;

	plan_begin(st);
	if (pc < lo || pc >= hi) {
		plan_insn(st);
		return NULL;
	}
	err = step_code(st->target, &now->regs, lo, hi, &w);
	if (err)
		return err;
	if (w.computed_now || calls_unknown_now(st, now, &w))
		plan_insn(st);
	else if (w.known && (w.loops || w.n_calls) && (!w.returns || now->has_caller))
		return plan_ways(st, now, &w);
	else
		plan_range(st, lo, hi);
	return NULL;
}

/* The function that is called has nothing to be stepped through. */
static struct he_error *plan_through(struct step *st, const struct standing *now)
{
	struct he_error *err;

	plan_begin(st);
	err = plan_out(st, now);
	return err ? err : plan_hooks(st, now->cfa);
}

/* To where a signal's handler was called from. */
static struct he_error *plan_back(struct step *st, const struct sym_regs *interrupted)
{
	plan_begin(st);
	return plan_above(st, interrupted->pc, interrupted->sp);
}

static struct he_error *plan_stub(struct step *st, const struct standing *now)
{
	struct he_error *err = plan_through(st, now);

	return err ? err : plan_past_stub(st, now->regs.pc, now->caller.pc, now->cfa);
}

/* ---- the rules ------------------------------------------------------------------------------- */

enum judgement {
	JUDGE_DONE,
	JUDGE_KEEP,    /* still in the line, or in what does not count */
	JUDGE_REFRESH, /* amid another line: to its end */
	JUDGE_AMID,    /* the same, but of that line the beginning would count */
	JUDGE_IN,      /* at the beginning of a function to be shown */
	JUDGE_OUT,     /* in a function that is gone through */
	JUDGE_STUB,
	JUDGE_RETURNED, /* a signal's handler did */
	JUDGE_HANDLER,  /* a signal came: its handler runs by itself */
};

static bool inside(const struct step *st, const struct standing *now)
{
	return now->cfa == st->id.cfa && now->regs.pc >= st->lo && now->regs.pc < st->hi;
}

/* Is the frame that is shown an inlined call, made (perhaps through others) by the one
 * that is stepped? */
static bool inlined_in(const struct step *st, const struct standing *now)
{
	const struct spot *p = &now->spot;

	if (!now->id.depth || now->cfa != st->id.cfa || p->function != st->id.function)
		return false;
	for (unsigned k = now->hidden + 1; k <= p->n_inlined; k++) {
		struct frame_id outer = {now->cfa, p->function, p->n_inlined - k,
		    k < p->n_inlined ? p->inlined[k].die : 0};

		if (frame_same(&outer, &st->id))
			return true;
	}
	return false;
}

static enum judgement judge_called(struct step *st, const struct standing *now)
{
	if (!into(st))
		return JUDGE_OUT;
	if (has_lines(st, &now->spot))
		return JUDGE_IN;
	return is_stub(st, now->regs.pc) ? JUDGE_STUB : JUDGE_OUT;
}

static enum judgement judge_line(const struct step *st, const struct standing *now)
{
	const struct spot *p = &now->spot;
	bool other = p->line != st->line || !same_file(p->file, st->file);

	if (frame_same(&now->id, &st->id) && now->hidden) {
		bool here = now->line == st->line && same_file(now->file, st->file);

		return here && !into(st) ? JUDGE_KEEP : JUDGE_DONE;
	}
	if (inlined_in(st, now))
		return into(st) ? JUDGE_DONE : JUDGE_KEEP;
	if (!other || now->regs.pc != p->lo)
		return JUDGE_REFRESH;
	if (p->statement)
		return JUDGE_DONE;
	return frame_same(&now->id, &st->id) ? JUDGE_KEEP : JUDGE_AMID;
}

static enum judgement judge(struct step *st, const struct standing *now)
{
	if (inside(st, now))
		return JUDGE_KEEP;
	if (now->trampoline)
		return JUDGE_RETURNED;
	if (now->handler && now->interrupted_cfa == st->id.cfa)
		return st->enters && now->spot.line ? JUDGE_DONE : JUDGE_HANDLER;
	if (now->has_caller && now->cfa != st->id.cfa && now->caller_cfa == st->id.cfa)
		return judge_called(st, now);
	if (into(st) && !now->spot.line && is_stub(st, now->regs.pc))
		return JUDGE_STUB;
	if (into(st) && !now->spot.name && !now->spot.line && now->has_caller)
		return JUDGE_OUT;
	if (!now->spot.line)
		return JUDGE_DONE;
	return judge_line(st, now);
}

/* ---- what follows from them --------------------------------------------------------------------
 */

/* GDB's set_step_info. */
static void refresh(struct step *st, const struct standing *now)
{
	st->id = now->id;
	st->file = now->spot.file;
	st->line = now->spot.line;
	st->lo = now->spot.lo;
	st->hi = now->spot.hi;
}

/* The largest piece of code around the pc in which nothing has to be judged. */
static struct he_error *plan_keep(struct step *st, const struct standing *now)
{
	const struct spot *p = &now->spot;
	unsigned k;

	if (inside(st, now))
		return plan_leave(st, now, st->lo, st->hi);
	if (!inlined_in(st, now))
		return plan_leave(st, now, p->lo, p->hi);
	k = p->n_inlined - st->id.depth - 1;
	return plan_leave(st, now, p->inlined[k].lo, p->inlined[k].hi);
}

static struct he_error *plan_in(struct step *st, const struct standing *now, enum step_outcome *ret)
{
	uint64_t place = 0, entry = now->spot.function;
	struct he_error *err = entry ? way_in(st, entry, &place) : NULL;

	if (err)
		return err;
	if (now->regs.pc >= place || now->regs.pc < entry) {
		*ret = STEP_DONE;
		return NULL;
	}
	plan_begin(st);
	return plan_in_frame(st, place, now->cfa);
}

/* A call of an inlined function on the line that is stepped through: into it. */
static void enter_inlined(struct step *st, struct standing *now)
{
	if (into(st) && frame_same(&now->id, &st->id) && now->line == st->line &&
	    same_file(now->file, st->file))
		step_enter(st->target, now);
}

static struct he_error *go_by(
    struct step *st, struct standing *now, enum judgement j, enum step_outcome *ret)
{
	switch (j) {
	case JUDGE_DONE:
		enter_inlined(st, now);
		*ret = STEP_DONE;
		return NULL;
	case JUDGE_IN:
		return plan_in(st, now, ret);
	case JUDGE_OUT:
		return plan_through(st, now);
	case JUDGE_STUB:
		return plan_stub(st, now);
	case JUDGE_RETURNED:
		return plan_back(st, &now->caller);
	case JUDGE_HANDLER:
		return plan_back(st, &now->interrupted);
	case JUDGE_REFRESH:
	case JUDGE_AMID:
		refresh(st, now);
		st->line = j == JUDGE_AMID ? 0 : st->line;
		return plan_leave(st, now, st->lo, st->hi);
	case JUDGE_KEEP:
		break;
	}
	return plan_keep(st, now);
}

static struct he_error *begin(struct step *st, struct standing *now, enum step_outcome *ret)
{
	refresh(st, now);
	st->file = now->file;
	st->line = now->line;
	if (!now->spot.line) {
		st->lo = now->spot.function;
		st->hi = now->spot.end;
		if (!st->lo || !st->hi)
			return he_error_new(E_STATE, "Cannot find bounds of current function.");
	}
	if (st->how == HE_STEP_UNTIL && now->spot.function)
		st->lo = now->spot.function;
	if (into(st) && now->hidden) {
		step_enter(st->target, now);
		*ret = STEP_DONE;
		return NULL;
	}
	if (!st->enters)
		return plan_leave(st, now, st->lo, st->hi);
	/* One instruction, and the kernel has made the handler's frame. */
	plan_begin(st);
	plan_insn(st);
	return NULL;
}

struct he_error *step_line(struct step *st, struct standing *now, enum step_outcome *ret)
{
	enum judgement j;

	if (!st->began)
		return begin(st, now, ret);
	if (st->landing) {
		*ret = STEP_DONE;
		return NULL;
	}
	j = judge(st, now);
	st->enters = false;
	return go_by(st, now, j, ret);
}

/* GDB's finish of an inlined frame: as if the line of the call were stepped over. */
struct he_error *step_out_of_inlined(struct step *st, struct standing *now, enum step_outcome *ret)
{
	const struct spot *p = &now->spot;
	unsigned k = now->hidden;

	if (st->began)
		return step_line(st, now, ret);
	st->id = now->id;
	st->id.depth--;
	st->id.die = k + 1 < p->n_inlined ? p->inlined[k + 1].die : 0;
	st->file = NULL;
	st->line = 0;
	st->lo = st->hi = 0;
	return plan_keep(st, now);
}
