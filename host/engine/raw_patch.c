/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Patches of a front end that is a debugger itself.  It sets and clears all of them
 * around every stop, so both only note it: what is the same when something is let run
 * again never leaves.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "common/err.h"
#include "host/engine/engine.h"
#include "host/engine/raw_parts.h"
#include "host/errtext.h"

enum {
	DEBUG_REGISTERS = 4, /* of x86 */
	PROT_EXEC_ = 4,      /* of wire.def's map.prot */
	CODE_BYTES = 128,    /* around a breakpoint that are read */
};

static const enum wire_patch kinds[] = {
    [HE_PATCH_SOFT] = WIRE_PATCH_SOFT,
    [HE_PATCH_HARD] = WIRE_PATCH_HARD,
    [HE_PATCH_WRITE] = WIRE_PATCH_WRITE,
    [HE_PATCH_ACCESS] = WIRE_PATCH_ACCESS,
};

static bool is_data(enum he_patch_kind kind)
{
	return kind == HE_PATCH_WRITE || kind == HE_PATCH_ACCESS;
}

static struct he_error *no_memory(void)
{
	return he_error_new(E_NOMEM, "out of memory.");
}

/* ---- the list --------------------------------------------------------------------- */

static void forget_conditions(struct raw_patch *p)
{
	for (size_t i = 0; i < p->n_conditions; i++)
		free((void *)(uintptr_t)p->conditions[i].p);
	free(p->conditions);
	p->conditions = NULL;
	p->n_conditions = 0;
}

static void patch_free(struct raw_patch *p)
{
	if (p)
		forget_conditions(p);
	free(p);
}

void raw_patches_free(struct raw *r)
{
	while (r->patches) {
		struct raw_patch *p = r->patches;

		r->patches = p->next;
		patch_free(p);
	}
}

static bool add_condition(struct raw_patch *p, struct span code)
{
	uint8_t *bytes = malloc(code.n + 1);

	if (!bytes || !raw_grow((void **)&p->conditions, p->n_conditions, sizeof(*p->conditions))) {
		free(bytes);
		return false;
	}
	memcpy(bytes, code.p, code.n);
	p->conditions[p->n_conditions++] = (struct span){bytes, code.n};
	/* cppcheck-suppress memleak ; the condition has it now */
	return true;
}

static struct raw_patch *at(
    const struct raw *r, enum he_patch_kind kind, uint64_t addr, uint32_t len)
{
	struct raw_patch *p = r->patches;

	while (p && (p->kind != kind || p->addr != addr || (is_data(kind) && p->len != len)))
		p = p->next;
	return p;
}

static struct raw_patch *obtain(struct raw *r, const struct he_patch *q)
{
	struct raw_patch *p = at(r, q->kind, q->addr, q->len);

	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	*p = (struct raw_patch){.next = r->patches,
	    .id = ++r->last_id,
	    .kind = q->kind,
	    .addr = q->addr,
	    .len = q->len,
	    .tid = q->tid,
	    .changed = true};
	r->patches = p;
	return p;
}

/* ---- what they are at the agent ------------------------------------------------------ */

/* Data as the processor can watch it: pieces of a power of two bytes, aligned. */
static unsigned cut(const struct raw_patch *p, unsigned width, struct mem_range v[RAW_PIECES])
{
	uint64_t addr = p->addr;
	uint32_t len = p->len;
	unsigned n = 0;

	if (!is_data(p->kind)) {
		v[0] = (struct mem_range){addr, 0};
		return 1;
	}
	for (; len && n < RAW_PIECES; n++) {
		uint32_t size = width;

		while (size > len || addr % size)
			size /= 2;
		v[n] = (struct mem_range){addr, size};
		addr += size;
		len -= size;
	}
	return n;
}

static unsigned registers_of(const struct he_target *t, const struct raw_patch *p)
{
	struct mem_range v[RAW_PIECES];

	return p->wanted && p->kind != HE_PATCH_SOFT ? cut(p, target_width(t), v) : 0;
}

/* A child of vfork is in memory that is its parent's, too, where nothing may be planted: what the
 * processor itself looks out for is the child's alone. */
static enum wire_patch kind_of(const struct raw *r, const struct raw_patch *p)
{
	return r->sharing && p->kind == HE_PATCH_SOFT ? WIRE_PATCH_HARD : kinds[p->kind];
}

/* There it is planted, or this is one of as many as the processor has, the newest first. */
static bool fits(const struct raw *r, const struct raw_patch *p)
{
	unsigned n = 0;

	if (!r->sharing || p->n_pieces)
		return !r->sharing || !is_data(p->kind);
	for (const struct raw_patch *q = r->patches; q; q = q->next)
		n += q->n_pieces;
	return !is_data(p->kind) && !p->dormant && p->n_conditions <= 1 && n < DEBUG_REGISTERS;
}

