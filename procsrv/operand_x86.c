/* SPDX-License-Identifier: BSD-2-Clause */
#include "operand_x86.h"

#include <string.h>

enum { REX_B = 1, REX_X = 2, REG_SP = 4, REG_BP = 5 };

static uint64_t reg(const struct user_regs_struct *r, unsigned n)
{
	const uint64_t all[] = {r->rax, r->rcx, r->rdx, r->rbx, r->rsp, r->rbp, r->rsi, r->rdi,
	    r->r8, r->r9, r->r10, r->r11, r->r12, r->r13, r->r14, r->r15};

	return all[n & 15];
}

/* A displacement of so many bytes at p. */
static uint64_t displacement(const uint8_t *p, size_t n)
{
	int32_t wide = 0;

	if (n == 1)
		return (uint64_t)(int64_t)(int8_t)*p;
	if (n == 4)
		memcpy(&wide, p, sizeof(wide));
	return (uint64_t)(int64_t)wide;
}

static uint64_t scaled(const struct user_regs_struct *r, const struct operand_x86 *o, uint8_t sib)
{
	unsigned index = ((sib >> 3) & 7u) | (o->rex & REX_X ? 8u : 0);

	return index == REG_SP ? 0 : reg(r, index) << (sib >> 6);
}

/* Its address in memory. */
static bool place(const struct user_regs_struct *r, const struct operand_x86 *o, uint64_t *addr)
{
	uint8_t mod = o->modrm[0] >> 6, base = o->modrm[0] & 7;
	bool sib = base == REG_SP, none;
	size_t at = sib ? 2 : 1, n = mod == 1 ? 1 : mod == 2 ? 4 : 0;

	if (o->left < at)
		return false;
	if (sib)
		base = o->modrm[1] & 7;
	none = mod == 0 && base == REG_BP;
	n = none ? 4 : n;
	if (o->left != at + n)
		return false;
	*addr = displacement(o->modrm + at, n);
	if (!none)
		*addr += reg(r, base | (o->rex & REX_B ? 8u : 0));
	else if (!sib && o->wide)
		*addr += o->next;
	if (sib)
		*addr += scaled(r, o, o->modrm[1]);
	return true;
}

/* Twice, for another thread may be writing there: what it is half through with is nothing
 * to go to. */
static bool word_at(uint64_t addr, size_t width, machine_read *read, void *arg, uint64_t *value)
{
	uint64_t again = 0;

	*value = 0;
	return read(arg, addr, value, width) && read(arg, addr, &again, width) && again == *value;
}

bool operand_x86(const struct user_regs_struct *r, const struct operand_x86 *o, machine_read *read,
    void *arg, uint64_t *value)
{
	uint64_t mask = o->wide ? UINT64_MAX : UINT32_MAX, addr;

	if (!o->left)
		return false;
	if (o->modrm[0] >> 6 == 3) {
		*value = reg(r, (o->modrm[0] & 7u) | (o->rex & REX_B ? 8u : 0)) & mask;
		return o->left == 1;
	}
	if (!place(r, o, &addr))
		return false;
	return word_at((addr + o->base) & mask, o->wide ? 8 : 4, read, arg, value);
}
