/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Ways out of a frame that its code does not show: exceptions and longjmp.
 *
 * libgcc's unwinder calls an empty function, _Unwind_DebugHook(cfa, handler), right before
 * it jumps to where an exception lands.  Debian's is stripped of that name; it is the only
 * one called by _Unwind_RaiseException that returns at once.  Of longjmp the argument is
 * looked at: glibc keeps stack pointer and pc in it rotated and xored with the thread's
 * pointer guard (PTR_MANGLE of sysdeps/unix/sysv/linux/x86_64/pointer_guard.h), musl as
 * they are; both have them at the same places.
 */
#include <elf.h>
#include <linux/audit.h>
#include <string.h>

#include "common/err.h"
#include "common/gdb_reg.h"
#include "host/engine/step.h"
#include "host/errtext.h"

enum {
	/* DWARF numbers */
	RBX = 3,
	RSI = 4,
	RDI = 5,
	RBP = 6,
	RSP = 7,
	RIP = 16,
	/* What the step's function may have pushed below the stack pointer it began with. */
	PUSHED = 512,
	JB_SP = 48,      /* in a jmp_buf of x86-64, see read_jmp_buf for all of it */
	GUARD_AT = 0x30, /* from fs_base: pointer_guard of glibc's tcbhead_t */
	TURN = 17,       /* bits */
	OP_LSH = 0x09,
	OP_RSH_UNSIGNED = 0x0b,
	OP_LOG_NOT = 0x0e,
	OP_BIT_OR = 0x10,
	OP_BIT_XOR = 0x11,
	OP_ADD = 0x02,
	OP_LESS_UNSIGNED = 0x15,
	OP_REF64 = 0x1a,
	OP_CONST8 = 0x22,
	OP_CONST64 = 0x25,
	OP_REG = 0x26,
	OP_END = 0x27,
	OP_DUP = 0x28,
	OP_SWAP = 0x2b,
};

/* ---- finding them ----------------------------------------------------------------------- */

struct search {
	struct he_target *t;
	struct step_hooks *hooks;
};

static void add(uint64_t v[HOOKS_MAX], unsigned *n, uint64_t addr)
{
	for (unsigned i = 0; i < *n; i++)
		if (v[i] == addr)
			return;
	if (*n < HOOKS_MAX)
		v[(*n)++] = addr;
}

static void take_throw(void *arg, const struct spot_symbol *sym)
{
	struct search *q = arg;

	add(q->hooks->throws, &q->hooks->n_throws, sym->addr);
}

static void take_jump(void *arg, const struct spot_symbol *sym)
{
	struct search *q = arg;

	add(q->hooks->jumps, &q->hooks->n_jumps, sym->addr);
}

static void take_glibc(void *arg, const struct spot_symbol *sym)
{
	struct search *q = arg;

	(void)sym;
	q->hooks->mangled = true;
}

static void called(void *arg, uint64_t target)
{
	struct search *q = arg;

	if (step_returns_at_once(q->t, target))
		add(q->hooks->throws, &q->hooks->n_throws, target);
}

static void look_into(void *arg, const struct spot_symbol *sym)
{
	struct search *q = arg;

	if (!q->hooks->n_throws)
		he_error_free(step_calls(q->t, sym->addr, sym->size, called, q));
}

static struct he_error *find(struct he_target *t, struct step_hooks *hooks)
{
	static const struct {
		const char *name;
		void (*take)(void *, const struct spot_symbol *);
	} names[] = {
	    {"_Unwind_DebugHook", take_throw},
	    {"_Unwind_RaiseException", look_into},
	    {"longjmp", take_jump},
	    {"siglongjmp", take_jump},
	    {"__longjmp_chk", take_jump},
	    {"gnu_get_libc_version", take_glibc},
	};
	struct search q = {t, hooks};
	uint64_t stamp = symbols_stamp(t->symbols);
	struct he_error *err = NULL;

	if (hooks->stamp == stamp)
		return NULL;
	*hooks = (struct step_hooks){.stamp = stamp};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && !err; i++)
		err = symbols_each_named(t->symbols, names[i].name, names[i].take, &q);
	return err;
}

