/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A frame undone as if it had returned, and going on elsewhere.
 */
#include <stdlib.h>

#include "common/err.h"
#include "host/engine/engine.h"
#include "host/engine/step.h"
#include "host/engine/step_value.h"
#include "host/errtext.h"

enum { FRAMES_MAX = 4096 };

static struct he_error *needs_writing(const struct he_target *t)
{
	return t->ops->regs_write ? NULL : he_error_new(E_STATE, "this target cannot be changed.");
}

/* Which physical frame, and that its function is its own. */
static struct he_error *number_of(struct he_target *t, uint64_t tid, unsigned frame, unsigned *ret)
{
	struct he_stack *s;
	struct he_error *err = he_backtrace(t, tid, frame + 2, &s);

	if (err)
		return err;
	*ret = 0;
	if (frame + 1 >= s->n)
		err = he_error_new(E_STATE, "the outermost frame has nobody to return to.");
	else if (s->v[frame].inlined)
		err = he_error_new(E_STATE, "Can not force return from an inlined function.");
	for (unsigned i = 0; i < frame && !err; i++)
		*ret += !s->v[i].inlined;
	he_stack_free(s);
	return err;
}

/* What its caller will find; pc: in the function that returns. */
static struct he_error *caller_of(
    struct he_target *t, uint64_t tid, unsigned n, struct sym_regs *ret, uint64_t *pc)
{
	struct near_frame *v = n < FRAMES_MAX ? calloc(n + 2, sizeof(*v)) : NULL;
	struct sym_regs first;
	unsigned got = 0;
	struct he_error *err = v ? target_sym_regs(t, tid, &first)
				 : he_error_new(E_LIMIT, "that frame is too far out.");

	if (!err)
		err = step_frames(t, &first, v, n + 2, &got);
	if (!err && got < n + 2)
		err = he_error_new(E_STATE, "nothing is known of who called that frame.");
	if (!err) {
		*ret = v[n + 1].regs;
		*pc = n ? v[n].regs.pc - 1 : v[n].regs.pc;
	}
	free(v);
	return err;
}

static struct he_error *go_back(
    struct he_target *t, uint64_t tid, unsigned frame, const char *value)
{
	struct returning what = {.n = 0};
	struct sym_regs regs;
	unsigned n = 0;
	uint64_t pc = 0;
	struct he_error *err = needs_writing(t);

	if (!err)
		err = number_of(t, tid, frame, &n);
	if (!err)
		err = caller_of(t, tid, n, &regs, &pc);
	/* Worked out first: an error leaves everything as it was. */
	if (!err && value)
		err = returning_evaluate(t, tid, frame, pc, value, &what);
	if (!err)
		err = target_set_regs(t, tid, &regs);
	if (!err && value)
		err = returning_put(t, tid, &what);
	return err;
}

struct he_error *he_return(struct he_target *t, uint64_t tid, unsigned frame, const char *value)
{
	struct he_error *err = target_enter(t);

	return err ? err : target_leave(t, go_back(t, tid, frame, value));
}

static struct he_error *jump(struct he_target *t, uint64_t tid, uint64_t addr)
{
	const struct arch *a = arch_find(t->arch_id);
	struct sym_regs regs;
	struct run_plan plan;
	bool told = false;
	struct he_error *err = needs_writing(t);

	if (!err)
		err = run_ready(t, tid, &told);
	if (err || told)
		return err;
	err = target_sym_regs(t, tid, &regs);
	if (!err && !a)
		err = he_error_new(E_UNKNOWN, "this architecture is not known.");
	if (err)
		return err;
	regs = (struct sym_regs){.pc = addr, .valid = UINT64_C(1) << a->dwarf_pc};
	regs.reg[a->dwarf_pc] = addr;
	err = target_set_regs(t, tid, &regs);
	if (err)
		return err;
	run_plan_continue(t, run_alone(t) ? tid : 0, &plan);
	run_end_step(t, &plan);
	return run_let(t, &plan);
}

struct he_error *he_jump(struct he_target *t, uint64_t tid, uint64_t addr)
{
	struct he_error *err = target_enter(t);

	return err ? err : target_leave(t, jump(t, tid, addr));
}
