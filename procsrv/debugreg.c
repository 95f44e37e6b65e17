/* SPDX-License-Identifier: BSD-2-Clause */
#include "debugreg.h"

static bool same(const struct debugreg *r, enum wire_patch kind, uint64_t addr, uint32_t len)
{
	return r->users && r->kind == kind && r->addr == addr && r->len == len;
}

int debugreg_take(
    struct debugregs *d, enum wire_patch kind, uint64_t addr, uint32_t len, unsigned *slot)
{
	bool exec = kind == WIRE_PATCH_HARD;
	unsigned first = exec ? debugreg_arch.exec.first : debugreg_arch.data.first;
	unsigned end = exec ? debugreg_arch.exec.end : debugreg_arch.data.end, found = end;

	if (exec)
		len = 0;
	else if (!debugreg_arch.fits(addr, len))
		return E_WATCH_SIZE;
	for (unsigned i = first; i < end; i++)
		if (same(&d->slot[i], kind, addr, len) || (!d->slot[i].users && found == end))
			found = i;
	if (found == end)
		return E_NO_DEBUG_REGISTER;
	if (!d->slot[found].users++) {
		d->slot[found].addr = addr;
		d->slot[found].kind = (uint8_t)kind;
		d->slot[found].len = (uint8_t)len;
		d->generation++;
	}
	*slot = found;
	return E_OK;
}

void debugreg_give(struct debugregs *d, unsigned slot)
{
	if (--d->slot[slot].users == 0)
		d->generation++;
}

bool debugreg_any(const struct debugregs *d)
{
	for (unsigned i = 0; i < DEBUGREG_SLOTS; i++)
		if (d->slot[i].users)
			return true;
	return false;
}

int debugreg_load(pid_t tid, const struct debugregs *d)
{
	return debugreg_arch.load(tid, d);
}

int debugreg_fired(pid_t tid, uint32_t *slots)
{
	return debugreg_arch.fired(tid, slots);
}
