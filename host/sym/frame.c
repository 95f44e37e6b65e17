/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One frame of a stack with all that its variables are found by.
 */
#include "common/err.h"
#include "host/errtext.h"
#include "host/sym/pcinfo.h"
#include "host/sym/unwind.h"
#include "host/sym/variable.h"

/* Functions inlined at the current frame's pc, and the one they are in. */
static unsigned levels(struct unwind *u)
{
	uint64_t pc = unwind_lookup_pc(u);
	struct module *m = modules_at(&u->s->modules, pc);
	const struct pcinfo *p =
	    m && m->file ? pcinfo_of(m->file, u->s->pool, u->signal ? u->regs.pc : pc) : NULL;

	return p ? (unsigned)p->n : 1;
}

static void fill(struct sym_frame *f, struct unwind *u, unsigned physical, unsigned level)
{
	*f = (struct sym_frame){
	    .pc = unwind_lookup_pc(u),
	    .level = level,
	    .physical = physical,
	    .regs = u->regs,
	    .cfa = u->cfa,
	    .has_caller = u->more,
	    .caller = u->next,
	};
}

struct he_error *symbols_frames(struct symbols *s, const struct sym_regs *first,
    bool (*each)(void *arg, unsigned index, const struct sym_frame *f), void *arg)
{
	struct unwind u;
	unsigned index = 0;

	unwind_begin(&u, s, first, HE_END_FAULT);
	for (unsigned physical = 0; physical < UNWIND_MAX; physical++) {
		struct he_error *e = unwind_step(&u);
		struct sym_frame f;
		unsigned n;

		if (e)
			return e;
		n = levels(&u);
		for (unsigned level = 0; level < n; level++) {
			fill(&f, &u, physical, level);
			if (!each(arg, index++, &f))
				return NULL;
		}
		if (!u.more)
			break;
		unwind_advance(&u);
	}
	return NULL;
}

struct wanted {
	unsigned index;
	bool found;
	struct sym_frame *ret;
};

static bool is_wanted(void *arg, unsigned index, const struct sym_frame *f)
{
	struct wanted *w = arg;

	if (index != w->index)
		return true;
	*w->ret = *f;
	w->found = true;
	return false;
}

struct he_error *symbols_frame(
    struct symbols *s, const struct sym_regs *first, unsigned index, struct sym_frame *ret)
{
	struct wanted w = {.index = index, .ret = ret};
	struct he_error *e = symbols_frames(s, first, is_wanted, &w);

	if (!e && !w.found)
		e = he_error_new(E_STATE, "no frame %u: the stack ends before it", index);
	return e;
}
