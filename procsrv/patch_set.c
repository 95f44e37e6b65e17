/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Requests patch_set, patch_clear and patch_hits.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytecode.h"
#include "handlers.h"
#include "patch.h"
#include "reply.h"
#include "serve.h"
#include "target.h"
#include "trace_mem.h"
#include "watch.h"

enum { RESULT_REC = 14, STATE_REC = 12 };

/* One of the request, on its way. */
struct setting {
	struct target *tg;
	const struct buf *maps;
	const struct wire_rec_patch *rec;
	struct wire_rec_patch_result *result;
};

/* ---- may it be there? ------------------------------------------------------------------ */

static bool is_code(const struct buf *maps, uint64_t addr, uint64_t len)
{
	struct span rest = span_buf(maps);
	struct proc_map m;

	while (proc_next_map(&rest, &m))
		if (addr >= m.lo && addr < m.hi)
			return (m.prot & 4) && m.hi - addr >= len;
	return false;
}

static int in_the_way(const struct setting *w, const struct site *s)
{
	w->result->other = s->patches->id;
	return E_INSIDE;
}

/* No instruction of ours reaches into this one, nor this into one of ours. */
static int check_neighbours(const struct setting *w)
{
	uint64_t addr = w->rec->addr, from = addr > INSN_MAX ? addr - INSN_MAX : 0;
	struct site *s = site_next(w->tg, from);

	for (; s && s->addr < addr + w->rec->bytes.n; s = site_next(w->tg, s->addr + 1)) {
		if (s->addr == addr || !s->patches)
			continue;
		if (s->addr > addr || s->addr + s->insn.len > addr)
			return in_the_way(w, s);
	}
	return E_OK;
}

/* What the host took the instruction for is what stands there. */
static int check_bytes(const struct setting *w)
{
	const struct span *want = &w->rec->bytes;
	uint8_t now[INSN_MAX];

	if (want->n && mem_read_one(w->tg, w->rec->addr, now, want->n) != want->n)
		return E_FAULT;
	return want->n && memcmp(now, want->p, want->n) != 0 ? E_OTHER_CODE : E_OK;
}

static int check_soft(const struct setting *w)
{
	const struct wire_rec_patch *r = w->rec;
	unsigned len = w->tg->patches->machine->trap_len;
	int err;

	if (!is_code(w->maps, r->addr, r->bytes.n > len ? r->bytes.n : len))
		return E_NO_CODE;
	err = check_neighbours(w);
	return err == E_OK ? check_bytes(w) : err;
}

static int check(const struct setting *w)
{
	const struct wire_rec_patch *r = w->rec;

	if (!r->id || r->kind > WIRE_PATCH_ACCESS || (r->flags & ~(WIRE_PATCH_ONCE | WIRE_PATCH_NEEDED)) ||
	    r->stop > WIRE_STOPS_THREAD || r->space || r->insn > WIRE_INSN_CALL)
		return E_MALFORMED;
	return r->kind == WIRE_PATCH_SOFT ? check_soft(w) : E_OK;
}

/* ---- a site ------------------------------------------------------------------------------ */

/* What the host says of the instruction; a system call is known without it. */
static void describe(const struct setting *w, struct site *s)
{
	const struct wire_rec_patch *r = w->rec;
	struct insn i = {.kind = r->insn, .fix = r->fix, .len = (uint8_t)r->bytes.n};

	if (r->bytes.n) {
		memcpy(i.bytes, r->bytes.p, r->bytes.n);
	} else {
		i.kind = WIRE_INSN_OTHER;
		i.len = (uint8_t)mem_read_one(w->tg, s->addr, i.bytes, 2);
		if (!machine_is_syscall(&i))
			i.len = 0;
	}
	/* Somebody may be in the slot it has: that one stays as it is. */
	if (memcmp(&s->insn, &i, sizeof(i)) == 0)
		return;
	s->no_slot = s->slot != 0;
	s->insn = i;
}

static int make_site(const struct setting *w, struct site **out)
{
	struct site *s = site_at(w->tg, w->rec->addr);
	bool known = s && s->patches && !w->rec->bytes.n;

	if (!s)
		s = site_add(w->tg, w->rec->addr);
	if (!s)
		return E_LIMIT;
	if (!known)
		describe(w, s);
	/* Also of one that is known: another file may be mapped there by now. */
	site_locate(s, w->maps);
	w->result->os_errno = site_plant(w->tg, s);
	*out = s;
	if (s->shared)
		return E_SHARED_CODE;
	return w->result->os_errno ? E_FAULT : E_OK;
}

/* ---- a patch ------------------------------------------------------------------------------- */

static int make_patch(const struct setting *w, struct patch **out)
{
	const struct wire_rec_patch *r = w->rec;
	struct patch *p = calloc(1, sizeof(*p));
	int err = E_OK;

	if (!p)
		return E_NOMEM;
	*p = (struct patch){
	    .id = r->id,
	    .kind = r->kind,
	    .flags = r->flags,
	    .stop = r->stop,
	    .len = r->len,
	    .addr = r->addr,
	    .tid = r->tid,
	    .ignore = r->ignore,
	};
	if (r->condition.n)
		err = bytecode_new(r->condition, w->tg->arch, &p->condition);
	*out = p;
	return err;
}

