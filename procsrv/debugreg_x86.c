/* SPDX-License-Identifier: BSD-2-Clause
 *
 * x86: DR0 to DR3 hold addresses, DR7 says for what, DR6 which of them it was.  They
 * are the same for 32-bit programs; only the names in struct user are not.
 */
#include <errno.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#include "debugreg.h"

enum { SLOTS = 4, STATUS = 6, CONTROL = 7 };

/* Two bits of DR7 each. */
enum { RW_EXEC = 0, RW_WRITE = 1, RW_ACCESS = 3 };

static const uint8_t rw_of[] = {
    [WIRE_PATCH_HARD] = RW_EXEC,
    [WIRE_PATCH_WRITE] = RW_WRITE,
    [WIRE_PATCH_ACCESS] = RW_ACCESS,
};
static const uint8_t length_of[] = {[0] = 0, [1] = 0, [2] = 1, [4] = 3, [8] = 2};

static bool fits(uint64_t addr, uint32_t len)
{
	return (len == 1 || len == 2 || len == 4 || len == 8) && addr % len == 0;
}

static int poke(pid_t tid, unsigned reg, uint64_t value)
{
	size_t at = offsetof(struct user, u_debugreg) + reg * sizeof(long);

	return ptrace(PTRACE_POKEUSER, tid, at, value) == 0 ? 0 : errno;
}

static uint64_t control_of(const struct debugregs *d)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < SLOTS; i++) {
		const struct debugreg *r = &d->slot[i];

		if (r->users) /* local enable bit, kind, length */
			v |= 1ULL << 2 * i | (uint64_t)rw_of[r->kind] << (16 + 4 * i) |
			     (uint64_t)length_of[r->len] << (18 + 4 * i);
	}
	return v;
}

/* All off first: the kernel would judge each new address by what the old one was for. */
static int load(pid_t tid, const struct debugregs *d)
{
	uint64_t control = control_of(d);
	int err = poke(tid, CONTROL, 0);

	for (unsigned i = 0; i < SLOTS && !err; i++)
		if (d->slot[i].users)
			err = poke(tid, i, d->slot[i].addr);
	if (!err && control)
		err = poke(tid, CONTROL, control);
	return err;
}

static int fired(pid_t tid, uint32_t *slots)
{
	size_t at = offsetof(struct user, u_debugreg[STATUS]);
	long v;

	errno = 0;
	v = ptrace(PTRACE_PEEKUSER, tid, at, 0);
	if (errno)
		return errno;
	*slots = (uint32_t)v & ((1u << SLOTS) - 1);
	/* The processor only ever sets them. */
	return *slots ? poke(tid, STATUS, 0) : 0;
}

const struct debugreg_arch debugreg_arch = {
    .exec = {0, SLOTS},
    .data = {0, SLOTS},
    .fits = fits,
    .load = load,
    .fired = fired,
};
