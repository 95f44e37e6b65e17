/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/sym/prologue_x86.h"

#include <stdbool.h>
#include <string.h>

/* Room behind the code, which is zeros: nothing that is looked for is found there. */
enum { BEHIND = 32, SAVED_MAX = 8, SKIPPED_MAX = 8 };
struct code {
	uint8_t v[PROLOGUE_MOST + BEHIND];
};

static struct code code_of(const uint8_t *bytes, size_t n)
{
	struct code c = {{0}};

	memcpy(c.v, bytes, n < PROLOGUE_MOST ? n : PROLOGUE_MOST);
	return c;
}

/* ---- instructions ---------------------------------------------------------------------- */

/* One of len bytes; in the first of them those bits count that mask has. */
struct pattern {
	uint8_t len, n, bytes[4], mask[4];
};

#define WHOLE                                                                                      \
	{                                                                                          \
		0xff, 0xff, 0xff, 0xff                                                             \
	}

static const struct pattern marks[] = {
    {4, 4, {0xf3, 0x0f, 0x1e, 0xfa}, WHOLE}, /* endbr64 */
    {4, 4, {0xf3, 0x0f, 0x1e, 0xfb}, WHOLE}, /* endbr32 */
};
static const struct pattern idle[] = {
    {1, 1, {0x90}, WHOLE}, {2, 2, {0x8b, 0xff}, WHOLE}, /* mov %edi,%edi */
};
static const struct pattern saves[] = {
    {1, 1, {0x55}, WHOLE}, /* push %rbp */
};
static const struct pattern moves_64[] = {
    {3, 3, {0x48, 0x89, 0xe5}, WHOLE}, /* mov %rsp,%rbp */
    {3, 3, {0x48, 0x8b, 0xec}, WHOLE},
};
static const struct pattern moves_32[] = {
    {2, 2, {0x89, 0xe5}, WHOLE},                                    /* mov %esp,%ebp */
    {2, 2, {0x8b, 0xec}, WHOLE}, {3, 3, {0x8d, 0x2c, 0x24}, WHOLE}, /* lea (%esp),%ebp */
};
/* What gcc moves in between: it may only touch %eax, %ecx and %edx there. */
static const struct pattern between[] = {
    {2, 1, {0xb0}, {0xfa}},             /* mov $n,%al %ah %cl %ch */
    {2, 1, {0xb2}, {0xfb}},             /* mov $n,%dl %dh */
    {5, 1, {0xb8}, {0xfe}},             /* mov $n,%eax %ecx */
    {5, 1, {0xba}, WHOLE},              /* mov $n,%edx */
    {5, 1, {0xa1}, WHOLE},              /* mov m,%eax */
    {6, 2, {0x89, 0x05}, {0xff, 0xf7}}, /* mov m,%eax %ecx */
    {6, 2, {0x89, 0x15}, WHOLE},        /* mov m,%edx */
    {2, 2, {0x29, 0xc0}, {0xfd, 0xff}}, /* sub %eax,%eax */
    {2, 2, {0x29, 0xc9}, {0xfd, 0xff}}, /* sub %ecx,%ecx */
    {2, 2, {0x29, 0xd2}, {0xfd, 0xff}}, /* sub %edx,%edx */
    {2, 2, {0x31, 0xc0}, {0xfd, 0xff}}, /* xor %eax,%eax */
    {2, 2, {0x31, 0xc9}, {0xfd, 0xff}}, /* xor %ecx,%ecx */
    {2, 2, {0x31, 0xd2}, {0xfd, 0xff}}, /* xor %edx,%edx */
};
static const struct pattern rooms[] = {
    {3, 2, {0x83, 0xec}, WHOLE},                                    /* sub $n,%esp */
    {6, 2, {0x81, 0xec}, WHOLE}, {4, 3, {0x8d, 0x64, 0x24}, WHOLE}, /* lea -n(%esp),%esp */
};
static const struct pattern frames[] = {
    {4, 1, {0xc8}, WHOLE}, /* enter */
};
/* The address of the table of offsets, to %ebx, which may be kept. */
static const struct pattern where_am_i[] = {
    {6, 4, {0xe8, 0, 0, 0}, WHOLE}, /* call 0; pop %ebx */
};
static const struct pattern keeps[] = {
    {3, 2, {0x89, 0x5d}, WHOLE}, /* mov %ebx,n(%ebp) */
    {6, 2, {0x89, 0x9d}, WHOLE},
};
static const struct pattern adds[] = {
    {6, 2, {0x81, 0xc3}, WHOLE}, /* add $n,%ebx */
};

static size_t match(const struct pattern *v, size_t n, const uint8_t *at)
{
	for (size_t i = 0; i < n; i++) {
		size_t k = 0;

		while (k < v[i].n && (at[k] & v[i].mask[k]) == v[i].bytes[k])
			k++;
		if (k == v[i].n)
			return v[i].len;
	}
	return 0;
}

