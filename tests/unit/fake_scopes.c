/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Names, types and places of the scripted process: there are none, but where a test has its
 * own (OWN).
 */
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "host/sym/spot.h"
#include "host/sym/type.h"
#include "host/sym/type_store.h"
#include "host/sym/variable.h"

#define OWN __attribute__((weak))

static struct he_error *none(int code)
{
	static const char text[] = "the scripted process has none.";
	struct he_error *e = calloc(1, sizeof(*e) + sizeof(text));

	if (!e)
		abort();
	e->code = code;
	memcpy(e->message, text, sizeof(text));
	return e;
}

OWN struct types *symbols_types(struct symbols *s)
{
	(void)s;
	return NULL;
}

struct he_error *symbols_look_up(struct symbols *s, const struct sym_scope *scope, const char *name,
    unsigned what, struct sym_name *ret)
{
	(void)s;
	(void)scope;
	(void)name;
	(void)what;
	(void)ret;
	return none(E_NO_FILE);
}

bool symbols_has_local(
    struct symbols *s, const struct sym_scope *scope, const char *name, struct sym_name *ret)
{
	(void)s;
	(void)scope;
	(void)name;
	(void)ret;
	return false;
}

bool symbols_is_cplus(struct symbols *s, const struct sym_scope *scope)
{
	(void)s;
	(void)scope;
	return false;
}

struct he_error *symbols_locals(
    struct symbols *s, const struct sym_scope *scope, bool args, struct sym_local **ret, size_t *n)
{
	(void)s;
	(void)scope;
	(void)args;
	*ret = NULL;
	*n = 0;
	return NULL;
}

struct he_error *symbols_place(
    struct symbols *s, const struct sym_name *var, const struct place_at *at, struct place *ret)
{
	(void)s;
	(void)var;
	(void)at;
	(void)ret;
	return none(E_NO_FILE);
}

struct formula symbols_formula(
    struct symbols *s, const struct sym_scope *scope, const struct sym_name *var)
{
	(void)s;
	(void)scope;
	(void)var;
	return (struct formula){.kind = FORMULA_NONE};
}

struct he_error *symbols_frame(
    struct symbols *s, const struct sym_regs *first, unsigned index, struct sym_frame *ret)
{
	(void)s;
	(void)first;
	(void)index;
	(void)ret;
	return none(E_STATE);
}

struct he_error *symbols_frames(struct symbols *s, const struct sym_regs *first,
    bool (*each)(void *arg, unsigned index, const struct sym_frame *f), void *arg)
{
	(void)s;
	(void)first;
	(void)each;
	(void)arg;
	return NULL;
}

OWN struct he_error *symbols_spot(struct symbols *s, uint64_t addr, struct spot *ret)
{
	(void)s;
	(void)addr;
	*ret = (struct spot){0};
	return NULL;
}

const char *symbols_stub(struct symbols *s, uint64_t addr)
{
	(void)s;
	(void)addr;
	return NULL;
}

struct he_error *symbols_returns(
    struct symbols *s, uint64_t addr, struct type **ret, bool *reference)
{
	(void)s;
	(void)addr;
	*ret = NULL;
	*reference = false;
	return NULL;
}

/* The frame it is in, and none that could be told from it. */
OWN struct he_error *symbols_near_frames(
    struct symbols *s, const struct sym_regs *regs, struct near_frame *v, unsigned max, unsigned *n)
{
	(void)s;
	*n = max ? 1 : 0;
	if (max)
		v[0] = (struct near_frame){.regs = *regs};
	return NULL;
}

struct he_error *symbols_step_in(struct symbols *s, uint64_t entry, uint64_t *ret)
{
	(void)s;
	*ret = entry;
	return NULL;
}

bool symbols_cfa_rule(struct symbols *s, uint64_t addr, unsigned *reg, int64_t *offset)
{
	(void)s;
	(void)addr;
	(void)reg;
	(void)offset;
	return false;
}

OWN struct he_error *symbols_each_named(struct symbols *s, const char *name,
    void (*each)(void *arg, const struct spot_symbol *sym), void *arg)
{
	(void)s;
	(void)name;
	(void)each;
	(void)arg;
	return NULL;
}

OWN uint64_t symbols_stamp(const struct symbols *s)
{
	(void)s;
	return 0;
}

/* No type of it was read from anywhere. */
void type_read_members(struct type *t)
{
	(void)t;
}

bool symbols_count(
    struct symbols *s, const struct type *array, const struct place_at *at, uint64_t *ret)
{
	(void)s;
	(void)array;
	(void)at;
	(void)ret;
	return false;
}

bool symbols_base(struct symbols *s, const struct type_member *base, uint64_t object, uint64_t *ret)
{
	(void)s;
	(void)base;
	(void)object;
	(void)ret;
	return false;
}

bool symbols_tls(const struct module *m, struct sym_tls *ret)
{
	(void)m;
	(void)ret;
	return false;
}

struct he_error *symbols_saved(
    struct symbols *s, const struct sym_regs *regs, unsigned n, unsigned reg, struct sym_saved *ret)
{
	(void)s;
	(void)regs;
	(void)n;
	(void)reg;
	*ret = (struct sym_saved){.kind = SYM_SAVED_NOWHERE};
	return NULL;
}
