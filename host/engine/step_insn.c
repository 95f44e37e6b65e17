/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Steps by instructions, and runs to a place: each one flight.
 */
#include "host/engine/step.h"

static struct he_error *over_call(struct step *st, const struct standing *now)
{
	uint64_t next = 0;
	struct he_error *err = step_call(st->target, now->regs.pc, &next);

	if (err)
		return err;
	if (!next) {
		plan_insn(st);
		return NULL;
	}
	err = plan_above(st, next, now->regs.sp);
	return err ? err : plan_hooks(st, now->regs.sp);
}

struct he_error *step_insn(struct step *st, struct standing *now, enum step_outcome *ret)
{
	if (st->began) {
		*ret = STEP_DONE;
		return NULL;
	}
	st->id = now->id;
	plan_begin(st);
	if (st->how == HE_STEP_INSN_OVER)
		return over_call(st, now);
	plan_insn(st);
	return NULL;
}

/* Where the frame returns to; and what leaves it in other ways. */
static struct he_error *plan_return(struct step *st)
{
	struct he_error *err = plan_above(st, st->back, st->back_cfa);

	return err ? err : plan_hooks(st, st->back_cfa);
}

struct he_error *step_finish(struct step *st, struct standing *now, enum step_outcome *ret)
{
	if (st->began) {
		st->returned = !st->landing && now->regs.pc == st->back;
		*ret = STEP_DONE;
		return NULL;
	}
	plan_begin(st);
	return plan_return(st);
}

struct he_error *step_until(struct step *st, struct standing *now, enum step_outcome *ret)
{
	struct he_error *err = NULL;

	(void)now;
	if (st->began) {
		*ret = STEP_DONE;
		return NULL;
	}
	plan_begin(st);
	for (unsigned i = 0; i < st->n_addrs && !err; i++)
		err = plan_in_frame(st, st->addrs[i], st->anywhere ? 0 : st->frame.cfa);
	return err || !st->back ? err : plan_return(st);
}
