/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace_snapshot.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "handlers.h"
#include "reader.h"
#include "refuse.h"
#include "serve.h"
#include "snapshot_plan.h"
#include "target.h"
#include "trace_mem.h"
#include "trace_regs.h"
#include "tracer.h"

enum { PROCS, THREADS, REGS, CHUNKS, MAPS, CUTS };
enum {
	FIXED = 8 + 6 * 4,
	TOTAL_MAX = 64 * 1024 * 1024, /* bytes of one snapshot, whatever the host allows */
	AT_ONCE = 2,                  /* snapshots in memory per session */
	NOTES_MAX = 64,
	THREAD_REC = 20 + 64,
	CUT_REC = 28,
	RESERVE = 4096, /* of the total, for what every reply has */
};

/* One thread, as it stood. */
struct frozen {
	pid_t tid;
	uint32_t signal;
	int err; /* E_OK, or why there is nothing of it */
	struct plan_window window;
	struct mem_want want;
};

struct snapshot {
	struct tracer *tracer;
	struct reply *reply;
	bool own_target;
	struct wire_snapshot m;
	uint32_t notes[NOTES_MAX];
	unsigned nnotes;
	int dir, live; /* as proc_id's, for after the target is let go */
	struct buf proc, maps_text, maps, regs;
	struct plan_map *ranges; /* of maps_text */
	size_t nranges;
	uint8_t *stacks;
	size_t stacks_size;
	struct frozen *threads;
	size_t nthreads, max;
	uint64_t began_ns, stopped_ns;
	bool moved; /* a thread stood outside the mappings read before */
	/* streaming */
	struct pack pack;
	size_t at;
	struct span rest;
	unsigned part;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ---- life ------------------------------------------------------------------------- */

static void snapshot_free(struct snapshot *s)
{
	if (s->dir >= 0)
		close(s->dir);
	if (s->live >= 0)
		close(s->live);
	buf_free(&s->proc);
	buf_free(&s->maps_text);
	buf_free(&s->maps);
	buf_free(&s->regs);
	free(s->ranges);
	if (s->stacks)
		munmap(s->stacks, s->stacks_size);
	free(s->threads);
	pack_free(&s->pack);
	s->tracer->snapshots--;
	free(s);
}

static void drop(struct reply *r)
{
	snapshot_free(r->state);
}

/* Taken off its target, which goes on as it would have. */
static bool let_go(struct target *tg)
{
	struct snapshot *s = tg->snapshot;
	bool own = s->own_target;

	tg->snapshot = NULL;
	if (own) {
		trace_leave(tg, NULL);
		return true;
	}
	for (struct tracee *t = tg->first; t; t = t->next)
		if (t->state == TRACEE_STANDS && !tracee_has_to_stand(t))
			trace_pass(t);
	return false;
}

static void cancel(struct reply *r)
{
	struct snapshot *s = r->state;

	for (struct target *tg = s->tracer->targets; tg; tg = tg->next)
		if (tg->snapshot == s) {
			let_go(tg);
			break;
		}
	r->cancel = NULL;
	reply_fail_code(r, E_CANCELLED);
}

void snapshot_gone(struct snapshot *s)
{
	s->reply->cancel = NULL;
	reply_fail_code(s->reply, E_GONE);
}

void trace_drop_snapshot(struct target *tg)
{
	tg->snapshot = NULL;
}

/* Mappings with build-ids as records, and the readable ones for windows. */
static int read_maps(struct snapshot *s)
{
	struct reader_maps maps = {.dir = s->live, .mem = -1};
	struct wire_rec_map rec;
	uint8_t build_id[64];
	int err;

	buf_reset(&s->maps_text);
	buf_reset(&s->maps);
	free(s->ranges);
	s->ranges = NULL;
	err = proc_read(s->live, "maps", &s->maps_text);
	if (err && err != EFBIG)
		return err;
	maps.text = span_buf(&s->maps_text);
	while (reader_next_map(&maps, &rec, build_id))
		wire_put_map(&s->maps, &rec);
	reader_maps_done(&maps);
	s->nranges = plan_maps(span_buf(&s->maps_text), &s->ranges);
	return s->maps.bad ? ENOMEM : 0;
}

/* ---- while it stands ------------------------------------------------------------------ */

/* Registers into the list of records; where its stack is, for the window. */
static int freeze_regs(
    struct snapshot *s, struct target *tg, struct frozen *f, struct regs_points *points)
{
	uint8_t set[REGS_MAX];
	size_t size = sizeof(set);
	int err = regs_get(f->tid, NT_PRSTATUS, set, &size);

