/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/sym/strpool.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "host/arena.h"

struct strpool {
	size_t refs;
	struct arena arena;
	const char **slot; /* open addressing; a power of two of them */
	size_t slots, used;
};

struct strpool *strpool_new(void)
{
	struct strpool *p = calloc(1, sizeof(*p));

	if (p)
		p->refs = 1;
	return p;
}

struct strpool *strpool_hold(struct strpool *p)
{
	p->refs++;
	return p;
}

void strpool_drop(struct strpool *p)
{
	if (!p || --p->refs)
		return;
	arena_free(&p->arena);
	free(p->slot);
	free(p);
}

/* FNV-1a. */
static uint64_t hash(const char *s, size_t n)
{
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)s[i]) * 0x100000001b3;
	return h;
}

static const char **find(const char **slot, size_t slots, const char *s, size_t n)
{
	size_t i = (size_t)hash(s, n) & (slots - 1);

	while (slot[i] && (strncmp(slot[i], s, n) != 0 || slot[i][n]))
		i = (i + 1) & (slots - 1);
	return &slot[i];
}

static bool grow(struct strpool *p)
{
	size_t slots = p->slots ? 2 * p->slots : 1024;
	const char **slot = calloc(slots, sizeof(*slot));

	if (!slot)
		return false;
	for (size_t i = 0; i < p->slots; i++)
		if (p->slot[i])
			*find(slot, slots, p->slot[i], strlen(p->slot[i])) = p->slot[i];
	free(p->slot);
	p->slot = slot;
	p->slots = slots;
	return true;
}

const char *strpool_add(struct strpool *p, const char *s)
{
	size_t n = s ? strnlen(s, STRPOOL_NAME) : 0;
	const char **slot;

	if (!s || (2 * p->used >= p->slots && !grow(p)))
		return NULL;
	slot = find(p->slot, p->slots, s, n);
	if (!*slot && p->arena.used + n < STRPOOL_MAX) {
		*slot =
		    arena_str(&p->arena, (struct span){.p = (const uint8_t *)s, .n = (uint32_t)n});
		p->used += *slot != NULL;
	}
	return *slot;
}
