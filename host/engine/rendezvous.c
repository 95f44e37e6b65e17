/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The dynamic linker stops at one function of its own before and after each change of its
 * list.  The agent looks at r_state, so that only the end of a batch stops anything; then
 * the mappings are asked for once, and what was found is planted together with going on.
 */
#include "host/engine/rendezvous.h"

#include <elf.h>
#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "host/engine/breakpoint.h"
#include "host/engine/catchpoint.h"
#include "host/engine/engine.h"
#include "host/errtext.h"

enum {
	R_STATE_64 = 24, /* struct r_debug of link.h: int, two pointers, int */
	R_STATE_32 = 12,
	PROT_EXEC_ = 4, /* of wire.def's map.prot */
	/* agent expressions, GDB manual appendix F */
	OP_LOG_NOT = 0x0e,
	OP_REF32 = 0x19,
	OP_CONST64 = 0x25,
	OP_END = 0x27,
};

/* Does anything wait for libraries? */
static bool wanted(const struct he_target *t)
{
	const struct breakpoint *b = t->engine->breakpoints.first;

	if (t->stepped)
		return true;
	for (; b; b = b->next)
		if (breakpoint_is_of(b, t) && b->enabled &&
		    (breakpoint_is_named(b) ||
			(b->spec.kind == HE_BREAK_CATCH &&
			    (b->spec.catch == HE_CATCH_LOAD || b->spec.catch == HE_CATCH_UNLOAD))))
			return true;
	return t->engine->handling.settings.stop_on_load;
}

static struct patch *planted(const struct he_target *t)
{
	struct patch *p = patches_next(t, NULL);

	while (p && p->want.owner != PATCH_RENDEZVOUS)
		p = patches_next(t, p);
	return p;
}

bool rendezvous_guards(const struct he_target *t)
{
	const struct patch *p = planted(t);

	return p && p->sent && p->err == E_OK && p->want.addr != target_auxv(t, AT_ENTRY);
}

/* RT_CONSISTENT is 0. */
static void put_condition(struct buf *b, uint64_t state)
{
	buf_u8(b, OP_CONST64);
	for (int shift = 56; shift >= 0; shift -= 8)
		buf_u8(b, (uint8_t)(state >> shift));
	buf_u8(b, OP_REF32);
	buf_u8(b, OP_LOG_NOT);
	buf_u8(b, OP_END);
}

/* By the linker's own symbols; *debug: struct r_debug, 0 = not known. */
static struct he_error *by_symbol(struct symbols *s, uint64_t base, uint64_t *at, uint64_t *debug)
{
	struct he_error *err = symbols_named_near(s, base, "_dl_debug_state", at);

	return err ? err : symbols_named_near(s, base, "_r_debug", debug);
}

/* By what the linker has told the program; it has not before the program's first own
 * instruction. */
static struct he_error *by_structure(
    struct he_target *t, struct symbols *s, uint64_t *at, uint64_t *debug)
{
	bool wide = t->arch_id != AUDIT_ARCH_I386;
	uint8_t raw[8] = {0};
	size_t n = wide ? 8 : 4, got = 0;
	struct rd r = rd_init(raw, sizeof(raw));
	struct he_error *err;
	int why;

	*debug = symbols_r_debug(
	    s, target_auxv(t, AT_PHDR), target_auxv(t, AT_PHNUM), target_auxv(t, AT_ENTRY));
	err = target_symbol_trouble(t);
	if (err || !*debug)
		return err;
	err = target_read(t, *debug + 2 * n, raw, n, &got, &why);
	*at = !err && got == n ? rd_u64(&r) : 0;
	return err;
}

static struct he_error *find(struct he_target *t, uint64_t *at, uint64_t *debug)
{
	uint64_t base = target_auxv(t, AT_BASE);
	struct symbols *s;
	struct he_error *err = target_symbols(t, &s);

	*at = *debug = 0;
	if (err || !base) /* a static program */
		return err;
	err = by_symbol(s, base, at, debug);
	if (!err && !*at)
		err = by_structure(t, s, at, debug);
	if (!err && !*at)
		*at = target_auxv(t, AT_ENTRY);
	return err;
}

struct he_error *rendezvous_plant(struct he_target *t)
{
	struct patch *p = planted(t);
	struct patch_want want = {
	    .owner = PATCH_RENDEZVOUS, .kind = WIRE_PATCH_SOFT, .stop = run_scope(t)};
	struct he_error *err;
	uint64_t debug;
	struct buf code;

	if (!wanted(t)) {
		patches_drop(t, p ? p->id : 0);
		return NULL;
	}
	if (p && p->want.addr != target_auxv(t, AT_ENTRY))
		return NULL;
	err = find(t, &want.addr, &debug);
	if (err || !want.addr || (p && p->want.addr == want.addr))
		return err;
	patches_drop(t, p ? p->id : 0);
	buf_init(&code, 64);
	if (debug && want.addr != target_auxv(t, AT_ENTRY)) {
		put_condition(
		    &code, debug + (t->arch_id == AUDIT_ARCH_I386 ? R_STATE_32 : R_STATE_64));
		want.condition = span_whole(&code);
	}
	if (!patches_want(t, &want))
		err = he_error_new(E_NOMEM, "out of memory.");
	buf_free(&code);
	return err;
}

/* ---- what came and went ------------------------------------------------------------ */

static bool is_library(const struct he_mapping *m)
{
	return (m->prot & PROT_EXEC_) && m->ino && m->name && m->name[0] == '/';
}

static bool maps_have(const struct maps *maps, const char *name)
{
	for (size_t i = 0; i < maps->n; i++)
		if (is_library(&maps->v[i]) && strcmp(maps->v[i].name, name) == 0)
			return true;
	return false;
}

/* Catchpoints that want to know what is in one list and not in the other. */
static enum run_verdict tell_difference(struct he_target *t, const struct maps *more,
    const struct maps *less, bool loaded, struct he_event *ev)
{
	enum run_verdict all = RUN_ON;

	for (size_t i = 0; i < more->n; i++) {
		const char *name = more->v[i].name;

		if (is_library(&more->v[i]) && !maps_have(less, name) &&
		    catch_library(t, name, loaded, ev) == RUN_TELL)
			all = RUN_TELL;
	}
	return all;
}

enum run_verdict rendezvous_hit(struct he_target *t, struct he_event *ev)
{
	struct maps before = t->maps;
	enum run_verdict v, w;
	struct he_error *err;

	/* The old list is kept for comparing; what is told of it is copied. */
	t->maps = (struct maps){.n = 0};
	t->maps_fresh = t->modules_fresh = t->links_fresh = false;
	err = target_load_maps(t, true);
	if (!err)
		err = breakpoints_resolve(t);
	v = tell_difference(t, &t->maps, &before, true, ev);
	w = tell_difference(t, &before, &t->maps, false, ev);
	maps_free(&before);
	if (err && t->engine->config.notice && err->code != E_CANCELLED)
		t->engine->config.notice(t->engine->config.arg, err->message);
	he_error_free(err);
	return v == RUN_TELL || w == RUN_TELL ? RUN_TELL : RUN_ON;
}
