/* SPDX-License-Identifier: BSD-2-Clause */
#include "watch.h"

#include <errno.h>
#include <sys/ptrace.h>

#include "debugreg.h"
#include "kill_point.h"
#include "machine.h"
#include "patch.h"
#include "run_parts.h"
#include "target.h"

static struct tracee *any_standing(const struct target *tg)
{
	struct tracee *t = tg->first;

	while (t && (t->state != TRACEE_STANDS || t->foreign))
		t = t->next;
	return t;
}

/* The kernel judges an address when it is loaded. */
static int try_one(struct target *tg)
{
	struct tracee *t = any_standing(tg);
	int err = t ? debugreg_load(t->tid, &tg->debugregs) : 0;

	if (t)
		t->debugregs = err ? 0 : tg->debugregs.generation;
	return err == ESRCH ? 0 : err;
}

int watch_take(struct target *tg, struct patch *p, int32_t *os_errno)
{
	unsigned slot = 0;
	int err = debugreg_take(&tg->debugregs, p->kind, p->addr, p->len, &slot);

	if (err != E_OK)
		return err;
	p->reg = (uint8_t)slot;
	tg->journal->debugregs = 1;
	/* With none to try it in, the kernel would refuse its own when nobody hears. */
	if (p->addr >> 63) {
		watch_give(tg, p);
		return E_FAULT;
	}
	*os_errno = try_one(tg);
	if (*os_errno == 0)
		return E_OK;
	watch_give(tg, p);
	return *os_errno == EINVAL ? E_FAULT : E_NO_DEBUG_REGISTER;
}

void watch_give(struct target *tg, const struct patch *p)
{
	debugreg_give(&tg->debugregs, p->reg);
}

static bool is_stale(const struct tracee *t)
{
	return t->debugregs != t->target->debugregs.generation && !t->foreign;
}

void watch_refresh(struct target *tg)
{
	for (struct tracee *t = tg->first; t; t = t->next)
		if (is_stale(t))
			trace_nudge(t);
}

void watch_load(struct tracee *t)
{
	struct target *tg = t->target;

	if (!is_stale(t))
		return;
	/* A thread begins with none. */
	if (t->debugregs || debugreg_any(&tg->debugregs))
		debugreg_load(t->tid, &tg->debugregs);
	KILL_POINT("watch-loaded");
	t->debugregs = tg->debugregs.generation;
}

void watch_forget(struct target *tg)
{
	tg->debugregs = (struct debugregs){0};
	for (struct tracee *t = tg->first; t; t = t->next)
		t->debugregs = 0;
}

uint32_t watch_fired(const struct tracee *t)
{
	uint32_t slots = 0;

	/* Without a generation there was never anything in them. */
	if (!t->debugregs || debugreg_fired(t->tid, &slots) != 0)
		return 0;
	return slots;
}

bool watch_hit(struct tracee *t, uint32_t slots)
{
	const struct patches *ps = t->target->patches;
	bool stops = false, come = arrival_take(t, machine_pc(&t->regs));

	for (unsigned i = 0; ps && i < ps->npatches;) {
		struct patch *p = ps->all[i];

		if (!p->site && slots >> p->reg & 1) {
			bool counted = come && p->kind == WIRE_PATCH_HARD;

			stops |= !counted && hit_patch(t, p);
		}
		/* One that was for once is gone. */
		i += i < ps->npatches && ps->all[i] == p;
	}
	return stops;
}

/* Those that break at an address, as bits. */
static uint32_t breaks_at(const struct target *tg, uint64_t pc)
{
	uint32_t slots = 0;

	for (unsigned i = 0; i < DEBUGREG_SLOTS; i++) {
		const struct debugreg *r = &tg->debugregs.slot[i];

		if (r->users && r->kind == WIRE_PATCH_HARD && r->addr == pc)
			slots |= 1u << i;
	}
	return slots;
}

bool watch_breaks_at(const struct target *tg, uint64_t pc)
{
	return breaks_at(tg, pc) != 0;
}

bool watch_come(struct tracee *t)
{
	uint64_t pc = machine_pc(&t->regs);
	uint32_t slots = breaks_at(t->target, pc);
	bool stops;

	if (!slots || arrival_is(t, pc))
		return false;
	stops = watch_hit(t, slots);
	arrival_add(t, pc);
	return stops;
}
