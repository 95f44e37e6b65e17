/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Changing a target: memory, registers, signals, its end.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "common/err.h"
#include "host/engine/engine.h"
#include "host/engine/run.h"
#include "host/errtext.h"

static struct he_error *cannot(const char *what)
{
	return he_error_new(E_STATE, "this target cannot be %s.", what);
}

/* ---- memory ---------------------------------------------------------------------- */

/* Stacks that were unwound ahead may read differently now. */
static void forget_stacks(struct he_target *t)
{
	for (size_t i = 0; i < t->threads.n; i++) {
		he_stack_free(t->threads.v[i].stack);
		t->threads.v[i].stack = NULL;
	}
}

struct he_error *he_write(struct he_target *t, uint64_t addr, const void *data, size_t len)
{
	struct he_error *err = target_enter(t);

	if (err)
		return err;
	if (!t->ops->mem_write)
		return target_leave(t, cannot("changed"));
	err = t->ops->mem_write(t, addr, data, len);
	/* Of what failed half-way nobody knows how much was done. */
	if (err)
		memcache_flush(t->mem);
	else
		memcache_put(t->mem, addr, data, len);
	forget_stacks(t);
	return target_leave(t, err);
}

/* ---- registers -------------------------------------------------------------------- */

/* XSTATE_BV of the area's header says which components are not in their initial state:
 * one that is written counts from then on (Intel SDM 1, 13.4.2). */
enum { XSAVE_BV = 512, XSAVE_EXTENDED = 576, XSAVE_LEGACY_BITS = 3, XSAVE_AVX_BIT = 4 };

/* A thread's regsets, to be changed. */
struct sets {
	const struct arch *arch;
	struct arch_regsets now;
	uint8_t *copy[ARCH_NOTES];
	bool changed[ARCH_NOTES];
};

static void sets_free(struct sets *s)
{
	for (unsigned i = 0; i < ARCH_NOTES; i++)
		free(s->copy[i]);
}

static bool sets_copy(struct sets *s, const struct thread *h, const struct arch *a)
{
	*s = (struct sets){.arch = a};
	for (unsigned i = 0; i < ARCH_NOTES && a->notes[i]; i++) {
		const struct regblock *b = thread_regs(h, a->notes[i]);

		if (!b || b->arch != a->audit)
			continue;
		s->copy[i] = malloc(b->len);
		if (!s->copy[i])
			return false;
		memcpy(s->copy[i], b->data, b->len);
		s->now.v[i] = (struct span){s->copy[i], b->len};
	}
	return true;
}

/* The regset that p points into. */
static unsigned set_of(const struct sets *s, const uint8_t *p)
{
	unsigned i = 0;

	while (i + 1 < ARCH_NOTES &&
	       !(s->copy[i] && p >= s->copy[i] && p < s->copy[i] + s->now.v[i].n))
		i++;
	return i;
}

static void mark(struct sets *s, const uint8_t *p)
{
	unsigned i = set_of(s, p);
	size_t at = (size_t)(p - s->copy[i]);

	s->changed[i] = true;
	if (s->now.v[i].n <= XSAVE_EXTENDED)
		return;
	s->copy[i][XSAVE_BV] |= at >= XSAVE_EXTENDED ? XSAVE_AVX_BIT : XSAVE_LEGACY_BITS;
}

/* false: the regsets do not have the register. */
static bool put(struct sets *s, const struct arch_reg *r, const uint8_t *value)
{
	for (unsigned i = 0; i < ARCH_PIECES && r->piece[i].bytes; i++) {
		const struct arch_piece *piece = &r->piece[i];
		struct span part = s->arch->part(&s->now, piece->part);
		uint8_t *to;

		if (part.n < piece->offset || part.n - piece->offset < piece->bytes)
			return false;
		/* The spans are of our own copies. */
		to = (uint8_t *)(uintptr_t)part.p + piece->offset;
		memcpy(to, value, piece->bytes);
		mark(s, to);
		value += piece->bytes;
	}
	return true;
}

static struct he_error *send(struct he_target *t, struct thread *h, const struct sets *s)
{
	struct he_error *err = NULL;

	for (unsigned i = 0; i < ARCH_NOTES && !err; i++) {
		struct wire_rec_regset r = {.tid = h->tid,
		    .arch = s->arch->audit,
		    .note = s->arch->notes[i],
		    .data = s->now.v[i]};

		if (s->changed[i])
			err = t->ops->regs_write(t, &r);
		/* As written: what came with the stop need not be asked for again. */
		if (s->changed[i] && !err)
			threads_put_regs(&t->threads, &r);
	}
	return err;
}

