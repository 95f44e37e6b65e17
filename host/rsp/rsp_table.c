/* SPDX-License-Identifier: BSD-2-Clause
 *
 * All packets: which part has which.  What no row matches is answered here, and only
 * here, as the protocol asks: with nothing.
 */
#include "host/rsp/rsp_parts.h"

const struct rsp_part *const rsp_parts[] = {
    &rsp_part_lldb,
    &rsp_part_general,
    &rsp_part_regs,
    &rsp_part_memory,
    &rsp_part_tls,
    &rsp_part_break,
    &rsp_part_resume,
    &rsp_part_settings,
    &rsp_part_life,
    &rsp_part_file,
    &rsp_part_xfer,
    &rsp_part_monitor,
    &rsp_part_lldb_reg,
    &rsp_part_lldb_ps,
    &rsp_part_lldb_memory,
    &rsp_part_lldb_stop,
    &rsp_part_lldb_modules,
    &rsp_part_lldb_launch,
    &rsp_part_lldb_stdio,
    &rsp_part_lldb_file,
    &rsp_part_lldb_platform,
    NULL,
};

static bool matches(const struct rsp_row *row, const struct rd *packet)
{
	size_t n = strlen(row->prefix);

	return packet->left >= n && memcmp(packet->p, row->prefix, n) == 0 &&
	       (row->match == RSP_PREFIX || packet->left == n);
}

static const struct rsp_row *find(const struct rd *packet, bool lldb)
{
	const struct rsp_row *best = NULL, *row;

	for (size_t i = 0; rsp_parts[i]; i++)
		for (row = lldb ? rsp_parts[i]->lldb : rsp_parts[i]->rows; row && row->prefix;
		     row++)
			if (matches(row, packet) &&
			    (!best || strlen(row->prefix) > strlen(best->prefix)))
				best = row;
	return best;
}

static bool left_out(const struct rsp *r, const struct rsp_row *row)
{
	static const struct {
		const char *prefix;
		unsigned without;
	} rows[] = {
	    {"vCont", RSP_NO_VCONT},
	    {"vCont?", RSP_NO_VCONT},
	    {"qC", RSP_NO_QC},
	    {"qfThreadInfo", RSP_NO_THREAD_LIST},
	};

	for (size_t i = 0; r->without && i < sizeof(rows) / sizeof(rows[0]); i++)
		if (r->without & rows[i].without && strcmp(rows[i].prefix, row->prefix) == 0)
			return true;
	return false;
}

void rsp_handle(struct rsp *r, const struct rd *packet)
{
	const struct rsp_row *row = r->lldb ? find(packet, true) : NULL;
	struct rd args = *packet;

	buf_reset(&r->reply);
	r->later = false;
	if (!row)
		row = find(packet, false);
	if (!row || left_out(r, row))
		return;
	rd_span(&args, strlen(row->prefix));
	row->handle(r, &args);
	if (r->reply.bad) { /* longer than any debugger takes, or no memory */
		buf_reset(&r->reply);
		rsp_fail_errno(r, ENOMEM);
	}
}
