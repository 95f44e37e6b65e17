/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Memory as LLDB asks for it: its mappings, and reads in binary.
 */
#include <errno.h>
#include <stdlib.h>

#include "host/rsp/rsp_lldb.h"
#include "host/rsp/rsp_parts.h"

enum { BAD_ADDRESS = 0x08, NO_PROCESS = 0x15, NOT_LOADED = 0x01 };

/* ---- mappings ------------------------------------------------------------------------ */

static void put_kind(struct buf *b, const struct he_mapping *m)
{
	if (!m->name || !*m->name)
		return;
	rsp_put(b, "name:");
	rsp_put_hexstr(b, m->name);
	rsp_put_char(b, ';');
	if (strcmp(m->name, "[stack]") == 0)
		rsp_put(b, "type:stack;");
	else if (strcmp(m->name, "[heap]") == 0)
		rsp_put(b, "type:heap;");
}

static void put_mapping(struct buf *b, const struct he_mapping *m)
{
	static const struct {
		uint8_t bit;
		char letter;
	} prot[] = {{1, 'r'}, {2, 'w'}, {4, 'x'}};

	rsp_putf(b, "start:%llx;size:%llx;", (unsigned long long)m->lo,
	    (unsigned long long)(m->hi - m->lo));
	if (m->prot & 7) {
		rsp_put(b, "permissions:");
		for (size_t i = 0; i < sizeof(prot) / sizeof(prot[0]); i++)
			if (m->prot & prot[i].bit)
				rsp_put_char(b, prot[i].letter);
		rsp_put_char(b, ';');
	}
	put_kind(b, m);
}

/* The mapping at addr, or the gap there, which ends where the next begins. */
static void put_region(struct buf *b, const struct he_facts *f, uint64_t addr)
{
	uint64_t from = 0, to = UINT64_MAX;

	for (size_t i = 0; i < f->n_maps; i++) {
		const struct he_mapping *m = &f->maps[i];

		if (addr >= m->lo && addr < m->hi) {
			put_mapping(b, m);
			return;
		}
		if (m->hi <= addr && m->hi > from)
			from = m->hi;
		if (m->lo > addr && m->lo < to)
			to = m->lo;
	}
	rsp_putf(
	    b, "start:%llx;size:%llx;", (unsigned long long)from, (unsigned long long)(to - from));
}

static const struct he_facts *facts(struct rsp *r)
{
	struct rsp_process *p = rsp_current(r);
	const struct he_facts *f;
	struct he_error *e;

	if (!p) {
		buf_reset(&r->reply);
		rsp_fail_errno(r, NO_PROCESS);
		return NULL;
	}
	if (!rsp_lldb_on(r))
		return NULL;
	e = lldb_facts_of(r, p, &f);
	if (e)
		rsp_fail(r, e);
	return e ? NULL : f;
}

static void region(struct rsp *r, struct rd *args)
{
	uint64_t addr = rsp_take_hex(args);
	const struct he_facts *f;

	if (!rd_done(args)) {
		rsp_bad(r);
		return;
	}
	f = facts(r);
	if (f)
		put_region(&r->reply, f, addr);
}

static void region_supported(struct rsp *r, struct rd *args)
{
	(void)args;
	if (facts(r))
		rsp_ok(r);
}

/* Where a file's beginning is mapped. */
static void load_address(struct rsp *r, struct rd *args)
{
	char *path = rsp_take_hexstr(args, RSP_PACKET);
	const struct he_facts *f = path && rd_done(args) ? facts(r) : NULL;

	if (!path || !rd_done(args))
		rsp_bad(r);
	for (size_t i = 0; f && i < f->n_maps; i++) {
		const struct he_mapping *m = &f->maps[i];

		if (!m->offset && m->name && strcmp(m->name, path) == 0) {
			rsp_putf(&r->reply, "%016llx", (unsigned long long)m->lo);
			break;
		}
	}
	if (!r->reply.len)
		rsp_fail_errno(r, NOT_LOADED);
	free(path);
}

/* ---- reading -------------------------------------------------------------------------- */

/* Without GDB's "b" in front, which came later; x0,0 asks whether it is known. */
static void read_binary(struct rsp *r, struct rd *args)
{
	uint64_t addr = rsp_take_hex(args), len;
	struct rsp_process *p = NULL;
	size_t got = 0;
	uint8_t *v;

	rsp_want_char(args, ',');
	len = rsp_take_hex(args);
	if (!rd_done(args)) {
		rsp_bad(r);
		return;
	}
	if (!len) {
		rsp_ok(r);
		return;
	}
	p = rsp_current(r);
	if (!p)
		return;
	if (len > RSP_PACKET) /* as much as a reply holds: the rest is asked for again */
		len = RSP_PACKET;
	v = malloc(len);
	if (!v) {
		rsp_fail_errno(r, ENOMEM);
		return;
	}
	he_error_free(rsp_read(r, p, addr, v, len, &got));
	if (got)
		rsp_put_binary(&r->reply, v, got);
	else
		rsp_fail_errno(r, BAD_ADDRESS);
	free(v);
}

/* ---- watchpoints --------------------------------------------------------------------- */

enum { WATCHPOINTS = 4 }; /* debug registers of x86 */

static void watch_support(struct rsp *r, struct rd *args)
{
	(void)args;
	rsp_putf(&r->reply, "num:%d;", WATCHPOINTS);
}

static const struct rsp_row rows[] = {
    {"qMemoryRegionInfo", RSP_WHOLE, region_supported, "lldb"},
    {"qMemoryRegionInfo:", RSP_PREFIX, region, "lldb"},
    {"qFileLoadAddress:", RSP_PREFIX, load_address, "lldb"},
    {"qWatchpointSupportInfo:", RSP_WHOLE, watch_support, "lldb"},
    {0},
};

static const struct rsp_row lldb[] = {
    {"x", RSP_PREFIX, read_binary, "lldb"},
    {0},
};

const struct rsp_part rsp_part_lldb_memory = {
    .rows = rows,
    .lldb = lldb,
};