static const struct arch_reg *find(const struct arch *a, const char *name)
{
	for (unsigned i = 0; i < a->n_regs; i++)
		if (strcmp(a->regs[i].name, name) == 0)
			return &a->regs[i];
	return NULL;
}

static struct he_error *write_register(
    struct he_target *t, uint64_t tid, const char *name, const void *value, size_t len)
{
	const struct arch *a = NULL;
	const struct arch_reg *r;
	uint8_t bytes[64] = {0};
	struct thread *h = NULL;
	struct sets s = {.arch = NULL};
	struct he_error *err = target_thread_regs(t, tid, false, &h, &a);

	if (!a)
		return err;
	r = find(a, name);
	if (r && r->group != ARCH_GENERAL) {
		a = NULL;
		err = target_thread_regs(t, tid, true, &h, &a);
		if (!a)
			return err;
	}
	if (!r)
		return he_error_new(E_NO_FILE, "there is no register %s.", name);
	if (len > r->bits / 8u)
		return he_error_new(E_TOO_BIG, "$%s has %u bits, not %zu.", name, r->bits, len * 8);
	memcpy(bytes, value, len);
	if (!sets_copy(&s, h, a))
		err = he_error_new(E_NOMEM, "out of memory.");
	else if (!put(&s, r, bytes))
		err = he_error_new(E_STATE, "this processor has no $%s.", name);
	else
		err = send(t, h, &s);
	sets_free(&s);
	return err;
}

struct he_error *he_write_register(struct he_target *t, uint64_t tid, unsigned frame,
    const char *name, const void *value, size_t len)
{
	struct he_error *err = target_enter(t);

	if (err)
		return err;
	if (!t->ops->regs_write)
		return target_leave(t, cannot("changed"));
	if (frame)
		return target_leave(t, he_error_new(E_STATE,
					   "$%s of frame %u cannot be changed, only those of frame "
					   "0; frame 0 selects it.",
					   name, frame));
	err = write_register(t, tid, name, value, len);
	forget_stacks(t);
	return target_leave(t, err);
}

static bool put_all(struct sets *s, const struct sym_regs *regs)
{
	for (unsigned i = 0; i < s->arch->n_regs; i++) {
		const struct arch_reg *r = &s->arch->regs[i];
		uint8_t value[64] = {0};

		if (r->dwarf < 0 || r->dwarf >= 33 || r->bits > 64 ||
		    !(regs->valid >> r->dwarf & 1))
			continue;
		for (unsigned byte = 0; byte < 8; byte++)
			value[byte] = (uint8_t)(regs->reg[r->dwarf] >> (8 * byte));
		if (!put(s, r, value))
			return false;
	}
	return true;
}

struct he_error *target_set_regs(struct he_target *t, uint64_t tid, const struct sym_regs *regs)
{
	const struct arch *a = NULL;
	struct thread *h = NULL;
	struct sets s = {.arch = NULL};
	struct he_error *err = target_thread_regs(t, tid, false, &h, &a);

	if (!a)
		return err;
	if (!sets_copy(&s, h, a))
		err = he_error_new(E_NOMEM, "out of memory.");
	else if (!put_all(&s, regs))
		err = he_error_new(E_STATE, "this processor has not all of these registers.");
	else
		err = send(t, h, &s);
	sets_free(&s);
	forget_stacks(t);
	return err;
}

/* ---- signals and ends ---------------------------------------------------------------- */

struct he_error *he_signal(struct he_target *t, uint64_t tid, uint32_t signal)
{
	struct he_error *err = target_enter(t);

	if (err)
		return err;
	if (!t->ops->signal)
		return target_leave(t, cannot("sent signals"));
	return target_leave(t, t->ops->signal(t, tid, signal));
}

struct he_error *he_kill(struct he_target *t)
{
	struct he_error *err = target_enter(t);

	if (err)
		return err;
	if (!t->ops->kill)
		return target_leave(t, cannot("killed"));
	return target_leave(t, t->ops->kill(t));
}

struct he_error *he_abandon(struct he_target *t)
{
	struct he_error *err = target_enter(t);

	if (err)
		return err;
	if (!t->ops->abandon)
		return target_leave(t, cannot("abandoned"));
	err = target_leave(t, t->ops->abandon(t));
	if (!err)
		target_free(t);
	return err;
}
