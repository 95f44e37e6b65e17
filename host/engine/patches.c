/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/engine/patches.h"

#include <stdlib.h>

#include "common/err.h"
#include "host/engine/engine.h"
#include "host/engine/insn.h"
#include "host/errtext.h"

struct patches {
	struct patch *first;
	uint32_t last_id;
};

struct patches *patches_new(void)
{
	return calloc(1, sizeof(struct patches));
}

static void patch_free(struct patch *p)
{
	free((void *)(uintptr_t)p->want.condition.p);
	free(p);
}

void patches_free(struct patches *p)
{
	while (p && p->first) {
		struct patch *first = p->first;

		p->first = first->next;
		patch_free(first);
	}
	free(p);
}

/* ---- wanting ---------------------------------------------------------------- */

static bool take_want(struct patch *p, const struct patch_want *want)
{
	uint8_t *copy = NULL;

	if (span_bad(want->condition))
		return false;
	if (want->condition.n) {
		copy = malloc(want->condition.n);
		if (!copy)
			return false;
		memcpy(copy, want->condition.p, want->condition.n);
	}
	free((void *)(uintptr_t)p->want.condition.p);
	p->want = *want;
	p->want.condition = (struct span){copy, copy ? want->condition.n : 0};
	p->planted = false;
	p->err = E_OK;
	return true;
}

static struct patch *add(struct patches *all, uint32_t id, const struct patch_want *want)
{
	struct patch *p = calloc(1, sizeof(*p)), **at = &all->first;

	if (!p || !take_want(p, want)) {
		free(p);
		return NULL;
	}
	p->id = id;
	while (*at)
		at = &(*at)->next;
	*at = p;
	return p;
}

uint32_t patches_want(struct he_target *t, const struct patch_want *want)
{
	struct patches *all = t->patches;

	return add(all, all->last_id + 1, want) ? ++all->last_id : 0;
}

bool patches_change(struct he_target *t, uint32_t id, const struct patch_want *want)
{
	struct patch *p = patches_find(t, id);

	return p && take_want(p, want);
}

static void take_out(struct patches *all, struct patch *p)
{
	struct patch **at = &all->first;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	patch_free(p);
}

/* What was refused for its sake is tried again. */
static void make_room(struct he_target *t, const struct patch *gone)
{
	for (struct patch *p = t->patches->first; p; p = p->next)
		if ((p->err == E_INSIDE && p->other == gone->id) ||
		    (p->err == E_NO_DEBUG_REGISTER && gone->want.kind != WIRE_PATCH_SOFT))
			p->err = E_OK;
}

void patches_drop(struct he_target *t, uint32_t id)
{
	struct patch *p = patches_find(t, id);

	if (!p)
		return;
	if (p->sent)
		make_room(t, p);
	if (p->sent)
		p->dropped = true;
	else
		take_out(t->patches, p);
}

struct patch *patches_find(const struct he_target *t, uint32_t id)
{
	struct patch *p = t->patches->first;

	while (p && (p->id != id || p->dropped))
		p = p->next;
	return p;
}

struct patch *patches_next(const struct he_target *t, const struct patch *after)
{
	struct patch *p = after ? after->next : t->patches->first;

	while (p && p->dropped)
		p = p->next;
	return p;
}

/* One that was refused is not tried again before it, or what was in its way, is changed. */
static bool to_send(const struct patch *p)
{
	return !p->dropped && !p->planted && p->err == E_OK;
}

bool patches_waiting(const struct he_target *t)
{
	for (const struct patch *p = t->patches->first; p; p = p->next)
		if (p->dropped || to_send(p))
			return true;
	return false;
}

/* ---- on the wire --------------------------------------------------------------- */

/* The instruction at a software breakpoint.  That it cannot be read is no failure: the
 * agent will say what is the matter there. */
