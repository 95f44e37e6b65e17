/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Changing a target: memory, registers, signals, its end.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "common/arch_x86.h"
#include "common/err.h"
#include "host/engine/engine.h"
#include "host/engine/raw.h"
#include "host/engine/run_parts.h"
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
enum { XSAVE_BV = 512, XSAVE_EXTENDED = 576 };
static const uint16_t components[] = {
    [FX] = 3, [AVX_HI] = 4, [MASKS] = 0x20, [ZMM_HI] = 0x40, [ZMM_HIGH16] = 0x80, [PKRU] = 0x200};

/* A thread's regsets, to be changed. */
struct sets {
	const struct arch *arch;
	struct arch_regsets now;
	uint8_t *copy[ARCH_NOTES];
	bool changed[ARCH_NOTES];
	bool refusable; /* the kernel does not take any value of what was changed */
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

static void mark(struct sets *s, const uint8_t *p, unsigned part)
{
	unsigned i = set_of(s, p);

	s->changed[i] = true;
	if (s->now.v[i].n <= XSAVE_EXTENDED || part >= sizeof(components) / sizeof(*components))
		return;
	s->copy[i][XSAVE_BV] |= (uint8_t)components[part];
	s->copy[i][XSAVE_BV + 1] |= (uint8_t)(components[part] >> 8);
}

/* false: the regsets do not have the register. */
static bool put(struct sets *s, const struct arch_reg *r, uint8_t value[64])
{
	if (arch_is_odd(s->arch, r))
		s->arch->odd_put(value);
	for (unsigned i = 0; i < ARCH_PIECES && r->piece[i].bytes; i++) {
		const struct arch_piece *piece = &r->piece[i];
		struct span part = s->arch->part(&s->now, piece->part);
		uint8_t *to;

		if (part.n < piece->offset || part.n - piece->offset < piece->bytes)
			return false;
		/* The spans are of our own copies. */
		to = (uint8_t *)(uintptr_t)part.p + piece->offset;
		memcpy(to, value, piece->bytes);
		mark(s, to, piece->part);
		value += piece->bytes;
	}
	return true;
}

/* Elsewhere no system call is under way: the kernel would begin it anew when the thread runs,
 * and move its pc for that (arch/x86/kernel/signal.c). */
static void leave_call(struct sets *s)
{
	if (!s->copy[0] || s->now.v[0].n < s->arch->call_at + s->arch->width)
		return;
	memset(s->copy[0] + s->arch->call_at, 0xff, s->arch->width);
	s->changed[0] = true;
}

static bool is_pc(const struct arch *a, const struct he_register *v)
{
	const struct arch_reg *r = arch_by_dwarf(a, a->dwarf_pc);

	return r && strcmp(r->name, v->name) == 0;
}

static struct he_error *send(struct he_target *t, struct thread *h, const struct sets *s)
{
	struct wire_rec_regset v[ARCH_NOTES];
	struct he_error *err;
	size_t n = 0;

	for (unsigned i = 0; i < ARCH_NOTES; i++)
		if (s->changed[i])
			v[n++] = (struct wire_rec_regset){.tid = h->tid,
			    .arch = s->arch->audit,
			    .note = s->arch->notes[i],
			    .data = s->now.v[i]};
	err = n ? t->ops->regs_write(t, v, n) : NULL;
	if (!err && t->raw && s->refusable)
		err = raw_written(t);
	/* As written: what came with the stop need not be asked for again. */
	for (size_t i = 0; i < n && !err; i++)
		threads_put_regs(&t->threads, &v[i]);
	return err;
}

static const struct arch_reg *find(const struct arch *a, const char *name)
{
	for (unsigned i = 0; i < a->n_regs; i++)
		if (strcmp(a->regs[i].name, name) == 0)
			return &a->regs[i];
	return NULL;
}

/* Those into the copies; *more: a set that is not there would have it. */
static struct he_error *put_named(struct sets *s, const struct he_register *v, size_t n, bool *more)
{
	*more = false;
	for (size_t i = 0; i < n; i++) {
		const struct arch_reg *r = find(s->arch, v[i].name);
		uint8_t bytes[64] = {0};

		if (!r)
			return he_error_new(E_NO_FILE, "there is no register %s.", v[i].name);
		if (v[i].bits > r->bits)
			return he_error_new(
			    E_TOO_BIG, "$%s has %u bits, not %u.", v[i].name, r->bits, v[i].bits);
		memcpy(bytes, v[i].value, v[i].bits / 8u);
		/* But the numbered general ones and the pc: segments and their bases, flags,
		 * and what xsave has (ptrace's putreg() and its like in arch/x86/kernel). */
		s->refusable =
		    s->refusable || r->dwarf < 0 || (unsigned)r->dwarf > s->arch->dwarf_pc;
		if (put(s, r, bytes))
			continue;
		*more = true;
		return he_error_new(E_STATE, "this processor has no $%s.", v[i].name);
	}
	return NULL;
}

/* all: with the sets that do not come with every stop.  person: one who moves the pc means
 * that; a debugger that sends all registers has put the system call's right itself. */
struct writing {
	bool all, person;
};

static struct he_error *write_some(struct he_target *t, uint64_t tid, const struct he_register *v,
    size_t n, struct writing how, bool *more)
{
	const struct arch *a = NULL;
	struct thread *h = NULL;
	struct sets s = {.arch = NULL};
	struct he_error *err = target_thread_regs(t, tid, how.all, &h, &a);

	*more = false;
	if (!a)
		return err;
	if (!sets_copy(&s, h, a))
		err = he_error_new(E_NOMEM, "out of memory.");
	else
		err = put_named(&s, v, n, more);
	if (!err && how.person && n == 1 && is_pc(a, v))
		leave_call(&s);
	if (!err)
		err = send(t, h, &s);
	sets_free(&s);
	return err;
}

static struct he_error *write_registers(
    struct he_target *t, uint64_t tid, const struct he_register *v, size_t n, bool person)
{
	struct writing how = {.person = person};
	bool more;
	struct he_error *err = write_some(t, tid, v, n, how, &more);

