/* SPDX-License-Identifier: BSD-2-Clause */
#include "slot.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "inject.h"
#include "kill_point.h"
#include "patch.h"
#include "target.h"
#include "trace_mem.h"

enum {
	PAGE = 4096,
	PAGE_SLOTS = PAGE / SLOT_BYTES,
	PAGES_MAX = 256,    /* of a target */
	APART = 4 * PAGE,   /* between a page of ours and the mapping above it */
	GAP = 16 * PAGE,    /* what is free has to be so large */
	LOWEST = 64 * 1024, /* no program may map anything below (mmap_min_addr) */
	TRIES = 4,
};

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

struct slot_page {
	struct slot_page *next;
	uint64_t base;
	unsigned used;
	struct site *owner[PAGE_SLOTS];
};

struct slots {
	struct slot_page *first;
	unsigned npages;
	bool refused;  /* the program could not be made to map one */
	uint64_t call; /* where it makes its system calls */
};

void slots_free(struct patches *ps)
{
	struct slot_page *next;

	for (struct slot_page *p = ps->slots ? ps->slots->first : NULL; p; p = next) {
		next = p->next;
		free(p);
	}
	free(ps->slots);
	ps->slots = NULL;
}

static struct slot_page *page_of(const struct patches *ps, uint64_t addr)
{
	struct slot_page *p = ps && ps->slots ? ps->slots->first : NULL;

	while (p && addr - p->base >= PAGE)
		p = p->next;
	return p;
}

struct site *slot_of(const struct target *tg, uint64_t pc)
{
	const struct slot_page *p = page_of(tg->patches, pc);

	return p ? p->owner[(pc - p->base) / SLOT_BYTES] : NULL;
}

void slot_take_back(struct patches *ps, struct site *s)
{
	struct slot_page *p = s->slot ? page_of(ps, s->slot) : NULL;

	s->slot = 0;
	for (unsigned i = 0; p && i < PAGE_SLOTS; i++)
		if (p->owner[i] == s) {
			p->owner[i] = NULL;
			p->used--;
		}
}

/* ---- a new page -------------------------------------------------------------------- */

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/* The free address nearest to addr: always right below a mapping, as what is right behind
 * one may be meant for it to grow (the heap), and never below a stack. */
static uint64_t free_address(struct target *tg, uint64_t addr)
{
	uint64_t behind = LOWEST, best = 0;
	struct buf maps;
	struct span rest;
	struct proc_map map;

	buf_init(&maps, PROC_MAPS_MAX);
	proc_read(tg->id.live, "maps", &maps);
	for (rest = span_buf(&maps); proc_next_map(&rest, &map); behind = map.hi) {
		uint64_t at = map.lo - APART;

		if (map.lo < behind || map.lo - behind < GAP ||
		    span_eq(map.name, span_str("[stack]")) ||
		    span_eq(map.name, span_str("[vsyscall]")))
			continue;
		if (!best || distance(at, addr) < distance(best, addr))
			best = at;
	}
	buf_free(&maps);
	return best;
}

/* Its address, 0 = not mapped. */
static uint64_t map_page(struct tracee *t, uint64_t addr)
{
	const struct patches *ps = t->target->patches;

	for (unsigned n = 0; n < TRIES; n++) {
		uint64_t at = free_address(t->target, addr);
		const uint64_t args[6] = {at, PAGE, PROT_READ | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, UINT64_MAX, 0};
		int64_t got = 0;

		if (!at || distance(at, addr) >= ps->machine->reach ||
		    inject_call(
			t, ps->machine, ps->slots->call, ps->machine->call.mmap, args, &got) != 0)
			return 0;
		/* Another thread may have mapped something there in the meantime. */
		if (at == (ps->machine->width == 4 ? (uint32_t)got : (uint64_t)got))
			return at;
	}
	return 0;
}

static struct slot_page *new_page(struct tracee *t, uint64_t addr)
{
	struct target *tg = t->target;
	struct slots *ss = tg->patches->slots;
	struct slot_page *p;

	if (ss->refused || ss->npages >= PAGES_MAX)
		return NULL;
	ss->refused = true;
	if (!ss->call)
		ss->call = inject_place(tg, tg->patches->machine);
	if (!ss->call || inject_filtered(t))
		return NULL;
	p = calloc(1, sizeof(*p));
	if (p)
		p->base = map_page(t, addr);
	if (!p || !p->base) {
		free(p);
		return NULL;
	}
	ss->refused = false;
	p->next = ss->first;
	ss->first = p;
	ss->npages++;
	return p;
}

static struct slot_page *page_for(struct tracee *t, uint64_t addr)
{
	struct patches *ps = t->target->patches;

	if (!ps->slots)
		ps->slots = calloc(1, sizeof(*ps->slots));
	if (!ps->slots)
		return NULL;
	for (struct slot_page *p = ps->slots->first; p; p = p->next)
		if (p->used < PAGE_SLOTS && distance(p->base, addr) < ps->machine->reach)
			return p;
	return new_page(t, addr);
}

/* ---- slots ------------------------------------------------------------------------- */

static bool fill(struct tracee *t, struct site *s, struct slot_page *p)
{
	const struct machine *m = t->target->patches->machine;
	uint8_t bytes[SLOT_BYTES];
	unsigned i = 0;
	uint64_t at;
	int err;

	while (p->owner[i])
		i++;
	at = p->base + (uint64_t)i * SLOT_BYTES;
	s->slot_len = (uint8_t)m->slot(bytes, at, s->addr, &s->insn);
	if (!s->slot_len || mem_write_raw(t->target, at, bytes, SLOT_BYTES, &err) != SLOT_BYTES)
		return false;
	KILL_POINT("slot-written");
	s->slot = at;
	p->owner[i] = s;
	p->used++;
	return true;
}

/* Is it worth a page?  Tried where the instruction is. */
static bool goes_there(const struct patches *ps, const struct site *s)
{
	uint8_t bytes[SLOT_BYTES];

	return ps->machine->slot(bytes, s->addr, s->addr, &s->insn) != 0;
}

bool slot_give(struct tracee *t, struct site *s)
{
	struct slot_page *p;

	if (s->no_slot)
		return false;
	if (s->slot)
		return true;
	s->no_slot = true;
	if (!goes_there(t->target->patches, s))
		return false;
	p = page_for(t, s->addr);
	if (!p || !fill(t, s, p))
		return false;
	s->no_slot = false;
	return true;
}

bool slots_any(const struct patches *ps)
{
	return ps->slots && ps->slots->first;
}

bool slots_unmap(struct tracee *t)
{
	struct patches *ps = t->target->patches;
	struct slot_page *p;
	bool all = true;

	/* Asked of a thread with a filter only when there is anything to unmap: then it was
	 * set after the mapping. */
	while (ps->slots && (p = ps->slots->first)) {
		const uint64_t args[6] = {p->base, PAGE};
		int64_t got = -1;

		all &= !inject_filtered(t) &&
		       inject_call(t, ps->machine, ps->slots->call, ps->machine->call.munmap, args,
			   &got) == 0 &&
		       got == 0;
		ps->slots->first = p->next;
		free(p);
	}
	return all;
}
