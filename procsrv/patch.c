/* SPDX-License-Identifier: BSD-2-Clause */
#include "patch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bytecode.h"
#include "kill_point.h"
#include "slot.h"
#include "target.h"
#include "trace_mem.h"
#include "tracer.h"
#include "watch.h"

enum { PAGE = 4096 };

/* ---- the tables ------------------------------------------------------------------- */

int patches_new(struct target *tg)
{
	const struct machine *m = machine_find(tg->arch);
	struct patches *ps;

	if (tg->patches)
		return E_OK;
	if (!m)
		return E_UNKNOWN;
	ps = calloc(1, sizeof(*ps));
	if (!ps)
		return E_NOMEM;
	ps->machine = m;
	tg->patches = ps;
	if (tg->journal)
		tg->journal->arch = m->arch;
	return E_OK;
}

void patch_free(struct patch *p)
{
	if (p)
		bytecode_free(p->condition);
	free(p);
}

void patches_free(struct target *tg)
{
	struct patches *ps = tg->patches;

	if (!ps)
		return;
	for (unsigned i = 0; i < ps->npatches; i++)
		patch_free(ps->all[i]);
	for (unsigned i = 0; i < ps->nsites; i++)
		free(ps->sites[i]);
	slots_free(ps);
	free(ps->all);
	free(ps->sites);
	free(ps);
	tg->patches = NULL;
}

