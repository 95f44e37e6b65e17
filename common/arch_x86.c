/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sources: the FXSAVE and XSAVE areas of Intel's manual volume 1, chapters 10.5 and 13.4.
 */
#include "arch_x86.h"

enum {
	FXSAVE_BYTES = 512,
	XCR0_AT = 464, /* the kernel puts XCR0 there, in bytes software may use */
	XSAVE_AVX_AT = 576,
};

#define XCR0_AVX (1u << 2)
#define XCR0_AVX512 (7u << 5)
#define XCR0_PKRU (1u << 9)

static struct span slice(struct span s, uint32_t at, uint32_t n)
{
	if (s.n < at || s.n - at < n)
		return (struct span){0};
	return (struct span){s.p + at, n};
}

/* Where the components beyond AVX stand differs between makers of CPUs, and the
 * target's CPUID is out of reach; XCR0 and the size of the area tell the layouts
 * apart (as GDB does it): AMD never had MPX and left no gap for it. */
static const struct layout {
	uint32_t size_min, size_max;
	uint16_t masks, zmm_hi, zmm_high16, pkru;
} layouts[] = {
    {2432, 2440, 832, 896, 1408, 2432},
    {2688, UINT32_MAX, 1088, 1152, 1664, 2688},
};

static struct span beyond_avx(struct span xsave, uint64_t xcr0, unsigned part)
{
	for (unsigned i = 0; i < sizeof(layouts) / sizeof(*layouts); i++) {
		const struct layout *l = &layouts[i];

		if (xsave.n < l->size_min || xsave.n > l->size_max)
			continue;
		if (part == PKRU)
			return xcr0 & XCR0_PKRU ? slice(xsave, l->pkru, 8) : (struct span){0};
		if ((xcr0 & XCR0_AVX512) != XCR0_AVX512)
			break;
		if (part == MASKS)
			return slice(xsave, l->masks, 64);
		if (part == ZMM_HI)
			return slice(xsave, l->zmm_hi, 512);
		return slice(xsave, l->zmm_high16, 1024);
	}
	return (struct span){0};
}

/* ---- the tag word ------------------------------------------------------------ */

enum { TAG_VALID, TAG_ZERO, TAG_SPECIAL, TAG_EMPTY, ST_AT = 32, ST_SIZE = 16 };

/* Of an 80-bit number: by its exponent, and the bit of its fraction that is written out. */
static unsigned tag_of(const uint8_t *st)
{
	unsigned exponent = (unsigned)(st[8] | st[9] << 8) & 0x7fff;
	bool zero = true;

	for (unsigned i = 0; i < 8; i++)
		zero = zero && !st[i];
	if (!exponent)
		return zero ? TAG_ZERO : TAG_SPECIAL;
	return exponent != 0x7fff && st[7] & 0x80 ? TAG_VALID : TAG_SPECIAL;
}

void arch_x86_get_tags(const struct arch_regsets *s, uint8_t value[64])
{
	struct span fx = arch_x86_part(s, FX);
	unsigned top, tags = 0, used = value[0];

	if (fx.n < FXSAVE_BYTES)
		return;
	top = fx.p[3] >> 3 & 7;
	for (unsigned i = 0; i < 8; i++) {
		const uint8_t *st = fx.p + ST_AT + (size_t)ST_SIZE * ((i + 8 - top) % 8);

		tags |= (used >> i & 1 ? tag_of(st) : (unsigned)TAG_EMPTY) << (2 * i);
	}
	value[0] = (uint8_t)tags;
	value[1] = (uint8_t)(tags >> 8);
}

void arch_x86_put_tags(uint8_t value[64])
{
	unsigned tags = (unsigned)(value[0] | value[1] << 8), used = 0;

	for (unsigned i = 0; i < 8; i++)
		used |= (unsigned)((tags >> (2 * i) & 3) != TAG_EMPTY) << i;
	value[0] = (uint8_t)used;
	value[1] = 0;
}

/* ---- blocks --------------------------------------------------------------------- */

static uint64_t xcr0_of(struct span xsave)
{
	struct span s = slice(xsave, XCR0_AT, 8);
	struct rd r = rd_init(s.p, s.n);

	return rd_u64(&r);
}

struct span arch_x86_part(const struct arch_regsets *s, unsigned which)
{
	struct span xsave = s->v[1], fx = s->v[2];

	if (which == GPR)
		return s->v[0];
	if (which == FX)
		return slice(xsave.n ? xsave : fx, 0, FXSAVE_BYTES);
	if (which == AVX_HI)
		return xcr0_of(xsave) & XCR0_AVX ? slice(xsave, XSAVE_AVX_AT, 256)
						 : (struct span){0};
	return beyond_avx(xsave, xcr0_of(xsave), which);
}