static struct he_error *look(struct he_target *t, struct patch *p, struct insn *ret)
{
	size_t got = 0;
	struct he_error *err =
	    target_code(t, p->want.addr, p->bytes, sizeof(p->bytes), &got, &p->file);

	*ret = (struct insn){.class = WIRE_INSN_OTHER};
	p->n_bytes = 0;
	if (err)
		return err;
	*ret = insn_look(t->arch_id, p->want.addr, p->bytes, got);
	p->n_bytes = ret->len;
	return NULL;
}

static struct he_error *put_set(struct he_target *t, struct patch *p, struct buf *set, bool go)
{
	const struct patch_want *w = &p->want;
	struct wire_rec_patch r = {
	    .id = p->id,
	    .kind = (uint8_t)w->kind,
	    .flags = (uint8_t)((w->once ? WIRE_PATCH_ONCE : 0) |
			       (go && w->needed ? WIRE_PATCH_NEEDED : 0)),
	    .stop = (uint8_t)w->stop,
	    .addr = w->addr,
	    .len = w->len,
	    .tid = w->tid,
	    .ignore = w->ignore,
	    .condition = w->condition,
	};
	struct insn insn;
	struct he_error *err = NULL;

	if (w->kind == WIRE_PATCH_SOFT) {
		err = look(t, p, &insn);
		if (err)
			return err;
		r.insn = (uint8_t)insn.class;
		r.fix = insn.fix;
		r.bytes = (struct span){p->bytes, p->n_bytes};
	}
	wire_put_patch(set, &r);
	return NULL;
}

struct he_error *patches_encode(
    struct he_target *t, struct buf *set, struct buf *clear, bool go)
{
	struct he_error *err = NULL;

	for (struct patch *p = t->patches->first; p && !err; p = p->next) {
		if (to_send(p))
			err = put_set(t, p, set, go);
		if (p->dropped)
			wire_put_patch_id(clear, &(struct wire_rec_patch_id){p->id});
	}
	for (struct patch *p = t->patches->first; p && !err; p = p->next) {
		p->flying = p->dropped || to_send(p);
		if (to_send(p))
			p->sent = p->planted = true;
	}
	return err;
}

void patches_result(struct he_target *t, const struct wire_rec_patch_result *r)
{
	struct patch *p = patches_find(t, r->id);

	if (!p)
		return;
	p->flying = false;
	if (r->err == E_OK)
		return;
	p->planted = p->sent = false;
	p->err = r->err;
	p->os_errno = r->os_errno;
	p->other = r->other;
}

void patches_refused(struct he_target *t, int err)
{
	for (struct patch *p = t->patches->first; p; p = p->next)
		if (p->flying && !p->dropped) {
			p->planted = p->sent = p->flying = false;
			p->err = err;
		}
}

void patches_flown(struct he_target *t, bool sent)
{
	struct patch *next;

	for (struct patch *p = t->patches->first; p; p = next) {
		next = p->next;
		if (p->flying && !sent)
			p->planted = p->flying = false;
		else if (p->flying && p->dropped)
			take_out(t->patches, p);
	}
}

bool patches_other_code(struct he_target *t)
{
	bool any = false;

	for (struct patch *p = t->patches->first; p; p = p->next)
		if (p->err == E_OTHER_CODE && p->file) {
			p->err = E_OK;
			any = true;
		}
	t->code_differs = t->code_differs || any;
	return any;
}

void patches_forget(struct he_target *t)
{
	while (t->patches->first)
		take_out(t->patches, t->patches->first);
}

bool patches_copy(struct he_target *child, const struct he_target *parent)
{
	child->patches->last_id = parent->patches->last_id;
	for (const struct patch *p = patches_next(parent, NULL); p; p = patches_next(parent, p)) {
		struct patch *copy = p->sent ? add(child->patches, p->id, &p->want) : NULL;

		if (p->sent && !copy)
			return false;
		if (copy)
			copy->sent = copy->planted = true;
	}
	return true;
}
