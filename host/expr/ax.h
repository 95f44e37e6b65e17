/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Writing the bytecode of agent expressions (GDB manual, appendix F).
 */
#ifndef HOST_EXPR_AX_H
#define HOST_EXPR_AX_H

#include "common/buf.h"

/* Bytes, and values on the stack, that an agent takes (wire.def's patch.condition). */
enum { AX_BYTES = 4096, AX_STACK = 64 };

enum {
	AX_ADD = 0x02,
	AX_SUB = 0x03,
	AX_MUL = 0x04,
	AX_DIV_SIGNED = 0x05,
	AX_DIV_UNSIGNED = 0x06,
	AX_REM_SIGNED = 0x07,
	AX_REM_UNSIGNED = 0x08,
	AX_LSH = 0x09,
	AX_RSH_SIGNED = 0x0a,
	AX_RSH_UNSIGNED = 0x0b,
	AX_LOG_NOT = 0x0e,
	AX_AND = 0x0f,
	AX_OR = 0x10,
	AX_XOR = 0x11,
	AX_NOT = 0x12,
	AX_EQUAL = 0x13,
	AX_LESS_SIGNED = 0x14,
	AX_LESS_UNSIGNED = 0x15,
	AX_EXT = 0x16,
	AX_REF8 = 0x17, /* 16, 32, 64 follow */
	AX_IF_GOTO = 0x20,
	AX_GOTO = 0x21,
	AX_CONST8 = 0x22, /* 16, 32, 64 follow */
	AX_REG = 0x26,
	AX_END = 0x27,
	AX_POP = 0x29,
	AX_ZERO_EXT = 0x2a,
	AX_SWAP = 0x2b,
};

struct ax {
	struct buf *code;
	unsigned depth;
	bool bad; /* too long, too deep, or no memory */
};

void ax_op(struct ax *a, uint8_t op); /* one without an operand */
void ax_constant(struct ax *a, uint64_t v);
void ax_add_constant(struct ax *a, uint64_t v);
void ax_register(struct ax *a, unsigned number);
void ax_load(struct ax *a, unsigned size); /* 1 2 4 8 bytes, without sign */
void ax_extend(struct ax *a, unsigned bits, bool is_signed);
/* A jump (IF_GOTO takes a value) whose end ax_land(what it returned) says. */
size_t ax_jump(struct ax *a, uint8_t op);
void ax_land(struct ax *a, size_t jump);
/* Only one of two ways is gone: the value of the first is not there on the second. */
void ax_forget(struct ax *a);
void ax_end(struct ax *a);

#endif
