/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch.h"

static const struct arch *const known[] = {
    &arch_x86_64,
    &arch_i386,
};

const struct arch *arch_find(uint32_t audit)
{
	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i]->audit == audit)
			return known[i];
	return NULL;
}

bool arch_get(
    const struct arch *a, const struct arch_reg *r, const struct arch_regsets *s, uint8_t value[64])
{
	unsigned at = 0;

	for (unsigned i = 0; i < ARCH_PIECES && r->piece[i].bytes; i++) {
		const struct arch_piece *p = &r->piece[i];
		struct span from = a->part(s, p->part);

		if (from.n < (uint32_t)p->offset + p->bytes || at + p->bytes > 64)
			return false;
		memcpy(value + at, from.p + p->offset, p->bytes);
		at += p->bytes;
	}
	if (arch_is_odd(a, r))
		a->odd_get(s, value);
	return at == (r->bits + 7u) / 8;
}

bool arch_is_odd(const struct arch *a, const struct arch_reg *r)
{
	return a->odd && strcmp(a->odd, r->name) == 0;
}

const struct arch_reg *arch_by_dwarf(const struct arch *a, unsigned dwarf)
{
	for (unsigned i = 0; i < a->n_regs; i++)
		if (a->regs[i].dwarf >= 0 && (unsigned)a->regs[i].dwarf == dwarf)
			return &a->regs[i];
	return NULL;
}
