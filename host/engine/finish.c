/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Until a frame has returned, or a place is reached.
 */
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "host/engine/step.h"
#include "host/errtext.h"

enum { FRAMES_MAX = 4096 };

/* Frame number index (as he_backtrace counts) among physical ones. */
static struct he_error *physical(
    struct he_target *t, uint64_t tid, unsigned index, unsigned *ret, bool *inlined)
{
	struct he_stack *s;
	struct he_error *err = he_backtrace(t, tid, index + 2, &s);

	if (err)
		return err;
	if (index >= s->n)
		err = he_error_new(E_STATE, "there is no frame %u.", index);
	*ret = 0;
	for (unsigned i = 0; i < index && i < s->n; i++)
		*ret += !s->v[i].inlined;
	*inlined = !err && s->v[index].inlined;
	he_stack_free(s);
	return err;
}

/* Frame number n and where it returns to. */
static struct he_error *find_frame(
    struct step *st, const struct standing *now, unsigned n, bool outermost)
{
	struct near_frame *v = n < FRAMES_MAX ? calloc(n + 2, sizeof(*v)) : NULL;
	unsigned got = 0;
	struct he_error *err = v ? step_frames(st->target, &now->regs, v, n + 2, &got)
				 : he_error_new(E_LIMIT, "that frame is too far out.");

	if (!err && got == n + 2) {
		st->back = v[n + 1].regs.pc;
		st->back_cfa = v[n].cfa;
		st->value_pc = n ? v[n].regs.pc - 1 : v[n].regs.pc;
	} else if (!err && !outermost) {
		err = he_error_new(E_STATE, "\"finish\" not meaningful in the outermost frame.");
	}
	if (!err && got > n)
		st->frame.cfa = v[n].cfa;
	free(v);
	return err;
}

/* An inlined call is left by stepping, as a step over what it still does. */
static struct he_error *leave_inlined(struct he_target *t, struct standing *now)
{
	static const struct step_row row = {.plan = step_out_of_inlined};
	struct step *st = step_new(t, now->tid, &row);

	if (!st)
		return he_error_new(E_NOMEM, "out of memory.");
	st->how = HE_STEP_OVER;
	return step_start(st, now);
}

static struct he_error *prepare(struct he_target *t, uint64_t tid, struct standing *now, bool *told)
{
	struct he_error *err = run_ready(t, tid, told);

	return err || *told ? err : step_where(t, tid, now);
}

static struct he_error *finish(struct he_target *t, uint64_t tid, unsigned frame)
{
	static const struct step_row row = {.plan = step_finish, .running = true};
	struct standing now;
	bool told, inlined;
	unsigned n = 0;
	struct step *st;
	struct he_error *err = prepare(t, tid, &now, &told);

	if (!err && !told)
		err = physical(t, tid, frame, &n, &inlined);
	if (err || told)
		return err;
	if (inlined && !frame)
		return leave_inlined(t, &now);
	st = step_new(t, tid, &row);
	if (!st)
		return he_error_new(E_NOMEM, "out of memory.");
	err = find_frame(st, &now, n, false);
	if (!err)
		return step_start(st, &now);
	free(st);
	return err;
}

struct he_error *he_finish(struct he_target *t, uint64_t tid, unsigned frame)
{
	struct he_error *err = target_enter(t);

	return err ? err : target_leave(t, finish(t, tid, frame));
}

static struct he_error *until(struct he_target *t, uint64_t tid, unsigned frame,
    const uint64_t *addrs, size_t n_addrs, bool anywhere)
{
	static const struct step_row row = {.plan = step_until, .running = true};
	struct standing now;
	bool told, inlined;
	unsigned n = 0;
	struct step *st;
	struct he_error *err = prepare(t, tid, &now, &told);

	if (!err && !told)
		err = physical(t, tid, frame, &n, &inlined);
	if (err || told)
		return err;
	if (!n_addrs || n_addrs > STEP_ADDRS)
		return he_error_new(
		    E_LIMIT, "that is %zu places; 1 to %d can be run to.", n_addrs, STEP_ADDRS);
	st = step_new(t, tid, &row);
	if (!st)
		return he_error_new(E_NOMEM, "out of memory.");
	memcpy(st->addrs, addrs, n_addrs * sizeof(*addrs));
	st->n_addrs = (unsigned)n_addrs;
	st->anywhere = anywhere;
	err = find_frame(st, &now, n, true);
	if (!err)
		return step_start(st, &now);
	free(st);
	return err;
}

struct he_error *he_until(struct he_target *t, uint64_t tid, unsigned frame, const uint64_t *addrs,
    size_t n, bool anywhere)
{
	struct he_error *err = target_enter(t);

	return err ? err : target_leave(t, until(t, tid, frame, addrs, n, anywhere));
}
