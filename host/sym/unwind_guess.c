/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/sym/unwind_guess.h"

#include <string.h>

#include "host/sym/symtab.h"

enum { RBX = 3, RBP = 6, RSP = 7, R12 = 12, R15 = 15, RIP = 16 };
enum { CALL_MAX = 7, PROLOGUE_MAX = 32, FRAME_MAX = 16 * 1024 * 1024 };

static bool read_word(struct symbols *s, uint64_t addr, uint64_t *value, struct cfi_step *ret)
{
	if (s->src.read(s->src.arg, addr, value, sizeof(*value)) == sizeof(*value))
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

/* The return address stands at ra_at, the caller's stack above it. */
static enum cfi_result by_stack(
    struct symbols *s, const struct sym_regs *regs, uint64_t ra_at, struct cfi_step *ret)
{
	uint64_t ra;

	if (!read_word(s, ra_at, &ra, ret))
		return CFI_FAULT;
	if (!after_call(s, ra))
		return CFI_NONE;
	ret->cfa = ra_at + 8;
	ret->caller = *regs;
	ret->caller.valid &= 1u << RBX | 1u << RBP | 0xfu << R12;
	ret->caller.reg[RSP] = ret->caller.sp = ret->cfa;
	ret->caller.reg[RIP] = ret->caller.pc = ra;
	ret->caller.valid |= 1u << RSP | 1u << RIP;
	return CFI_OK;
}

/* push %rbp; mov %rsp,%rbp has been done: rbp points to the saved rbp, above which the
 * return address stands.  When that is only supposed (!known), rbp must go on as a
 * chain. */
static enum cfi_result by_rbp(
    struct symbols *s, const struct sym_regs *regs, bool known, struct cfi_step *ret)
{
	uint64_t rbp = regs->reg[RBP], saved;
	enum cfi_result result;

	if (!(regs->valid >> RBP & 1) || rbp % 8 || rbp < regs->sp || rbp - regs->sp > FRAME_MAX)
		return CFI_NONE;
	if (!read_word(s, rbp, &saved, ret))
		return CFI_FAULT;
	if (!known && saved && saved <= rbp)
		return CFI_NONE;
	result = by_stack(s, regs, rbp + 8, ret);
	if (result == CFI_OK) {
		ret->caller.reg[RBP] = saved;
		ret->caller.valid = 1u << RBP | 1u << RSP | 1u << RIP;
	}
	return result;
}

/* mov $15,%rax; syscall: rt_sigreturn, with rsp at the struct ucontext
 * (asm/ucontext.h, asm/sigcontext.h). */
static bool is_sigreturn(struct symbols *s, uint64_t pc)
{
	static const uint8_t code[] = {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};
	uint8_t b[sizeof(code)];

	return read_code(s, pc, b, sizeof(b)) && !memcmp(b, code, sizeof(b));
}

static enum cfi_result by_sigcontext(
    struct symbols *s, const struct sym_regs *regs, struct cfi_step *ret)
{
	/* DWARF numbers in the order of struct sigcontext: r8-r15 rdi rsi rbp rbx rdx rax
	 * rcx rsp rip. */
	static const uint8_t order[] = {8, 9, 10, 11, 12, 13, 14, 15, 5, 4, 6, 3, 1, 0, 2, 7, 16};
	enum { MCONTEXT = 40 };
	uint64_t v[sizeof(order)];

	ret->signal = true;
	ret->cfa = regs->sp;
	if (s->src.read(s->src.arg, regs->sp + MCONTEXT, v, sizeof(v)) != sizeof(v)) {
		ret->fault = regs->sp + MCONTEXT;
		return CFI_FAULT;
	}
	for (size_t i = 0; i < sizeof(order); i++) {
		ret->caller.reg[order[i]] = v[i];
		ret->caller.valid |= (uint64_t)1 << order[i];
	}
	ret->caller.pc = ret->caller.reg[RIP];
	ret->caller.sp = ret->caller.reg[RSP];
	return CFI_OK;
}

enum prologue { UNKNOWN, NOTHING_DONE, RBP_PUSHED, RBP_SET };

/* How far into a function that begins (endbr64) push %rbp; mov %rsp,%rbp is the pc? */
static enum prologue prologue(struct symbols *s, uint64_t start, uint64_t pc)
{
	static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};
	uint8_t b[8];
	uint64_t at = start;

	if (!read_code(s, at, b, sizeof(b)))
		return UNKNOWN;
	if (!memcmp(b, endbr64, sizeof(endbr64))) {
		at += sizeof(endbr64);
		memmove(b, b + sizeof(endbr64), sizeof(b) - sizeof(endbr64));
	}
	if (pc <= at)
		return NOTHING_DONE;
	if (b[0] != 0x55 || b[1] != 0x48 ||
	    !((b[2] == 0x89 && b[3] == 0xe5) || (b[2] == 0x8b && b[3] == 0xec)))
		return UNKNOWN;
	return pc < at + 4 ? RBP_PUSHED : RBP_SET;
}

static enum cfi_result by_code(struct symbols *s, struct symfile *f, const struct sym_regs *regs,
    bool innermost, struct cfi_step *ret)
{
	const struct sym *sym = f ? symtab_code(symtab_of(f), regs->pc) : NULL;
	enum cfi_result result;

	switch (sym ? prologue(s, sym->addr, regs->pc) : UNKNOWN) {
	case NOTHING_DONE:
		return by_stack(s, regs, regs->sp, ret);
	case RBP_PUSHED:
		return by_stack(s, regs, regs->sp + 8, ret);
	case RBP_SET:
		return by_rbp(s, regs, true, ret);
	default:
		break;
	}
	/* A function that is known not to set rbp up keeps its caller's. */
	result = sym && innermost ? by_stack(s, regs, regs->sp, ret) : CFI_NONE;
	if (result == CFI_NONE)
		result = by_rbp(s, regs, false, ret);
	if (result == CFI_NONE && innermost)
		result = by_stack(s, regs, regs->sp, ret);
	/* A stub of the PLT on its way to the dynamic linker has pushed a number. */
	if (result == CFI_NONE && innermost)
		result = by_stack(s, regs, regs->sp + 8, ret);
	return result;
}

enum cfi_result unwind_guess(struct symbols *s, struct symfile *f, const struct sym_regs *regs,
    bool innermost, struct cfi_step *ret, bool *certain)
{
	*ret = (struct cfi_step){.cfa = 0};
	*certain = false;
	if (!innermost && is_sigreturn(s, regs->pc)) {
		*certain = true;
		return by_sigcontext(s, regs, ret);
	}
	if (!modules_executable(&s->modules, regs->pc))
		/* A call through a null or wild pointer: nothing has run since. */
		return innermost ? by_stack(s, regs, regs->sp, ret) : CFI_NONE;
	return by_code(s, f, regs, innermost, ret);
}
