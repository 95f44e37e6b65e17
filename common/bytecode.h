/* SPDX-License-Identifier: BSD-2-Clause
 *
 * GDB's agent expressions (GDB manual, appendix F), as conditions of patches: integers
 * of 64 bits on a stack.  What has no meaning in a condition is refused when it is set:
 * trace and its kin, floating point, trace state variables, printf.  A command is the same
 * with printf, and has no value.  Refused is, too, whatever could go wrong beside the
 * data: unknown registers, a jump into an operand, a stack that runs over or under, or has
 * different heights where paths meet, a way that does not come to an end instruction.  What
 * is left for evaluation is division by zero, memory that cannot be read, and a loop.
 *
 * Where the manual says nothing: a shift by 64 or more leaves zeros (or copies of the
 * sign); the least number divided by -1 is itself, with remainder 0.
 */
#ifndef COMMON_BYTECODE_H
#define COMMON_BYTECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

enum {
	BYTECODE_BYTES = 4096, /* of an expression, at most; as in record patch of the wire */
	BYTECODE_STACK = 64,   /* values on the stack */
	BYTECODE_STEPS = 10000,
};

struct bytecode;

/* Whose registers and memory. */
struct bytecode_env {
	uint32_t arch;       /* AUDIT_ARCH_* of the thread */
	const uint8_t *regs; /* its general registers, in any form that gdb_reg.h takes */
	size_t nregs;
	/* n (at most 8) bytes at addr, as the program has them; false: not all of them
	 * can be read.  On a 32-bit architecture addr is below 1 << 32. */
	bool (*read)(void *arg, uint64_t addr, void *to, size_t n);
	/* Of one who has no such block: the register of that number of gdb_reg.h, false = it is
	 * not to be had.  NULL: regs has them. */
	bool (*reg)(void *arg, unsigned number, uint64_t *value);
	/* printf of a command, with a format that was allowed and its n arguments: E_OK, or FAULT
	 * and *addr.  Of a condition it is never called. */
	int (*print)(
	    void *arg, struct span format, const uint64_t *args, unsigned n, uint64_t *addr);
	void *arg;
};

/* Check and copy an expression for threads of an architecture.  E_OK and *out
 * (bytecode_free it), BAD_CONDITION, or NOMEM. */
int bytecode_new(struct span code, uint32_t arch, struct bytecode **out);
void bytecode_free(struct bytecode *b);

/* May printf have this format (without the NUL at its end) and so many arguments? */
typedef bool bytecode_allows(struct span format, unsigned n);
/* The same for a command: its printfs have to be allowed. */
int bytecode_new_command(
    struct span code, uint32_t arch, bytecode_allows *allows, struct bytecode **out);

/* The bytes it was made of; valid as long as b. */
struct span bytecode_code(const struct bytecode *b);

/* E_OK and *value; DIVIDED; FAULT and *addr; TOO_LONG; BAD_CONDITION when the thread is
 * of an architecture that has not all the registers. */
int bytecode_eval(
    const struct bytecode *b, const struct bytecode_env *env, uint64_t *value, uint64_t *addr);
/* The same of a command; what print returned is returned, too. */
int bytecode_run(const struct bytecode *b, const struct bytecode_env *env, uint64_t *addr);

#endif