#define MATCH(table, at) match(table, sizeof(table) / sizeof(table[0]), at)

/* ---- stacks that are aligned ------------------------------------------------------------ */

/* An instruction on a register: its length, 0 = it is none such; the register to *reg. */
static size_t push_of(const uint8_t *at, bool wide, unsigned *reg)
{
	size_t n = wide && (at[0] & 0xfe) == 0x40;

	*reg = (at[n] & 7u) | (n && at[0] & 1 ? 8u : 0);
	return (at[n] & 0xf8) == 0x50 ? n + 1 : 0;
}

/* lea n(%sp),%reg */
static size_t lea_of(const uint8_t *at, bool wide, uint8_t by, unsigned *reg)
{
	size_t n = wide;

	if (wide && (at[0] & 0xfb) != 0x48)
		return 0;
	if (at[n] != 0x8d || (at[n + 1] & 0xc7) != 0x44 || at[n + 2] != 0x24 || at[n + 3] != by)
		return 0;
	*reg = (at[n + 1] >> 3 & 7u) | (n && at[0] & 4 ? 8u : 0);
	return n + 4;
}

/* and $-n,%sp */
static size_t and_of(const uint8_t *at, bool wide)
{
	size_t n = wide;

	if ((wide && at[0] != 0x48) || at[n + 1] != 0xe4)
		return 0;
	return at[n] == 0x83 ? n + 3 : at[n] == 0x81 ? n + 6 : 0;
}

/* push -n(%reg) */
static size_t push_again_of(const uint8_t *at, bool wide, uint8_t by, unsigned reg)
{
	size_t n = wide && (at[0] & 0xfe) == 0x40;
	unsigned found = (at[n + 1] & 7u) | (n && at[0] & 1 ? 8u : 0);

	return at[n] == 0xff && (at[n + 1] & 0xf8) == 0x70 && at[n + 2] == by && found == reg
		   ? n + 3
		   : 0;
}

/* lea 8(%rsp),%reg; and $-16,%rsp; push -8(%reg), and that register may have been saved
 * first. */
static size_t aligned_stack(const uint8_t *code, bool wide)
{
	uint8_t width = wide ? 8 : 4;
	unsigned saved = 0, reg = 0;
	size_t at, n = lea_of(code, wide, width, &reg);

	at = n;
	if (!n) {
		at = push_of(code, wide, &saved);
		n = at ? lea_of(code + at, wide, (uint8_t)(2 * width), &reg) : 0;
		if (!n || reg != saved)
			return 0;
		at += n;
	}
	n = and_of(code + at, wide);
	if (!n)
		return 0;
	at += n;
	n = push_again_of(code + at, wide, (uint8_t)-width, reg);
	return n ? at + n : 0;
}

/* ---- frames ------------------------------------------------------------------------------ */

size_t prologue_x86_64(const uint8_t *bytes, size_t n)
{
	const struct code c = code_of(bytes, n);
	size_t at = MATCH(marks, c.v), save, move;

	at += aligned_stack(c.v + at, true);
	save = MATCH(saves, c.v + at);
	move = MATCH(moves_64, c.v + at + save);
	return save && move ? at + save + move : 0;
}

/* Up to the frame itself: push %ebp, mov %esp,%ebp, sub $n,%esp; 0 = it is none. */
static size_t frame_i386(const uint8_t *code)
{
	size_t at = MATCH(saves, code), n;

	if (!at)
		return MATCH(frames, code);
	for (unsigned i = 0; i < SKIPPED_MAX && (n = MATCH(between, code + at)); i++)
		at += n;
	n = MATCH(moves_32, code + at);
	if (!n)
		return 0;
	at += n;
	return at + MATCH(rooms, code + at);
}

static size_t pushes(const uint8_t *code)
{
	size_t at = 0;

	while (at < SAVED_MAX && (code[at] & 0xf8) == 0x50)
		at++;
	return at;
}

static size_t offsets_table(const uint8_t *code)
{
	size_t at = MATCH(where_am_i, code), n;

	if (!at || code[4] || code[5] != 0x5b)
		return 0;
	at += MATCH(keeps, code + at);
	n = MATCH(adds, code + at);
	return n ? at + n : 0;
}

size_t prologue_i386(const uint8_t *bytes, size_t n)
{
	const struct code c = code_of(bytes, n);
	size_t at = MATCH(marks, c.v), frame, k;

	for (unsigned i = 0; i < SKIPPED_MAX && (k = MATCH(idle, c.v + at)); i++)
		at += k;
	at += aligned_stack(c.v + at, false);
	frame = frame_i386(c.v + at);
	if (!frame)
		return 0;
	at += frame;
	at += pushes(c.v + at);
	return at + offsets_table(c.v + at);
}
