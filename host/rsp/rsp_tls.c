/* SPDX-License-Identifier: BSD-2-Clause
 *
 * qGetTLSAddr: where a thread has a module's thread-local variable.
 */
#include "host/rsp/rsp_parts.h"

static void tls_address(struct rsp *r, struct rd *args)
{
	struct rsp_id id = rsp_take_id(args);
	uint64_t offset, link_map, tid, addr = 0;
	struct rsp_process *p;
	struct he_error *e;

	rsp_want_char(args, ',');
	offset = rsp_take_hex(args);
	rsp_want_char(args, ',');
	link_map = rsp_take_hex(args);
	if (!rd_done(args)) {
		rsp_bad(r);
		return;
	}
	p = rsp_resolve(r, id, &tid);
	if (!p) {
		rsp_fail_errno(r, ESRCH);
		return;
	}
	e = he_tls(p->t, tid, link_map, offset, &addr);
	if (e)
		rsp_done(r, e);
	else
		rsp_put_u64(&r->reply, addr);
}

static const struct rsp_row rows[] = {
    {"qGetTLSAddr:", RSP_PREFIX, tls_address, "gdb: thread-local variables"},
    {0},
};

const struct rsp_part rsp_part_tls = {.rows = rows};
