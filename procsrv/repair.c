/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sources: ptrace(2), proc_pid_pagemap(5), signal(7); the kernel's kernel/ptrace.c for what
 * becomes of tracees whose tracer dies: those that stand run on with the registers they
 * have, a trap that nobody has waited for is delivered, and the flag for stepping stays.
 */
#include "repair.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proc.h"
#include "repair_parts.h"

enum { PAGE = 4096, CHILDREN_TEXT = 1024 };

static const struct repair_held none_held = {.pidfd = -1, .mem = -1, .maps = -1, .pagemap = -1};

void repair_init(struct repair *r, const struct journal *j, bool own)
{
	r->journal = j;
	r->own = own;
	for (unsigned i = 0; i < JOURNAL_TARGETS; i++)
		r->held[i] = none_held;
}

/* ---- names and files ----------------------------------------------------------------- */

static char *put_text(char *to, const char *text)
{
	while (*text)
		*to++ = *text++;
	*to = 0;
	return to;
}

static char *put_number(char *to, unsigned value)
{
	char digits[12], *d = digits + sizeof(digits);

	*--d = 0;
	do
		*--d = (char)('0' + value % 10);
	while (value /= 10);
	return put_text(to, d);
}

int repair_open(pid_t pid, pid_t tid, const char *file, int flags)
{
	char name[96], *end = put_number(put_text(name, "/proc/"), (unsigned)pid);

	if (tid)
		end = put_number(put_text(end, "/task/"), (unsigned)tid);
	put_text(end, file);
	return open(name, flags | O_CLOEXEC);
}

bool repair_stat(pid_t pid, pid_t tid, struct proc_stat *st)
{
	uint8_t text[1024];
	int fd = repair_open(pid, tid, "/stat", O_RDONLY);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text)) : -1;

	if (fd >= 0)
		close(fd);
	return n > 0 && proc_parse_stat((struct span){text, (uint32_t)n}, st);
}

/* ---- targets --------------------------------------------------------------------------- */

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* What is of one program and not of the next. */
static void close_memory(struct repair_held *h)
{
	close_fd(&h->mem);
	close_fd(&h->maps);
	close_fd(&h->pagemap);
}

static void close_held(struct repair_held *h)
{
	close_fd(&h->pidfd);
	close_memory(h);
	*h = none_held;
}

static void open_memory(struct repair_held *h)
{
	if (h->mem < 0)
		h->mem = repair_open(h->pid, 0, "/mem", O_RDWR);
	if (h->maps < 0)
		h->maps = repair_open(h->pid, 0, "/maps", O_RDONLY);
	if (h->pagemap < 0)
		h->pagemap = repair_open(h->pid, 0, "/pagemap", O_RDONLY);
}

void repair_hold(struct repair *r, unsigned index, uint32_t image, int pidfd, int mem)
{
	struct repair_held *h = &r->held[index];
	pid_t pid = r->journal->targets[index].pid;
	bool stopped = h->stopped && h->pid == pid; /* told late: repair has begun */

	close_held(h);
	h->stopped = stopped;
	h->pid = pid;
	h->image = image;
	h->pidfd = pidfd;
	h->mem = mem;
	open_memory(h);
}

/* A number means the process that was traced only if that is still there. */
static bool is_same(const struct journal_target *t)
{
	struct proc_stat st;

	return repair_stat(t->pid, 0, &st) && st.start == t->start;
}

bool repair_target(struct repair *r, unsigned index)
{
	const struct journal_target *t = &r->journal->targets[index];
	struct repair_held *h = &r->held[index];

	if (t->pid <= 0)
		return false;
	if (h->pid != t->pid) {
		close_held(h);
		h->pid = t->pid;
	}
	if (h->image != t->image)
		close_memory(h);
	h->image = t->image;
	if (h->pidfd < 0)
		h->pidfd = (int)syscall(SYS_pidfd_open, t->pid, 0);
	/* Looked at behind the descriptor: then both are of one process. */
	if (h->pidfd < 0 || !is_same(t))
		return false;
	open_memory(h);
	return true;
}

uint32_t repair_sites(const struct journal_target *t)
{
	return t->nsites < JOURNAL_SITES ? t->nsites : JOURNAL_SITES;
}

static bool has_changes(const struct repair *r, unsigned index)
{
	const struct journal_target *t = &r->journal->targets[index];

	if (t->debugregs || t->stepped || t->call.tid)
		return true;
	for (uint32_t i = 0; i < repair_sites(t); i++)
		if (r->journal->sites[index][i].state != JOURNAL_FREE)
			return true;
	return false;
}

bool repair_due(const struct repair *r)
{
	for (unsigned i = 0; i < JOURNAL_TARGETS; i++)
		if (r->journal->targets[i].pid > 0)
			return true;
	return false;
}

/* ---- text ------------------------------------------------------------------------------ */

enum repair_page repair_page(int pagemap, uint64_t addr)
{
	uint64_t entry = 0;

	if (pread(pagemap, &entry, sizeof(entry), (off_t)(addr / PAGE * sizeof(entry))) !=
	    (ssize_t)sizeof(entry))
		return REPAIR_PAGE_OWN;
	if (!(entry >> 62 & 3)) /* neither in memory nor swapped out */
		return REPAIR_PAGE_ABSENT;
	return entry >> 61 & 1 ? REPAIR_PAGE_OF_FILE : REPAIR_PAGE_OWN;
}

