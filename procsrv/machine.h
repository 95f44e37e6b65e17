/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What run control has to know of the processor: a row a mode of it, and one file a
 * family of them (machine_x86.c).  Everything here is about a thread that stands or
 * about bytes; nothing resumes a thread.
 *
 * Registers travel as the kernel's struct user_regs_struct of the agent's own machine,
 * which ptrace(2) also gives of a 32-bit program's thread.
 */
#ifndef PROCSRV_MACHINE_H
#define PROCSRV_MACHINE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#include "common/wire.h"

enum {
	TRAP_MAX = 4,   /* bytes of a breakpoint instruction */
	INSN_MAX = 16,  /* bytes of any instruction */
	SLOT_BYTES = 32 /* an instruction and the way back from it */
};

/* An instruction, as the host describes it (record patch of wire.def). */
struct insn {
	uint8_t kind; /* enum wire_insn */
	uint8_t len;  /* 0 = not known */
	uint8_t fix;  /* RELATIVE: where its displacement is */
	uint8_t bytes[INSN_MAX];
};

struct machine {
	uint32_t arch;  /* AUDIT_ARCH_* */
	unsigned width; /* of an address in memory, bytes */
	unsigned trap_len;
	uint8_t trap[TRAP_MAX];
	unsigned trap_behind; /* where the pc is after it, from its start */
	uint64_t reach;       /* slots have to be so near to their instruction */
	struct {
		long mmap, munmap; /* system calls; mmap takes an offset 0 in any unit */
		uint8_t insn[2];   /* the instruction that makes one */
	} call;
	/* Fill in a slot at address `at` for an instruction from addr.  How long the copied
	 * instruction is; 0: it does not go there. */
	size_t (*slot)(uint8_t to[SLOT_BYTES], uint64_t at, uint64_t addr, const struct insn *insn);
};

/* The row of the mode a thread is in; NULL: none of ours. */
const struct machine *machine_of(const struct user_regs_struct *r);
/* The one of an architecture. */
const struct machine *machine_find(uint32_t arch);

/* 0, or an errno value. */
int machine_get(pid_t tid, struct user_regs_struct *r);
int machine_set(pid_t tid, const struct user_regs_struct *r);
/* The pc alone. */
int machine_set_pc(pid_t tid, uint64_t pc);
/* The number of the system call it returns from; -1 = not known. */
int64_t machine_syscall(pid_t tid);

uint64_t machine_pc(const struct user_regs_struct *r);
uint64_t machine_sp(const struct user_regs_struct *r);
void machine_move(struct user_regs_struct *r, uint64_t pc);

/* What a SIGTRAP is. */
enum machine_trap {
	TRAPPED_BREAK, /* a breakpoint instruction was executed: ours, or the program's own */
	TRAPPED_STEP,  /* a single step is done (which may be the program's own) */
	TRAPPED_WATCH, /* a debug register */
	TRAPPED_ALIEN, /* a signal that somebody sent */
};
enum machine_trap machine_trap(const siginfo_t *si);

/* Does it make a system call? */
bool machine_is_syscall(const struct insn *insn);
/* It has executed the system call's instruction at `at` instead of at addr, and stands
 * at the call's entry: as if it had been there. */
void machine_called_from(struct user_regs_struct *r, uint64_t at, uint64_t addr);
/* A system call was broken off, and the kernel is going to repeat it when the thread
 * goes on: then its instruction stands at *addr. */
bool machine_restarts(const struct user_regs_struct *r, uint64_t *addr);
/* The thread is at the first instruction of a signal's handler: what it will return to
 * (its frame is read by way of read).  False: it is not known. */
typedef bool machine_read(void *arg, uint64_t addr, void *to, size_t n);
bool machine_frame(
    const struct user_regs_struct *r, machine_read *read, void *arg, uint64_t *pc, uint64_t *sp);
/* Does it repeat itself (a prefix), so that its pc stays the same after a step? */
bool machine_repeats(const uint8_t *bytes, size_t n);

/* A step from pc and sp is done.  If the instruction saved the flags, those in memory show
 * that it was stepped, which the program would load again one day: their place, and which
 * bits to clear; 0 = it did not. */
uint64_t machine_saved_flags(const struct user_regs_struct *r, uint64_t sp_before,
    const uint8_t *bytes, size_t n, uint32_t *bits);

/* The program has told the processor to trap behind each instruction. */
bool machine_steps_itself(const struct user_regs_struct *r);
/* Let it be so no more.  After a step over an instruction that loads the flags Linux takes
 * those it sets for later steps for the program's own, and never clears them. */
void machine_unstep(pid_t tid, struct user_regs_struct *r);

/* Do a direct jump, or a call, from addr; where a call goes may be read by way of read.
 * False: it is none that is understood, and nothing is done.  *push: the return address has
 * to be written where the sp now is. */
bool machine_jump(struct user_regs_struct *r, uint64_t addr, const struct insn *insn,
    machine_read *read, void *arg, uint64_t *push);

/* The processor keeps return addresses of its own (a shadow stack): calls cannot be done
 * in a thread's stead. */
bool machine_keeps_returns(pid_t tid);

/* Registers for a system call by the instruction at `at`; its result. */
void machine_call(struct user_regs_struct *r, uint64_t at, long number, const uint64_t args[6]);
int64_t machine_result(const struct user_regs_struct *r);

#endif
