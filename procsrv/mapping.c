/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Memory in a target that it did not ask for: where a debugger puts the code of an
 * expression, and its data.  A thread of the program makes the system call.
 */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "change.h"
#include "handlers.h"
#include "inject.h"
#include "machine.h"
#include "patch.h"
#include "run.h"
#include "target.h"
#include "tracer.h"

enum {
	PAGE = 4096,
	SIZE_MAX_MAPPED = 1 << 30,
	CALL_STOP = SIGTRAP | 0x80, /* PTRACE_O_TRACESYSGOOD */
	EXEC_STOP = SIGTRAP | PTRACE_EVENT_EXEC << 8,
	PLAIN_STOP = (SIGTRAP | PTRACE_EVENT_STOP << 8) << 8 | 0x7f,
};

/* At the event of execve(2) a thread is still in that call, whose result would take the
 * place of the number of ours.  Its end comes before the program's first instruction. */
static int leave_exec(struct tracee *t)
{
	int status;

	if (t->status >> 8 != EXEC_STOP)
		return 0;
	if (ptrace(PTRACE_SINGLESTEP, t->tid, 0, 0) != 0)
		return ESRCH;
	if (inject_await(t, &status) != 0)
		return ESRCH;
	t->status = PLAIN_STOP; /* it stands by our wish alone */
	t->regs_known = false;
	return WSTOPSIG(status) == SIGTRAP ? 0 : EBUSY;
}

static bool is_in_call(const struct tracee *t)
{
	int event = t->status >> 16;

	return (event && event != PTRACE_EVENT_STOP && event != PTRACE_EVENT_EXEC) ||
	       t->status >> 8 == CALL_STOP;
}

/* One that can make calls; NULL: none. */
static struct tracee *caller(struct call *c, uint64_t tid)
{
	for (struct tracee *t = c->target->first; t; t = t->next)
		if ((!tid || (uint64_t)t->tid == tid) && t->state == TRACEE_STANDS && !t->foreign &&
		    !tracee_in_group_stop(t) && !is_in_call(t))
			return t;
	return NULL;
}

/* The call's result; negative ones are errno values of the kernel. */
static int make(struct call *c, uint64_t tid, bool unmap, const uint64_t args[6], int64_t *result)
{
	struct tracee *t = caller(c, tid);
	const struct machine *m = machine_find(c->target->arch);
	int os_errno;
	uint64_t at;

	if (!t || c->target->leaving)
		return E_RUNNING;
	if (!m)
		return E_UNKNOWN;
	if (inject_filtered(t))
		return E_FILTERED;
	at = inject_place(c->target, m);
	if (!at)
		return E_STATE;
	if (change_memory(c) != E_OK)
		return E_LIMIT;
	run_writes(t);
	os_errno = leave_exec(t);
	if (!os_errno)
		os_errno =
		    inject_call(t, m, at, unmap ? m->call.munmap : m->call.mmap, args, result);
	if (os_errno == ESRCH)
		return E_GONE;
	if (!os_errno && *result < 0 && *result > -PAGE)
		os_errno = (int)-*result;
	return os_errno ? fault_set(&c->fault, E_OS, os_errno, (uint32_t)c->target->id.pid) : E_OK;
}

int on_map_new(struct call *c)
{
	struct wire_map_made made;
	struct wire_map_new m;
	const struct machine *machine = machine_find(c->target->arch);
	int64_t result = 0;
	struct buf *body;
	int err;

	wire_decode_map_new(c->body, &m);
	if (!m.size || m.size % PAGE || m.size > SIZE_MAX_MAPPED || m.prot > 7)
		return E_MALFORMED;
	err = make(c, m.tid, false,
	    (const uint64_t[6]){0, m.size, m.prot, MAP_PRIVATE | MAP_ANONYMOUS, UINT64_MAX, 0},
	    &result);
	if (err != E_OK)
		return err;
	made.addr = machine && machine->width == 4 ? (uint32_t)result : (uint64_t)result;
	body = serve_scratch(c->serve);
	wire_encode_map_made(body, &made);
	return serve_answer(c, body);
}

int on_map_drop(struct call *c)
{
	struct wire_map_drop m;
	int64_t result = 0;
	int err;

	wire_decode_map_drop(c->body, &m);
	if (!m.size || m.size % PAGE || m.addr % PAGE)
		return E_MALFORMED;
	err = make(c, m.tid, true, (const uint64_t[6]){m.addr, m.size}, &result);
	if (err == E_OK)
		serve_ok(c->reply);
	return err;
}
