/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sources: ptrace(2), kernel/ptrace.c.
 */
#include <elf.h>
#include <errno.h>
#include <linux/audit.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "fuzz.h"
#include "mock_parts.h"

/* Called by the tracer's objects instead of the C library's (fuzz.mk). */
long mock_ptrace(enum __ptrace_request request, ...);

static long seize(struct mock_thread *t, unsigned long options)
{
	if (t->traced || t->state == DEAD)
		return mock_fail(EPERM);
	t->traced = true;
	t->options = options;
	return 0;
}

static long resume(struct mock_thread *t, enum __ptrace_request how)
{
	t->steps = how == PTRACE_SINGLESTEP;
	t->calls = how == PTRACE_SYSCALL;
	t->state = RUNS;
	return 0;
}

/* Nothing of ours may go with it. */
static long detach(struct mock_thread *t)
{
	FUZZ_CHECK(!(t->dr[CONTROL] & 0xff));
	FUZZ_CHECK(!t->steps);
	t->traced = t->interrupted = t->busy = t->calls = false;
	t->state = RUNS;
	return 0;
}

static long copy_set(struct mock_thread *t, unsigned long note, struct iovec *iov, bool write)
{
	static uint8_t other[512];
	size_t n = note == NT_PRSTATUS ? sizeof(t->regs) : sizeof(other);
	void *set = note == NT_PRSTATUS ? (void *)&t->regs : other;

	if (note != NT_PRSTATUS && note != NT_PRFPREG)
		return mock_fail(note == NT_X86_XSTATE ? ENODEV : EINVAL);
	if (iov->iov_len < n)
		n = iov->iov_len;
	if (write)
		memcpy(set, iov->iov_base, n);
	else
		memcpy(iov->iov_base, set, n);
	iov->iov_len = n;
	t->regs.cs = 0x33;
	return 0;
}

static uint64_t *word_of(struct mock_thread *t, size_t at)
{
	size_t debug = offsetof(struct user, u_debugreg);

	if (at % 8)
		return NULL;
	if (at >= debug && at < debug + sizeof(t->dr))
		return &t->dr[(at - debug) / 8];
	return at < sizeof(t->regs) ? (uint64_t *)&t->regs + at / 8 : NULL;
}

static long poke(struct mock_thread *t, size_t at, uint64_t value)
{
	uint64_t *word = word_of(t, at);

	if (!word || (word >= t->dr && word < t->dr + 4 && value >> 47))
		return mock_fail(EINVAL);
	*word = value;
	return 0;
}

static long peek(struct mock_thread *t, size_t at)
{
	const uint64_t *word = word_of(t, at);

	errno = word ? 0 : EIO;
	return word ? (long)*word : -1;
}

static long peek_queue(
    const struct mock_thread *t, const struct __ptrace_peeksiginfo_args *a, siginfo_t *si)
{
	long n = 0;

	for (uint64_t i = a->off; i < t->queued && n < a->nr; i++)
		si[n++] = t->queue[i];
	return n;
}

static long signal_info(struct mock_thread *t, siginfo_t *si, bool write)
{
	bool group = t->status >> 16 == PTRACE_EVENT_STOP && (t->status >> 8 & 0xff) != SIGTRAP;

	if (group)
		return mock_fail(EINVAL);
	if (write)
		t->si = *si;
	else
		*si = t->si;
	return 0;
}

static long call_info(const struct mock_thread *t, struct __ptrace_syscall_info *info)
{
	if (!t->calls)
		return 0;
	memset(info, 0, sizeof(*info));
	info->op = t->regs.rip & 1 ? PTRACE_SYSCALL_INFO_ENTRY : PTRACE_SYSCALL_INFO_EXIT;
	info->arch = AUDIT_ARCH_X86_64;
	info->entry.nr = 1;
	return sizeof(*info);
}

static long of_standing(
    struct mock_thread *t, enum __ptrace_request request, void *addr, void *data)
{
	switch (request) {
	case PTRACE_CONT:
	case PTRACE_SINGLESTEP:
	case PTRACE_SYSCALL:
		return resume(t, request);
	case PTRACE_LISTEN:
		t->state = LISTENS;
		return 0;
	case PTRACE_DETACH:
		return detach(t);
	case PTRACE_GETREGS:
		memcpy(data, &t->regs, sizeof(t->regs));
		return 0;
	case PTRACE_SETREGS:
		memcpy(&t->regs, data, sizeof(t->regs));
		t->regs.cs = 0x33;
		return 0;
	case PTRACE_GETREGSET:
	case PTRACE_SETREGSET:
		return copy_set(t, (unsigned long)addr, data, request == PTRACE_SETREGSET);
	case PTRACE_POKEUSER:
		return poke(t, (size_t)addr, (uint64_t)data);
	case PTRACE_PEEKUSER:
		return peek(t, (size_t)addr);
	case PTRACE_GETSIGINFO:
	case PTRACE_SETSIGINFO:
		return signal_info(t, data, request == PTRACE_SETSIGINFO);
	case PTRACE_GETSIGMASK:
		memcpy(data, &t->mask, sizeof(t->mask));
		return 0;
	case PTRACE_SETSIGMASK:
		memcpy(&t->mask, data, sizeof(t->mask));
		return 0;
	case PTRACE_PEEKSIGINFO:
		return peek_queue(t, addr, data);
	case PTRACE_GETEVENTMSG:
		memcpy(data, &t->message, sizeof(t->message));
		return 0;
	case PTRACE_SETOPTIONS:
		t->options = (unsigned long)data;
		return 0;
	case PTRACE_GET_SYSCALL_INFO:
		return call_info(t, data);
	default:
		return mock_fail(EIO);
	}
}

long mock_ptrace(enum __ptrace_request request, ...)
{
	struct mock_thread *t;
	void *addr, *data;
	va_list ap;

	va_start(ap, request);
	t = mock_find(va_arg(ap, pid_t));
	addr = va_arg(ap, void *);
	data = va_arg(ap, void *);
	va_end(ap);
	mock_count_down();
	if (!t)
		return mock_fail(ESRCH);
	if (request == PTRACE_SEIZE)
		return seize(t, (unsigned long)data);
	if (!t->traced || t->state == DEAD)
		return mock_fail(ESRCH);
	mock_get_on(t);
	if (request == PTRACE_INTERRUPT) {
		t->interrupted = true;
		return 0;
	}
	/* A group stop that is listened to is none to anybody else. */
	return t->state == STANDS ? of_standing(t, request, addr, data) : mock_fail(ESRCH);
}