static bool put_piece(struct he_target *t, struct raw_patch *p, unsigned n,
    const struct mem_range *where, struct span condition)
{
	const struct patch_want want = {.owner = PATCH_RAW,
	    .of = p,
	    .kind = kind_of(t->raw, p),
	    .addr = where->addr,
	    .len = (uint32_t)where->len,
	    .tid = p->tid,
	    .stop = t->raw->alone ? WIRE_STOPS_THREAD : WIRE_STOPS_ALL,
	    .needed = !p->dormant && !t->raw->sharing,
	    .condition = condition};

	if (n < p->n_pieces)
		return patches_change(t, p->pieces[n], &want);
	p->pieces[n] = patches_want(t, &want);
	p->n_pieces += p->pieces[n] != 0;
	return p->pieces[n] != 0;
}

/* Each of its conditions is a patch of the agent's: one that is true is enough. */
static struct he_error *make(struct he_target *t, struct raw_patch *p)
{
	size_t conditions = p->plain || !p->n_conditions ? 1 : p->n_conditions;
	struct mem_range where[RAW_PIECES];
	unsigned places = cut(p, target_width(t), where), n = 0;

	for (unsigned i = 0; i < places; i++)
		for (size_t k = 0; k < conditions; k++) {
			struct span code = {0};

			if (p->n_conditions && !p->plain)
				code = p->conditions[k];
			if (n == RAW_PIECES || !put_piece(t, p, n++, &where[i], code))
				return no_memory();
		}
	while (p->n_pieces > n)
		patches_drop(t, p->pieces[--p->n_pieces]);
	p->changed = false;
	return NULL;
}

static void retry(struct he_target *t, const struct raw_patch *p)
{
	for (unsigned i = 0; i < p->n_pieces; i++) {
		struct patch *piece = patches_find(t, p->pieces[i]);

		if (piece)
			piece->err = E_OK;
	}
}

/* For the next time: debuggers clear and set the same ones over and over. */
static void remember_code(struct he_target *t, uint64_t addr)
{
	uint8_t code[CODE_BYTES];
	int why;
	size_t n = memcache_get(t->mem, addr, code, sizeof(code), &why);

	memcache_put(t->raw->code, addr, code, n);
}

/* Instructions at breakpoints to be planted that nothing is known of, in one request. */
static struct he_error *fetch_code(struct he_target *t)
{
	struct mem_range *v = NULL;
	struct he_error *err = NULL;
	size_t n = 0;

	for (const struct patch *p = patches_next(t, NULL); p; p = patches_next(t, p)) {
		uint8_t code[sizeof(p->bytes)];
		int why;

		if (p->planted || p->want.kind != WIRE_PATCH_SOFT ||
		    memcache_get(t->mem, p->want.addr, code, sizeof(code), &why) == sizeof(code) ||
		    raw_code(t, p->want.addr, code, sizeof(code)) == sizeof(code))
			continue;
		if (!raw_grow((void **)&v, n, sizeof(*v))) {
			err = no_memory();
			break;
		}
		v[n++] = (struct mem_range){p->want.addr & ~UINT64_C(63), CODE_BYTES};
	}
	if (!err && n)
		err = target_prefetch(t, v, n);
	for (size_t i = 0; !err && i < n; i++)
		remember_code(t, v[i].addr);
	free(v);
	return err;
}

struct he_error *raw_patches_ready(struct he_target *t)
{
	struct raw *r = t->raw;

	for (struct raw_patch **slot = &r->patches; *slot;) {
		struct raw_patch *p = *slot;
		struct he_error *err = NULL;

		if (!p->wanted) {
			while (p->n_pieces)
				patches_drop(t, p->pieces[--p->n_pieces]);
			*slot = p->next;
			patch_free(p);
			continue;
		}
		retry(t, p);
		if (p->changed && fits(r, p))
			err = make(t, p);
		if (err)
			return err;
		slot = &p->next;
	}
	return fetch_code(t);
}

void raw_patches_change(struct raw *r)
{
	for (struct raw_patch *p = r->patches; p; p = p->next)
		p->changed = true;
}

void raw_patches_move(struct raw *to, struct raw *from)
{
	to->patches = from->patches;
	to->last_id = from->last_id;
	from->patches = NULL;
	for (struct raw_patch *p = to->patches; p; p = p->next) {
		p->n_pieces = 0;
		p->dormant = false;
	}
	raw_patches_change(to);
}

