/* SPDX-License-Identifier: BSD-2-Clause
 *
 * GDB's agent expressions (GDB manual, appendix F), as conditions of patches: integers
 * of 64 bits on a stack.  What has no meaning in a condition is refused when it is set:
 * trace and its kin, floating point, trace state variables, printf.  So is whatever
 * could go wrong beside the data: unknown registers, a jump into an operand, a stack
 * that runs over or under, or has different heights where paths meet, a way that does
 * not come to an end instruction.  What is left for evaluation is division by zero,
 * memory that cannot be read, and a loop.
 *
 * Where the manual says nothing: a shift by 64 or more leaves zeros (or copies of the
 * sign); the least number divided by -1 is itself, with remainder 0.
 */
#ifndef PROCSRV_BYTECODE_H
#define PROCSRV_BYTECODE_H

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
	void *arg;
};

/* Check and copy an expression for threads of an architecture.  E_OK and *out
 * (bytecode_free it), BAD_CONDITION, or NOMEM. */
int bytecode_new(struct span code, uint32_t arch, struct bytecode **out);
void bytecode_free(struct bytecode *b);

/* The bytes it was made of; valid as long as b. */
struct span bytecode_code(const struct bytecode *b);

/* E_OK and *value; DIVIDED; FAULT and *addr; TOO_LONG; BAD_CONDITION when the thread is
 * of an architecture that has not all the registers. */
int bytecode_eval(
    const struct bytecode *b, const struct bytecode_env *env, uint64_t *value, uint64_t *addr);

#endif
