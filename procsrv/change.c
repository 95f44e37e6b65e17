/* SPDX-License-Identifier: BSD-2-Clause */
#include "change.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "handlers.h"
#include "patch.h"
#include "run.h"
#include "target.h"
#include "trace_regs.h"
#include "tracer.h"

enum { SIGNALS = 64 };

/* ---- the record ------------------------------------------------------------------- */

/* Only the first of each kind is recorded when it happens, and it is not done when that
 * cannot be; the rest is counted. */
static int record(struct call *c, uint64_t *count, int event)
{
	if (*count == 0 && target_audit(event, &c->target->id, "", 0, E_OK) != E_OK)
		return fault_set(&c->fault, E_UNRECORDED, 0, (uint32_t)c->target->id.pid);
	++*count;
	return E_OK;
}

int change_memory(struct call *c)
{
	return record(c, &c->target->mem_writes, IPC_WRITE_MEM);
}

void change_record(struct target *tg)
{
	if (tg->mem_writes)
		target_audit(IPC_WROTE_MEM, &tg->id, "", tg->mem_writes, E_OK);
	if (tg->regs_writes)
		target_audit(IPC_WROTE_REGS, &tg->id, "", tg->regs_writes, E_OK);
	tg->mem_writes = tg->regs_writes = 0;
}

/* What happens to a process at most once. */
static int record_end(struct call *c, int event, const char *how)
{
	if (target_audit(event, &c->target->id, how, 0, E_OK) != E_OK)
		return fault_set(&c->fault, E_UNRECORDED, 0, (uint32_t)c->target->id.pid);
	return E_OK;
}

static int os_error(struct call *c, int os_errno)
{
	if (os_errno == ESRCH)
		return E_GONE;
	return fault_set(&c->fault, E_OS, os_errno, (uint32_t)c->target->id.pid);
}

/* ---- memory -------------------------------------------------------------------------- */

static int write_piece(struct call *c, const struct wire_rec_write *w)
{
	int os_errno = ENXIO;
	size_t n = w->space ? 0 : patch_write(c->target, w->addr, w->data.p, w->data.n, &os_errno);

	if (n == w->data.n)
		return E_OK;
	c->fault.addr = w->addr + n;
	c->fault.os_errno = os_errno;
	return os_errno == ESRCH ? E_GONE : E_FAULT;
}

int on_mem_write(struct call *c)
{
	struct wire_mem_write m;
	struct wire_rec_write w;
	int err;

	wire_decode_mem_write(c->body, &m);
	if (c->target->how == WIRE_ATTACH_LOOK || c->target->leaving)
		return E_STATE;
	err = record(c, &c->target->mem_writes, IPC_WRITE_MEM);
	while (err == E_OK && wire_next_write(&m.writes, &w))
		err = write_piece(c, &w);
	if (err == E_OK)
		serve_ok(c->reply);
	return err;
}

/* ---- registers ------------------------------------------------------------------------- */

static int standing(struct call *c, uint64_t tid, struct tracee **out)
{
	struct tracee *t = tracee_named(c, tid);

	if (!t)
		return E_NO_THREAD;
	c->fault.addr = tid;
	if (t->state != TRACEE_STANDS)
		return E_RUNNING;
	c->fault.addr = 0;
	*out = t;
	return E_OK;
}

/* A set of another size is another architecture's, or of a time before the thread
 * changed its own. */
static int check_set(struct call *c, const struct wire_rec_regset *r)
{
	uint8_t room[REGS_MAX];
	size_t size = sizeof(room);
	struct tracee *t;
	int err = standing(c, r->tid, &t), os_errno;

	if (err != E_OK)
		return err;
	c->fault.addr = r->tid;
	os_errno = regs_get(t->tid, r->note, room, &size);
	if (os_errno == EINVAL || os_errno == ENODEV)
		return E_UNKNOWN;
	if (os_errno)
		return os_error(c, os_errno);
	if (r->err || r->data.n != size ||
	    (r->arch != c->target->arch && r->arch != regs_arch(t->tid)))
		return E_MALFORMED;
	c->fault.addr = 0;
	return E_OK;
}

static int write_set(struct call *c, const struct wire_rec_regset *r)
{
	struct tracee *t = tracee_named(c, r->tid);
	uint8_t room[REGS_MAX];
	struct iovec iov = {room, r->data.n};

	memcpy(room, r->data.p, r->data.n);
	run_writes(t);
	if (ptrace(PTRACE_SETREGSET, t->tid, (unsigned long)r->note, &iov) != 0) {
		c->fault.addr = r->tid;
		return os_error(c, errno);
	}
	if (r->note == NT_PRSTATUS)
		run_written(t);
	return E_OK;
}

