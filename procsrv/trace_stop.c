/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the host is told when threads stand: the bundle of event stopped, made at
 * once so that it is of one moment; and the list of threads.
 */
#include <elf.h>
#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "handlers.h"
#include "launch.h"
#include "patch.h"
#include "recipe.h"
#include "run.h"
#include "serve.h"
#include "target.h"
#include "trace_mem.h"
#include "trace_regs.h"
#include "tracer.h"

enum { STOPS, THREADS, MISSING, REGS, CHUNKS };
enum {
	THREAD_REC = 20 + 64, /* bytes of a record, at most */
	STOP_REC = 17 + 256,
	STOPPED_FIXED = 8 + 1 + 5 * 4,
	CLIP_SPARE = 64,                 /* ranges more than before clipping: some fall apart */
	BUNDLE_BYTES = 16 * 1024 * 1024, /* of ordered memory in one stop */
	REGS_BYTES = 64 * 1024 * 1024,   /* a stop has so far: registers are left to be asked for */
};

/* ---- one thread ------------------------------------------------------------------ */

static enum wire_tstate state_of(const struct tracee *t)
{
	static const enum wire_tstate states[] = {
	    [TRACEE_STANDS] = WIRE_T_STOPPED,
	    [TRACEE_RUNS] = WIRE_T_RUNNING,
	    [TRACEE_LISTENS] = WIRE_T_RUNNING,
	    [TRACEE_DEAD] = WIRE_T_EXITING,
	};

	if (t->state == TRACEE_RUNS && t->asked)
		return WIRE_T_STOPPING;
	return states[t->state];
}

/* Name, state letter and CPU, from the kernel.  room: the text the name is in. */
static void kernel_facts(
    const struct target *tg, uint64_t tid, struct wire_rec_thread *rec, uint8_t *room, size_t size)
{
	struct buf b = {.p = room, .cap = size, .max = size};
	struct proc_stat st;
	char name[48];

	snprintf(name, sizeof(name), "task/%u/stat", (unsigned)tid);
	if (proc_read(tg->id.dir, name, &b) != 0 || !proc_parse_stat(span_buf(&b), &st))
		return;
	rec->kernel = (uint8_t)st.state;
	rec->cpu = st.cpu;
	rec->name = st.comm;
}

/* The name alone, for threads that stand, of which a stop may have thousands. */
static void kernel_name(int tasks, pid_t tid, char room[COMM])
{
	char name[32];
	ssize_t n = -1;
	int fd;

	snprintf(name, sizeof(name), "%d/comm", (int)tid);
	fd = openat(tasks, name, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, room, COMM);
		close(fd);
	}
	room[n > 0 ? n - 1 : 0] = 0; /* without its newline */
}

