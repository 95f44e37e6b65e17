/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/rsp/rsp_siginfo.h"

#include <signal.h>
#include <string.h>

/* A field behind si_signo, si_errno and si_code, which are alike: sources are the kernel's
 * include/uapi/asm-generic/siginfo.h and include/linux/compat.h. */
struct field {
	uint8_t wide_at, wide, narrow_at, narrow; /* bytes; 0 ends a list */
};

enum { SI_HEAD = 12 };

/* pid, uid, and si_value or si_status, or what else is there */
static const struct field sent[] = {{16, 4, 12, 4}, {20, 4, 16, 4}, {24, 8, 20, 4}, {0}};
static const struct field timer[] = {{16, 4, 12, 4}, {20, 4, 16, 4}, {24, 8, 20, 4}, {0}};
/* pid, uid, status, utime, stime */
static const struct field child[] = {
    {16, 4, 12, 4}, {20, 4, 16, 4}, {24, 4, 20, 4}, {32, 8, 24, 4}, {40, 8, 28, 4}, {0}};
/* addr, addr_lsb or trapno; bounds */
static const struct field fault[] = {
    {16, 8, 12, 4}, {24, 2, 16, 2}, {32, 8, 20, 4}, {40, 8, 24, 4}, {0}};
/* band, fd */
static const struct field polled[] = {{16, 8, 12, 4}, {24, 4, 16, 4}, {0}};
/* call_addr, syscall, arch */
static const struct field refused[] = {{16, 8, 12, 4}, {24, 4, 16, 4}, {28, 4, 20, 4}, {0}};

bool rsp_siginfo_is_narrow(const struct he_target *t)
{
	struct he_target_info info;

	he_target_info(t, &info);
	return info.address_bytes == 4;
}

static const struct field *fields_of(const uint8_t data[RSP_SIGINFO])
{
	int32_t number, code;

	memcpy(&number, data, sizeof(number));
	memcpy(&code, data + 8, sizeof(code));
	if (code == SI_TIMER)
		return timer;
	if (code <= 0)
		return sent;
	switch (number) {
	case SIGCHLD:
		return child;
	case SIGILL:
	case SIGFPE:
	case SIGSEGV:
	case SIGBUS:
	case SIGTRAP:
		return fault;
	case SIGPOLL:
		return polled;
	case SIGSYS:
		return refused;
	default:
		return sent;
	}
}

static void move(uint8_t *to, unsigned to_n, const uint8_t *from, unsigned from_n)
{
	memcpy(to, from, to_n < from_n ? to_n : from_n);
}

void rsp_siginfo_narrow(uint8_t data[RSP_SIGINFO])
{
	uint8_t to[RSP_SIGINFO] = {0};

	memcpy(to, data, SI_HEAD);
	for (const struct field *f = fields_of(data); f->wide; f++)
		move(to + f->narrow_at, f->narrow, data + f->wide_at, f->wide);
	memcpy(data, to, sizeof(to));
}

void rsp_siginfo_widen(uint8_t data[RSP_SIGINFO])
{
	uint8_t to[RSP_SIGINFO] = {0};

	memcpy(to, data, SI_HEAD);
	for (const struct field *f = fields_of(data); f->wide; f++)
		move(to + f->wide_at, f->wide, data + f->narrow_at, f->narrow);
	memcpy(data, to, sizeof(to));
}
