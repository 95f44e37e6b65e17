/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/sym/pcmap.h"

#include <stdlib.h>

enum { SLOTS_FIRST = 256 };

struct pcmap_slot {  /* open addressing; a power of two of them */
	uint64_t pc; /* 0 = empty */
	void *value;
};

static struct pcmap_slot *find(const struct pcmap *m, uint64_t pc)
{
	size_t i = (size_t)(pc * 0x9e3779b97f4a7c15 >> 32) & (m->slots - 1);

	while (m->v[i].pc && m->v[i].pc != pc)
		i = (i + 1) & (m->slots - 1);
	return &m->v[i];
}

static bool grow(struct pcmap *m)
{
	struct pcmap next = {.slots = m->slots ? 2 * m->slots : SLOTS_FIRST, .used = m->used};

	next.v = calloc(next.slots, sizeof(*next.v));
	if (!next.v)
		return false;
	for (size_t i = 0; i < m->slots; i++)
		if (m->v[i].pc)
			*find(&next, m->v[i].pc) = m->v[i];
	free(m->v);
	*m = next;
	return true;
}

void *pcmap_get(const struct pcmap *m, uint64_t pc)
{
	return m->slots ? find(m, pc)->value : NULL;
}

bool pcmap_put(struct pcmap *m, uint64_t pc, void *value)
{
	if (!pc || (2 * m->used >= m->slots && !grow(m)))
		return false;
	*find(m, pc) = (struct pcmap_slot){.pc = pc, .value = value};
	m->used++;
	return true;
}

void pcmap_clear(struct pcmap *m, void (*drop)(void *value))
{
	for (size_t i = 0; i < m->slots; i++)
		if (m->v[i].pc)
			drop(m->v[i].value);
	free(m->v);
	*m = (struct pcmap){.slots = 0};
}
