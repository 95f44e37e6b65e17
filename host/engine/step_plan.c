/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is planted for a step.  Its conditions are agent expressions (GDB manual, appendix
 * F) over the thread's registers and stack, so that the same place in a deeper call of the
 * same function stops nothing.
 */
#include <linux/audit.h>

#include "common/err.h"
#include "common/gdb_reg.h"
#include "host/engine/engine.h"
#include "host/engine/step.h"
#include "host/errtext.h"

enum op {
	OP_ADD = 0x02,
	OP_LOG_NOT = 0x0e,
	OP_BIT_AND = 0x0f,
	OP_EQUAL = 0x13,
	OP_LESS_UNSIGNED = 0x15,
	OP_REF32 = 0x19,
	OP_REF64 = 0x1a,
	OP_CONST64 = 0x25,
	OP_REG = 0x26,
	OP_END = 0x27,
};

enum { CONDITION_BYTES = 256 };

/* ---- code of conditions --------------------------------------------------------------- */

static void op(struct buf *b, enum op o)
{
	buf_u8(b, (uint8_t)o);
}

static void constant(struct buf *b, uint64_t v)
{
	op(b, OP_CONST64);
	for (int shift = 56; shift >= 0; shift -= 8)
		buf_u8(b, (uint8_t)(v >> shift));
}

static bool reg_named(struct buf *b, const struct he_target *t, const char *name)
{
	int n = gdb_reg_number(t->arch_id, name);

	if (n < 0)
		return false;
	op(b, OP_REG);
	buf_u8(b, (uint8_t)(n >> 8));
	buf_u8(b, (uint8_t)n);
	return true;
}

static bool reg_dwarf(struct buf *b, const struct he_target *t, unsigned dwarf)
{
	const struct arch *a = arch_find(t->arch_id);
	const struct arch_reg *r = a ? arch_by_dwarf(a, dwarf) : NULL;

	return r && reg_named(b, t, r->name);
}

static void add(struct buf *b, int64_t offset)
{
	constant(b, (uint64_t)offset);
	op(b, OP_ADD);
}

static size_t width(const struct he_target *t)
{
	return t->arch_id == AUDIT_ARCH_I386 ? 4 : 8;
}

static void fetch_word(struct buf *b, const struct he_target *t)
{
	op(b, width(t) == 4 ? OP_REF32 : OP_REF64);
}

/* What is on the stack is at least v. */
static void at_least(struct buf *b, uint64_t v)
{
	constant(b, v);
	op(b, OP_LESS_UNSIGNED);
	op(b, OP_LOG_NOT);
}

/* The CFA of whoever stands at addr. */
static bool cfa_of(struct buf *b, struct he_target *t, uint64_t addr)
{
	unsigned dwarf;
	int64_t offset;

	if (!t->symbols || !symbols_cfa_rule(t->symbols, addr, &dwarf, &offset) ||
	    !reg_dwarf(b, t, dwarf))
		return false;
	add(b, offset);
	return true;
}

/* ---- patches ---------------------------------------------------------------------------- */

void plan_begin(struct step *st)
{
	for (unsigned i = 0; i < st->n_patches; i++)
		patches_drop(st->target, st->patches[i]);
	st->n_patches = 0;
	st->first_hook = st->first_jump = st->end_hooks = 0;
	st->bound = 0;
	st->go = (struct wire_rec_go){.tid = st->tid, .action = WIRE_RESUME_CONT, .signal = -1};
}

struct he_error *plan_at(struct step *st, uint64_t addr, struct span condition, uint32_t *id)
{
	struct patch_want want = {
	    .owner = PATCH_STEP,
	    .needed = true,
	    .kind = WIRE_PATCH_SOFT,
	    .addr = addr,
	    .tid = st->tid,
	    .stop = run_scope(st->target),
	    .condition = condition,
	};
	uint32_t made;

	if (st->n_patches == STEP_PATCHES)
		return he_error_new(E_LIMIT, "this step has too many ways to go.");
	made = patches_want(st->target, &want);
	if (!made)
		return he_error_new(E_NOMEM, "out of memory.");
	st->patches[st->n_patches++] = made;
	if (id)
		*id = made;
	return NULL;
}

/* b ends here; without sense, no condition. */
static struct he_error *plant(
    struct step *st, uint64_t addr, struct buf *b, bool sense, uint32_t *id)
{
	struct he_error *err;

	op(b, OP_END);
	err = plan_at(st, addr, sense ? span_whole(b) : (struct span){0}, id);
	buf_free(b);
	return err;
}

struct he_error *plan_in_frame(struct step *st, uint64_t addr, uint64_t cfa)
{
	struct buf b;
	bool sense;

	buf_init(&b, CONDITION_BYTES);
	sense = cfa && cfa_of(&b, st->target, addr);
	if (sense)
		at_least(&b, cfa);
	return plant(st, addr, &b, sense, NULL);
}

static bool stack_pointer(struct buf *b, const struct he_target *t)
{
	const struct arch *a = arch_find(t->arch_id);

	return a && reg_dwarf(b, t, a->dwarf_sp);
}

struct he_error *plan_above(struct step *st, uint64_t addr, uint64_t sp)
{
	struct buf b;
	bool sense;

	buf_init(&b, CONDITION_BYTES);
	sense = sp && stack_pointer(&b, st->target);
	if (sense)
		at_least(&b, sp);
	return plant(st, addr, &b, sense, NULL);
}

struct he_error *plan_called(struct step *st, uint64_t addr, uint64_t next, uint64_t cfa)
{
	struct he_target *t = st->target;
	struct buf b;
	bool sense;

	buf_init(&b, CONDITION_BYTES);
	sense = cfa_of(&b, t, addr);
	if (sense) {
		add(&b, -(int64_t)width(t));
		fetch_word(&b, t);
		constant(&b, next);
		op(&b, OP_EQUAL);
		cfa_of(&b, t, addr);
		constant(&b, cfa ? cfa + 1 : UINT64_MAX);
		op(&b, OP_LESS_UNSIGNED);
		op(&b, OP_BIT_AND);
	}
	return plant(st, addr, &b, sense, NULL);
}

struct he_error *plan_bound(struct step *st, uint64_t unbound, uint64_t next)
{
	uint64_t at;
	struct he_error *err = step_resolver(st->target, unbound, &at);
	struct buf b;
	bool sense;

	if (err || !at)
		return err;
	buf_init(&b, CONDITION_BYTES);
	sense = stack_pointer(&b, st->target);
	fetch_word(&b, st->target);
	constant(&b, next);
	op(&b, OP_EQUAL);
	return plant(st, at, &b, sense, &st->bound);
}

struct he_error *plan_out(struct step *st, const struct standing *now)
{
	if (!now->has_caller)
		return he_error_new(E_STATE, "nothing is known of who called this function.");
	return plan_above(st, now->caller.pc, now->cfa);
}

void plan_insn(struct step *st)
{
	st->go.action = WIRE_RESUME_STEP;
}

void plan_range(struct step *st, uint64_t lo, uint64_t hi)
{
	st->go.action = WIRE_RESUME_RANGE;
	st->go.lo = lo;
	st->go.hi = hi;
}
