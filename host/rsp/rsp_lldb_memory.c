/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Memory as LLDB asks for it: its mappings, and reads in binary.
 */
#include <errno.h>
#include <stdlib.h>

#include "host/rsp/rsp_lldb.h"
#include "host/rsp/rsp_parts.h"

enum { BAD_ADDRESS = 0x08, NO_PROCESS = 0x15, NOT_LOADED = 0x01, PAGE = 4096 };

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
static void put_region(struct buf *b, const struct he_mapping *v, size_t n, uint64_t addr)
{
	uint64_t from = 0, to = UINT64_MAX;

	for (size_t i = 0; i < n; i++) {
		const struct he_mapping *m = &v[i];

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

/* False: an error is the reply. */
static bool mappings(struct rsp *r, const struct he_mapping **v, size_t *n)
{
	struct rsp_process *p = rsp_current(r);
	struct he_error *e;

	if (!p) {
		buf_reset(&r->reply);
		rsp_fail_errno(r, NO_PROCESS);
		return false;
	}
	e = he_maps(p->t, v, n);
	if (e)
		rsp_fail(r, e);
	return !e;
}

static void region(struct rsp *r, struct rd *args)
{
	uint64_t addr = rsp_take_hex(args);
	const struct he_mapping *v;
	size_t n;

	if (!rd_done(args))
		rsp_bad(r);
	else if (mappings(r, &v, &n))
		put_region(&r->reply, v, n, addr);
}

static void region_supported(struct rsp *r, struct rd *args)
{
	const struct he_mapping *v;
	size_t n;

	(void)args;
	if (mappings(r, &v, &n))
		rsp_ok(r);
}

/* Where a file's beginning is mapped. */
static void load_address(struct rsp *r, struct rd *args)
{
	char *path = rsp_take_hexstr(args, HE_PATH_MAX);
	const struct he_mapping *v;
	size_t n = 0;

	if (!path || !rd_done(args)) {
		rsp_bad(r);
	} else if (mappings(r, &v, &n)) {
		for (size_t i = 0; i < n && !r->reply.len; i++)
			if (!v[i].offset && v[i].name && strcmp(v[i].name, path) == 0)
				rsp_putf(&r->reply, "%016llx", (unsigned long long)v[i].lo);
		if (!r->reply.len)
			rsp_fail_errno(r, NOT_LOADED);
	}
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

/* ---- memory for the debugger ------------------------------------------------------------ */

/* What was allocated: to free it LLDB gives the address alone. */
struct lldb_memory {
	struct lldb_memory *next;
	const struct rsp_process *p;
	uint64_t addr, size;
};

void lldb_memory_forget(struct rsp_lldb *l, const struct rsp_process *p)
{
	struct lldb_memory **at = &l->memory, *m;

	while ((m = *at) != NULL) {
		if (p && m->p != p) {
			at = &m->next;
			continue;
		}
		*at = m->next;
		free(m);
	}
}

static unsigned take_prot(struct rd *args)
{
	static const char letters[] = "rwx";
	unsigned prot = 0;

	while (args->left && !args->bad) {
		const char *c = strchr(letters, rd_u8(args));

		if (c && *c)
			prot |= 1U << (c - letters);
		else
			args->bad = true;
	}
	return prot;
}

static void allocate(struct rsp *r, struct rd *args)
{
	uint64_t size = rsp_take_hex(args);
	struct lldb_memory *m = calloc(1, sizeof(*m));
	struct he_error *e;
	unsigned prot;

	rsp_want_char(args, ',');
	prot = take_prot(args);
	if (!m || args->bad || !size || size > UINT64_MAX - PAGE) {
		rsp_bad(r);
		free(m);
		return;
	}
	m->p = rsp_current(r);
	m->size = (size + PAGE - 1) / PAGE * PAGE;
	e = m->p ? he_map(m->p->t, 0, m->size, prot, &m->addr) : NULL;
	if (e || !m->p) {
		if (e)
			rsp_fail(r, e);
		free(m);
		return;
	}
	m->next = r->lldb->memory;
	r->lldb->memory = m;
	rsp_putf(&r->reply, "%llx", (unsigned long long)m->addr);
}

static void deallocate(struct rsp *r, struct rd *args)
{
	uint64_t addr = rsp_take_hex(args);
	struct rsp_process *p = rd_done(args) ? rsp_current(r) : NULL;
	struct lldb_memory **at = &r->lldb->memory, *m;

	while ((m = *at) != NULL && (m->p != p || m->addr != addr))
		at = &m->next;
	if (!p || !m) {
		rsp_bad(r);
		return;
	}
	*at = m->next;
	rsp_done(r, he_unmap(p->t, 0, m->addr, m->size));
	rsp_stale(r, p);
	free(m);
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
    {"_M", RSP_PREFIX, allocate, "lldb: expressions"},
    {"_m", RSP_PREFIX, deallocate, "lldb: expressions"},
    {0},
};

const struct rsp_part rsp_part_lldb_memory = {
    .rows = rows,
    .lldb = lldb,
};
