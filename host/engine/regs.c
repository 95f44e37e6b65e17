/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Registers: regsets of the present stop, read from the target when they did not
 * come with it, and taken apart by the architecture's table.
 */
#include <stdlib.h>

#include "common/err.h"
#include "host/arena.h"
#include "host/errtext.h"
#include "host/engine/raw.h"
#include "host/engine/target.h"

/* The note of the general registers, where no regset has told the architecture yet. */
static uint32_t general_note(const struct he_target *t)
{
	const struct arch *a = arch_find(t->arch_id);

	return a ? a->notes[0] : arch_x86_64.notes[0];
}

static struct he_error *not_offered(void)
{
	return he_error_new(E_STATE, "this target has no registers.");
}

/* ---- having them ---------------------------------------------------------------- */

/* tids (of size n, 0 = all that stand) into the thread table. */
static struct he_error *fetch(
    struct he_target *t, const uint64_t *tids, size_t n, const uint32_t *notes)
{
	if (!t->ops->regs_read)
		return not_offered();
	return t->ops->regs_read(t, tids, n, notes, threads_put_regs, &t->threads);
}

struct he_error *target_load_regs(struct he_target *t)
{
	uint32_t notes[] = {general_note(t), 0};
	struct he_error *err = target_load_threads(t);
	size_t n = 0, stand = 0;
	uint64_t *tids;

	if (err || !t->threads.n)
		return err;
	tids = calloc(t->threads.n, sizeof(*tids));
	if (!tids)
		return he_error_new(E_NOMEM, "out of memory.");
	for (size_t i = 0; i < t->threads.n; i++) {
		const struct thread *h = &t->threads.v[i];

		stand += h->state == HE_T_STOPPED;
		if (h->state == HE_T_STOPPED && !thread_regs(h, notes[0]))
			tids[n++] = h->tid;
	}
	if (n)
		err = fetch(t, tids, n == stand ? 0 : n, notes);
	free(tids);
	return err;
}

/* Those notes of one thread that are not there yet. */
static struct he_error *load_notes(
    struct he_target *t, const struct thread *h, const uint32_t *notes)
{
	uint32_t missing[ARCH_NOTES + 1] = {0};
	unsigned n = 0;

	for (unsigned i = 0; i < ARCH_NOTES && notes[i]; i++)
		if (!thread_regs(h, notes[i]))
			missing[n++] = notes[i];
	return n ? fetch(t, &h->tid, 1, missing) : NULL;
}

static struct he_error *running(const struct he_target *t, const struct thread *h)
{
	char title[TARGET_TITLE];

	return he_error_new(E_RUNNING, "thread %llu of %s is running; interrupt it first.",
	    (unsigned long long)h->tid, target_title(t, title));
}

/* The general registers and what they belong to. */
static struct he_error *load_general(
    struct he_target *t, uint64_t tid, struct thread **thread, const struct arch **arch)
{
	const uint32_t notes[ARCH_NOTES] = {general_note(t)};
	const struct regblock *b;
	struct he_error *err = target_thread(t, tid, thread);

	if (err)
		return err;
	if ((*thread)->state != HE_T_STOPPED)
		return running(t, *thread);
	err = load_notes(t, *thread, notes);
	if (err)
		return err;
	b = thread_regs(*thread, notes[0]);
	if (!b)
		return he_error_new(E_NO_THREAD,
		    "the registers of thread %llu cannot be read; it is ending.",
		    (unsigned long long)tid);
	*arch = arch_find(b->arch); /* set only when all is well */
	if (!*arch)
		return he_error_new(E_UNKNOWN,
		    "thread %llu runs code of an architecture (%#x) that is not known here.",
		    (unsigned long long)tid, b->arch);
	return NULL;
}

static struct arch_regsets regsets(const struct thread *h, const struct arch *a)
{
	struct arch_regsets s = {0};

	for (unsigned i = 0; i < ARCH_NOTES && a->notes[i]; i++) {
		const struct regblock *b = thread_regs(h, a->notes[i]);

		if (b && b->arch == a->audit)
			s.v[i] = (struct span){b->data, b->len};
	}
	return s;
}

/* ---- for the unwinder -------------------------------------------------------------- */

static uint64_t value64(const uint8_t v[64])
{
	struct rd r = rd_init(v, 8);

	return rd_u64(&r);
}

struct he_error *target_sym_regs(struct he_target *t, uint64_t tid, struct sym_regs *ret)
{
	struct arch_regsets s;
	const struct arch *a = NULL;
	struct thread *h = NULL;
	struct he_error *err = load_general(t, tid, &h, &a);

	if (!a)
		return err;
	s = regsets(h, a);
	*ret = (struct sym_regs){0};
	for (unsigned i = 0; i < a->n_regs; i++) {
		const struct arch_reg *r = &a->regs[i];
		uint8_t v[64] = {0};

		if (r->dwarf < 0 || r->dwarf >= 33 || r->bits > 64 || !arch_get(a, r, &s, v))
			continue;
		ret->reg[r->dwarf] = value64(v);
		ret->valid |= UINT64_C(1) << r->dwarf;
	}
	ret->pc = ret->reg[a->dwarf_pc];
	ret->sp = ret->reg[a->dwarf_sp];
	return NULL;
}

