/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/engine/asking.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "host/engine/engine.h"
#include "host/errtext.h"

/* ---- memory ---------------------------------------------------------------- */

static struct he_error *no_memory_at(const struct he_target *t, uint64_t addr, int why)
{
	if (t->state == HE_FROZEN && !why)
		return he_error_fault(
		    addr, 0, "memory at %#" PRIx64 " was not gathered by the snapshot.", addr);
	return he_error_fault(addr, why, "memory at %#" PRIx64 " cannot be read.", addr);
}

static struct he_error *read_memory(void *arg, uint64_t addr, void *buf, size_t len)
{
	struct asking *a = arg;
	size_t got = 0;
	int why = 0;
	struct he_error *err = NULL;

	if (!a->missing) {
		err = target_read(a->target, addr, buf, len, &got, &why);
	} else {
		got = memcache_get(a->target->mem, addr, buf, len, &why);
		if (got < len && !why)
			a->missing(a->missing_arg, addr + got, len - got);
	}
	return err || got == len ? err : no_memory_at(a->target, addr + got, why);
}

static struct he_error *write_memory(void *arg, uint64_t addr, const void *buf, size_t len)
{
	struct asking *a = arg;

	return he_write(a->target, addr, buf, len);
}

/* ---- frame and registers --------------------------------------------------- */

static struct he_error *the_frame(void *arg, const struct sym_frame **ret)
{
	struct asking *a = arg;

	if (a->has_frame) {
		*ret = &a->frame;
		return NULL;
	}
	if (a->no_frame)
		return he_error_copy(a->no_frame);
	return he_error_new(E_STATE, "this needs a thread that stands");
}

static const struct arch_reg *find_register(
    const struct arch *arch, const char *name, unsigned dwarf)
{
	if (!name)
		return arch_by_dwarf(arch, dwarf);
	for (unsigned i = 0; i < arch->n_regs; i++)
		if (!strcmp(arch->regs[i].name, name))
			return &arch->regs[i];
	return NULL;
}

static struct he_error *not_saved(const struct asking *a, const char *name)
{
	return he_error_new(E_STATE,
	    "$%s is not known in frame %u: nothing tells what it was there", name,
	    a->frame.physical);
}

/* What the unwinder does not know of: floating point and the like, of the innermost. */
static struct he_error *other_register(
    struct asking *a, const struct arch_reg *r, struct expr_register *ret)
{
	struct he_registers *all;
	struct he_error *err;
	bool found = false;

	if (a->frame.physical)
		return not_saved(a, r->name);
	if (a->missing) {
		a->missing(a->missing_arg, 0, 0);
		return not_saved(a, r->name);
	}
	err = he_registers(a->target, a->tid, 0, &all);
	if (err)
		return err;
	for (size_t i = 0; i < all->n && !found; i++)
		if (!strcmp(all->v[i].name, r->name)) {
			ret->size = all->v[i].bits / 8;
			memcpy(ret->value, all->v[i].value, sizeof(ret->value));
			found = true;
		}
	he_registers_free(all);
	return found ? NULL : he_error_new(E_STATE, "this processor has no $%s", r->name);
}

static struct he_error *get_register(
    void *arg, const char *name, unsigned dwarf, struct expr_register *ret)
{
	struct asking *a = arg;
	const struct arch *arch = arch_find(a->target->arch_id);
	const struct arch_reg *r = arch ? find_register(arch, name, dwarf) : NULL;
	const struct sym_frame *f = NULL;
	struct he_error *err;

	if (!r)
		return he_error_new(E_NO_FILE, "no register is called $%s", name ? name : "?");
	err = the_frame(a, &f);
	if (!f)
		return err;
	*ret = (struct expr_register){.size = r->bits / 8u};
	if (r->dwarf < 0 || r->dwarf >= 33 || !(f->regs.valid >> r->dwarf & 1))
		return other_register(a, r, ret);
	memcpy(ret->value, &f->regs.reg[r->dwarf], sizeof(uint64_t));
	return NULL;
}

