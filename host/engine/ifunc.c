/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/engine/ifunc.h"

#include <stdlib.h>

#include "host/engine/breakpoint.h"
#include "host/engine/engine.h"
#include "host/engine/step.h"
#include "host/errtext.h"

enum { RESULT = 0 /* DWARF number of rax and of eax */ };

/* What is remembered of a call, in patch_want.of as a number: its resolver. */
static void *keep(uint64_t resolver)
{
	return (void *)(uintptr_t)resolver;
}

static void say(const struct he_target *t, struct he_error *err)
{
	const struct he_config *c = &t->engine->config;

	if (err && c->notice)
		c->notice(c->arg, err->message);
	he_error_free(err);
}

enum run_verdict ifunc_called(struct he_target *t, const struct cause *c, uint64_t resolver)
{
	struct patch_want want = {.owner = PATCH_CHOSEN,
	    .of = keep(resolver),
	    .kind = WIRE_PATCH_SOFT,
	    .tid = c->tid,
	    .stop = run_scope(t)};
	struct near_frame v[2];
	struct sym_regs regs;
	unsigned n = 0;
	struct he_error *err = target_sym_regs(t, c->tid, &regs);

	if (!err)
		err = step_frames(t, &regs, v, 2, &n);
	if (!err && n == 2) {
		want.addr = v[1].regs.pc;
		patches_want(t, &want);
	}
	say(t, err);
	return RUN_ON;
}

enum run_verdict ifunc_returned(struct he_target *t, const struct cause *c, struct patch *p)
{
	uint64_t resolver = (uintptr_t)p->want.of;
	struct sym_regs regs;
	struct he_error *err = target_sym_regs(t, c->tid, &regs);

	patches_drop(t, p->id);
	if (!err && t->symbols && (regs.valid >> RESULT & 1) && regs.reg[RESULT]) {
		symbols_chose(t->symbols, resolver, regs.reg[RESULT]);
		err = breakpoints_resolve(t);
	}
	say(t, err);
	return RUN_ON;
}
