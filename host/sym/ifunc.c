/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/sym/ifunc.h"

#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>

#include "host/errtext.h"
#include "host/sym/plt.h"

enum { SLOTS_MAX = 64, CHOSEN_MAX = 4096 };

struct slots {
	struct he_mapping at[SLOTS_MAX]; /* lo, hi */
	size_t n;
	unsigned width;
};

/* ---- what was seen --------------------------------------------------------------- */

void symbols_chose(struct symbols *s, uint64_t resolver, uint64_t target)
{
	struct chosen *v;

	for (size_t i = 0; i < s->n_chosen; i++)
		if (s->chosen[i].resolver == resolver) {
			s->chosen[i].target = target;
			return;
		}
	v = s->n_chosen < CHOSEN_MAX ? reallocarray(s->chosen, s->n_chosen + 1, sizeof(*v)) : NULL;
	if (!v)
		return;
	s->chosen = v;
	v[s->n_chosen++] = (struct chosen){resolver, target};
}

static uint64_t seen(const struct symbols *s, uint64_t resolver)
{
	for (size_t i = 0; i < s->n_chosen; i++)
		if (s->chosen[i].resolver == resolver)
			return s->chosen[i].target;
	return 0;
}

/* ---- what the slots have ------------------------------------------------------------- */

static void find_slots(
    struct symbols *s, const struct symfile *f, const struct sym *sym, struct slots *ret)
{
	for (size_t i = 0; i < s->modules.n && ret->n < SLOTS_MAX; i++) {
		struct symfile *g = NULL;
		uint64_t v[SLOTS_MAX], resolver;
		size_t n;

		he_error_free(symfile_get(&s->src, s->modules.v[i], false, &g));
		if (!g)
			continue;
		resolver = g == f ? sym->addr - f->bias : 0;
		n = plt_slots(g->elf, sym->name, resolver, v, SLOTS_MAX - ret->n);
		for (size_t k = 0; k < n; k++) {
			uint64_t at = v[k] + g->bias;

			ret->at[ret->n++] = (struct he_mapping){.lo = at, .hi = at + ret->width};
		}
	}
}

/* Another module's function of the same name may have come first, and a slot that was not
 * needed yet leads back to its own stub. */
static bool is_chosen(struct symbols *s, const struct symfile *f, uint64_t resolver, uint64_t addr)
{
	const struct module *m = modules_at(&s->modules, addr);

	return m && addr != resolver && modules_executable(&s->modules, addr) &&
	       (m->vdso || (m == f->module && !plt_holds(f->elf, addr - f->bias)));
}

uint64_t ifunc_chosen(struct symbols *s, struct symfile *f, const struct sym *sym)
{
	struct slots slots = {.n = 0, .width = f->src->arch == AUDIT_ARCH_I386 ? 4 : 8};
	uint64_t known = seen(s, sym->addr);

	if (known)
		return known;
	find_slots(s, f, sym, &slots);
	if (s->src.prefetch && slots.n)
		s->src.prefetch(s->src.arg, slots.at, slots.n);
	for (size_t i = 0; i < slots.n; i++) {
		uint64_t addr = 0; /* little-endian, as every architecture here */

		if (s->src.read(s->src.arg, slots.at[i].lo, &addr, slots.width) == slots.width &&
		    is_chosen(s, f, sym->addr, addr))
			return addr;
	}
	return 0;
}