/* ---- for the caller ------------------------------------------------------------------- */

static const char *const group_names[] = {
    [ARCH_GENERAL] = "general",
    [ARCH_FLOAT] = "float",
    [ARCH_VECTOR] = "vector",
    [ARCH_SYSTEM] = "system",
};

void he_registers_free(struct he_registers *p)
{
	if (p)
		free(p->v);
	free(p);
}

static struct he_register *next(struct he_registers *to, const struct arch_reg *r)
{
	struct he_register *v = &to->v[to->n];

	*v = (struct he_register){.name = r->name, .group = group_names[r->group], .bits = r->bits};
	return v;
}

static void innermost(struct he_registers *to, const struct thread *h, const struct arch *a)
{
	struct arch_regsets s = regsets(h, a);

	for (unsigned i = 0; i < a->n_regs; i++)
		if (arch_get(a, &a->regs[i], &s, next(to, &a->regs[i])->value))
			to->n++;
}

static void recovered(struct he_registers *to, const struct sym_regs *regs, const struct arch *a)
{
	for (unsigned i = 0; i < a->n_regs; i++) {
		const struct arch_reg *r = &a->regs[i];
		struct he_register *v;

		if (r->dwarf < 0 || r->dwarf >= 33 || r->bits > 64 ||
		    !(regs->valid >> r->dwarf & 1))
			continue;
		v = next(to, r);
		for (unsigned byte = 0; byte < r->bits / 8u; byte++)
			v->value[byte] = (uint8_t)(regs->reg[r->dwarf] >> (8 * byte));
		to->n++;
	}
}

static struct he_error *outer(struct he_target *t, uint64_t tid, unsigned frame,
    struct he_registers *to, const struct arch *a)
{
	struct sym_regs first, regs;
	struct symbols *s;
	struct he_error *err = target_sym_regs(t, tid, &first);

	if (!err)
		err = target_symbols(t, &s);
	if (!err)
		err = symbols_frame_regs(s, &first, frame, &regs);
	if (err)
		return err;
	recovered(to, &regs, a);
	return NULL;
}

/* The vector registers are worth asking for once only: a CPU without them answers
 * with nothing each time, hence not again when the larger regset came. */
static struct he_error *load_all(struct he_target *t, struct thread *h, const struct arch *a)
{
	uint64_t tid = h->tid;
	struct he_error *err;

	if (thread_regs(h, a->notes[1]))
		return NULL;
	if (t->raw && t->ops->bring) {
		const uint32_t note[] = {a->notes[1], 0};

		err = raw_bring(t, tid, note);
		if (err || thread_regs(h, a->notes[1]))
			return err;
	}
	return load_notes(t, h, a->notes);
}

struct he_error *target_thread_regs(
    struct he_target *t, uint64_t tid, bool all, struct thread **thread, const struct arch **arch)
{
	struct he_error *err = load_general(t, tid, thread, arch);

	if (err || !all)
		return err;
	err = load_all(t, *thread, *arch);
	if (err)
		*arch = NULL;
	return err;
}

struct he_error *target_thread_note(
    struct he_target *t, const struct thread *h, uint32_t note, const struct regblock **ret)
{
	const uint32_t notes[ARCH_NOTES] = {note};
	struct he_error *err = load_notes(t, h, notes);

	*ret = err ? NULL : thread_regs(h, note);
	return err;
}

static struct he_error *fill(
    struct he_target *t, uint64_t tid, unsigned frame, bool general, struct he_registers *to)
{
	const struct arch *a = NULL;
	struct thread *h = NULL;
	struct he_error *err = load_general(t, tid, &h, &a);

	if (!a)
		return err;
	if (!frame && !general)
		err = load_all(t, h, a);
	if (err)
		return err;
	to->v = calloc(a->n_regs + 1, sizeof(*to->v));
	if (!to->v)
		return he_error_new(E_NOMEM, "out of memory.");
	if (frame)
		return outer(t, tid, frame, to, a);
	innermost(to, h, a);
	return NULL;
}

static struct he_error *ask(
    struct he_target *t, uint64_t tid, unsigned frame, bool general, struct he_registers **ret)
{
	struct he_error *err = target_enter(t);
	struct he_registers *to;

	if (err)
		return err;
	to = calloc(1, sizeof(*to));
	err = to ? fill(t, tid, frame, general, to) : he_error_new(E_NOMEM, "out of memory.");
	if (err)
		he_registers_free(to);
	else
		*ret = to;
	return target_leave(t, err);
}

struct he_error *he_registers(
    struct he_target *t, uint64_t tid, unsigned frame, struct he_registers **ret)
{
	return ask(t, tid, frame, false, ret);
}

struct he_error *he_general_registers(struct he_target *t, uint64_t tid, struct he_registers **ret)
{
	return ask(t, tid, 0, true, ret);
}