/* ---- planting them ------------------------------------------------------------------------ */

static bool reg(struct buf *b, uint32_t arch, const char *name)
{
	int n = gdb_reg_number(arch, name);

	buf_u8(b, OP_REG);
	buf_u8(b, (uint8_t)(n >> 8));
	buf_u8(b, (uint8_t)n);
	return n >= 0;
}

static void constant(struct buf *b, uint64_t v)
{
	buf_u8(b, OP_CONST64);
	for (int shift = 56; shift >= 0; shift -= 8)
		buf_u8(b, (uint8_t)(v >> shift));
}

static void ops(struct buf *b, const uint8_t *v, size_t n)
{
	buf_raw(b, v, n);
}

/* The stack pointer in the jmp_buf that the first argument points to. */
static bool jump_sp(struct buf *b, const struct he_target *t, bool mangled)
{
	static const uint8_t turn[] = {OP_REF64, OP_DUP, OP_CONST8, TURN, OP_RSH_UNSIGNED, OP_SWAP,
	    OP_CONST8, 64 - TURN, OP_LSH, OP_BIT_OR};
	static const uint8_t plain[] = {OP_REF64};
	static const uint8_t guard[] = {OP_ADD, OP_REF64, OP_BIT_XOR};
	bool known = reg(b, t->arch_id, "rdi");

	constant(b, JB_SP);
	buf_u8(b, OP_ADD);
	if (!mangled) {
		ops(b, plain, sizeof(plain));
		return known;
	}
	ops(b, turn, sizeof(turn));
	known = reg(b, t->arch_id, "fs_base") && known;
	constant(b, GUARD_AT);
	ops(b, guard, sizeof(guard));
	return known;
}

static struct he_error *hook(struct step *st, uint64_t addr, struct buf *b, bool known, uint64_t sp)
{
	static const uint8_t at_least[] = {OP_LESS_UNSIGNED, OP_LOG_NOT, OP_END};
	struct he_error *err;

	constant(b, sp - PUSHED);
	ops(b, at_least, sizeof(at_least));
	err = plan_at(st, addr, known ? span_buf(b) : (struct span){0}, NULL);
	buf_free(b);
	return err;
}

static struct he_error *hook_throw(struct step *st, uint64_t addr, uint64_t sp)
{
	struct buf b;
	bool known;

	buf_init(&b, 256);
	known = reg(&b, st->target->arch_id, "rdi");
	return hook(st, addr, &b, known, sp);
}

static struct he_error *hook_jump(struct step *st, uint64_t addr, bool mangled, uint64_t sp)
{
	struct buf b;
	bool known;

	buf_init(&b, 256);
	known = jump_sp(&b, st->target, mangled);
	return hook(st, addr, &b, known, sp);
}

struct he_error *plan_hooks(struct step *st, uint64_t sp)
{
	struct he_target *t = st->target;
	struct step_hooks *h = &t->hooks;
	struct he_error *err;

	/* How arguments are passed is known for this one. */
	if (t->arch_id != AUDIT_ARCH_X86_64)
		return NULL;
	err = find(t, h);
	st->first_hook = st->n_patches;
	for (unsigned i = 0; i < h->n_throws && !err; i++)
		err = hook_throw(st, h->throws[i], sp);
	st->first_jump = st->n_patches;
	for (unsigned i = 0; i < h->n_jumps && !err; i++)
		err = hook_jump(st, h->jumps[i], h->mangled, sp);
	st->end_hooks = st->n_patches;
	return err;
}

/* ---- where it lands ------------------------------------------------------------------------- */

struct landing {
	uint64_t pc, sp; /* pc 0: not known */
	uint64_t cfa;    /* of the frame there, 0 = not known */
};

static bool word(struct he_target *t, uint64_t addr, uint64_t *ret, struct he_error **err)
{
	uint8_t raw[8];
	struct rd r = rd_init(raw, sizeof(raw));
	size_t got = 0;
	int why;

	if (!*err)
		*err = target_read(t, addr, raw, sizeof(raw), &got, &why);
	if (*err || got != sizeof(raw))
		return false;
	*ret = rd_u64(&r);
	return true;
}

