/* SPDX-License-Identifier: BSD-2-Clause
 *
 * qGetTLSAddr: where a thread has a module's thread-local variable.  As libthread_db does it:
 * glibc says in symbols of its own where a module's number, and a thread's vector of blocks,
 * are kept.
 */
#include <stdlib.h>

#include "common/err.h"
#include "host/rsp/rsp_parts.h"

/* What glibc tells of a field: bits of an element, how many, offset. */
struct field {
	uint32_t bits, n, offset;
};

static struct he_error *describe(struct rsp_process *p, const char *name, struct field *ret)
{
	struct he_symbol *sym = NULL;
	struct he_error *e = he_symbol_named(p->t, name, &sym);
	uint32_t v[3] = {0};
	size_t got = 0;

	if (!e)
		e = he_read(p->t, sym->addr, v, sizeof(v), &got);
	he_symbol_free(sym);
	if (!e)
		*ret = (struct field){v[0], v[1], v[2]};
	return e;
}

static struct he_error *word(struct rsp_process *p, uint64_t addr, uint64_t *ret)
{
	size_t got;

	*ret = 0;
	return he_read(p->t, addr, ret, sizeof(*ret), &got);
}

/* 0: it is not known (i386 keeps it in a descriptor that ptrace does not show). */
static uint64_t thread_pointer(struct rsp_process *p, uint64_t tid)
{
	struct he_registers *v = NULL;
	uint64_t fs = 0;

	he_error_free(he_general_registers(p->t, tid, &v));
	for (size_t i = 0; v && i < v->n; i++)
		if (strcmp(v->v[i].name, "fs_base") == 0)
			memcpy(&fs, v->v[i].value, sizeof(fs));
	he_registers_free(v);
	return fs;
}

/* *block 0: the thread has none of that module yet. */
static struct he_error *find_block(
    struct rsp_process *p, uint64_t pointer, uint64_t link_map, uint64_t *block)
{
	struct field number = {0}, vector = {0}, element = {0}, value = {0};
	uint64_t module = 0, dtv = 0, most = 0;
	struct he_error *e = describe(p, "_thread_db_link_map_l_tls_modid", &number);

	*block = 0;
	if (!e)
		e = describe(p, "_thread_db_pthread_dtvp", &vector);
	if (!e)
		e = describe(p, "_thread_db_dtv_dtv", &element);
	if (!e)
		e = describe(p, "_thread_db_dtv_t_pointer_val", &value);
	if (!e)
		e = word(p, link_map + number.offset, &module);
	if (!e)
		e = word(p, pointer + vector.offset, &dtv);
	/* In front of its first element stands how many there are. */
	if (!e)
		e = word(p, dtv - element.bits / 8, &most);
	if (e || !module || module > most)
		return e;
	return word(p, dtv + module * (element.bits / 8) + value.offset, block);
}

static void tls_address(struct rsp *r, struct rd *args)
{
	struct rsp_id id = rsp_take_id(args);
	uint64_t offset, link_map, tid, pointer, block = 0;
	struct rsp_process *p;
	struct he_error *e = NULL;

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
	pointer = thread_pointer(p, tid);
	if (pointer)
		e = find_block(p, pointer, link_map, &block);
	if (e)
		rsp_done(r, e);
	else if (!block || block == UINT64_MAX)
		rsp_fail_errno(r, ENXIO);
	else
		rsp_put_u64(&r->reply, block + offset);
}

static const struct rsp_row rows[] = {
    {"qGetTLSAddr:", RSP_PREFIX, tls_address, "gdb: thread-local variables"},
    {0},
};

const struct rsp_part rsp_part_tls = {.rows = rows};
