/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/engine/insn.h"

#include "host/engine/decoder.h"

/* A 4-byte displacement from the pc in its ModRM byte's address. */
static bool relative(const cs_insn *i)
{
	const cs_x86 *x = &i->detail->x86;

	for (unsigned n = 0; n < x->op_count; n++)
		if (x->operands[n].type == X86_OP_MEM &&
		    (x->operands[n].mem.base == X86_REG_RIP ||
			x->operands[n].mem.base == X86_REG_EIP))
			return true;
	return false;
}

static bool direct(const cs_insn *i)
{
	return i->detail->x86.op_count == 1 && i->detail->x86.operands[0].type == X86_OP_IMM;
}

/* What the tracer emulates: the plain encodings.  A branch of 16 bits, or a far one, or
 * one that counts in rcx runs in its place. */
static bool near_jump(const cs_insn *i)
{
	const uint8_t *b = i->bytes, *end = b + i->size;

	while (b < end && (*b == 0x2e || *b == 0x3e || *b == 0xf2)) /* hints, bnd */
		b++;
	if (b >= end)
		return false;
	return *b == 0xeb || *b == 0xe9 || (*b >= 0x70 && *b <= 0x7f) ||
	       (*b == 0x0f && b + 1 < end && b[1] >= 0x80 && b[1] <= 0x8f);
}

static bool near_call(const cs_insn *i)
{
	const uint8_t *b = i->bytes, *end = b + i->size;

	/* hints, bnd, notrack, fs and gs, REX (in 32-bit code that byte is no call) */
	while (b < end && (*b == 0x2e || *b == 0x3e || *b == 0xf2 || (*b & 0xfe) == 0x64 ||
			      (*b & 0xf0) == 0x40))
		b++;
	if (b >= end)
		return false;
	return *b == 0xe8 || (*b == 0xff && b + 1 < end && (b[1] >> 3 & 7) == 2);
}

static bool leaves(const cs_insn *i)
{
	return i->id == X86_INS_RET || i->id == X86_INS_JMP;
}

/* What traps, enters the kernel, or knows its own address in other ways (calls in odd
 * encodings, too) has to run where it is. */
static bool stays(const cs_insn *i)
{
	return decoder_in_group(i, CS_GRP_INT) || decoder_in_group(i, CS_GRP_IRET) ||
	       decoder_in_group(i, CS_GRP_PRIVILEGE) || i->id == X86_INS_SYSCALL ||
	       i->id == X86_INS_SYSENTER || i->id == X86_INS_CALL || i->id == X86_INS_LCALL ||
	       i->id == X86_INS_LJMP || i->id == X86_INS_RETF || i->id == X86_INS_RETFQ ||
	       i->id == X86_INS_HLT || i->id == X86_INS_UD2 || i->id == X86_INS_XBEGIN ||
	       i->id == X86_INS_XABORT || i->id == X86_INS_LOOP || i->id == X86_INS_LOOPE ||
	       i->id == X86_INS_LOOPNE || i->id == X86_INS_JCXZ || i->id == X86_INS_JECXZ ||
	       i->id == X86_INS_JRCXZ || i->id == X86_INS_RDTSCP || i->id == X86_INS_RSM;
}

static void classify(const cs_insn *i, struct insn *ret)
{
	const cs_x86_encoding *e = &i->detail->x86.encoding;

	if (decoder_in_group(i, CS_GRP_CALL) && near_call(i))
		ret->class = WIRE_INSN_CALL;
	else if (decoder_in_group(i, CS_GRP_JUMP) && direct(i) && near_jump(i))
		ret->class = WIRE_INSN_JUMP;
	else if (stays(i) || (decoder_in_group(i, CS_GRP_JUMP) && direct(i)) ||
		 (relative(i) && (e->disp_size != 4 || !e->disp_offset)))
		ret->class = WIRE_INSN_OTHER;
	else if (relative(i)) { /* of jmp *disp(%rip) nothing is behind it to be gone on to */
		ret->class = WIRE_INSN_RELATIVE;
		ret->fix = e->disp_offset;
	} else
		ret->class = leaves(i) ? WIRE_INSN_LEAVES : WIRE_INSN_PLAIN;
}

struct insn insn_look(uint32_t audit, uint64_t addr, const uint8_t *bytes, size_t n)
{
	struct insn ret = {.class = WIRE_INSN_OTHER};
	cs_insn *i = NULL;
	csh h;

	if (!decoder_open(audit, &h))
		return ret;
	if (cs_disasm(h, bytes, n, addr, 1, &i) == 1 && i->size <= INSN_MAX) {
		ret.len = (uint8_t)i->size;
		classify(i, &ret);
	}
	cs_free(i, i ? 1 : 0);
	cs_close(&h);
	return ret;
}
