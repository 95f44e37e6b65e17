/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Attaching.  The handle is ours to choose, so what the first commands will need is
 * asked for in the same flight: mappings and auxiliary vector; and the stop brings
 * the general registers of all threads and a window of the stack of the one that
 * caused it.
 */
#include <stdlib.h>

#include "common/err.h"
#include "host/engine/engine.h"
#include "host/engine/raw.h"
#include "host/engine/run.h"
#include "host/errtext.h"

/* Ordered with every stop.  The windows of all threads are not among them: a thousand
 * of them are a megabyte, which a slow link should carry only for who asks. */
static const struct wire_rec_recipe recipes[] = {
    {.scope = WIRE_SCOPE_CAUSE, .base = WIRE_BASE_SP, .offset = -128, .len = 4096},
    {.scope = WIRE_SCOPE_CAUSE, .base = WIRE_BASE_PC, .offset = 0, .len = 64},
};

void attach_order(const struct he_target *t, struct buf *ordered, struct buf *notes)
{
	const struct arch *a = arch_find(rpc_peer(t->server->rpc)->arch);

	for (size_t i = 0; !t->raw && i < sizeof(recipes) / sizeof(*recipes); i++)
		wire_put_recipe(ordered, &recipes[i]);
	if (t->raw)
		raw_order(t, ordered);
	if (a)
		wire_put_note(notes, &(struct wire_rec_note){a->notes[0]});
}

static struct rpc_call *send_attach(
    const struct he_target *t, uint32_t pid, uint64_t start, enum he_how how)
{
	static const uint8_t hows[] = {
	    [HE_STOP] = WIRE_ATTACH_STOP, [HE_RUN] = WIRE_ATTACH_RUN, [HE_LOOK] = WIRE_ATTACH_LOOK};
	static const uint8_t losses[] = {[HE_LOSS_DEFAULT] = WIRE_LOSS_DEFAULT,
	    [HE_LOSS_RESUME] = WIRE_LOSS_RESUME,
	    [HE_LOSS_HOLD] = WIRE_LOSS_HOLD,
	    [HE_LOSS_KILL] = WIRE_LOSS_KILL};
	struct wire_attach q = {.pid = pid,
	    .start = start,
	    .how = hows[how],
	    .loss = how == HE_LOOK ? WIRE_LOSS_DEFAULT : losses[t->engine->config.loss]};
	struct buf ordered, notes;
	struct rpc_call *c;

	buf_init(&ordered, WIRE_PIECE);
	buf_init(&notes, WIRE_PIECE);
	if (how != HE_LOOK)
		attach_order(t, &ordered, &notes);
	q.recipes = span_whole(&ordered);
	q.notes = span_whole(&notes);
	c = rpc_ask_attach(t->server->rpc, t->handle, &q);
	buf_free(&ordered);
	buf_free(&notes);
	return c;
}

bool attach_piece(void *target, const struct wire_msg *m)
{
	struct he_target *t = target;
	struct wire_attached q;
	struct wire_rec_proc p;

	if (!wire_decode_attached(m->body, &q) || !wire_next_proc(&q.procs, &p))
		return false;
	target_identify(t, &p);
	t->pid = q.pid;
	t->start = q.start;
	t->arch_id = q.arch;
	return true;
}

void attach_met(struct he_target *t)
{
	engine_drop_events(t->engine, t, NULL);
	if (t->raw)
		raw_attached(t);
	else
		run_shown(t);
}

static bool stands_or_gone(struct he_target *t)
{
	return t->state == HE_STOPPED || t->state == HE_GONE;
}

struct he_error *attach_stop(struct he_target *t, const char *doing)
{
	struct he_error *err = engine_wait_for(t->engine, t->server, stands_or_gone, t);
	char title[TARGET_TITLE];

	if (err || t->state != HE_GONE)
		return err;
	if (t->server->lost)
		return server_lost(t->server, t);
	return he_error_new(
	    E_GONE, "%s ended while it was being %s.", target_title(t, title), doing);
}

/* The reply, then the stop. */
static struct he_error *wait_attached(
    struct he_target *t, struct rpc_call *c, enum he_how how, bool *attached)
{
	struct he_error *err = rpc_each(c, attach_piece, t);

	if (err)
		return err;
	*attached = true;
	return how == HE_STOP || t->state == HE_GONE ? attach_stop(t, "attached to") : NULL;
}

/* The mappings that travelled along: a help, not a condition. */
static void take_maps(struct he_target *t, struct maps_call *c)
{
	struct he_error *err = maps_wait(c, &t->maps, &t->auxv);

	t->maps_fresh = !err;
	he_error_free(err);
}

/* Cancelled half-way: it must not be left standing there. */
static void undo(struct he_target *t)
{
	if (t->state != HE_GONE && !t->server->lost)
		he_error_free(t->ops->detach(t));
}

struct he_error *he_attach(
    struct he_server *s, uint32_t pid, uint64_t start, enum he_how how, struct he_target **ret)
{
	struct he_target *t = target_new(s->engine, s, &procsrv_ops);
	struct maps_call along = {0};
	bool attached = false;
	struct rpc_call *c;
	struct he_error *err;
	struct who who;

	if (!t)
		return he_error_new(E_NOMEM, "out of memory.");
	t->handle = ++s->last_handle;
	t->state = how == HE_LOOK ? HE_LOOKING : HE_RUNNING;
	who = (struct who){.server = s, .handle = t->handle};
	c = send_attach(t, pid, start, how);
	if (how == HE_STOP)
		along = maps_send(&who, true);
	err = wait_attached(t, c, how, &attached);
	if (!err && how == HE_STOP) {
		take_maps(t, &along);
		along = (struct maps_call){0};
	}
	rpc_drop(along.maps);
	rpc_drop(along.auxv);
	attach_met(t);
	if (!err && how == HE_STOP)
		err = breakpoints_adopt(t);
	if (!err && how == HE_RUN)
		err = run_sync(t);
	if (!err) {
		*ret = t;
		return NULL;
	}
	/* Cancelled before the answer came, it may be attached all the same. */
	if (attached || err->code == E_CANCELLED)
		undo(t);
	target_free(t);
	return err;
}

struct he_error *he_attach_again(struct he_target *old, struct he_target **ret)
{
	struct he_target *t;
	struct he_error *err = he_attach(old->server, old->pid, old->start, HE_STOP, &t);

	if (err)
		return err;
	if (t->raw && old->raw)
		raw_succeed(t, old);
	*ret = t;
	return NULL;
}