	if (err || !regs_points(set, size, points))
		return err == ESRCH ? E_GONE : E_OS;
	for (unsigned i = 0; i < s->nnotes; i++) {
		struct wire_rec_regset rec = {
		    .tid = (uint64_t)f->tid, .arch = points->arch, .note = s->notes[i]};

		if (rec.note != NT_PRSTATUS || i) {
			size = sizeof(set);
			err = regs_get(f->tid, rec.note, set, &size);
		}
		if (err)
			rec.err = E_UNKNOWN;
		else
			rec.data = (struct span){set, (uint32_t)size};
		wire_put_regset(&s->regs, &rec);
	}
	(void)tg;
	return E_OK;
}

static void freeze_thread(
    struct snapshot *s, struct target *tg, const struct tracee *t, size_t left)
{
	struct frozen *f = &s->threads[s->nthreads++];
	struct regs_points points = {0};

	*f = (struct frozen){.tid = t->tid, .signal = (uint32_t)tracee_signal(t)};
	f->err = t->state == TRACEE_STANDS ? freeze_regs(s, tg, f, &points) : E_BUSY;
	if (f->err != E_OK)
		return;
	s->moved |= !plan_find(s->ranges, s->nranges, points.pc);
	f->window = plan_window(
	    s->ranges, s->nranges, points.sp, regs_red_zone(points.arch), s->m.window, left);
}

/* Stacks side by side in the room made for them, each with its share of what is left. */
static void freeze_all(struct snapshot *s, struct target *tg)
{
	size_t used = 0, todo = tg->count;

	for (const struct tracee *t = tg->first; t; t = t->next, todo--) {
		if (t->foreign || t->state == TRACEE_DEAD || s->nthreads == s->max)
			continue;
		freeze_thread(s, tg, t, (s->stacks_size - used) / todo);
		s->threads[s->nthreads - 1].want.to = s->stacks + used;
		used += s->threads[s->nthreads - 1].window.len;
	}
}

static int read_stacks(struct snapshot *s, struct target *tg)
{
	struct mem_want *w = calloc(s->nthreads ? s->nthreads : 1, sizeof(*w));
	int err;

	if (!w)
		return E_NOMEM;
	for (size_t i = 0; i < s->nthreads; i++)
		w[i] = (struct mem_want){.addr = s->threads[i].window.addr,
		    .len = s->threads[i].window.len,
		    .to = s->threads[i].want.to};
	err = mem_gather(tg, w, s->nthreads);
	for (size_t i = 0; i < s->nthreads; i++)
		s->threads[i].want = w[i];
	free(w);
	return err;
}

static void stream(struct reply *r);

bool snapshot_ready(struct target *tg)
{
	struct snapshot *s = tg->snapshot;
	struct reply *r = s->reply;
	int err;
	bool own;

	freeze_all(s, tg);
	err = read_stacks(s, tg);
	own = let_go(tg);
	s->stopped_ns = now_ns() - s->began_ns;
	if (s->moved)
		read_maps(s);
	r->cancel = NULL;
	if (err == E_OK && s->regs.bad)
		err = E_TOO_BIG;
	if (err != E_OK)
		reply_fail_code(r, err);
	else
		r->refill = stream;
	return own;
}

/* ---- afterwards ----------------------------------------------------------------------- */

static void encode(struct pack *p, struct buf *out)
{
	const struct snapshot *s = p->arg;
	struct wire_snapshot_data m = {
	    .stopped_ns = s->stopped_ns,
	    .procs = pack_list(p, PROCS),
	    .threads = pack_list(p, THREADS),
	    .regs = pack_list(p, REGS),
	    .chunks = pack_list(p, CHUNKS),
	    .maps = pack_list(p, MAPS),
	    .cuts = pack_list(p, CUTS),
	};

	wire_encode_snapshot_data(out, &m);
}

/* Each part puts one record; false: it has no more. */

static bool part_proc(struct snapshot *s)
{
	if (s->at++)
		return false;
	buf_raw(pack_room(&s->pack, PROCS, s->proc.len), s->proc.p, s->proc.len);
	return true;
}

static bool part_thread(struct snapshot *s)
{
	struct wire_rec_thread rec = {.state = WIRE_T_STOPPED};
	uint8_t room[1024];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};
	const struct frozen *f = &s->threads[s->at];
	struct proc_stat st;
	char name[48];