int on_regs_write(struct call *c)
{
	struct wire_regs_write m;
	struct wire_rec_regset r;
	struct span list;
	int err = E_OK;

	wire_decode_regs_write(c->body, &m);
	if (c->target->how == WIRE_ATTACH_LOOK || c->target->leaving)
		return E_STATE;
	for (list = m.regs; err == E_OK && wire_next_regset(&list, &r);)
		err = check_set(c, &r);
	if (err == E_OK)
		err = record(c, &c->target->regs_writes, IPC_WRITE_REGS);
	for (list = m.regs; err == E_OK && wire_next_regset(&list, &r);)
		err = write_set(c, &r);
	if (err == E_OK)
		serve_ok(c->reply);
	return err;
}

/* ---- signals ------------------------------------------------------------------------------- */

int on_siginfo_write(struct call *c)
{
	struct wire_siginfo_write m;
	struct tracee *t;
	siginfo_t si;
	int err;

	wire_decode_siginfo_write(c->body, &m);
	if (m.siginfo.n != sizeof(si))
		return E_MALFORMED;
	err = standing(c, m.tid, &t);
	if (err != E_OK)
		return err;
	if (!tracee_signal(t))
		return E_STATE;
	memcpy(&si, m.siginfo.p, sizeof(si));
	err = record(c, &c->target->regs_writes, IPC_WRITE_REGS);
	if (err == E_OK && ptrace(PTRACE_SETSIGINFO, t->tid, 0, &si) != 0)
		err = os_error(c, errno);
	if (err == E_OK)
		serve_ok(c->reply);
	return err;
}

static int to_process(const struct target *tg, int sig)
{
	return syscall(SYS_pidfd_send_signal, tg->id.pidfd, sig, NULL, 0) == 0 ? 0 : errno;
}

/* One that we do not trace has only its first thread listed with us: the kernel knows
 * the others, and takes none of another process. */
static int to_thread(struct call *c, uint64_t tid, int sig)
{
	const struct target *tg = c->target;

	if (tid > INT32_MAX || (tg->how != WIRE_ATTACH_LOOK && !tracee_named(c, tid)))
		return ESRCH;
	return tgkill(tg->id.pid, (pid_t)tid, sig) == 0 ? 0 : errno;
}

int on_send_signal(struct call *c)
{
	struct wire_send_signal m;
	int os_errno, err = E_OK;

	wire_decode_send_signal(c->body, &m);
	if (!m.signal || m.signal > SIGNALS)
		return E_MALFORMED;
	if (m.signal == SIGKILL)
		err = record_end(c, IPC_KILL, "SIGKILL");
	if (err != E_OK)
		return err;
	os_errno =
	    m.tid ? to_thread(c, m.tid, (int)m.signal) : to_process(c->target, (int)m.signal);
	if (os_errno == ESRCH && m.tid) {
		c->fault.addr = m.tid;
		return E_NO_THREAD;
	}
	if (os_errno)
		return os_error(c, os_errno);
	serve_ok(c->reply);
	return E_OK;
}

/* ---- the end --------------------------------------------------------------------------------- */

/* Threads on their last way are not kept at it, whatever the host has asked to hear of. */
int on_kill(struct call *c)
{
	struct target *tg = c->target;
	int os_errno, err = record_end(c, IPC_KILL, "");

	if (err != E_OK)
		return err;
	os_errno = to_process(tg, SIGKILL);
	if (os_errno)
		return os_error(c, os_errno);
	tg->killed = true;
	serve_ok(c->reply);
	trace_collect(tg);
	return E_OK;
}

/* The signal is there before the first thread is let go: none of them comes back to the
 * program. */
int on_abandon(struct call *c)
{
	struct target *tg = c->target;
	int os_errno;

	if (tg->how == WIRE_ATTACH_LOOK)
		return E_STATE;
	if (tg->leaving)
		return E_BUSY;
	os_errno = to_process(tg, SIGSTOP);
	if (os_errno)
		return os_error(c, os_errno);
	tg->ignore_signals &= ~(1ULL << (SIGSTOP - 1));
	tg->abandoned = true;
	trace_leave(tg, c->reply);
	return E_OK;
}
