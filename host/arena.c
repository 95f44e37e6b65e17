/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/arena.h"

#include <stdalign.h>
#include <stdlib.h>

enum { BLOCK = 16 * 1024 };

struct arena_block {
	struct arena_block *next;
	size_t size, used;
	alignas(max_align_t) uint8_t bytes[];
};

static struct arena_block *add_block(struct arena *a, size_t size)
{
	struct arena_block *b;

	if (size > ARENA_MAX - a->used)
		return NULL;
	if (size < BLOCK)
		size = BLOCK;
	b = malloc(sizeof(*b) + size);
	if (!b)
		return NULL;
	*b = (struct arena_block){.next = a->blocks, .size = size};
	a->blocks = b;
	return b;
}

void *arena_alloc(struct arena *a, size_t size)
{
	const size_t align = alignof(max_align_t);
	struct arena_block *b = a->blocks;
	void *p;

	if (size > ARENA_MAX) {
		a->bad = true;
		return NULL;
	}
	size = (size + align - 1) & ~(align - 1);
	if (!b || b->size - b->used < size)
		b = add_block(a, size);
	if (!b) {
		a->bad = true;
		return NULL;
	}
	p = b->bytes + b->used;
	b->used += size;
	a->used += size;
	return memset(p, 0, size);
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes)) {
		a->bad = true;
		return NULL;
	}
	return arena_alloc(a, bytes);
}

const char *arena_str(struct arena *a, struct span s)
{
	char *p = arena_alloc(a, (size_t)s.n + 1);

	if (p && s.n)
		memcpy(p, s.p, s.n);
	return p;
}

const char *arena_hex(struct arena *a, struct span s)
{
	static const char digit[] = "0123456789abcdef";
	char *p = s.n ? arena_alloc(a, (size_t)s.n * 2 + 1) : NULL;

	for (uint32_t i = 0; p && i < s.n; i++) {
		p[(size_t)i * 2] = digit[s.p[i] >> 4];
		p[(size_t)i * 2 + 1] = digit[s.p[i] & 15];
	}
	return p;
}

void arena_free(struct arena *a)
{
	while (a->blocks) {
		struct arena_block *b = a->blocks;

		a->blocks = b->next;
		free(b);
	}
	*a = (struct arena){0};
}
