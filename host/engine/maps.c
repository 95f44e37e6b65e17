/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/engine/maps.h"

#include <stdlib.h>

enum { MAPS_MAX = 1 << 20 };

static bool add(struct maps *m, const struct wire_rec_map *r)
{
	if (r->lo >= r->hi || (m->n && r->lo < m->v[m->n - 1].hi)) {
		m->dropped++;
		return true;
	}
	if (m->n == m->cap) {
		size_t cap = m->cap ? m->cap * 2 : 64;
		struct he_mapping *v = m->n < MAPS_MAX ? realloc(m->v, cap * sizeof(*v)) : NULL;

		if (!v)
			return false;
		m->v = v;
		m->cap = cap;
	}
	m->v[m->n++] = (struct he_mapping){
	    .lo = r->lo,
	    .hi = r->hi,
	    .offset = r->offset,
	    .dev = r->dev,
	    .ino = r->ino,
	    .prot = r->prot,
	    .name = r->name.n ? arena_str(&m->arena, r->name) : "",
	    .build_id = arena_hex(&m->arena, r->build_id),
	};
	return !m->arena.bad;
}

bool maps_put(struct maps *m, struct span list)
{
	struct wire_rec_map r;

	while (wire_next_map(&list, &r))
		if (!add(m, &r))
			return false;
	return true;
}

void maps_free(struct maps *m)
{
	arena_free(&m->arena);
	free(m->v);
	*m = (struct maps){0};
}

const struct he_mapping *maps_find(const struct maps *m, uint64_t addr)
{
	size_t lo = 0, hi = m->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (m->v[mid].hi <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < m->n && m->v[lo].lo <= addr ? &m->v[lo] : NULL;
}