const struct raw_patch *raw_patch_of(const struct he_target *t, uint32_t piece)
{
	const struct patch *p = patches_find(t, piece);
	const struct raw_patch *of = p && p->want.owner == PATCH_RAW ? p->want.of : NULL;

	return of && of->wanted ? of : NULL;
}

/* ---- refused ------------------------------------------------------------------------- */

static const struct patch *refused(const struct he_target *t, const struct raw_patch *p)
{
	for (unsigned i = 0; i < p->n_pieces; i++) {
		const struct patch *piece = patches_find(t, p->pieces[i]);

		if (piece && piece->err != E_OK)
			return piece;
	}
	return NULL;
}

bool raw_patches_dormant(const struct raw *r)
{
	for (const struct raw_patch *p = r->patches; p; p = p->next)
		if (p->wanted && p->dormant)
			return true;
	return false;
}

bool raw_patches_mend(struct he_target *t)
{
	struct raw *r = t->raw;
	bool any = patches_other_code(t);

	if (any) {
		memcache_flush(r->code);
		t->code_differs = false;
	}
	for (struct raw_patch *p = r->patches; p; p = p->next) {
		const struct patch *piece = refused(t, p);

		if (!piece || p->dormant)
			continue;
		/* GDB has the called function return to a breakpoint on the stack, where
		 * nothing runs, and takes the fault for it. */
		p->dormant = piece->err == E_NO_CODE;
		p->plain = piece->err == E_BAD_CONDITION;
		p->changed = p->dormant || p->plain;
		any = any || p->changed;
	}
	return any;
}

struct he_error *raw_patches_refusal(const struct he_target *t)
{
	for (const struct raw_patch *p = t->raw->patches; p; p = p->next) {
		const struct patch *piece =
		    p->wanted && !p->dormant && !t->raw->sharing ? refused(t, p) : NULL;
		struct he_error *err;

		if (!piece)
			continue;
		err = he_error_fault(p->addr, piece->os_errno, "0x%" PRIx64 " cannot be %s: %s.",
		    p->addr, is_data(p->kind) ? "watched" : "made a breakpoint",
		    err_text(piece->err));
		err->code = piece->err;
		return err;
	}
	return NULL;
}

/* ---- for the front end ------------------------------------------------------------------ */

static struct he_error *may_patch(const struct he_target *t, const struct he_patch *q)
{
	if (!t->raw || !t->ops->run || t->state == HE_LOOKING)
		return he_error_new(E_STATE, "nothing can be planted in this target.");
	if (t->server && rpc_peer(t->server->rpc)->version < 2)
		return he_error_new(E_VERSION,
		    "%s: its procsrv is older than hdb and cannot do that. Update procsrv there.",
		    t->server->info.name);
	if (t->server && !(t->server->info.rights & HE_RIGHT_WRITE))
		return he_error_new(E_RIGHT,
		    "the key's row in the map file there does not allow breakpoints (write).");
	if (is_data(q->kind) && !q->len)
		return he_error_new(E_WATCH_SIZE, "no data is nothing to watch.");
	return NULL;
}

/* What the agent would say of an address where nothing is, said at once; where it is only
 * no code, it is planted when there is some. */
static struct he_error *look(struct he_target *t, struct raw_patch *p)
{
	const struct he_mapping *m = maps_find(&t->maps, p->addr);
	size_t got = 0;
	uint8_t byte;
	struct he_error *err;
	int why = 0;

	if (p->kind != HE_PATCH_SOFT || p->wanted)
		return NULL;
	p->dormant = m && !(m->prot & PROT_EXEC_);
	if (m || raw_code(t, p->addr, &byte, 1))
		return NULL;
	err = target_read(t, p->addr, &byte, 1, &got, &why);
	if (!err && got)
		remember_code(t, p->addr);
	if (!err && !got)
		err =
		    he_error_fault(p->addr, why, "memory at %#" PRIx64 " cannot be read.", p->addr);
	return err;
}

/* So many the processor has; the agent counts those that are the same once. */
static struct he_error *count(const struct he_target *t)
{
	unsigned n = 0;

	for (const struct raw_patch *p = t->raw->patches; p; p = p->next)
		n += registers_of(t, p);
	if (n <= DEBUG_REGISTERS)
		return NULL;
	return he_error_new(E_NO_DEBUG_REGISTER, "%s.", err_text(E_NO_DEBUG_REGISTER));
}

static bool same(const struct raw_patch *p, const struct he_patch *q)
{
	bool yes = p->tid == q->tid && p->n_conditions == q->n_conditions;

	for (size_t i = 0; yes && i < q->n_conditions; i++)
		yes = p->conditions[i].n == q->conditions[i].len &&
		      memcmp(p->conditions[i].p, q->conditions[i].data, p->conditions[i].n) == 0;
	return yes;
}

