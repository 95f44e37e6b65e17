/* SPDX-License-Identifier: BSD-2-Clause */
#include "snapshot_plan.h"

#include <stdlib.h>

#include "proc.h"

size_t plan_maps(struct span text, struct plan_map **out)
{
	size_t lines = 1, n = 0;
	struct proc_map m;

	for (uint32_t i = 0; i < text.n; i++)
		lines += text.p[i] == '\n';
	*out = calloc(lines, sizeof(**out));
	while (*out && n < lines && proc_next_map(&text, &m))
		if (m.prot & 1)
			(*out)[n++] = (struct plan_map){m.lo, m.hi};
	return n;
}

const struct plan_map *plan_find(const struct plan_map *maps, size_t n, uint64_t addr)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (addr < maps[mid].lo)
			hi = mid;
		else if (addr >= maps[mid].hi)
			lo = mid + 1;
		else
			return &maps[mid];
	}
	return NULL;
}

struct plan_window plan_window(const struct plan_map *maps, size_t n, uint64_t sp,
    unsigned red_zone, uint32_t window, size_t room)
{
	const struct plan_map *m = plan_find(maps, n, sp);
	uint64_t lo = m ? m->lo : 0, hi = m ? m->hi : UINT64_MAX;
	struct plan_window w = {.sp = sp, .want = m ? hi - sp : window};
	uint64_t below = sp - lo < red_zone ? sp - lo : red_zone;
	uint64_t up = hi - sp < window ? hi - sp : window;

	w.addr = sp - below;
	w.len = (size_t)(below + up < room ? below + up : room);
	return w;
}
