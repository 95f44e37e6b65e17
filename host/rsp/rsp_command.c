/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/rsp/rsp_command.h"

#include <linux/audit.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/bytecode.h"
#include "common/gdb_reg.h"
#include "host/rsp/rsp_printf.h"
#include "host/rsp/rsp_terminal.h"

enum { OUTPUT_MAX = 64 * 1024 /* of one command */, SAY_MAX = 256 };

struct rsp_commands {
	size_t n_conditions, n; /* n: both together */
	struct bytecode *v[];   /* conditions first */
};

/* A thread that stands. */
struct standing {
	struct rsp_process *p;
	uint64_t tid;
	uint32_t arch;
	struct he_registers *registers; /* NULL: they cannot be had */
	struct buf out;
};

static uint32_t arch_of(const struct rsp_process *p)
{
	struct he_target_info i;

	he_target_info(p->t, &i);
	return i.arch ? i.arch : AUDIT_ARCH_X86_64;
}

/* ---- setting ---------------------------------------------------------------------------- */

int rsp_commands_new(struct rsp_process *p, const struct he_code *v, size_t n_conditions, size_t n,
    struct rsp_commands **ret)
{
	size_t all = n_conditions + n;
	struct rsp_commands *c = calloc(1, sizeof(*c) + all * sizeof(struct bytecode *));
	uint32_t arch = arch_of(p);
	int err = c ? E_OK : E_NOMEM;

	if (c)
		c->n_conditions = n_conditions;
	for (size_t i = 0; i < all && err == E_OK; i++) {
		/* A packet holds no more. */
		struct span code = {v[i].data, (uint32_t)v[i].len};

		err = i < n_conditions
			  ? bytecode_new(code, arch, &c->v[i])
			  : bytecode_new_command(code, arch, rsp_printf_allows, &c->v[i]);
		c->n += err == E_OK;
	}
	if (err == E_OK)
		*ret = c;
	else
		rsp_commands_free(c);
	return err;
}

struct rsp_commands *rsp_commands_copy(struct rsp_process *p, const struct rsp_commands *c)
{
	struct he_code *v = calloc(c->n, sizeof(*v));
	struct rsp_commands *copy = NULL;

	for (size_t i = 0; v && i < c->n; i++) {
		struct span code = bytecode_code(c->v[i]);

		v[i] = (struct he_code){.data = code.p, .len = code.n};
	}
	if (v)
		(void)rsp_commands_new(p, v, c->n_conditions, c->n - c->n_conditions, &copy);
	free(v);
	return copy;
}

void rsp_commands_free(struct rsp_commands *c)
{
	for (size_t i = 0; c && i < c->n; i++)
		bytecode_free(c->v[i]);
	free(c);
}

/* ---- running ---------------------------------------------------------------------------- */

static size_t read_some(void *arg, uint64_t addr, void *to, size_t n)
{
	const struct standing *s = arg;
	size_t got = 0;

	he_error_free(he_read(s->p->t, addr, to, n, &got));
	return got;
}

static bool read_all(void *arg, uint64_t addr, void *to, size_t n)
{
	return read_some(arg, addr, to, n) == n;
}

static bool reg(void *arg, unsigned number, uint64_t *value)
{
	const struct standing *s = arg;
	const struct he_registers *v = s->registers;

	*value = 0;
	for (size_t i = 0; v && i < v->n; i++) {
		size_t n = v->v[i].bits / 8;

		if (gdb_reg_number(s->arch, v->v[i].name) != (int)number)
			continue;
		memcpy(value, v->v[i].value, n < sizeof(*value) ? n : sizeof(*value));
		return true;
	}
	return false;
}

static int print(void *arg, struct span format, const uint64_t *args, unsigned n, uint64_t *addr)
{
	struct standing *s = arg;
	const struct rsp_printf_env env = {
	    .narrow = s->arch == AUDIT_ARCH_I386, .read = read_some, .arg = s};

	(void)n;
	return rsp_printf(&s->out, format, args, &env, addr) ? E_OK : E_FAULT;
}

static struct bytecode_env begin(struct standing *s, struct rsp_process *p, uint64_t tid)
{
	*s = (struct standing){.p = p, .tid = tid, .arch = arch_of(p)};
	buf_init(&s->out, OUTPUT_MAX);
	he_error_free(he_general_registers(p->t, tid, &s->registers));
	return (struct bytecode_env){
	    .arch = s->arch, .read = read_all, .reg = reg, .print = print, .arg = s};
}

static void end(struct standing *s)
{
	he_registers_free(s->registers);
	buf_free(&s->out);
}

bool rsp_commands_due(struct rsp_process *p, uint64_t tid, const struct rsp_commands *c)
{
	struct standing s;
	struct bytecode_env env = begin(&s, p, tid);
	bool due = c->n_conditions == 0;
	uint64_t value, addr;

	for (size_t i = 0; i < c->n_conditions && !due; i++)
		due = bytecode_eval(c->v[i], &env, &value, &addr) != E_OK || value;
	end(&s);
	return due;
}

static void complain(struct rsp *r, const struct standing *s, int err, uint64_t addr)
{
	static const struct {
		int err;
		const char *why;
	} rows[] = {
	    {E_DIVIDED, "it divides by zero"},
	    {E_TOO_LONG, "it does not come to an end"},
	    {E_BAD_CONDITION, "it uses a register that this thread does not have"},
	};
	char line[SAY_MAX], why[64];
	int n;

	snprintf(why, sizeof(why), "memory at 0x%llx cannot be read", (unsigned long long)addr);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].err == err)
			snprintf(why, sizeof(why), "%s", rows[i].why);
	n = snprintf(line, sizeof(line),
	    "process %u, thread %llu: a command of a breakpoint was not carried out: %s.\n",
	    s->p->pid, (unsigned long long)s->tid, why);
	rsp_terminal_say(r, line, (size_t)n);
}

void rsp_commands_run(
    struct rsp *r, struct rsp_process *p, uint64_t tid, const struct rsp_commands *c)
{
	struct standing s;
	struct bytecode_env env = begin(&s, p, tid);

	for (size_t i = c->n_conditions; i < c->n; i++) {
		uint64_t addr = 0;
		int err = bytecode_run(c->v[i], &env, &addr);

		if (err != E_OK)
			complain(r, &s, err, addr);
		else if (s.out.len)
			rsp_terminal_say(r, s.out.p, s.out.len);
		buf_reset(&s.out);
	}
	end(&s);
}