static bool take(struct raw_patch *p, const struct he_patch *q)
{
	if (same(p, q))
		return true;
	forget_conditions(p);
	p->changed = true;
	p->plain = false;
	p->tid = q->tid;
	for (size_t i = 0; i < q->n_conditions; i++) {
		struct span code = {q->conditions[i].data, (uint32_t)q->conditions[i].len};

		if (q->conditions[i].len > WIRE_PIECE || !add_condition(p, code))
			return false;
	}
	return true;
}

/* What waits, and why something was refused; each is told once. */
static struct he_error *sync(struct he_target *t)
{
	struct he_error *err = raw_patches_ready(t);

	if (!err)
		err = flight_go(t, NULL);
	if (!err && raw_patches_mend(t)) {
		err = raw_patches_ready(t);
		err = err ? err : flight_go(t, NULL);
	}
	return err ? err : raw_patches_refusal(t);
}

static struct he_error *note(struct he_target *t, const struct he_patch *q, uint32_t *id)
{
	struct raw_patch *p = obtain(t->raw, q);
	struct he_error *err;

	if (!p)
		return no_memory();
	err = look(t, p);
	if (err)
		return err;
	/* Twice without having been taken back: the front end knows that what it was planted in
	 * has been unmapped (dlclose), and may be there anew.  Else it costs a record. */
	p->changed = p->changed || (p->wanted && p->kind == HE_PATCH_SOFT);
	p->wanted = true;
	err = take(p, q) ? count(t) : no_memory();
	/* No he_go has to follow where something runs. */
	if (!err && t->state == HE_RUNNING)
		err = sync(t);
	if (err)
		p->wanted = false;
	else
		*id = p->id;
	return err;
}

struct he_error *he_patch(struct he_target *t, const struct he_patch *q, uint32_t *id)
{
	struct he_error *err = target_enter(t);

	if (err)
		return err;
	err = may_patch(t, q);
	if (!err)
		err = note(t, q, id);
	return target_leave(t, err);
}

static void unwant(struct he_target *t, struct raw_patch *p)
{
	p->wanted = false;
	if (t->state == HE_RUNNING && !target_enter(t))
		he_error_free(target_leave(t, sync(t)));
}

void he_unpatch(struct he_target *t, uint32_t id)
{
	struct raw_patch *p = t->raw ? t->raw->patches : NULL;

	while (p && p->id != id)
		p = p->next;
	if (p)
		unwant(t, p);
}

bool he_unpatch_at(struct he_target *t, enum he_patch_kind kind, uint64_t addr, uint32_t len)
{
	struct raw_patch *p = t->raw ? at(t->raw, kind, addr, len) : NULL;

	if (!p || !p->wanted)
		return false;
	unwant(t, p);
	return true;
}

struct he_error *he_patch_sync(struct he_target *t)
{
	struct he_error *err = target_enter(t);

	if (err)
		return err;
	if (!t->raw)
		return target_leave(t, he_error_new(E_STATE, "this engine keeps its own."));
	return target_leave(t, sync(t));
}

/* ---- followed children --------------------------------------------------------------------- */

static bool copy(struct he_target *child, const struct raw_patch *from, bool planted)
{
	struct raw_patch *p = calloc(1, sizeof(*p));
	bool enough = p != NULL;

	if (!p)
		return false;
	*p = *from;
	p->conditions = NULL;
	p->n_conditions = 0;
	for (size_t i = 0; i < from->n_conditions; i++)
		enough = enough && add_condition(p, from->conditions[i]);
	p->next = child->raw->patches;
	child->raw->patches = p;
	if (!planted) {
		p->n_pieces = 0;
		p->changed = true;
	}
	for (unsigned i = 0; i < p->n_pieces; i++) {
		struct patch *piece = patches_find(child, p->pieces[i]);

		if (piece)
			piece->want.of = p;
		else
			p->changed = true;
	}
	/* What was not at the agent cannot be counted on. */
	if (p->changed) {
		while (p->n_pieces)
			patches_drop(child, p->pieces[--p->n_pieces]);
	}
	return enough;
}

bool raw_patches_copy(struct he_target *child, const struct he_target *parent)
{
	bool enough = child->raw->sharing || patches_copy(child, parent);

	child->raw->last_id = parent->raw->last_id;
	for (const struct raw_patch *p = parent->raw->patches; p && enough; p = p->next)
		if (p->n_pieces && !p->tid)
			enough = copy(child, p, !child->raw->sharing);
	return enough;
}