static struct he_error *set_register(
    void *arg, const char *name, unsigned dwarf, const void *value, size_t size)
{
	struct asking *a = arg;
	const struct arch *arch = arch_find(a->target->arch_id);
	const struct arch_reg *r = arch ? find_register(arch, name, dwarf) : NULL;

	if (!r)
		return he_error_new(E_NO_FILE, "no register is called $%s", name ? name : "?");
	return he_write_register(a->target, a->tid, a->frame.physical, r->name, value, size);
}

/* ---- variables of the session ---------------------------------------------- */

static struct he_error *get_variable(void *arg, const char *name, struct value **ret)
{
	struct asking *a = arg;

	return value_store_get(a->target->engine->values, name, ret);
}

static struct he_error *set_variable(void *arg, const char *name, const struct value *v)
{
	struct asking *a = arg;

	return value_store_set(a->target->engine->values, name, v);
}

static struct he_error *tls(void *arg, const struct module *m, uint64_t offset, uint64_t *addr)
{
	struct asking *a = arg;

	if (!a->tid)
		return he_error_new(E_STATE, "this needs a thread that stands");
	if (a->missing) {
		a->missing(a->missing_arg, 0, 0);
		return he_error_new(E_STATE, "a thread-local variable takes more than one look");
	}
	return target_tls(a->target, a->tid, m, offset, addr);
}

static const struct expr_ops ops = {
    .read = read_memory,
    .write = write_memory,
    .frame = the_frame,
    .get_register = get_register,
    .set_register = set_register,
    .tls = tls,
    .get_variable = get_variable,
    .set_variable = set_variable,
};

/* ---- opening and closing --------------------------------------------------- */

static struct he_error *open_env(struct asking *a, struct he_target *t)
{
	struct symbols *s;
	struct he_error *err = target_symbols(t, &s);

	*a = (struct asking){.target = t};
	if (err)
		return err;
	a->env = (struct expr_env){
	    .symbols = s, .types = symbols_types(s), .arch = t->arch_id, .ops = &ops, .arg = a};
	return a->env.types ? NULL : he_error_new(E_NOMEM, "out of memory.");
}

static void set_frame(struct asking *a, uint64_t tid)
{
	a->tid = tid;
	a->has_frame = true;
	a->env.scope = (struct sym_scope){true, a->frame.pc, a->frame.level};
	a->env.cplus = symbols_is_cplus(a->env.symbols, &a->env.scope);
}

void asking_in_frame(struct asking *a, struct he_target *t, struct symbols *s, uint64_t tid,
    const struct sym_frame *f)
{
	*a = (struct asking){.target = t, .frame = *f};
	a->env = (struct expr_env){
	    .symbols = s, .types = symbols_types(s), .arch = t->arch_id, .ops = &ops, .arg = a};
	set_frame(a, tid);
}

/* The link's trouble and a cancellation end the call; anything else only the frame. */
static bool only_no_frame(const struct he_error *err)
{
	return err->code != E_LOST && err->code != E_CANCELLED && err->code != E_NOMEM;
}

static struct he_error *find_frame(struct asking *a, uint64_t tid, unsigned index)
{
	struct sym_regs first;
	struct he_error *err = target_sym_regs(a->target, tid, &first);

	if (!err)
		err = symbols_frame(
		    a->env.symbols, &first, index + target_hidden(a->target, tid), &a->frame);
	if (err && only_no_frame(err)) {
		a->no_frame = err;
		return NULL;
	}
	if (err)
		return err;
	set_frame(a, tid);
	return NULL;
}

struct he_error *asking_open(struct asking *a, struct he_target *t, uint64_t tid, unsigned index)
{
	struct he_error *err = open_env(a, t);

	return err || !tid ? err : find_frame(a, tid, index);
}

struct he_error *asking_open_at(struct asking *a, struct he_target *t, uint64_t pc)
{
	struct he_error *err = open_env(a, t);

	if (err)
		return err;
	a->env.scope = (struct sym_scope){true, pc, 0};
	a->env.cplus = symbols_is_cplus(a->env.symbols, &a->env.scope);
	return NULL;
}

struct he_error *asking_close(struct asking *a, struct he_error *err)
{
	he_error_free(a->no_frame);
	a->no_frame = NULL;
	return target_symbol_outcome(a->target, err);
}