static int put(const struct setting *w, struct patch *p)
{
	struct patch *old = patch_by_id(w->tg, p->id);
	int err = E_OK;

	if (!old && w->tg->patches->npatches >= PATCHES_MAX)
		return E_LIMIT;
	if (p->kind == WIRE_PATCH_SOFT)
		err = make_site(w, &p->site);
	else
		err = watch_take(w->tg, p, &w->result->os_errno);
	if (err != E_OK)
		return err;
	if (old)
		p->hits = old->hits;
	/* The new one first, so that the byte they share stays. */
	err = patch_add(w->tg, p);
	if (old && err == E_OK)
		patch_remove(w->tg, old);
	if (err != E_OK && !p->site)
		watch_give(w->tg, p);
	else if (err != E_OK && !p->site->patches)
		site_lift(w->tg, p->site);
	return err;
}

static int set_one(const struct setting *w)
{
	struct patch *p = NULL;
	int err = check(w);

	if (err == E_OK)
		err = make_patch(w, &p);
	if (err == E_OK)
		err = put(w, p);
	if (err != E_OK)
		patch_free(p);
	return err;
}

/* As the host would set it now. */
static struct wire_rec_patch record_of(const struct patch *p)
{
	const struct insn *i = p->site ? &p->site->insn : NULL;
	struct wire_rec_patch rec = {
	    .id = p->id,
	    .kind = p->kind,
	    .flags = p->flags,
	    .stop = p->stop,
	    .len = p->len,
	    .addr = p->addr,
	    .tid = p->tid,
	    .ignore = p->ignore,
	};

	if (i && i->kind != WIRE_INSN_OTHER) {
		rec.insn = i->kind;
		rec.fix = i->fix;
		rec.bytes = (struct span){i->bytes, i->len};
	}
	if (p->condition)
		rec.condition = bytecode_code(p->condition);
	return rec;
}

static void encode_results(struct pack *p, struct buf *out)
{
	struct wire_patch_results m = {.results = pack_list(p, 0)};

	wire_encode_patch_results(out, &m);
}

static void set_all(struct call *c, struct span list)
{
	struct wire_rec_patch rec;
	struct wire_rec_patch_result result;
	struct buf maps;
	struct setting w = {.tg = c->target, .maps = &maps, .rec = &rec, .result = &result};
	struct pack p;

	buf_init(&maps, PROC_MAPS_MAX);
	proc_read(c->target->id.live, "maps", &maps);
	pack_init(&p, c->reply, 4, encode_results, NULL);
	while (wire_next_patch(&list, &rec)) {
		result = (struct wire_rec_patch_result){.id = rec.id};
		result.err = (uint16_t)set_one(&w);
		if (result.err != E_OK && rec.flags & WIRE_PATCH_NEEDED) {
			c->target->missing_patch = result.err;
			c->target->missing_at = rec.addr;
		}
		wire_put_patch_result(pack_room(&p, 0, RESULT_REC), &result);
	}
	watch_refresh(c->target);
	pack_flush(&p);
	pack_free(&p);
	buf_free(&maps);
	reply_done(c->reply);
}

void patch_copy(const struct target *from, struct target *to)
{
	const struct patches *ps = from->patches;
	struct wire_rec_patch_result result = {0};
	struct wire_rec_patch rec;
	struct buf maps;
	struct setting w = {.tg = to, .maps = &maps, .rec = &rec, .result = &result};

	if (!ps || patches_new(to) != E_OK)
		return;
	buf_init(&maps, PROC_MAPS_MAX);
	proc_read(to->id.live, "maps", &maps);
	for (unsigned i = 0; i < ps->npatches; i++) {
		rec = record_of(ps->all[i]);
		if (!rec.tid && set_one(&w) == E_OK)
			patch_by_id(to, rec.id)->hits = ps->all[i]->hits;
	}
	buf_free(&maps);
}

static int may_patch(const struct target *tg)
{
	return tg->how == WIRE_ATTACH_LOOK || tg->leaving ? E_STATE : E_OK;
}

int on_patch_set(struct call *c)
{
	struct wire_patch_set m;
	int err = may_patch(c->target);

	wire_decode_patch_set(c->body, &m);
	if (err == E_OK)
		err = patches_new(c->target);
	if (err == E_OK)
		set_all(c, m.patches);
	return err;
}

/* ---- the small ones ------------------------------------------------------------------------ */

int on_patch_clear(struct call *c)
{
	struct target *tg = c->target;
	struct wire_patch_clear m;
	struct wire_rec_patch_id r;

	wire_decode_patch_clear(c->body, &m);
	if (!m.ids.n)
		patch_remove_all(tg);
	while (wire_next_patch_id(&m.ids, &r)) {
		struct patch *p = patch_by_id(tg, r.id);

		if (p)
			patch_remove(tg, p);
	}
	watch_refresh(tg);
	serve_ok(c->reply);
	return E_OK;
}

static void encode_states(struct pack *p, struct buf *out)
{
	struct wire_patch_states m = {.states = pack_list(p, 0)};

	wire_encode_patch_states(out, &m);
}

int on_patch_hits(struct call *c)
{
	const struct patches *ps = c->target->patches;
	struct pack p;

	pack_init(&p, c->reply, 4, encode_states, NULL);
	for (unsigned i = 0; ps && i < ps->npatches; i++) {
		struct wire_rec_patch_state s = {ps->all[i]->id, ps->all[i]->hits};

		wire_put_patch_state(pack_room(&p, 0, STATE_REC), &s);
	}
	pack_flush(&p);
	pack_free(&p);
	reply_done(c->reply);
	return E_OK;
}
