/* SPDX-License-Identifier: BSD-2-Clause
 *
 * x86-64, and i386 under it.  Sources: Intel's manual volume 2 (instruction formats,
 * Jcc, LOOP, CALL, SYSCALL) and volume 1, 6.4 (traps); the kernel's
 * arch/x86/kernel/signal.c for system calls that are repeated.
 */
#include <elf.h>
#include <errno.h>
#include <linux/audit.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "machine.h"
#include "operand_x86.h"
#include "surely.h"

enum {
	CS_64 = 0x33,
	FLAG_CF = 1,
	FLAG_PF = 4,
	FLAG_ZF = 0x40,
	FLAG_SF = 0x80,
	FLAG_TF = 0x100,
	FLAG_OF = 0x800
};
enum { FAR_JUMP = 14, NEAR_JUMP = 5 };

#ifndef TRAP_HWBKPT
#define TRAP_HWBKPT 4
#endif

/* ---- slots --------------------------------------------------------------------- */

static bool goes_anywhere(const struct insn *i)
{
	if (i->len == 0 || i->len > SLOT_BYTES - FAR_JUMP)
		return false;
	return i->kind == WIRE_INSN_PLAIN || i->kind == WIRE_INSN_RELATIVE ||
	       i->kind == WIRE_INSN_LEAVES || machine_is_syscall(i);
}

/* Its displacement counts from the end of the instruction, wherever that is. */
static bool move_displacement(uint8_t *copy, const struct insn *i, uint64_t by)
{
	int32_t old, new;
	int64_t wanted;

	if (i->fix == 0 || i->fix + 4u > i->len)
		return false;
	memcpy(&old, copy + i->fix, 4);
	wanted = (int64_t)((uint64_t)(int64_t)old + by);
	new = (int32_t)wanted;
	memcpy(copy + i->fix, &new, 4);
	return new == wanted;
}

static size_t slot_64(uint8_t to[SLOT_BYTES], uint64_t at, uint64_t addr, const struct insn *i)
{
	static const uint8_t jump[] = {0xff, 0x25, 0, 0, 0, 0}; /* jmp *0(%rip) */
	uint64_t back = addr + i->len;

	if (!goes_anywhere(i))
		return 0;
	memset(to, 0xcc, SLOT_BYTES);
	memcpy(to, i->bytes, i->len);
	if (i->kind == WIRE_INSN_RELATIVE && !move_displacement(to, i, addr - at))
		return 0;
	memcpy(to + i->len, jump, sizeof(jump));
	memcpy(to + i->len + sizeof(jump), &back, sizeof(back));
	return i->len;
}

static size_t slot_32(uint8_t to[SLOT_BYTES], uint64_t at, uint64_t addr, const struct insn *i)
{
	uint32_t way = (uint32_t)(addr - at - NEAR_JUMP);

	/* No instruction of this mode counts from the pc but jumps. */
	if (!goes_anywhere(i) || i->kind == WIRE_INSN_RELATIVE)
		return 0;
	memset(to, 0xcc, SLOT_BYTES);
	memcpy(to, i->bytes, i->len);
	to[i->len] = 0xe9;
	memcpy(to + i->len + 1, &way, sizeof(way));
	return i->len;
}

/* ---- the rows -------------------------------------------------------------------- */

static const struct machine machines[] = {
    {
	.arch = AUDIT_ARCH_X86_64,
	.width = 8,
	.trap_len = 1,
	.trap = {0xcc},
	.trap_behind = 1,
	.reach = 0x7ff00000,
	.call = {.mmap = 9, .munmap = 11, .insn = {0x0f, 0x05}},
	.slot = slot_64,
    },
    {
	.arch = AUDIT_ARCH_I386,
	.width = 4,
	.trap_len = 1,
	.trap = {0xcc},
	.trap_behind = 1,
	.reach = UINT32_MAX,
	.call = {.mmap = 192, .munmap = 91, .insn = {0xcd, 0x80}},
	.slot = slot_32,
    },
};

