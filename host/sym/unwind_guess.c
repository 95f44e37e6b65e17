/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/sym/unwind_guess.h"

#include <string.h>

#include "common/arch.h"
#include "host/sym/symtab.h"

enum { CALL_MAX = 7, FRAME_MAX = 16 * 1024 * 1024 };
enum { NO_REG = 255, WORDS_MAX = 17 };

/* A trampoline's code, and where the registers are that it is going to restore. */
struct trampoline {
	uint8_t n, code[9];
	uint8_t pointer_at; /* words above the sp: what points to the context; 0 = it is there */
	uint8_t offset;     /* of the first of: */
	uint8_t words;      /* each an address wide, with these DWARF numbers */
	uint8_t order[WORDS_MAX];
};

static const struct machine {
	const struct arch *arch;
	uint32_t kept; /* DWARF numbers of the registers that a function leaves as they were */
	uint8_t endbr[4];
	uint8_t move_len, moves[2][3]; /* the sp into the frame pointer, in both encodings */
	struct trampoline trampolines[2];
} machines[] =
    {
	{
	    .arch = &arch_x86_64,
	    .kept = 1u << 3 | 1u << 6 | 0xfu << 12, /* rbx, rbp, r12-r15 */
	    .endbr = {0xf3, 0x0f, 0x1e, 0xfa},
	    .move_len = 3,
	    .moves = {{0x48, 0x89, 0xe5}, {0x48, 0x8b, 0xec}},
	    .trampolines = {{
		/* mov $15,%rax; syscall: rt_sigreturn, with rsp at the struct ucontext
		 * (asm/ucontext.h, asm/sigcontext.h): r8-r15 rdi rsi rbp rbx rdx rax rcx rsp
		 * rip. */
		.n = 9,
		.code = {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05},
		.offset = 40,
		.words = 17,
		.order = {8, 9, 10, 11, 12, 13, 14, 15, 5, 4, 6, 3, 1, 0, 2, 7, 16},
	    }},
	},
	{
	    .arch = &arch_i386,
	    .kept = 1u << 3 | 1u << 5 | 1u << 6 | 1u << 7, /* ebx, ebp, esi, edi */
	    .endbr = {0xf3, 0x0f, 0x1e, 0xfb},
	    .move_len = 2,
	    .moves = {{0x89, 0xe5}, {0x8b, 0xec}},
	    .trampolines =
		{
		    /* The signal's number, then the context: edi esi ebp esp ebx edx ecx eax,
		     * two words, eip. */
		    {
			/* pop %eax; mov $119,%eax; int $0x80: sigreturn */
			.n = 8,
			.code = {0x58, 0xb8, 0x77, 0, 0, 0, 0xcd, 0x80},
			.offset = 4 + 16,
			.words = 11,
			.order = {7, 6, 5, 4, 3, 2, 1, 0, NO_REG, NO_REG, 8},
		    },
		    {
			/* mov $173,%eax; int $0x80: rt_sigreturn, above the handler's
			 * arguments, of which the third points to the struct ucontext */
			.n = 7,
			.code = {0xb8, 0xad, 0, 0, 0, 0xcd, 0x80},
			.pointer_at = 2,
			.offset = 20 + 16,
			.words = 11,
			.order = {7, 6, 5, 4, 3, 2, 1, 0, NO_REG, NO_REG, 8},
		    },
		},
	},
};

/* What a guess is about. */
struct guess {
	struct symbols *s;
	const struct machine *m;
	unsigned width, pc, sp, fp; /* of an address; DWARF numbers */
	const struct sym_regs *regs;
};

static bool read_word(const struct guess *g, uint64_t addr, uint64_t *value, struct cfi_step *ret)
{
	*value = 0;
	if (g->s->src.read(g->s->src.arg, addr, value, g->width) == g->width)
		return true;
	ret->fault = addr;
	return false;
}

static bool read_code(struct symbols *s, uint64_t addr, void *buf, size_t len)
{
	struct module *m = modules_at(&s->modules, addr);
	struct symfile *f = NULL;

	if (m)
		he_error_free(symfile_get(&s->src, m, false, &f));
	if (f && symfile_code(f, addr, buf, len))
		return true;
	return s->src.read(s->src.arg, addr, buf, len) == len;
}

