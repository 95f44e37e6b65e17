/* SPDX-License-Identifier: BSD-2-Clause */
#include "recipe.h"

#include <stdlib.h>

#include "proc.h"

static uint64_t base_of(const struct wire_rec_recipe *r, const struct regs_points *p)
{
	switch (r->base) {
	case WIRE_BASE_PC:
		return p->pc;
	case WIRE_BASE_SP:
		return p->sp;
	case WIRE_BASE_FP:
		return p->fp;
	default:
		return 0;
	}
}

/* An offset below zero may reach past the start: then it begins there. */
static struct recipe_range range_of(uint64_t base, int64_t offset, uint32_t len)
{
	struct recipe_range r = {base + (uint64_t)offset, len};

	if (offset < 0 && r.addr > base) {
		uint64_t lost = 0 - r.addr;

		r.addr = 0;
		r.len = lost < len ? len - lost : 0;
	} else if (offset > 0 && r.addr < base) {
		r.len = 0;
	}
	if (r.len > UINT64_MAX - r.addr)
		r.len = UINT64_MAX - r.addr;
	return r;
}

size_t recipe_ranges(const struct wire_rec_recipe *recipes, size_t nrecipes,
    const struct recipe_thread *threads, size_t nthreads, struct recipe_range *out, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < nrecipes; i++) {
		const struct wire_rec_recipe *r = &recipes[i];

		if (r->base == WIRE_BASE_REGSET)
			continue;
		for (size_t k = 0; k < nthreads && n < max; k++) {
			if (r->scope == WIRE_SCOPE_CAUSE && !threads[k].cause)
				continue;
			out[n] = range_of(base_of(r, &threads[k].points), r->offset, r->len);
			if (out[n].len)
				n++;
			if (r->base == WIRE_BASE_ZERO)
				break; /* the same for every thread */
		}
	}
	return n;
}

static int by_addr(const void *a, const void *b)
{
	const struct recipe_range *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

size_t recipe_merge(struct recipe_range *ranges, size_t n, uint64_t total)
{
	size_t kept = 0;

	qsort(ranges, n, sizeof(*ranges), by_addr);
	for (size_t i = 0; i < n; i++) {
		struct recipe_range r = ranges[i], *last = kept ? &ranges[kept - 1] : NULL;

		if (last && r.addr <= last->addr + last->len) {
			if (r.addr + r.len > last->addr + last->len)
				last->len = r.addr + r.len - last->addr;
			continue;
		}
		ranges[kept++] = r;
	}
	for (size_t i = 0; i < kept; i++) {
		if (ranges[i].len > total)
			ranges[i].len = total;
		total -= ranges[i].len;
	}
	while (kept && !ranges[kept - 1].len)
		kept--;
	return kept;
}

/* The next stretch of readable memory: mappings that touch are one. */
static bool next_readable(struct span *maps, struct proc_map *ahead, struct recipe_range *out)
{
	while (ahead->hi && !(ahead->prot & 1))
		if (!proc_next_map(maps, ahead))
			ahead->hi = 0;
	if (!ahead->hi)
		return false;
	*out = (struct recipe_range){ahead->lo, ahead->hi - ahead->lo};
	for (;;) {
		if (!proc_next_map(maps, ahead))
			ahead->hi = 0;
		if (!ahead->hi || !(ahead->prot & 1) || ahead->lo != out->addr + out->len)
			return true;
		out->len = ahead->hi - out->addr;
	}
}

size_t recipe_clip(struct span maps, const struct recipe_range *ranges, size_t n,
    struct recipe_range *out, size_t max)
{
	struct proc_map ahead = {0};
	struct recipe_range map;
	size_t i = 0, kept = 0;
	bool more = proc_next_map(&maps, &ahead) && next_readable(&maps, &ahead, &map);

	while (more && i < n && kept < max) {
		uint64_t end = ranges[i].addr + ranges[i].len, map_end = map.addr + map.len;
		uint64_t lo = ranges[i].addr > map.addr ? ranges[i].addr : map.addr;
		uint64_t hi = end < map_end ? end : map_end;

		if (lo < hi)
			out[kept++] = (struct recipe_range){lo, hi - lo};
		if (end <= map_end)
			i++;
		else
			more = next_readable(&maps, &ahead, &map);
	}
	return kept;
}