const struct machine *machine_find(uint32_t arch)
{
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
		if (machines[i].arch == arch)
			return &machines[i];
	return NULL;
}

static bool is_64(const struct user_regs_struct *r)
{
	return r->cs == CS_64;
}

const struct machine *machine_of(const struct user_regs_struct *r)
{
	return machine_find(is_64(r) ? AUDIT_ARCH_X86_64 : AUDIT_ARCH_I386);
}

/* ---- registers ------------------------------------------------------------------- */

int machine_get(pid_t tid, struct user_regs_struct *r)
{
	return ptrace_surely(PTRACE_GETREGS, tid, 0, (uintptr_t)r) == 0 ? 0 : errno;
}

int machine_set(pid_t tid, const struct user_regs_struct *r)
{
	return ptrace_surely(PTRACE_SETREGS, tid, 0, (uintptr_t)r) == 0 ? 0 : errno;
}

int64_t machine_syscall(pid_t tid)
{
	struct user_regs_struct r;

	return machine_get(tid, &r) == 0 ? (int64_t)r.orig_rax : -1;
}

int machine_set_pc(pid_t tid, uint64_t pc)
{
	return ptrace_surely(PTRACE_POKEUSER, tid, offsetof(struct user, regs.rip), pc) == 0
		   ? 0
		   : errno;
}

uint64_t machine_pc(const struct user_regs_struct *r)
{
	return r->rip;
}

uint64_t machine_sp(const struct user_regs_struct *r)
{
	return r->rsp;
}

void machine_move(struct user_regs_struct *r, uint64_t pc)
{
	r->rip = is_64(r) ? pc : (uint32_t)pc;
}

/* ---- what happened ----------------------------------------------------------------- */

enum machine_trap machine_trap(const siginfo_t *si)
{
	switch (si->si_code) {
	case SI_KERNEL:
		return TRAPPED_BREAK;
	case TRAP_TRACE:
	case TRAP_BRKPT: /* a step over a system call */
	case SIGTRAP:    /* a step into a signal's handler (ptrace_notify) */
		return TRAPPED_STEP;
	case TRAP_HWBKPT:
		return TRAPPED_WATCH;
	default:
		return TRAPPED_ALIEN;
	}
}

bool machine_is_syscall(const struct insn *i)
{
	return i->len == 2 &&
	       (memcmp(i->bytes, "\x0f\x05", 2) == 0 || memcmp(i->bytes, "\xcd\x80", 2) == 0);
}

void machine_called_from(struct user_regs_struct *r, uint64_t at, uint64_t addr)
{
	uint64_t len = r->rip - at;

	/* SYSCALL leaves the address it returns to in rcx. */
	if (is_64(r) && r->rcx == r->rip)
		r->rcx = addr + len;
	machine_move(r, addr + len);
}

bool machine_restarts(const struct user_regs_struct *r, uint64_t *addr)
{
	int64_t call = is_64(r) ? (int64_t)r->orig_rax : (int32_t)r->orig_rax;
	int64_t result = is_64(r) ? (int64_t)r->rax : (int32_t)r->rax;

	*addr = r->rip - 2;
	/* ERESTARTSYS, ERESTARTNOINTR, ERESTARTNOHAND, ERESTART_RESTARTBLOCK */
	return call >= 0 && (result == -512 || result == -513 || result == -514 || result == -516);
}

/* Where a frame has sp and pc (struct rt_sigframe_ia32 and sigframe_ia32 of the kernel's
 * asm/sigframe.h; struct rt_sigframe).  The 32-bit kinds tell themselves apart by the
 * third argument: only a handler with SA_SIGINFO gets a pointer into its frame. */
static bool frame_places(
    const struct user_regs_struct *r, machine_read *read, void *arg, unsigned *pc, unsigned *sp)
{
	uint32_t context = 0;

	if (is_64(r)) {
		*pc = 8 + 40 + 16 * 8;
		*sp = 8 + 40 + 15 * 8;
		return true;
	}
	if (!read(arg, r->rsp + 12, &context, sizeof(context)))
		return false;
	*pc = context - (uint32_t)r->rsp < 4096 ? 16 + 128 + 20 + 56 : 8 + 56;
	*sp = *pc - 56 + 28;
	return true;
}

