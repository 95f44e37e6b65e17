/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where registers of outer frames are kept: the frame that was called by them has saved them,
 * or one further in, or nobody yet.
 */
#include <stdlib.h>

#include "common/err.h"
#include "host/errtext.h"
#include "host/sym/cfi.h"
#include "host/sym/unwind.h"

enum { SAVED_FRAMES_MAX = 4096 };

struct frame_at {
	struct sym_regs regs;
	uint64_t pc; /* to look it up */
};

/* The innermost n frames: so many there are. */
static struct he_error *walk(
    struct symbols *s, const struct sym_regs *regs, struct frame_at *v, unsigned n, unsigned *got)
{
	struct unwind u;

	*got = 0;
	for (unwind_begin(&u, s, regs, HE_END_FAULT); *got < n; unwind_advance(&u)) {
		struct he_error *err = unwind_step(&u);

		if (err)
			return err;
		v[(*got)++] = (struct frame_at){u.regs, unwind_lookup_pc(&u)};
		if (!u.more)
			break;
	}
	return NULL;
}

/* From the frame that it called inwards. */
static struct he_error *follow(
    struct symbols *s, const struct frame_at *v, unsigned n, unsigned reg, struct sym_saved *ret)
{
	*ret = (struct sym_saved){.kind = SYM_SAVED_REGISTER, .reg = reg};
	while (n-- && ret->kind == SYM_SAVED_REGISTER) {
		struct module *m = modules_at(&s->modules, v[n].pc);
		struct symfile *f = NULL;
		struct he_error *err = m ? symfile_get(&s->src, m, true, &f) : NULL;

		if (err)
			return err;
		if (!f || !cfi_saved(f, v[n].pc, &v[n].regs, ret->reg, ret))
			*ret = (struct sym_saved){.kind = SYM_SAVED_NOWHERE};
	}
	return NULL;
}

struct he_error *symbols_saved(
    struct symbols *s, const struct sym_regs *regs, unsigned n, unsigned reg, struct sym_saved *ret)
{
	struct frame_at *v = n <= SAVED_FRAMES_MAX ? calloc(n + 1, sizeof(*v)) : NULL;
	unsigned got;
	struct he_error *err =
	    v ? walk(s, regs, v, n, &got) : he_error_new(E_LIMIT, "that frame is too far out.");

	*ret = (struct sym_saved){.kind = SYM_SAVED_NOWHERE};
	if (!err && got == n)
		err = follow(s, v, n, reg, ret);
	free(v);
	return err;
}
