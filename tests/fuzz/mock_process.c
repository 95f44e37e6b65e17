/* SPDX-License-Identifier: BSD-2-Clause */
#include "mock_process.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/wire.h"
#include "fuzz.h"
#include "mock_kernel.h"

struct order {
	uint64_t call, addr, len;
};

const struct mock_place mock_places[] = {
    {MOCK_TEXT + 0x100, {WIRE_INSN_PLAIN, 1, 0, {0x90}}},
    {MOCK_TEXT + 0x110, {WIRE_INSN_PLAIN, 3, 0, {0x48, 0x89, 0xe5}}},
    {MOCK_TEXT + 0x120, {WIRE_INSN_JUMP, 2, 0, {0xeb, 0x0e}}},
    {MOCK_TEXT + 0x130, {WIRE_INSN_CALL, 5, 0, {0xe8, 0xcb, 0xff, 0xff, 0xff}}},
    {MOCK_TEXT + 0x140, {WIRE_INSN_LEAVES, 1, 0, {0xc3}}},
    {MOCK_TEXT + 0x150, {WIRE_INSN_OTHER, 2, 0, {0x0f, 0x05}}},
    {MOCK_TEXT + 0x160, {WIRE_INSN_RELATIVE, 7, 3, {0x48, 0x8b, 0x05, 0, 1, 0, 0}}},
    {MOCK_TEXT + 0x170, {WIRE_INSN_JUMP, 2, 0, {0x74, 0x0e}}},
};
const unsigned mock_nplaces = sizeof(mock_places) / sizeof(mock_places[0]);

static void *wait_for_ever(void *arg)
{
	int *told = arg;
	pid_t tid = gettid();

	if (write(*told, &tid, sizeof(tid)) != (ssize_t)sizeof(tid))
		_exit(1);
	for (;;)
		pause();
}

static void make_memory(void)
{
	uint8_t *p = mmap((void *)MOCK_TEXT, 2 * (size_t)MOCK_PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (p != (void *)MOCK_TEXT)
		_exit(1);
	memset(p, 0x90, MOCK_PAGE);
	for (unsigned i = 0; i < mock_nplaces; i++)
		memcpy(p + (mock_places[i].addr - MOCK_TEXT), mock_places[i].insn.bytes,
		    mock_places[i].insn.len);
	if (mprotect(p, MOCK_PAGE, PROT_READ | PROT_EXEC) != 0)
		_exit(1);
}

/* What a thread that is made to call mmap(2) would do. */
static _Noreturn void take_orders(int ask, int answer)
{
	struct order o;
	long result;

	while (read(ask, &o, sizeof(o)) == (ssize_t)sizeof(o)) {
		if (o.call == SYS_mmap)
			result = (long)mmap((void *)o.addr, o.len, PROT_READ | PROT_EXEC,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
		else
			result = munmap((void *)o.addr, o.len);
		if (write(answer, &result, sizeof(result)) != (ssize_t)sizeof(result))
			break;
	}
	_exit(0);
}

static _Noreturn void live(int ask, int answer, unsigned threads)
{
	pthread_t t;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	make_memory();
	for (unsigned i = 1; i < threads; i++)
		if (pthread_create(&t, NULL, wait_for_ever, &answer) != 0)
			_exit(1);
	take_orders(ask, answer);
}

void mock_process_make(struct mock_process *p, pid_t *tids, unsigned threads)
{
	int ask[2], answer[2];
	char name[32];

	if (pipe2(ask, O_CLOEXEC) != 0 || pipe2(answer, O_CLOEXEC) != 0)
		abort();
	p->pid = fork();
	if (p->pid < 0)
		abort();
	if (p->pid == 0)
		live(ask[0], answer[1], threads);
	p->ask = ask[1];
	p->answer = answer[0];
	tids[0] = p->pid;
	for (unsigned i = 1; i < threads; i++)
		if (read(p->answer, &tids[i], sizeof(tids[i])) != (ssize_t)sizeof(tids[i]))
			abort();
	snprintf(name, sizeof(name), "/proc/%d/mem", (int)p->pid);
	p->mem = open(name, O_RDWR | O_CLOEXEC);
}

long mock_process_order(struct mock_process *p, uint64_t call, uint64_t addr, uint64_t len)
{
	struct order o = {call, addr, len};
	long result;

	if (write(p->ask, &o, sizeof(o)) != (ssize_t)sizeof(o) ||
	    read(p->answer, &result, sizeof(result)) != (ssize_t)sizeof(result))
		abort();
	return result;
}
