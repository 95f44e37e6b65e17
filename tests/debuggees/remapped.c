/* SPDX-License-Identifier: BSD-2-Clause
 *
 * remapped FILE: code in a file of its own, which is mapped, called at each SIGUSR1, and at
 * each SIGUSR2 unmapped and mapped again from the file's next page, at the same address: what
 * a library that goes and another that comes look like.  The second page begins with a
 * breakpoint instruction of the program's own.
 */
#include <stdint.h>
#include <sys/mman.h>

#include "debuggee.h"

enum { PAGE = 4096 };

static const char *const pages[] = {
    "\x90\xb8\x01\x00\x00\x00\xc3", /* nop; mov $1, %eax; ret */
    "\xcc\xb8\x02\x00\x00\x00\xc3", /* int3; mov $2, %eax; ret */
};

static volatile uint64_t calls, result, traps, maps;
static volatile sig_atomic_t to_call, to_map;
static void *code;

static void on_order(int sig)
{
	if (sig == SIGUSR1)
		to_call = 1;
	else
		to_map = 1;
}

static void on_trap(int sig)
{
	(void)sig;
	traps++;
}

static void map(int fd, unsigned page)
{
	if (code)
		munmap(code, PAGE);
	code = mmap(code, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | (code ? MAP_FIXED : 0), fd,
	    (off_t)page * PAGE);
	if (code == MAP_FAILED)
		_exit(1);
}

static void call(void)
{
	int (*function)(void);

	*(void **)&function = code;
	result = (uint64_t)function();
	calls++;
}

int main(int argc, char **argv)
{
	int fd = argc > 1 ? open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0777) : -1;
	sigset_t orders, none;
	unsigned page = 0;

	debuggee_start();
	if (fd < 0 || ftruncate(fd, 2 * PAGE) != 0 || pwrite(fd, pages[0], 7, 0) != 7 ||
	    pwrite(fd, pages[1], 7, PAGE) != 7)
		return 1;
	map(fd, 0);
	signal(SIGUSR1, on_order);
	signal(SIGUSR2, on_order);
	signal(SIGTRAP, on_trap);
	sigemptyset(&none);
	sigemptyset(&orders);
	sigaddset(&orders, SIGUSR1);
	sigaddset(&orders, SIGUSR2);
	sigprocmask(SIG_BLOCK, &orders, NULL);
	debuggee_say("code", (unsigned long)code);
	debuggee_say("calls", (unsigned long)&calls);
	debuggee_say("result", (unsigned long)&result);
	debuggee_say("traps", (unsigned long)&traps);
	debuggee_say("maps", (unsigned long)&maps);
	debuggee_ready();
	for (;;) {
		sigsuspend(&none);
		if (to_map) {
			map(fd, ++page % 2);
			maps++;
		}
		if (to_call)
			call();
		to_map = to_call = 0;
	}
}
