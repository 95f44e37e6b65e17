/* SPDX-License-Identifier: BSD-2-Clause */
#include "person.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "host/errtext.h"
#include "host/sym/spot.h"
#include "host/sym/symstate.h"
#include "host/sym/type_store.h"

/* ---- the code it runs: functions of 256 bytes, lines of 16 ---------------------------------- */

static struct symbols named;
static struct types *types;

struct types *symbols_types(struct symbols *s)
{
	(void)s;
	if (!named.pool)
		named.pool = strpool_new();
	if (!types && named.pool)
		types = types_new(&named);
	return types;
}

struct he_error *symbols_spot(struct symbols *s, uint64_t addr, struct spot *ret)
{
	(void)s;
	*ret = (struct spot){.function = addr & ~UINT64_C(255),
	    .end = (addr | 255) + 1,
	    .name = "f",
	    .file = "a.c",
	    .line = (unsigned)(addr % 256 / 16 + 1),
	    .lo = addr & ~UINT64_C(15),
	    .hi = (addr | 15) + 1,
	    .statement = true};
	return NULL;
}

struct he_error *symbols_near_frames(
    struct symbols *s, const struct sym_regs *regs, struct near_frame *v, unsigned max, unsigned *n)
{
	(void)s;
	for (*n = 0; *n < max; ++*n) {
		v[*n] = (struct near_frame){.regs = *regs, .cfa = regs->sp + 64u * (*n + 1)};
		v[*n].regs.pc += *n;
		v[*n].regs.sp += 64u * *n;
	}
	return NULL;
}

/* ---- what has a name ------------------------------------------------------------------------- */

struct known known;

struct he_error *symbols_locate_function(
    struct symbols *s, const char *name, const char *file, struct he_places **ret, bool *expected)
{
	(void)s;
	(void)file;
	*expected = false;
	*ret = calloc(1, sizeof(**ret));
	if (!known.function || strcmp(known.function, name) != 0)
		return NULL;
	(*ret)->v = calloc(1, sizeof(*(*ret)->v));
	(*ret)->v[0] = (struct he_place){.function = known.function, .addr = known.addr};
	(*ret)->n = 1;
	return NULL;
}

/* Its code is in a file. */
size_t symbols_code(struct symbols *s, uint64_t addr, void *buf, size_t len)
{
	(void)s;
	if (!known.function || addr < known.addr)
		return 0;
	memset(buf, 0x90, len);
	return len;
}

struct he_error *symbols_named_near(
    struct symbols *s, uint64_t addr, const char *name, uint64_t *ret)
{
	(void)s;
	(void)addr;
	*ret = strcmp(name, "_dl_debug_state") == 0 ? known.linker : 0;
	return NULL;
}

/* ---- the person ------------------------------------------------------------------------------ */

uint64_t tid(unsigned thread)
{
	return FAKE_PID + thread;
}

int person_end(void **state)
{
	int ret = teardown(state);

	types_drop(types);
	types = NULL;
	strpool_drop(named.pool);
	named.pool = NULL;
	known = (struct known){NULL, 0, 0};
	return ret;
}

unsigned at(uint64_t addr, const char *condition, uint64_t ignore, bool temporary)
{
	struct he_break q = {.where = "*0",
	    .addr = addr,
	    .condition = condition,
	    .ignore = ignore,
	    .temporary = temporary};
	unsigned number = 0;

	assert_null(he_break(engine, target, &q, &number));
	return number;
}

unsigned breakpoint(uint64_t addr)
{
	return at(addr, NULL, 0, false);
}

void go_on(uint64_t thread)
{
	assert_null(he_continue(target, thread));
}

void non_stop(void)
{
	struct he_settings s;

	he_settings(engine, &s);
	s.non_stop = true;
	assert_null(he_set_settings(engine, &s));
}

bool went(uint64_t thread, enum wire_action action)
{
	for (unsigned i = 0; i < seen.n_go; i++)
		if (seen.go[i].tid == thread)
			return seen.go[i].action == action;
	return false;
}

bool went_alone(uint64_t thread)
{
	return seen.n_go == 1 && went(thread, WIRE_RESUME_CONT);
}

void hit(uint64_t standing, unsigned thread, uint32_t patch)
{
	STOP(standing, {thread, WIRE_STOP_PATCH, 0, patch, 0, 0});
}

void stepped(unsigned thread, uint64_t pc)
{
	seen.pc = pc;
	STOP(ALL, {thread, WIRE_STOP_STEP, 0, 0, 0, 0});
	seen.pc = 0;
}

unsigned false_here(uint64_t addr)
{
	struct he_value *v = NULL;

	assert_null(he_evaluate(target, 0, 0, "$wanted = 0", &v));
	he_value_free(v);
	return at(addr, "$wanted", 0, false);
}