/* Does a call instruction end at addr?  e8 rel32, or ff /2 in its lengths. */
static bool after_call(struct symbols *s, uint64_t addr)
{
	uint8_t b[CALL_MAX];

	if (!modules_executable(&s->modules, addr - 1) ||
	    !read_code(s, addr - CALL_MAX, b, sizeof(b)))
		return false;
	if (b[2] == 0xe8)
		return true;
	for (size_t len = 2; len <= CALL_MAX; len++)
		if (b[CALL_MAX - len] == 0xff && (b[CALL_MAX - len + 1] >> 3 & 7) == 2)
			return true;
	return false;
}

static void set(struct sym_regs *regs, unsigned number, uint64_t value)
{
	regs->reg[number] = value;
	regs->valid |= UINT64_C(1) << number;
}

/* The return address stands at ra_at, the caller's stack above it. */
static enum cfi_result by_stack(const struct guess *g, uint64_t ra_at, struct cfi_step *ret)
{
	uint64_t ra;

	if (!read_word(g, ra_at, &ra, ret))
		return CFI_FAULT;
	if (!after_call(g->s, ra))
		return CFI_NONE;
	ret->cfa = ra_at + g->width;
	ret->caller = *g->regs;
	ret->caller.valid &= g->m->kept;
	ret->caller.sp = ret->cfa;
	ret->caller.pc = ra;
	set(&ret->caller, g->sp, ret->cfa);
	set(&ret->caller, g->pc, ra);
	return CFI_OK;
}

/* push %rbp; mov %rsp,%rbp has been done: rbp points to the saved rbp, above which the
 * return address stands.  When that is only supposed (!known), rbp must go on as a
 * chain. */
static enum cfi_result by_rbp(const struct guess *g, bool known, struct cfi_step *ret)
{
	uint64_t rbp = g->regs->reg[g->fp], saved;
	enum cfi_result result;

	if (!(g->regs->valid >> g->fp & 1) || rbp % g->width || rbp < g->regs->sp ||
	    rbp - g->regs->sp > FRAME_MAX)
		return CFI_NONE;
	if (!read_word(g, rbp, &saved, ret))
		return CFI_FAULT;
	if (!known && saved && saved <= rbp)
		return CFI_NONE;
	result = by_stack(g, rbp + g->width, ret);
	if (result == CFI_OK) {
		ret->caller.valid &= UINT64_C(1) << g->sp | UINT64_C(1) << g->pc;
		set(&ret->caller, g->fp, saved);
	}
	return result;
}

/* ---- a signal's way back ----------------------------------------------------------- */

static const struct trampoline *trampoline_at(const struct guess *g, uint64_t pc)
{
	const size_t n = sizeof(g->m->trampolines) / sizeof(g->m->trampolines[0]);
	uint8_t b[sizeof(g->m->trampolines[0].code)];

	for (size_t i = 0; i < n; i++) {
		const struct trampoline *t = &g->m->trampolines[i];

		if (t->n && read_code(g->s, pc, b, t->n) && !memcmp(b, t->code, t->n))
			return t;
	}
	return NULL;
}

static enum cfi_result by_sigcontext(
    const struct guess *g, const struct trampoline *t, struct cfi_step *ret)
{
	uint8_t raw[WORDS_MAX * sizeof(uint64_t)];
	size_t len = (size_t)t->words * g->width;
	uint64_t at = g->regs->sp;

	ret->signal = true;
	ret->cfa = g->regs->sp;
	if (t->pointer_at && !read_word(g, at + (uint64_t)t->pointer_at * g->width, &at, ret))
		return CFI_FAULT;
	at += t->offset;
	if (g->s->src.read(g->s->src.arg, at, raw, len) != len) {
		ret->fault = at;
		return CFI_FAULT;
	}
	for (size_t i = 0; i < t->words; i++) {
		uint64_t v = 0;

		memcpy(&v, raw + i * g->width, g->width);
		if (t->order[i] != NO_REG)
			set(&ret->caller, t->order[i], v);
	}
	ret->caller.pc = ret->caller.reg[g->pc];
	ret->caller.sp = ret->caller.reg[g->sp];
	return CFI_OK;
}

/* ---- a function's way in ------------------------------------------------------------ */