	if (s->at++ == s->nthreads)
		return false;
	rec.tid = (uint64_t)f->tid;
	rec.signal = f->signal;
	if (f->err == E_BUSY)
		rec.state = WIRE_T_RUNNING;
	snprintf(name, sizeof(name), "task/%d/stat", (int)f->tid);
	if (proc_read(s->dir, name, &b) == 0 && proc_parse_stat(span_buf(&b), &st)) {
		rec.kernel = (uint8_t)st.state;
		rec.cpu = st.cpu;
		rec.name = st.comm;
	}
	wire_put_thread(pack_room(&s->pack, THREADS, THREAD_REC), &rec);
	return true;
}

static bool part_regs(struct snapshot *s)
{
	struct wire_rec_regset rec;

	if (!s->at++)
		s->rest = span_buf(&s->regs);
	if (!wire_next_regset(&s->rest, &rec))
		return false;
	wire_put_regset(pack_room(&s->pack, REGS, 24 + (size_t)rec.data.n), &rec);
	return true;
}

static bool part_stack(struct snapshot *s)
{
	const struct mem_want *w = &s->threads[s->at].want;

	if (s->at++ == s->nthreads)
		return false;
	mem_put(&s->pack, CHUNKS, w->addr, w->to, w->got);
	return true;
}

static bool part_map(struct snapshot *s)
{
	struct wire_rec_map rec;

	if (!s->at++)
		s->rest = span_buf(&s->maps);
	if (!wire_next_map(&s->rest, &rec))
		return false;
	wire_put_map(pack_room(&s->pack, MAPS, 45 + (size_t)rec.name.n + rec.build_id.n), &rec);
	return true;
}

static bool part_cut(struct snapshot *s)
{
	const struct frozen *f = &s->threads[s->at];
	struct wire_rec_cut rec;
	uint64_t below;

	if (s->at++ == s->nthreads)
		return false;
	below = f->window.sp - f->window.addr;
	rec = (struct wire_rec_cut){
	    .tid = (uint64_t)f->tid,
	    .want = f->window.want,
	    .got = f->want.got > below ? f->want.got - below : 0,
	    .err = (uint32_t)(f->want.err ? E_FAULT : f->err),
	};
	if (rec.err != E_OK || rec.got < rec.want)
		wire_put_cut(pack_room(&s->pack, CUTS, CUT_REC), &rec);
	return true;
}

static bool (*const parts[])(struct snapshot *) = {
    part_proc, part_thread, part_regs, part_stack, part_map, part_cut};
enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

static void stream(struct reply *r)
{
	struct snapshot *s = r->state;
	unsigned before = r->pieces;

	while (s->part < PARTS && r->pieces == before && !r->done)
		if (!parts[s->part](s)) {
			s->part++;
			s->at = 0;
		}
	if (s->part == PARTS && !r->done) {
		pack_flush(&s->pack);
		reply_done(r);
	}
}

/* ---- before ---------------------------------------------------------------------------- */

