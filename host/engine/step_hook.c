/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Ways out of a frame that its code does not show: exceptions and longjmp.
 *
 * libgcc's unwinder calls an empty function, _Unwind_DebugHook(cfa, handler), right before
 * it jumps to where an exception lands.  Debian's is stripped of that name; it is the only
 * one called by _Unwind_RaiseException that returns at once.  Of longjmp the argument is
 * looked at: glibc keeps stack pointer and pc in it rotated and xored with the thread's
 * pointer guard (PTR_MANGLE of sysdeps/unix/sysv/linux/x86_64/pointer_guard.h and i386's),
 * musl as they are; both have them at the same places.
 */
#include <linux/audit.h>
#include <string.h>

#include "common/err.h"
#include "common/gdb_reg.h"
#include "host/engine/step.h"
#include "host/errtext.h"

enum {
	/* What the step's function may have pushed below the stack pointer it began with. */
	PUSHED = 512,
	JUMP_REGS = 8,
	OP_LSH = 0x09,
	OP_RSH_UNSIGNED = 0x0b,
	OP_LOG_NOT = 0x0e,
	OP_BIT_OR = 0x10,
	OP_BIT_XOR = 0x11,
	OP_ADD = 0x02,
	OP_LESS_UNSIGNED = 0x15,
	OP_REF32 = 0x19,
	OP_REF64 = 0x1a,
	OP_CONST8 = 0x22,
	OP_CONST64 = 0x25,
	OP_REG = 0x26,
	OP_END = 0x27,
	OP_DUP = 0x28,
	OP_SWAP = 0x2b,
};

/* How arguments are passed, and what a jmp_buf has, by DWARF's numbers of registers. */
struct abi {
	uint32_t arch;
	uint8_t width;
	uint8_t sp, pc;
	uint8_t arg[2]; /* registers of the first; 0: they are on the stack */
	uint8_t n_saved, saved[JUMP_REGS];
	uint32_t mangled; /* of the registers saved, as bits */
	uint8_t turn;     /* bits */
	uint8_t guard_at; /* from the thread pointer: pointer_guard of glibc's tcbhead_t */
};

static const struct abi abis[] = {
    {AUDIT_ARCH_X86_64, 8, 7, 16, {5, 4}, 8, {3, 6, 12, 13, 14, 15, 7, 16},
	1 << 6 | 1 << 7 | 1 << 16, 17, 0x30},
    {AUDIT_ARCH_I386, 4, 4, 8, {0, 0}, 6, {3, 6, 7, 5, 4, 8}, 1 << 4 | 1 << 8, 9, 0x18},
};

static const struct abi *abi_of(const struct he_target *t)
{
	for (size_t i = 0; i < sizeof(abis) / sizeof(*abis); i++)
		if (abis[i].arch == t->arch_id)
			return &abis[i];
	return NULL;
}

/* ---- finding them ----------------------------------------------------------------------- */

struct search {
	struct he_target *t;
	struct step_hooks *hooks;
	struct he_error *err; /* the first of its own */
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
	bool empty = false;

	if (!q->err)
		q->err = step_returns_at_once(q->t, target, &empty);
	if (empty)
		add(q->hooks->throws, &q->hooks->n_throws, target);
}

static void look_into(void *arg, const struct spot_symbol *sym)
{
	struct search *q = arg;
	struct he_error *err;

	if (q->hooks->n_throws || q->err)
		return;
	err = step_calls(q->t, sym->addr, sym->size, called, q);
	if (q->err)
		he_error_free(err);
	else
		q->err = err;
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
	struct search q = {.t = t, .hooks = hooks};
	uint64_t stamp = symbols_stamp(t->symbols);
	struct he_error *err = NULL;

	if (hooks->stamp == stamp)
		return NULL;
	*hooks = (struct step_hooks){.stamp = 0};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && !err; i++) {
		err = symbols_each_named(t->symbols, names[i].name, names[i].take, &q);
		if (err)
			he_error_free(q.err);
		else
			err = q.err;
	}
	err = target_symbol_outcome(t, err);
	/* A search that broke off is begun anew the next time. */
	if (!err)
		hooks->stamp = stamp;
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

/* The first argument. */
static bool first(struct buf *b, const struct abi *abi)
{
	if (abi->arg[0])
		return reg(b, abi->arch, "rdi");
	if (!reg(b, abi->arch, "esp"))
		return false;
	constant(b, abi->width);
	buf_u8(b, OP_ADD);
	buf_u8(b, OP_REF32);
	return true;
}

/* The stack pointer in the jmp_buf that the first argument points to.  False: nobody can tell
 * the agent where the thread pointer is. */
static bool jump_sp(struct buf *b, const struct abi *abi, bool mangled)
{
	const uint8_t turn[] = {OP_REF64, OP_DUP, OP_CONST8, abi->turn, OP_RSH_UNSIGNED, OP_SWAP,
	    OP_CONST8, (uint8_t)(64 - abi->turn), OP_LSH, OP_BIT_OR};
	static const uint8_t plain[] = {OP_REF64};
	static const uint8_t guard[] = {OP_ADD, OP_REF64, OP_BIT_XOR};
	bool known = abi->arch == AUDIT_ARCH_X86_64 && first(b, abi);
	unsigned at = 0;

	while (abi->saved[at] != abi->sp)
		at++;
	constant(b, (uint64_t)at * abi->width);
	buf_u8(b, OP_ADD);
	if (!mangled) {
		ops(b, plain, sizeof(plain));
		return known;
	}
	ops(b, turn, sizeof(turn));
	known = reg(b, abi->arch, "fs_base") && known;
	constant(b, abi->guard_at);
	ops(b, guard, sizeof(guard));
	return known;
}

static struct he_error *hook(struct step *st, uint64_t addr, struct buf *b, bool known, uint64_t sp)
{
	static const uint8_t at_least[] = {OP_LESS_UNSIGNED, OP_LOG_NOT, OP_END};
	struct he_error *err;

	constant(b, sp - PUSHED);
	ops(b, at_least, sizeof(at_least));
	err = plan_at(st, addr, known ? span_whole(b) : (struct span){0}, NULL);
	buf_free(b);
	return err;
}

static struct he_error *hook_throw(
    struct step *st, const struct abi *abi, uint64_t addr, uint64_t sp)
{
	struct buf b;
	bool known;

	buf_init(&b, 256);
	known = first(&b, abi);
	return hook(st, addr, &b, known, sp);
}

static struct he_error *hook_jump(
    struct step *st, const struct abi *abi, uint64_t addr, uint64_t sp)
{
	struct buf b;
	bool known;

	buf_init(&b, 256);
	known = jump_sp(&b, abi, st->target->hooks.mangled);
	return hook(st, addr, &b, known, sp);
}

struct he_error *plan_hooks(struct step *st, uint64_t sp)
{
	struct he_target *t = st->target;
	const struct abi *abi = abi_of(t);
	struct step_hooks *h = &t->hooks;
	struct he_error *err;

	if (!abi)
		return NULL;
	err = find(t, h);
	st->first_hook = st->n_patches;
	for (unsigned i = 0; i < h->n_throws && !err; i++)
		err = hook_throw(st, abi, h->throws[i], sp);
	st->first_jump = st->n_patches;
	for (unsigned i = 0; i < h->n_jumps && !err; i++)
		err = hook_jump(st, abi, h->jumps[i], sp);
	st->end_hooks = st->n_patches;
	return err;
}

/* ---- where it lands ------------------------------------------------------------------------- */

struct landing {
	uint64_t pc, sp; /* pc 0: not known */
	uint64_t cfa;    /* of the frame there, 0 = not known */
};

/* Its frame: of the thread once it stands there with these registers. */
static struct he_error *look_at_frame(
    struct he_target *t, const struct sym_regs *regs, struct landing *l)
{
	struct near_frame v = {.cfa = 0};
	unsigned n = 0;
	struct he_error *err = step_frames(t, regs, &v, 1, &n);

	l->pc = regs->pc;
	l->sp = regs->sp;
	l->cfa = v.cfa;
	return err;
}

static struct he_error *argument(struct he_target *t, const struct abi *abi,
    const struct standing *now, unsigned n, uint64_t *ret)
{
	*ret = now->regs.reg[abi->arg[n]];
	return abi->arg[n] ? NULL : step_word(t, now->regs.sp + (n + 1ull) * abi->width, ret);
}

static void set_reg(struct sym_regs *regs, unsigned n, uint64_t value)
{
	regs->reg[n] = value;
	regs->valid |= UINT64_C(1) << n;
}

static void stand_at(const struct abi *abi, struct sym_regs *regs, uint64_t pc, uint64_t sp)
{
	set_reg(regs, abi->pc, pc);
	set_reg(regs, abi->sp, sp);
	regs->pc = pc;
	regs->sp = sp;
}

/* The hook's arguments.  Its caller has put the other registers of the landing frame where its
 * own are saved, so that they are those of whom it seems to have been called by. */
static struct he_error *look_at_throw(
    struct he_target *t, const struct abi *abi, const struct standing *now, struct landing *l)
{
	struct near_frame v[3];
	uint64_t pc = 0, sp = 0;
	unsigned n = 0;
	struct he_error *err = step_frames(t, &now->regs, v, 3, &n);

	if (!err)
		err = argument(t, abi, now, 0, &sp);
	if (!err)
		err = argument(t, abi, now, 1, &pc);
	if (err || n < 3)
		return err;
	stand_at(abi, &v[2].regs, pc, sp);
	return look_at_frame(t, &v[2].regs, l);
}

static uint64_t turned(const struct abi *abi, uint64_t v, uint64_t guard)
{
	unsigned bits = 8u * abi->width;
	uint64_t all = UINT64_MAX >> (64 - bits);

	return ((v >> abi->turn | v << (bits - abi->turn)) ^ guard) & all;
}

/* The pointer guard of the thread, and the jmp_buf in the same request. */
static struct he_error *guard_of(
    struct he_target *t, const struct abi *abi, uint64_t tid, uint64_t buf, uint64_t *ret)
{
	uint64_t pointer = 0;
	struct he_error *err = target_thread_pointer(t, tid, &pointer);
	const struct mem_range both[] = {
	    {buf, (uint64_t)abi->n_saved * abi->width}, {pointer + abi->guard_at, abi->width}};

	if (!err)
		err = target_prefetch(t, both, 2);
	return err ? err : step_word(t, pointer + abi->guard_at, ret);
}

static struct he_error *look_at_jump(
    struct he_target *t, const struct abi *abi, const struct standing *now, struct landing *l)
{
	struct sym_regs regs = {.valid = 0};
	uint64_t buf = 0, guard = 0, value = 0;
	struct he_error *err = argument(t, abi, now, 0, &buf);

	if (!err && t->hooks.mangled)
		err = guard_of(t, abi, now->tid, buf, &guard);
	for (unsigned i = 0; i < abi->n_saved && !err; i++) {
		unsigned to = abi->saved[i];

		err = step_word(t, buf + (uint64_t)i * abi->width, &value);
		if (t->hooks.mangled && abi->mangled >> to & 1)
			value = turned(abi, value, guard);
		set_reg(&regs, to, value);
	}
	if (err)
		return err;
	stand_at(abi, &regs, regs.reg[abi->pc], regs.reg[abi->sp]);
	return look_at_frame(t, &regs, l);
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
	const struct abi *abi = abi_of(st->target);
	struct landing l = {.pc = 0};
	int k = which(st, c);
	struct he_error *err;

	*ret = k >= 0 && abi;
	if (!*ret)
		return NULL;
	if ((unsigned)k >= st->first_jump)
		err = look_at_jump(st->target, abi, now, &l);
	else
		err = look_at_throw(st->target, abi, now, &l);
	/* Caught below the frame that matters: what is planted stays. */
	if (err || !l.pc || !l.cfa || l.cfa < (st->back_cfa ? st->back_cfa + 1 : st->id.cfa))
		return err;
	plan_begin(st);
	st->landing = true;
	return plan_above(st, l.pc, l.sp - PUSHED);
}
