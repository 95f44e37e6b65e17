/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace_regs.h"

#include <elf.h>
#include <errno.h>
#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "handlers.h"
#include "reply.h"
#include "target.h"

enum { REGSET_HEAD = 24 }; /* bytes of a record beside its data */

int regs_get(pid_t tid, uint32_t note, void *to, size_t *n)
{
	struct iovec iov = {to, *n};

	if (ptrace(PTRACE_GETREGSET, tid, (unsigned long)note, &iov) != 0)
		return errno;
	*n = iov.iov_len;
	return 0;
}

/* The kernel's struct user_regs of each, as NT_PRSTATUS has it; offsets in bytes. */
static const struct layout {
	size_t size;
	uint32_t arch;
	unsigned width, pc, sp, fp, red_zone;
} layouts[] = {
    {216, AUDIT_ARCH_X86_64, 8, 128, 152, 32, 128},
    {68, AUDIT_ARCH_I386, 4, 48, 60, 20, 0},
    {272, AUDIT_ARCH_AARCH64, 8, 256, 248, 232, 0},
    {72, AUDIT_ARCH_ARM, 4, 60, 52, 44, 0},
};

enum { LAYOUTS = sizeof(layouts) / sizeof(layouts[0]) };

static uint64_t word(const uint8_t *p, unsigned width)
{
	uint64_t v = 0;

	memcpy(&v, p, width); /* little-endian, as every machine we run on */
	return v;
}

bool regs_points(const uint8_t *prstatus, size_t n, struct regs_points *p)
{
	for (const struct layout *l = layouts; l < layouts + LAYOUTS; l++) {
		if (l->size != n)
			continue;
		*p = (struct regs_points){
		    .arch = l->arch,
		    .pc = word(prstatus + l->pc, l->width),
		    .sp = word(prstatus + l->sp, l->width),
		    .fp = word(prstatus + l->fp, l->width),
		};
		return true;
	}
	return false;
}

uint32_t regs_arch(pid_t tid)
{
	uint8_t set[1024];
	size_t n = sizeof(set);
	struct regs_points p;

	return regs_get(tid, NT_PRSTATUS, set, &n) == 0 && regs_points(set, n, &p) ? p.arch : 0;
}

unsigned regs_red_zone(uint32_t arch)
{
	for (const struct layout *l = layouts; l < layouts + LAYOUTS; l++)
		if (l->arch == arch)
			return l->red_zone;
	return 0;
}

static void put(struct pack *p, unsigned list, const struct wire_rec_regset *rec)
{
	wire_put_regset(pack_room(p, list, REGSET_HEAD + rec->data.n), rec);
}

static int to_code(int os_errno)
{
	switch (os_errno) {
	case ESRCH:
		return E_RUNNING; /* or about to report its end */
	case EINVAL:
	case ENODEV:
		return E_UNKNOWN; /* this machine has no such regset */
	default:
		return E_OS;
	}
}

void regs_put(struct pack *p, unsigned list, uint64_t tid, uint32_t arch, const uint32_t *notes,
    unsigned n, int err, struct regs_points *points)
{
	uint8_t room[REGS_MAX];

	for (unsigned i = 0; i < n; i++) {
		struct wire_rec_regset rec = {
		    .tid = tid, .arch = arch, .note = notes[i], .err = (uint32_t)err};
		size_t size = sizeof(room);
		struct regs_points now;
		int os_errno = err == E_OK ? regs_get((pid_t)tid, notes[i], room, &size) : 0;

		if (os_errno)
			rec.err = (uint32_t)to_code(os_errno);
		else if (err == E_OK)
			rec.data = (struct span){room, (uint32_t)size};
		/* A 32-bit program's set has another size than a 64-bit one's. */
		if (notes[i] == NT_PRSTATUS && rec.data.n && regs_points(room, size, &now)) {
			rec.arch = arch = now.arch;
			if (points)
				*points = now;
		}
		put(p, list, &rec);
	}
}

/* ---- the request ---------------------------------------------------------------- */

/* The threads asked for, of which some are still to be answered. */
struct regs_job {
	struct tracer *tracer;
	uint32_t handle;
	struct pack pack;
	unsigned nnotes;
	uint32_t notes[64];
	size_t n, at;
	uint64_t tids[];
};

static void encode_regs(struct pack *p, struct buf *out)
{
	struct wire_regs m = {.regs = pack_list(p, 0)};

	wire_encode_regs(out, &m);
}

static void put_thread(struct regs_job *j, struct target *tg, uint64_t tid)
{
	struct tracee *t = tid <= INT32_MAX ? tracee_by_tid(j->tracer, (pid_t)tid) : NULL;
	int err = E_OK;

	if (!t || t->target != tg || t->foreign)
		err = E_NO_THREAD;
	else if (t->state != TRACEE_STANDS)
		err = E_RUNNING;
	regs_put(&j->pack, 0, tid, tg->arch, j->notes, j->nnotes, err, NULL);
}

static void refill(struct reply *r)
{
	struct regs_job *j = r->state;
	struct target *tg = target_by_handle(j->tracer, j->handle);
	unsigned before = r->pieces;

	if (!tg) {
		reply_fail_code(r, E_GONE);
		return;
	}
	while (j->at < j->n && r->pieces == before && !r->done)
		put_thread(j, tg, j->tids[j->at++]);
	if (j->at == j->n && !r->done) {
		pack_flush(&j->pack);
		reply_done(r);
	}
}

static void drop(struct reply *r)
{
	struct regs_job *j = r->state;

	pack_free(&j->pack);
	free(j);
}

static size_t count_tids(struct span list)
{
	struct wire_rec_tid r;
	size_t n = 0;

	while (wire_next_tid(&list, &r))
		n++;
	return n;
}

static void fill_tids(struct regs_job *j, const struct target *tg, struct span list)
{
	struct wire_rec_tid r;
	bool all = list.n == 0;

	while (wire_next_tid(&list, &r))
		j->tids[j->n++] = r.tid;
	for (const struct tracee *t = tg->first; t && all; t = t->next)
		if (t->state == TRACEE_STANDS && !t->foreign)
			j->tids[j->n++] = (uint64_t)t->tid;
}

int on_regs_read(struct call *c)
{
	struct wire_regs_read m;
	struct wire_rec_note note;
	struct regs_job *j;
	size_t max;

	wire_decode_regs_read(c->body, &m);
	if (c->target->how == WIRE_ATTACH_LOOK)
		return E_STATE;
	max = m.tids.n ? count_tids(m.tids) : c->target->count;
	j = calloc(1, sizeof(*j) + max * sizeof(j->tids[0]));
	if (!j)
		return E_NOMEM;
	j->tracer = c->tracer;
	j->handle = c->target->handle;
	while (wire_next_note(&m.notes, &note))
		j->notes[j->nnotes++] = note.note; /* 256 bytes hold 64 */
	fill_tids(j, c->target, m.tids);
	pack_init(&j->pack, c->reply, 4, encode_regs, NULL);
	c->reply->state = j;
	c->reply->drop = drop;
	c->reply->refill = refill;
	return E_OK;
}