bool machine_frame(
    const struct user_regs_struct *r, machine_read *read, void *arg, uint64_t *pc, uint64_t *sp)
{
	size_t width = is_64(r) ? 8 : 4;
	unsigned pc_at, sp_at;

	*pc = *sp = 0;
	return frame_places(r, read, arg, &pc_at, &sp_at) && read(arg, r->rsp + pc_at, pc, width) &&
	       read(arg, r->rsp + sp_at, sp, width);
}

bool machine_repeats(const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t b = bytes[i];

		if (b == 0xf2 || b == 0xf3)
			return true;
		if (b != 0x66 && b != 0x67 && (b & 0xf0) != 0x40)
			return false;
	}
	return false;
}

uint64_t machine_saved_flags(const struct user_regs_struct *r, uint64_t sp_before,
    const uint8_t *bytes, size_t n, uint32_t *bits)
{
	size_t at = 0;

	while (at < n && (bytes[at] == 0x66 || (is_64(r) && (bytes[at] & 0xf0) == 0x40)))
		at++;
	*bits = FLAG_TF;
	/* PUSHF; the kernel shows us the flag only where the program has set it. */
	return at < n && bytes[at] == 0x9c && sp_before > r->rsp && !(r->eflags & FLAG_TF) ? r->rsp
											   : 0;
}

bool machine_steps_itself(const struct user_regs_struct *r)
{
	return (r->eflags & FLAG_TF) != 0;
}

void machine_unstep(pid_t tid, struct user_regs_struct *r)
{
	r->eflags &= ~(uint64_t)FLAG_TF;
	ptrace_surely(PTRACE_POKEUSER, tid, offsetof(struct user, regs.eflags), r->eflags);
}

/* ---- jumps ------------------------------------------------------------------------- */

static bool parity_odd(uint64_t a, uint64_t b)
{
	return !a != !b;
}

/* By the low half of the opcode of Jcc. */
static bool condition(uint64_t flags, unsigned cc)
{
	bool yes[] = {
	    (flags & FLAG_OF) != 0,
	    (flags & FLAG_CF) != 0,
	    (flags & FLAG_ZF) != 0,
	    (flags & (FLAG_CF | FLAG_ZF)) != 0,
	    (flags & FLAG_SF) != 0,
	    (flags & FLAG_PF) != 0,
	    parity_odd(flags & FLAG_SF, flags & FLAG_OF),
	    (flags & FLAG_ZF) || parity_odd(flags & FLAG_SF, flags & FLAG_OF),
	};

	return yes[cc >> 1] != (cc & 1);
}

/* LOOPNE, LOOPE, LOOP and JRCXZ, E0 to E3. */
static bool counts(struct user_regs_struct *r, uint8_t op)
{
	uint64_t mask = is_64(r) ? UINT64_MAX : UINT32_MAX;
	bool zero = (r->eflags & FLAG_ZF) != 0;

	if (op == 0xe3)
		return (r->rcx & mask) == 0;
	r->rcx = (r->rcx - 1) & mask;
	if ((r->rcx & mask) == 0)
		return false;
	return op == 0xe2 || zero == (op == 0xe1);
}

/* What stands in front of an operation: branch hints, BND and NOTRACK, which change nothing
 * about where a jump goes; a segment; REX, which may say more of an operand's registers and
 * has to be the last. */
struct prefixes {
	unsigned n;
	uint8_t rex;
	uint64_t base; /* of fs or gs, 0 = of none of them */
};

static bool read_prefix(const struct user_regs_struct *r, uint8_t b, struct prefixes *p)
{
	bool rex = is_64(r) && (b & 0xf0) == 0x40;

	if (b == 0x64)
		p->base = r->fs_base;
	else if (b == 0x65)
		p->base = r->gs_base;
	else if (b != 0x2e && b != 0x3e && b != 0xf2 && !rex)
		return false;
	p->rex = rex ? b : 0;
	return true;
}