	if (!more)
		return err;
	he_error_free(err);
	how.all = true;
	return write_some(t, tid, v, n, how, &more);
}

static struct he_error *write_register(
    struct he_target *t, uint64_t tid, const char *name, const void *value, size_t len)
{
	struct he_register one = {.name = name, .bits = (uint32_t)(8 * len)};

	if (len > sizeof(one.value))
		return he_error_new(E_TOO_BIG, "$%s has not %zu bits.", name, len * 8);
	memcpy(one.value, value, len);
	return write_registers(t, tid, &one, 1, true);
}

/* Of an outer frame: in memory, where a frame further in has saved it, or still in its
 * register. */
static struct he_error *write_saved(struct he_target *t, uint64_t tid, unsigned frame,
    const char *name, const void *value, size_t len)
{
	const struct arch *a = arch_find(t->arch_id);
	const struct arch_reg *r = a ? find(a, name) : NULL;
	struct sym_saved where;
	struct sym_regs first;
	struct symbols *s;
	struct he_error *err = target_symbols(t, &s);

	if (!err && !r)
		err = he_error_new(E_NO_FILE, "there is no register %s.", name);
	if (!err && r->dwarf == (int)a->dwarf_sp)
		err = he_error_new(E_STATE,
		    "$%s of frame %u is calculated, it is kept nowhere and cannot be changed.",
		    name, frame);
	if (!err)
		err = target_sym_regs(t, tid, &first);
	if (!err && r->dwarf < 0)
		where.kind = SYM_SAVED_NOWHERE;
	else if (!err)
		err = symbols_saved(s, &first, frame, (unsigned)r->dwarf, &where);
	if (err)
		return err;
	switch (where.kind) {
	case SYM_SAVED_MEMORY:
		return he_write(t, where.addr, value, len < a->width ? len : a->width);
	case SYM_SAVED_REGISTER:
		r = arch_by_dwarf(a, where.reg);
		if (r)
			return write_register(t, tid, r->name, value, len);
		break;
	case SYM_SAVED_NOWHERE:
		break;
	}
	return he_error_new(E_STATE,
	    "$%s of frame %u cannot be changed: nothing tells where it is kept.", name, frame);
}

struct he_error *he_write_register(struct he_target *t, uint64_t tid, unsigned frame,
    const char *name, const void *value, size_t len)
{
	struct he_error *err = target_enter(t);

	if (err)
		return err;
	if (!t->ops->regs_write)
		return target_leave(t, cannot("changed"));
	err = frame ? write_saved(t, tid, frame, name, value, len)
		    : write_register(t, tid, name, value, len);
	forget_stacks(t);
	return target_leave(t, err);
}

/* Another pc: what a thread was about to be told of having come to is over. */
static void note_moved(struct he_target *t, uint64_t tid, uint64_t before)
{
	struct sym_regs regs;
	struct he_error *err = target_sym_regs(t, tid, &regs);

	for (size_t i = 0; !err && regs.pc != before && i < t->run->n; i++)
		if (t->run->cause[i].tid == tid)
			t->run->cause[i].moved = true;
	he_error_free(err);
}

struct he_error *he_write_registers(
    struct he_target *t, uint64_t tid, const struct he_register *v, size_t n)
{
	struct he_error *err = target_enter(t);
	struct sym_regs before;

	if (err)
		return err;
	if (!t->ops->regs_write)
		return target_leave(t, cannot("changed"));
	err = target_sym_regs(t, tid, &before);
	if (!err)
		err = write_registers(t, tid, v, n, false);
	if (!err)
		note_moved(t, tid, before.pc);
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
	if (!err && regs->valid >> a->dwarf_pc & 1)
		leave_call(&s);
	if (!err)
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
