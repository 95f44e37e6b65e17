/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Memory in a target that is the debugger's own.
 */
#include "common/err.h"
#include "host/engine/engine.h"
#include "host/errtext.h"

static struct he_error *ask(
    struct he_target *t, enum wire_type type, const void *q, struct wire_map_made *made)
{
	struct rpc_piece *p = NULL;
	struct he_error *err;

	if (!t->ops->mem_write) /* a snapshot */
		return he_error_new(E_STATE, "this target cannot be changed.");
	err = rpc_wait(rpc_ask(t->server->rpc, type, t->handle, q), made ? &p : NULL);
	if (!err && made && (!p || !wire_decode_map_made(p->m.body, made)))
		err =
		    he_error_new(E_MALFORMED, "the box's answer about new memory makes no sense.");
	rpc_pieces_free(p);
	t->maps_fresh = false;
	return err;
}

struct he_error *he_map(
    struct he_target *t, uint64_t tid, uint64_t size, unsigned prot, uint64_t *addr)
{
	struct wire_map_new q = {.tid = tid, .size = size, .prot = (uint8_t)prot};
	struct he_error *err = target_enter(t);
	struct wire_map_made made;

	if (err)
		return err;
	err = ask(t, WIRE_map_new, &q, &made);
	if (!err)
		*addr = made.addr;
	return target_leave(t, err);
}

struct he_error *he_unmap(struct he_target *t, uint64_t tid, uint64_t addr, uint64_t size)
{
	struct wire_map_drop q = {.tid = tid, .addr = addr, .size = size};
	struct he_error *err = target_enter(t);

	if (err)
		return err;
	err = ask(t, WIRE_map_drop, &q, NULL);
	if (!err)
		memcache_flush(t->mem);
	return target_leave(t, err);
}