static struct prefixes read_prefixes(const struct user_regs_struct *r, const struct insn *i)
{
	struct prefixes p = {.n = 0};

	while (p.n < i->len && read_prefix(r, i->bytes[p.n], &p))
		p.n++;
	return p;
}

/* The displacement of n bytes that ends the instruction. */
static int64_t displacement(const struct insn *i, unsigned n)
{
	int32_t wide;

	if (n == 1)
		return (int8_t)i->bytes[i->len - 1];
	memcpy(&wide, i->bytes + i->len - 4, sizeof(wide));
	return wide;
}

/* A direct one; does it jump? */
static bool direct(struct user_regs_struct *r, const uint8_t *op, unsigned left, bool *jumps)
{
	if (left == 2 && op[0] >= 0xe0 && op[0] <= 0xe3)
		*jumps = counts(r, op[0]);
	else if (left == 2 && (op[0] & 0xf0) == 0x70)
		*jumps = condition(r->eflags, op[0] & 15);
	else if (left == 6 && op[0] == 0x0f && (op[1] & 0xf0) == 0x80)
		*jumps = condition(r->eflags, op[1] & 15);
	else if ((left == 2 && op[0] == 0xeb) || (left == 5 && (op[0] == 0xe9 || op[0] == 0xe8)))
		*jumps = true;
	else
		return false;
	return true;
}

/* FF /2 */
static bool indirect_call(const struct user_regs_struct *r, const uint8_t *op, unsigned left,
    const struct prefixes *p, uint64_t next, machine_read *read, void *arg, uint64_t *target)
{
	const struct operand_x86 o = {.modrm = op + 1,
	    .left = left - 1u,
	    .rex = p->rex,
	    .wide = is_64(r),
	    .base = p->base,
	    .next = next};

	return left >= 2 && op[0] == 0xff && ((op[1] >> 3) & 7) == 2 &&
	       operand_x86(r, &o, read, arg, target);
}

bool machine_jump(struct user_regs_struct *r, uint64_t addr, const struct insn *i,
    machine_read *read, void *arg, uint64_t *push)
{
	const struct prefixes p = read_prefixes(r, i);
	unsigned left = i->len - p.n;
	const uint8_t *op = i->bytes + p.n;
	uint64_t next = addr + i->len, target;
	bool jumps = true, calls = left && op[0] == 0xe8;

	*push = 0;
	if (direct(r, op, left, &jumps))
		target = next + (uint64_t)displacement(i, left == 2 ? 1 : 4);
	else if (indirect_call(r, op, left, &p, next, read, arg, &target))
		calls = true;
	else
		return false;
	if (calls) {
		*push = next;
		r->rsp -= is_64(r) ? 8 : 4;
	}
	machine_move(r, jumps ? target : next);
	return true;
}

#ifndef NT_X86_SHSTK
#define NT_X86_SHSTK 0x204
#endif

bool machine_keeps_returns(pid_t tid)
{
	uint64_t ssp;
	struct iovec iov = {&ssp, sizeof(ssp)};

	return ptrace(PTRACE_GETREGSET, tid, NT_X86_SHSTK, &iov) == 0;
}

/* ---- system calls -------------------------------------------------------------------- */

void machine_call(struct user_regs_struct *r, uint64_t at, long number, const uint64_t args[6])
{
	r->rax = (uint64_t)number;
	r->orig_rax = UINT64_MAX; /* it is in none now, so that none is repeated */
	r->rip = at;
	if (is_64(r)) {
		r->rdi = args[0];
		r->rsi = args[1];
		r->rdx = args[2];
		r->r10 = args[3];
		r->r8 = args[4];
		r->r9 = args[5];
		return;
	}
	r->rbx = args[0];
	r->rcx = args[1];
	r->rdx = args[2];
	r->rsi = args[3];
	r->rdi = args[4];
	r->rbp = args[5];
}

int64_t machine_result(const struct user_regs_struct *r)
{
	return is_64(r) ? (int64_t)r->rax : (int32_t)r->rax;
}