void trace_name(struct target *tg)
{
	int tasks = openat(tg->id.dir, "task", O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (struct tracee *t = tg->first; t && tasks >= 0; t = t->next)
		if (t->asked && !t->name[0])
			kernel_name(tasks, t->tid, t->name);
	if (tasks >= 0)
		close(tasks);
}

static void put_name(
    int tasks, const struct tracee *t, struct wire_rec_thread *rec, char room[COMM])
{
	const char *name = t->name;

	/* One that has stood for long can have been renamed by another. */
	if (t->reported || !t->name[0]) {
		kernel_name(tasks, t->tid, room);
		name = room;
	}
	rec->name = span_str(name);
	rec->kernel = 't';
	rec->cpu = UINT32_MAX;
}

/* tasks: directory /proc/PID/task when the name is enough, else -1. */
static void put_thread(
    struct pack *p, unsigned list, struct target *tg, const struct tracee *t, int tasks)
{
	struct wire_rec_thread rec = {.tid = (uint64_t)t->tid, .state = (uint8_t)state_of(t)};
	char name[COMM];
	uint8_t room[1024];

	if (t->state == TRACEE_STANDS)
		rec.signal =
		    (uint32_t)(tracee_in_group_stop(t) ? WSTOPSIG(t->status) : tracee_signal(t));
	if (tasks >= 0 && t->state == TRACEE_STANDS)
		put_name(tasks, t, &rec, name);
	else
		kernel_facts(tg, rec.tid, &rec, room, sizeof(room));
	/* The kernel shows a trace stop; without us it would be in the job's. */
	if (t->state == TRACEE_LISTENS)
		rec.kernel = 'T';
	wire_put_thread(pack_room(p, list, THREAD_REC), &rec);
}

/* ---- the parts of a bundle --------------------------------------------------------- */

static enum wire_reason reason_of(const struct tracee *t)
{
	if (t->reason != WIRE_STOP_REQUEST)
		return t->reason;
	if (tracee_signal(t))
		return WIRE_STOP_SIGNAL;
	if (tracee_in_group_stop(t))
		return WIRE_STOP_JOB;
	if (t->launched)
		return WIRE_STOP_LAUNCH;
	if (t->status >> 16 == PTRACE_EVENT_EXEC)
		return WIRE_STOP_EXEC;
	return t->born ? WIRE_STOP_BORN : WIRE_STOP_REQUEST;
}

static void put_stop(struct pack *p, const struct tracee *t)
{
	struct wire_rec_stop rec = {.tid = (uint64_t)t->tid, .reason = (uint8_t)reason_of(t)};
	siginfo_t si;

	rec.signal =
	    (uint32_t)(rec.reason == WIRE_STOP_JOB ? WSTOPSIG(t->status) : tracee_signal(t));
	if (rec.signal && rec.reason == WIRE_STOP_SIGNAL &&
	    ptrace(PTRACE_GETSIGINFO, t->tid, 0, &si) == 0)
		rec.siginfo = (struct span){(const uint8_t *)&si, sizeof(si)};
	wire_put_stop(pack_room(p, STOPS, STOP_REC), &rec);
}

static bool fresh(const struct tracee *t)
{
	return t->state == TRACEE_STANDS && !t->reported && !t->foreign;
}

/* Which threads are named as causes: those with a reason of their own; when all
 * stand by request, the first of them. */
static void mark_causes(struct target *tg)
{
	struct tracee *first = NULL;
	bool any = false;

	for (struct tracee *t = tg->first; t; t = t->next) {
		if (!fresh(t))
			continue;
		if (!first)
			first = t;
		t->cause = t->cause || reason_of(t) != WIRE_STOP_REQUEST;
		any |= t->cause;
	}
	if (!any && first)
		first->cause = true;
}

static void put_threads(struct pack *p, struct target *tg)
{
	struct wire_rec_tid tid;
	int tasks = openat(tg->id.dir, "task", O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (const struct tracee *t = tg->first; t; t = t->next) {
		if (t->foreign)
			continue;
		put_thread(p, THREADS, tg, t, tasks);
		tid.tid = (uint64_t)t->tid;
		if (t->held && t->state != TRACEE_STANDS && t->state != TRACEE_DEAD)
			wire_put_tid(pack_room(p, MISSING, 8), &tid);
	}
	if (tasks >= 0)
		close(tasks);
}

/* The places recipes can refer to: of a thread whose registers have not told them. */
static bool points_of(const struct tracee *t, struct regs_points *points)
{
	uint8_t set[1024];
	size_t size = sizeof(set);

	return regs_get(t->tid, NT_PRSTATUS, set, &size) == 0 && regs_points(set, size, points);
}

static size_t sum(const struct recipe_range *ranges, size_t n)
{
	uint64_t total = 0;

	for (size_t i = 0; i < n; i++)
		total += ranges[i].len;
	return (size_t)total;
}

static void put_ranges(
    struct pack *p, struct target *tg, const struct recipe_range *ranges, size_t n)
{
	struct mem_want *w = calloc(n, sizeof(*w));
	uint8_t *room = malloc(sum(ranges, n)), *to = room;

	for (size_t i = 0; w && room && i < n; to += ranges[i++].len)
		w[i] = (struct mem_want){.addr = ranges[i].addr, .len = ranges[i].len, .to = to};
	if (w && room && mem_gather(tg, w, n) == E_OK)
		for (size_t i = 0; i < n; i++)
			mem_put(p, CHUNKS, w[i].addr, w[i].to, w[i].got);
	free(room);
	free(w);
}

/* Only what is mapped is worth asking for: clip, then read. */
static void put_clipped(
    struct pack *p, struct target *tg, const struct recipe_range *ranges, size_t n)
{
	size_t max = n + CLIP_SPARE;
	struct recipe_range *clipped = calloc(max, sizeof(*clipped));
	struct buf maps;

	buf_init(&maps, PROC_MAPS_MAX);
	proc_read(tg->id.live, "maps", &maps);
	if (clipped && maps.len) {
		n = recipe_clip(span_buf(&maps), ranges, n, clipped, max);
		put_ranges(p, tg, clipped, n);
	}
	buf_free(&maps);
	free(clipped);
}

/* threads: n of them, those that are fresh. */
static void put_ordered(
    struct pack *p, struct target *tg, const struct recipe_thread *threads, size_t n)
{
	const struct preorder *o = &tg->preorder;
	size_t max = (size_t)o->nrecipes * n;
	struct recipe_range *ranges = max ? calloc(max, sizeof(*ranges)) : NULL;

	if (!ranges)
		return;
	n = recipe_ranges(o->recipes, o->nrecipes, threads, n, ranges, max);
	n = recipe_merge(ranges, n, BUNDLE_BYTES);
	if (n)
		put_clipped(p, tg, ranges, n);
	free(ranges);
}

static bool all_stand(const struct target *tg)
{
	for (const struct tracee *t = tg->first; t; t = t->next)
		if (t->state != TRACEE_STANDS && t->state != TRACEE_DEAD && !t->foreign)
			return false;
	return true;
}

/* Regsets: those for every thread, and those that a recipe has for it. */
static void put_regs(
    struct pack *p, struct target *tg, const struct tracee *t, int err, struct regs_points *points)
{
	const struct preorder *o = &tg->preorder;

	regs_put(p, REGS, (uint64_t)t->tid, tg->arch, o->notes, o->nnotes, err, points);
	for (unsigned i = 0; i < o->nrecipes; i++) {
		const struct wire_rec_recipe *r = &o->recipes[i];
		uint32_t note = (uint32_t)r->offset;

		if (r->base == WIRE_BASE_REGSET && (t->cause || r->scope == WIRE_SCOPE_ALL))
			regs_put(p, REGS, (uint64_t)t->tid, tg->arch, &note, 1, err, NULL);
	}
}

/* Registers of all fresh threads, and what recipes order of their memory. */
static void put_state(struct pack *p, struct target *tg)
{
	struct recipe_thread *fit = calloc(tg->count, sizeof(*fit));
	size_t n = 0;

	for (const struct tracee *t = tg->first; t; t = t->next) {
		struct regs_points points = {0};

		if (!fresh(t))
			continue;
		put_regs(p, tg, t, p->r->bytes < REGS_BYTES ? E_OK : E_TOO_BIG, &points);
		if (!fit || !tg->preorder.nrecipes || (!points.arch && !points_of(t, &points)))
			continue;
		fit[n++] = (struct recipe_thread){.points = points, .cause = t->cause};
	}
	put_ordered(p, tg, fit, n);
	free(fit);
}

/* A stop in pieces. */
struct stop {
	uint64_t generation;
	bool all;
};

static void encode_stopped(struct pack *p, struct buf *out)
{
	const struct stop *s = p->arg;
	struct wire_stopped m = {
	    .generation = s->generation,
	    .all = s->all,
	    .stops = pack_list(p, STOPS),
	    .threads = pack_list(p, THREADS),
	    .missing = pack_list(p, MISSING),
	    .regs = pack_list(p, REGS),
	    .chunks = pack_list(p, CHUNKS),
	};

	wire_encode_stopped(out, &m);
}

void trace_push(struct target *tg)
{
	struct launch *l = launch_of(tg);
	struct reply *r;
	struct pack p;
	struct stop stop;

	tg->push = false;
	tg->generation++;
	run_tell_causes(tg);
	if (l)
		launch_io_catch_up(l);
	r = serve_event(tg->tracer->serve, WIRE_stopped, tg->handle);
	if (!r)
		return;
	stop = (struct stop){tg->generation, all_stand(tg)};
	pack_init(&p, r, STOPPED_FIXED, encode_stopped, &stop);
	mark_causes(tg);
	for (const struct tracee *t = tg->first; t; t = t->next)
		if (fresh(t) && t->cause)
			put_stop(&p, t);
	put_threads(&p, tg);
	put_state(&p, tg);
	pack_flush(&p);
	pack_free(&p);
	reply_done(r);
	if (stop.all)
		patch_settle(tg);
	for (struct tracee *t = tg->first; t; t = t->next)
		t->reported = t->state == TRACEE_STANDS;
}

/* ---- preorder ----------------------------------------------------------------------- */

int preorder_set(struct preorder *p, struct span recipes, struct span notes)
{
	struct preorder new = {0};
	struct wire_rec_note note;

	while (new.nrecipes < PREORDER_RECIPES &&
	       wire_next_recipe(&recipes, &new.recipes[new.nrecipes])) {
		const struct wire_rec_recipe *r = &new.recipes[new.nrecipes++];

		if (r->scope > WIRE_SCOPE_ALL || r->base > WIRE_BASE_REGSET)
			return E_MALFORMED;
	}
	while (new.nnotes < PREORDER_NOTES && wire_next_note(&notes, &note))
		new.notes[new.nnotes++] = note.note;
	if (recipes.n || notes.n)
		return E_LIMIT;
	*p = new;
	return E_OK;
}

/* ---- the list of threads --------------------------------------------------------------- */

static void encode_thread_list(struct pack *p, struct buf *out)
{
	struct wire_thread_list m = {.threads = pack_list(p, 0)};

	wire_encode_thread_list(out, &m);
}

/* One that is not traced: as the kernel lists them. */
static int list_untraced(struct target *tg, struct pack *p)
{
	int fd = openat(tg->id.dir, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return errno == ENOENT ? E_GONE : E_OS;
	}
	while ((e = readdir(d))) {
		struct tracee t = {.tid = (pid_t)strtol(e->d_name, NULL, 10), .state = TRACEE_RUNS};

		if (t.tid > 0)
			put_thread(p, 0, tg, &t, -1);
	}
	closedir(d);
	return E_OK;
}

int on_threads(struct call *c)
{
	struct target *tg = c->target;
	struct pack p;
	int err = E_OK;

	pack_init(&p, c->reply, 4, encode_thread_list, NULL);
	for (const struct tracee *t = tg->first; t; t = t->next)
		if (!t->foreign)
			put_thread(&p, 0, tg, t, -1);
	if (tg->how == WIRE_ATTACH_LOOK)
		err = list_untraced(tg, &p);
	if (err == E_OK) {
		pack_flush(&p);
		reply_done(c->reply);
	}
	pack_free(&p);
	return err;
}