/* The hook's arguments.  Its caller has put the registers of the landing frame where its
 * own are saved, so that this is the one it seems to have been called by. */
static struct he_error *look_at_throw(
    struct he_target *t, const struct standing *now, struct landing *l)
{
	struct near_frame v[3];
	unsigned n = 0;
	struct he_error *err = step_frames(t, &now->regs, v, 3, &n);

	l->pc = now->regs.reg[RSI];
	l->sp = now->regs.reg[RDI];
	l->cfa = !err && n == 3 ? v[2].cfa : 0;
	return err;
}

static uint64_t fs_base(struct he_target *t, uint64_t tid)
{
	const struct thread *h = threads_find(&t->threads, tid);
	const struct regblock *b = h ? thread_regs(h, NT_PRSTATUS) : NULL;
	int n = gdb_reg_number(t->arch_id, "fs_base");
	uint64_t v = 0;

	if (b && n >= 0)
		gdb_reg_value(b->arch, (unsigned)n, b->data, b->len, &v);
	return v;
}

static uint64_t turned(uint64_t v, uint64_t guard)
{
	return (v >> TURN | v << (64 - TURN)) ^ guard;
}

/* The registers in a jmp_buf; false: it cannot be read. */
static bool read_jmp_buf(
    struct he_target *t, const struct standing *now, struct sym_regs *ret, struct he_error **err)
{
	static const uint8_t order[] = {RBX, RBP, 12, 13, 14, 15, RSP, RIP};
	uint64_t buf = now->regs.reg[RDI], guard_at = fs_base(t, now->tid) + GUARD_AT, guard = 0;
	struct mem_range both[] = {{buf, sizeof(order) * 8}, {guard_at, 8}};

	*err = target_prefetch(t, both, t->hooks.mangled ? 2 : 1);
	if (t->hooks.mangled && !word(t, guard_at, &guard, err))
		return false;
	for (size_t i = 0; i < sizeof(order); i++) {
		uint64_t *to = &ret->reg[order[i]];

		if (!word(t, buf + 8 * i, to, err))
			return false;
		if (t->hooks.mangled && (order[i] == RBP || order[i] == RSP || order[i] == RIP))
			*to = turned(*to, guard);
		ret->valid |= UINT64_C(1) << order[i];
	}
	ret->pc = ret->reg[RIP];
	ret->sp = ret->reg[RSP];
	return true;
}

static struct he_error *look_at_jump(
    struct he_target *t, const struct standing *now, struct landing *l)
{
	struct sym_regs regs = {.valid = 0};
	struct near_frame v = {.cfa = 0};
	struct he_error *err = NULL;
	unsigned n = 0;

	if (!read_jmp_buf(t, now, &regs, &err))
		return err;
	l->pc = regs.pc;
	l->sp = regs.sp;
	err = step_frames(t, &regs, &v, 1, &n);
	l->cfa = v.cfa;
	return err;
}

static int which(const struct step *st, const struct cause *c)
{
	for (size_t i = 0; i < c->n_hits; i++)
		for (unsigned k = st->first_hook; k < st->end_hooks; k++)
			if (c->hit[i].patch == st->patches[k])
				return (int)k;
	return -1;
}

struct he_error *plan_landing(
    struct step *st, const struct cause *c, const struct standing *now, bool *ret)
{
	struct landing l = {.pc = 0};
	int k = which(st, c);
	struct he_error *err;

	*ret = k >= 0;
	if (k < 0)
		return NULL;
	if ((unsigned)k >= st->first_jump)
		err = look_at_jump(st->target, now, &l);
	else
		err = look_at_throw(st->target, now, &l);
	/* Caught below the frame that matters: what is planted stays. */
	if (err || !l.pc || !l.cfa || l.cfa < (st->back_cfa ? st->back_cfa + 1 : st->id.cfa))
		return err;
	plan_begin(st);
	st->landing = true;
	return plan_above(st, l.pc, l.sp - PUSHED);
}