enum prologue { UNKNOWN, NOTHING_DONE, RBP_PUSHED, RBP_SET };
enum { PROLOGUE_MIN = 8, PROLOGUE_MAX = 24 };

/* Position-independent code of i386 may begin by asking where it is: call of a thunk, add
 * $displacement,%reg.  (That of the vdso does, which has no unwind information.) */
static size_t own_address(const struct guess *g, const uint8_t *b)
{
	if (g->width != 4 || b[0] != 0xe8)
		return 0;
	if (b[5] == 0x05)
		return 10;
	return b[5] == 0x81 && (b[6] & 0xf8) == 0xc0 ? 11 : 0;
}

/* How far into a function that begins (endbr64) push %rbp; mov %rsp,%rbp is the pc? */
static enum prologue prologue(const struct guess *g, uint64_t start, uint64_t pc)
{
	const struct machine *m = g->m;
	uint8_t code[PROLOGUE_MAX] = {0}, *b = code;
	uint64_t at;

	if (!read_code(g->s, start, b, PROLOGUE_MAX) && !read_code(g->s, start, b, PROLOGUE_MIN))
		return UNKNOWN;
	if (!memcmp(b, m->endbr, sizeof(m->endbr)))
		b += sizeof(m->endbr);
	b += own_address(g, b);
	at = start + (uint64_t)(b - code);
	if (pc <= at)
		return NOTHING_DONE;
	if (b[0] != 0x55 || (memcmp(b + 1, m->moves[0], m->move_len) != 0 &&
				memcmp(b + 1, m->moves[1], m->move_len) != 0))
		return UNKNOWN;
	return pc < at + 1 + m->move_len ? RBP_PUSHED : RBP_SET;
}

static bool about_to_return(const struct guess *g)
{
	uint8_t b;

	return read_code(g->s, g->regs->pc, &b, 1) && b == 0xc3;
}

static enum cfi_result by_code(
    const struct guess *g, struct symfile *f, bool innermost, struct cfi_step *ret)
{
	const struct sym *sym = f ? symtab_code(symtab_of(f), g->regs->pc) : NULL;
	enum cfi_result result;

	if (innermost && about_to_return(g))
		return by_stack(g, g->regs->sp, ret);
	switch (sym ? prologue(g, sym->addr, g->regs->pc) : UNKNOWN) {
	case NOTHING_DONE:
		return by_stack(g, g->regs->sp, ret);
	case RBP_PUSHED:
		return by_stack(g, g->regs->sp + g->width, ret);
	case RBP_SET:
		return by_rbp(g, true, ret);
	default:
		break;
	}
	/* A function that is known not to set rbp up keeps its caller's. */
	result = sym && innermost ? by_stack(g, g->regs->sp, ret) : CFI_NONE;
	if (result == CFI_NONE)
		result = by_rbp(g, false, ret);
	if (result == CFI_NONE && innermost)
		result = by_stack(g, g->regs->sp, ret);
	/* A stub of the PLT on its way to the dynamic linker has pushed a number. */
	if (result == CFI_NONE && innermost)
		result = by_stack(g, g->regs->sp + g->width, ret);
	return result;
}

static const struct machine *machine_of(const struct symbols *s)
{
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
		if (machines[i].arch->audit == s->src.arch)
			return &machines[i];
	return NULL;
}

enum cfi_result unwind_guess(struct symbols *s, struct symfile *f, const struct sym_regs *regs,
    bool innermost, struct cfi_step *ret, bool *certain)
{
	struct guess g = {.s = s, .m = machine_of(s), .regs = regs};
	const struct trampoline *t;

	*ret = (struct cfi_step){.cfa = 0};
	*certain = false;
	if (!g.m)
		return CFI_NONE;
	g.width = g.m->arch->width;
	g.pc = g.m->arch->dwarf_pc;
	g.sp = g.m->arch->dwarf_sp;
	g.fp = g.m->arch->dwarf_fp;
	t = innermost ? NULL : trampoline_at(&g, regs->pc);
	if (t) {
		*certain = true;
		return by_sigcontext(&g, t, ret);
	}
	if (!modules_executable(&s->modules, regs->pc))
		/* A call through a null or wild pointer: nothing has run since. */
		return innermost ? by_stack(&g, regs->sp, ret) : CFI_NONE;
	return by_code(&g, f, innermost, ret);
}