/* How many sites lie below an address. */
static unsigned sites_below(const struct patches *ps, uint64_t addr)
{
	unsigned lo = 0, hi = ps->nsites;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (ps->sites[mid]->addr < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct site *site_at(const struct target *tg, uint64_t addr)
{
	const struct patches *ps = tg->patches;
	unsigned i = ps ? sites_below(ps, addr) : 0;

	return ps && i < ps->nsites && ps->sites[i]->addr == addr ? ps->sites[i] : NULL;
}

struct site *site_next(const struct target *tg, uint64_t addr)
{
	const struct patches *ps = tg->patches;
	unsigned i = ps ? sites_below(ps, addr) : 0;

	return ps && i < ps->nsites ? ps->sites[i] : NULL;
}

/* An array of pointers with room for one more; NULL: no memory, and it is as it was. */
static void *grown(void *old, unsigned n, unsigned *max)
{
	unsigned more = *max ? *max * 2 : 16;
	void *new;

	if (n < *max)
		return old;
	new = realloc(old, more * sizeof(void *));
	if (new)
		*max = more;
	return new;
}

struct site *site_add(struct target *tg, uint64_t addr)
{
	struct patches *ps = tg->patches;
	unsigned i = sites_below(ps, addr);
	struct site *s, **room;

	room = ps->nsites < SITES_MAX ? grown(ps->sites, ps->nsites, &ps->max) : NULL;
	if (!room)
		return NULL;
	ps->sites = room;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->addr = addr;
	memmove(ps->sites + i + 1, ps->sites + i, (ps->nsites - i) * sizeof(void *));
	ps->sites[i] = s;
	ps->nsites++;
	return s;
}

/* One that was lifted long ago can have given its entry to another. */
static struct journal_site *entry_of(const struct site *s)
{
	return s->written && s->written->addr == s->addr && s->written->state != JOURNAL_FREE
		   ? s->written
		   : NULL;
}

static void unwrite(struct site *s)
{
	if (entry_of(s))
		journal_state(s->written, JOURNAL_FREE);
	s->written = NULL;
}

/* These bytes are about to be written over. */
static bool write_ahead(struct target *tg, struct site *s, const uint8_t *now)
{
	struct journal_site what = {.addr = s->addr, .place = s->place, .insn_len = s->insn.len};

	memcpy(what.saved, now, tg->patches->machine->trap_len);
	unwrite(s);
	s->written = journal_intend(tg->tracer->journal, tg->journal, &what);
	return s->written != NULL;
}

void patch_settle(struct target *tg)
{
	struct patches *ps = tg->patches;
	unsigned kept = 0;

	for (unsigned i = 0; ps && i < ps->nsites; i++) {
		struct site *s = ps->sites[i];

		if (s->patches) {
			ps->sites[kept++] = s;
			continue;
		}
		slot_take_back(ps, s);
		unwrite(s);
		free(s);
	}
	if (ps)
		ps->nsites = kept;
}

struct patch *patch_by_id(const struct target *tg, uint32_t id)
{
	const struct patches *ps = tg->patches;

	for (unsigned i = 0; ps && i < ps->npatches; i++)
		if (ps->all[i]->id == id)
			return ps->all[i];
	return NULL;
}

int patch_add(struct target *tg, struct patch *p)
{
	struct patches *ps = tg->patches;
	struct patch **at, **all;

	if (ps->npatches >= PATCHES_MAX)
		return E_LIMIT;
	all = grown(ps->all, ps->npatches, &ps->all_max);
	if (!all)
		return E_NOMEM;
	ps->all = all;
	ps->all[ps->npatches++] = p;
	if (!p->site)
		return E_OK;
	for (at = &p->site->patches; *at;)
		at = &(*at)->next;
	*at = p;
	return E_OK;
}

static void unlink_patch(struct patches *ps, struct patch *p)
{
	unsigned i = 0;

	while (ps->all[i] != p)
		i++;
	memmove(ps->all + i, ps->all + i + 1, (ps->npatches - i - 1) * sizeof(void *));
	ps->npatches--;
	for (struct patch **at = p->site ? &p->site->patches : NULL; at; at = &(*at)->next)
		if (*at == p) {
			*at = p->next;
			break;
		}
}

void patch_remove(struct target *tg, struct patch *p)
{
	struct site *s = p->site;

	unlink_patch(tg->patches, p);
	if (!s)
		watch_give(tg, p);
	patch_free(p);
	if (s && !s->patches)
		site_lift(tg, s);
}

void patch_remove_all(struct target *tg)
{
	while (tg->patches && tg->patches->npatches)
		patch_remove(tg, tg->patches->all[tg->patches->npatches - 1]);
}

void patch_forget(struct target *tg)
{
	patches_free(tg);
}

/* ---- bytes ------------------------------------------------------------------------ */

/* A page that still comes from its file was never written by us: what we had written
 * to was unmapped (proc_pid_pagemap(5), bits 61 and 63). */
static bool page_of_file(int pagemap, uint64_t addr)
{
	uint64_t entry = 0;

	if (pread(pagemap, &entry, sizeof(entry), (off_t)(addr / PAGE * sizeof(entry))) !=
	    (ssize_t)sizeof(entry))
		return false;
	return (entry >> 63 & 1) && (entry >> 61 & 1);
}

bool site_stands(struct target *tg, const struct site *s)
{
	const struct machine *m = tg->patches->machine;
	uint8_t now[TRAP_MAX];
	bool of_file;
	int fd;

	if (mem_read_raw(tg, s->addr, now, m->trap_len) != m->trap_len ||
	    memcmp(now, m->trap, m->trap_len) != 0)
		return false;
	fd = openat(tg->id.live, "pagemap", O_RDONLY | O_CLOEXEC);
	of_file = page_of_file(fd, s->addr);
	if (fd >= 0)
		close(fd);
	return !of_file;
}

static bool map_at(const struct buf *maps, uint64_t addr, struct proc_map *m)
{
	struct span rest = span_buf(maps);

	while (proc_next_map(&rest, m))
		if (addr >= m->lo && addr < m->hi)
			return true;
	return false;
}

void site_locate(struct site *s, const struct buf *maps)
{
	struct proc_map m;

	if (!map_at(maps, s->addr, &m))
		return;
	s->place = (struct journal_place){m.dev, m.ino, m.offset + (s->addr - m.lo)};
	s->shared = (m.prot & 8) != 0;
}

void patch_locate(struct target *tg)
{
	const struct patches *ps = tg->patches;
	struct buf maps;

	if (!ps || !ps->nsites)
		return;
	buf_init(&maps, PROC_MAPS_MAX);
	proc_read(tg->id.live, "maps", &maps);
	for (unsigned i = 0; i < ps->nsites; i++)
		site_locate(ps->sites[i], &maps);
	buf_free(&maps);
}

int site_plant(struct target *tg, struct site *s)
{
	const struct machine *m = tg->patches->machine;
	uint8_t now[TRAP_MAX];
	int err = 0;

	if (tg->kin.sharing || (s->planted && site_stands(tg, s)))
		return 0;
	if (s->shared)
		return EACCES;
	if (mem_read_raw(tg, s->addr, now, m->trap_len) != m->trap_len)
		return errno == EBUSY ? EBUSY : EFAULT;
	if (!write_ahead(tg, s, now))
		return ENOSPC;
	KILL_POINT("plant-intended");
	/* A thread is stepping there: ours comes back when it has (site_restore). */
	if (tg->alone_at != s &&
	    mem_write_raw(tg, s->addr, m->trap, m->trap_len, &err) != m->trap_len) {
		unwrite(s);
		return err;
	}
	KILL_POINT("plant-written");
	journal_state(s->written, JOURNAL_PLANTED);
	memcpy(s->saved, now, m->trap_len);
	s->planted = true;
	s->since = ++tg->moment;
	return 0;
}

void site_lift(struct target *tg, struct site *s)
{
	int err;

	KILL_POINT("lift-begun");
	if (s->planted && site_stands(tg, s))
		mem_write_raw(tg, s->addr, s->saved, tg->patches->machine->trap_len, &err);
	KILL_POINT("lift-written");
	if (entry_of(s))
		journal_state(s->written, JOURNAL_LIFTED);
	s->planted = false;
}

bool site_suspend(struct target *tg, const struct site *s)
{
	unsigned len = tg->patches->machine->trap_len;
	int err;

	return !site_stands(tg, s) || mem_write_raw(tg, s->addr, s->saved, len, &err) == len;
}

void site_restore(struct target *tg, struct site *s)
{
	const struct machine *m = tg->patches->machine;
	uint8_t now[TRAP_MAX] = {0};
	int err;

	if (!s->planted || mem_read_raw(tg, s->addr, now, m->trap_len) != m->trap_len)
		return;
	if (entry_of(s))
		journal_renew(tg->journal, s->written, now);
	KILL_POINT("restore-intended");
	if (mem_write_raw(tg, s->addr, m->trap, m->trap_len, &err) != m->trap_len)
		return;
	KILL_POINT("restore-written");
	memcpy(s->saved, now, m->trap_len);
}

/* The sites whose trap overlaps [addr, addr+n), one after the other; NULL ends. */
static struct site *overlapping(
    const struct target *tg, const struct site *last, uint64_t addr, size_t n)
{
	unsigned len = tg->patches->machine->trap_len;
	uint64_t from = last ? last->addr + 1 : addr >= len ? addr - len + 1 : 0;
	struct site *s = site_next(tg, from);

	return s && n && (s->addr <= addr || s->addr - addr < n) ? s : NULL;
}

void patch_hide(const struct target *tg, uint64_t addr, uint8_t *bytes, size_t n)
{
	const struct machine *m = tg->patches ? tg->patches->machine : NULL;

	for (struct site *s = NULL; m && (s = overlapping(tg, s, addr, n));)
		for (unsigned i = 0; s->planted && i < m->trap_len; i++) {
			uint64_t at = s->addr + i - addr;

			if (at < n && bytes[at] == m->trap[i])
				bytes[at] = s->saved[i];
		}
}

/* The instruction may be another now; whoever is in its slot has the old one still. */
static void forget_insn(struct target *tg, uint64_t addr, size_t n)
{
	uint64_t from = addr >= INSN_MAX ? addr - INSN_MAX : 0;
	struct site *s = site_next(tg, from);

	for (; s && (s->addr < addr || s->addr - addr < n); s = site_next(tg, s->addr + 1)) {
		if (s->addr < addr && s->insn.len && s->addr + s->insn.len <= addr)
			continue;
		s->insn = (struct insn){.kind = WIRE_INSN_OTHER};
		s->no_slot = true;
	}
}

size_t patch_write(struct target *tg, uint64_t addr, const uint8_t *bytes, size_t n, int *os_errno)
{
	const struct machine *m = tg->patches ? tg->patches->machine : NULL;
	uint8_t *copy;
	size_t done;

	if (!m || !overlapping(tg, NULL, addr, n))
		return mem_write_raw(tg, addr, bytes, n, os_errno);
	copy = malloc(n);
	*os_errno = ENOMEM;
	if (!copy)
		return 0;
	memcpy(copy, bytes, n);
	for (struct site *s = NULL; (s = overlapping(tg, s, addr, n));)
		for (unsigned i = 0; s->planted && site_stands(tg, s) && i < m->trap_len; i++)
			if (s->addr + i - addr < n)
				copy[s->addr + i - addr] = m->trap[i];
	done = mem_write_raw(tg, addr, copy, n, os_errno);
	for (struct site *s = NULL; (s = overlapping(tg, s, addr, done));) {
		for (unsigned i = 0; i < m->trap_len; i++)
			if (s->addr + i - addr < done)
				s->saved[i] = bytes[s->addr + i - addr];
		if (entry_of(s))
			journal_renew(tg->journal, s->written, s->saved);
	}
	forget_insn(tg, addr, done);
	free(copy);
	return done;
}

/* ---- a child's copy ------------------------------------------------------------------ */

static int open_of(pid_t pid, const char *file, int flags)
{
	char name[32];

	snprintf(name, sizeof(name), "/proc/%d/%s", (int)pid, file);
	return open(name, flags | O_CLOEXEC);
}

/* Does the same lie there as where it was planted?  Of memory of no file nobody can tell. */
static bool lies_at(const struct site *s, const struct buf *maps)
{
	struct proc_map m;

	return map_at(maps, s->addr, &m) && s->place.dev == m.dev && s->place.ino == m.ino &&
	       (!m.ino || s->place.offset == m.offset + (s->addr - m.lo));
}

void patch_clean(const struct target *tg, pid_t child, const struct buf *maps)
{
	const struct patches *ps = tg->patches;
	int mem, pagemap;

	if (!ps)
		return;
	mem = open_of(child, "mem", O_RDWR);
	pagemap = open_of(child, "pagemap", O_RDONLY);
	for (unsigned i = 0; mem >= 0 && i < ps->nsites; i++) {
		const struct site *s = ps->sites[i];
		uint8_t now[TRAP_MAX];
		unsigned n = ps->machine->trap_len;

		/* Lifted ones too: it can have been made before that. */
		if (s->since && pread(mem, now, n, (off_t)s->addr) == (ssize_t)n &&
		    memcmp(now, ps->machine->trap, n) == 0 && !page_of_file(pagemap, s->addr) &&
		    (!maps || lies_at(s, maps)))
			(void)!pwrite(mem, s->saved, n, (off_t)s->addr);
	}
	if (mem >= 0)
		close(mem);
	if (pagemap >= 0)
		close(pagemap);
}