/* Is our trap at each site of the target, in that memory?  How many are.  A page that is
 * not the process's own was never written to by us, and is not read either. */
static unsigned find_traps(struct repair *r, unsigned index, const struct repair_held *h)
{
	const struct journal_target *t = &r->journal->targets[index];
	const struct machine *m = machine_find(t->arch);
	unsigned n = 0;

	for (uint32_t i = 0; i < repair_sites(t); i++) {
		const struct journal_site *s = &r->journal->sites[index][i];
		uint8_t now[TRAP_MAX];

		r->there[i] =
		    m && s->state != JOURNAL_FREE && s->addr <= INT64_MAX &&
		    repair_page(h->pagemap, s->addr) == REPAIR_PAGE_OWN &&
		    pread(h->mem, now, m->trap_len, (off_t)s->addr) == (ssize_t)m->trap_len &&
		    memcmp(now, m->trap, m->trap_len) == 0;
		n += r->there[i];
	}
	return n;
}

/* Of those found, the ones in this mapping are confirmed (or not). */
static void judge_mapping(
    struct repair *r, unsigned index, const struct proc_map *map, bool good[JOURNAL_SITES])
{
	const struct journal_target *t = &r->journal->targets[index];

	for (uint32_t i = 0; i < repair_sites(t); i++) {
		const struct journal_site *s = &r->journal->sites[index][i];

		if (r->there[i] && s->addr >= map->lo && s->addr < map->hi)
			good[i] =
			    s->place.dev == map->dev && s->place.ino == map->ino &&
			    (!map->ino || s->place.offset == map->offset + (s->addr - map->lo));
	}
}

/* Whole lines are judged; what is left of the last one is moved to the front. */
static size_t judge_lines(struct repair *r, unsigned index, size_t n, bool good[JOURNAL_SITES])
{
	const uint8_t *end = memrchr(r->text, '\n', n);
	size_t whole = end ? (size_t)(end + 1 - r->text) : 0;
	struct span rest = {r->text, (uint32_t)whole};
	struct proc_map map;

	while (rest.n && proc_next_map(&rest, &map))
		judge_mapping(r, index, &map, good);
	memmove(r->text, r->text + whole, n - whole);
	return n - whole;
}

static void check_places(struct repair *r, unsigned index, int maps)
{
	bool good[JOURNAL_SITES] = {false};
	size_t left = 0;
	ssize_t n;

	lseek(maps, 0, SEEK_SET);
	while (
	    left < sizeof(r->text) && (n = read(maps, r->text + left, sizeof(r->text) - left)) > 0)
		left = judge_lines(r, index, left + (size_t)n, good);
	for (unsigned i = 0; i < JOURNAL_SITES; i++)
		r->there[i] &= good[i];
}

static void restore_in(struct repair *r, unsigned index, const struct repair_held *h)
{
	const struct journal_target *t = &r->journal->targets[index];

	if (h->mem < 0 || !find_traps(r, index, h))
		return;
	check_places(r, index, h->maps);
	for (uint32_t i = 0; i < repair_sites(t); i++) {
		const struct journal_site *s = &r->journal->sites[index][i];

		if (r->there[i])
			(void)!pwrite(
			    h->mem, s->saved, machine_find(t->arch)->trap_len, (off_t)s->addr);
	}
}

static void restore_child(struct repair *r, unsigned index, pid_t pid)
{
	struct repair_held child = none_held;

	child.pid = pid;
	open_memory(&child);
	restore_in(r, index, &child);
	close_held(&child);
}

/* Numbers with a blank behind each, in pieces that end anywhere. */
void repair_children(struct repair *r, unsigned index, pid_t tid)
{
	int fd = repair_sites(&r->journal->targets[index])
		     ? repair_open(r->held[index].pid, tid, "/children", O_RDONLY)
		     : -1;
	char text[CHILDREN_TEXT];
	pid_t pid = 0;
	ssize_t n;

	while (fd >= 0 && (n = read(fd, text, sizeof(text))) > 0)
		for (ssize_t i = 0; i < n; i++) {
			if (text[i] != ' ') {
				pid = pid * 10 + (text[i] - '0');
				continue;
			}
			restore_child(r, index, pid);
			pid = 0;
		}
	if (fd >= 0)
		close(fd);
}

void repair_own_text(struct repair *r, unsigned index)
{
	restore_in(r, index, &r->held[index]);
}

/* Each by itself: one signal for the process would reach the others only when the first
 * of them has stopped, which is when its tracer is gone. */
static void stop_threads(struct repair *r, unsigned index)
{
	const struct journal_target *t = &r->journal->targets[index];

	if (r->own || t->in_job || t->killed)
		return;
	for (unsigned i = 0; i < r->nthreads; i++)
		tgkill(t->pid, r->threads[i].tid, SIGSTOP);
	r->held[index].stopped = true;
}

void repair_text(struct repair *r)
{
	for (unsigned i = 0; i < JOURNAL_TARGETS; i++)
		if (repair_target(r, i) && has_changes(r, i)) {
			repair_own_text(r, i);
			r->nthreads = 0;
			repair_list(r, r->held[i].pid);
			stop_threads(r, i);
			for (unsigned n = 0; n < r->nthreads; n++)
				repair_children(r, i, r->threads[n].tid);
		}
}
