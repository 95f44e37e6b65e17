/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A thread has come to a patch: whom it is for, its condition, its counts.
 */
#include "common/bytecode.h"
#include "patch.h"
#include "run.h"
#include "run_parts.h"
#include "target.h"
#include "trace_mem.h"

static bool read_for(void *arg, uint64_t addr, void *to, size_t n)
{
	return mem_read_one(arg, addr, to, n) == n;
}

/* E_OK and *value, or why it has none. */
static int evaluate(struct tracee *t, const struct patch *p, uint64_t *value, uint64_t *addr)
{
	const struct machine *m = machine_of(&t->regs);
	const struct bytecode_env env = {
	    .arch = m ? m->arch : 0,
	    .regs = (const uint8_t *)&t->regs,
	    .nregs = sizeof(t->regs),
	    .read = read_for,
	    .arg = t->target,
	};

	return bytecode_eval(p->condition, &env, value, addr);
}

bool hit_patch(struct tracee *t, struct patch *p)
{
	struct wire_rec_cause c = {.tid = (uint64_t)t->tid, .patch = p->id};
	uint64_t value = 1;

	if (p->tid && p->tid != c.tid)
		return false;
	if (p->condition)
		c.err = (uint16_t)evaluate(t, p, &value, &c.addr);
	if (c.err == E_OK && !value)
		return false;
	if (c.err == E_OK) {
		p->hits++;
		if (p->ignore) {
			p->ignore--;
			return false;
		}
	}
	c.hits = p->hits;
	if (c.err == E_OK && p->len)
		c.addr = p->addr;
	run_cause(t->target, &c);
	if (p->stop == WIRE_STOPS_ALL)
		t->scope = WIRE_STOPS_ALL;
	if (c.err == E_OK && (p->flags & WIRE_PATCH_ONCE))
		patch_remove(t->target, p);
	return true;
}

bool hit_site(struct tracee *t, struct site *s)
{
	struct patch *next;
	bool stops = false;

	for (struct patch *p = s->patches; p; p = next) {
		next = p->next;
		stops |= hit_patch(t, p);
	}
	return stops;
}