/* Memory is made present now, so that no page fault of ours lengthens the stop. */
static int make_room(struct snapshot *s, size_t threads)
{
	uint64_t most = s->m.total < TOTAL_MAX ? s->m.total : TOTAL_MAX;
	uint64_t used = RESERVE + s->maps.len + threads * (THREAD_REC + CUT_REC);
	uint64_t wish = (uint64_t)threads * ((uint64_t)s->m.window + 256);
	uint64_t room = most > used ? most - used : 0;

	buf_init(&s->regs, (size_t)most);
	s->stacks_size = (size_t)(wish < room ? wish : room);
	s->max = threads + threads / 8 + 64; /* some may be born on the way */
	s->threads = calloc(s->max, sizeof(*s->threads));
	if (!s->threads)
		return E_NOMEM;
	if (!s->stacks_size)
		return E_OK;
	s->stacks = mmap(NULL, s->stacks_size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (s->stacks != MAP_FAILED)
		return E_OK;
	s->stacks = NULL;
	return E_NOMEM;
}

static int prepare(struct snapshot *s, struct target *tg, struct fault *f)
{
	int err = E_OK;

	s->dir = fcntl(tg->id.dir, F_DUPFD_CLOEXEC, 0);
	s->live = fcntl(tg->id.live, F_DUPFD_CLOEXEC, 0);
	if (s->dir < 0 || s->live < 0)
		return fault_set(f, E_OS, errno, (uint32_t)tg->id.pid);
	if (!reader_proc(&tg->id, tg->tracer->session.user, &s->proc, NULL))
		return E_GONE;
	if (s->own_target)
		err = refuse_early(&tg->id, f);
	if (err == E_OK) {
		err = target_audit(IPC_SNAPSHOT, &tg->id, "", 0, E_OK);
		if (err != E_OK)
			return err;
		if (s->own_target)
			err = trace_seize(tg, f);
	}
	/* The record goes before the deed; this one tells that nothing came of it. */
	if (err != E_OK)
		target_audit(IPC_SNAPSHOT, &tg->id, "", 0, err);
	if (err == E_OK && read_maps(s) != 0)
		err = proc_alive(&tg->id) ? E_OS : E_GONE;
	return err == E_OK ? make_room(s, tg->count) : err;
}

static struct snapshot *snapshot_new(struct call *c, const struct wire_snapshot *m)
{
	struct snapshot *s = calloc(1, sizeof(*s));
	struct wire_rec_note note;
	struct span notes = m->notes;

	if (!s)
		return NULL;
	s->tracer = c->tracer;
	s->tracer->snapshots++;
	s->reply = c->reply;
	s->m = *m;
	s->dir = s->live = -1;
	while (s->nnotes < NOTES_MAX && wire_next_note(&notes, &note))
		s->notes[s->nnotes++] = note.note;
	buf_init(&s->proc, 16384);
	buf_init(&s->maps_text, PROC_MAPS_MAX);
	buf_init(&s->maps, TOTAL_MAX);
	pack_init(&s->pack, c->reply, FIXED, encode, s);
	c->reply->state = s;
	c->reply->drop = drop;
	return s;
}

/* The target it is of: this session's if it has it, else one just for this. */
static int find_target(
    struct call *c, const struct wire_snapshot *m, struct target **out, bool *own)
{
	struct target *tg = m->pid ? NULL : c->target;
	int err;

	if (m->pid && m->pid <= INT32_MAX)
		tg = target_by_pid(c->tracer, (pid_t)m->pid);
	if (!m->pid && !tg)
		return E_NO_TARGET;
	if (tg && m->start && m->start != tg->id.start)
		return fault_set(&c->fault, E_STALE, 0, m->pid);
	if (tg && (tg->snapshot || tg->leaving))
		return fault_set(&c->fault, E_BUSY, 0, m->pid);
	*own = !tg || tg->how == WIRE_ATTACH_LOOK;
	if (*own) {
		uint32_t pid = tg ? (uint32_t)tg->id.pid : m->pid;
		uint64_t start = tg ? tg->id.start : m->start;

		err = target_new(c->tracer, 0, pid, start, &tg, &c->fault);
		if (err != E_OK)
			return err;
		tg->how = WIRE_ATTACH_RUN;
		tg->arch = proc_arch(tg->id.live);
	}
	*out = tg;
	return E_OK;
}

int on_snapshot(struct call *c)
{
	struct wire_snapshot m;
	struct snapshot *s;
	struct target *tg;
	bool own;
	int err;

	wire_decode_snapshot(c->body, &m);
	if (!(c->tracer->session.rights & 1u << WIRE_R_STOP))
		return E_RIGHT;
	if (c->tracer->snapshots >= AT_ONCE)
		return E_LIMIT;
	err = find_target(c, &m, &tg, &own);
	if (err != E_OK)
		return err;
	s = snapshot_new(c, &m);
	err = E_NOMEM;
	if (s) {
		s->own_target = own;
		err = prepare(s, tg, &c->fault);
	}
	if (err != E_OK) {
		if (own)
			trace_abandon(tg);
		return err;
	}
	tg->snapshot = s;
	c->reply->cancel = cancel;
	s->began_ns = now_ns();
	trace_halt(tg);
	trace_collect(tg);
	return E_OK;
}
