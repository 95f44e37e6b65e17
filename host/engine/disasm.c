/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/engine/disasm.h"

#include <linux/audit.h>
#include <stdio.h>
#include <stdlib.h>

#include "host/engine/decoder.h"

struct disassembler {
	csh h;
	bool wide; /* 64-bit code */
};

struct disassembler *disassembler_new(uint32_t audit, bool intel)
{
	struct disassembler *d = calloc(1, sizeof(*d));

	if (!d || !decoder_open(audit, &d->h)) {
		free(d);
		return NULL;
	}
	cs_option(d->h, CS_OPT_SYNTAX, intel ? CS_OPT_SYNTAX_INTEL : CS_OPT_SYNTAX_ATT);
	d->wide = audit == AUDIT_ARCH_X86_64;
	return d;
}

void disassembler_free(struct disassembler *d)
{
	if (d)
		cs_close(&d->h);
	free(d);
}

static bool is_branch(const struct disassembler *d, const cs_insn *i)
{
	return cs_insn_group(d->h, i, CS_GRP_JUMP) || cs_insn_group(d->h, i, CS_GRP_CALL);
}

/* beside: it is not in the text. */
static bool find_target(const struct disassembler *d, const cs_insn *i, uint64_t *ret, bool *beside)
{
	const cs_x86 *x = &i->detail->x86;

	for (unsigned n = 0; n < x->op_count; n++) {
		const cs_x86_op *op = &x->operands[n];

		*beside = op->type == X86_OP_MEM;
		if (op->type == X86_OP_IMM && is_branch(d, i)) {
			*ret = d->wide ? (uint64_t)op->imm : (uint32_t)op->imm;
			return true;
		}
		if (op->type == X86_OP_MEM && op->mem.base == X86_REG_RIP) {
			*ret = i->address + i->size + (uint64_t)op->mem.disp;
			return true;
		}
	}
	return false;
}

/* The address of an operand beside the pc is written behind it, as GDB does. */
static void write_text(const cs_insn *i, bool beside, struct disasm *ret)
{
	char text[32] = "";

	if (ret->has_target && beside)
		snprintf(text, sizeof(text), "        # 0x%llx", (unsigned long long)ret->target);
	if (*i->op_str)
		snprintf(ret->text, sizeof(ret->text), "%-6s %s%s", i->mnemonic, i->op_str, text);
	else
		snprintf(ret->text, sizeof(ret->text), "%s", i->mnemonic);
}

void disasm(
    struct disassembler *d, uint64_t addr, const uint8_t *bytes, size_t n, struct disasm *ret)
{
	cs_insn *i = NULL;
	bool beside = false;

	*ret = (struct disasm){0};
	if (cs_disasm(d->h, bytes, n, addr, 1, &i) != 1)
		return;
	ret->len = (uint8_t)i->size;
	ret->has_target = find_target(d, i, &ret->target, &beside);
	write_text(i, beside, ret);
	cs_free(i, 1);
}
