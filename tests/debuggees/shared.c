/* SPDX-License-Identifier: BSD-2-Clause
 *
 * shared FILE: code in a file of its own, mapped so that what is written there is written
 * to the file; called at each SIGUSR1.
 */
#include <stdint.h>
#include <sys/mman.h>

#include "debuggee.h"

enum { PAGE = 4096 };

static const char text[] = "\x90\xb8\x01\x00\x00\x00\xc3"; /* nop; mov $1, %eax; ret */
static volatile uint64_t calls;
static void *code;

static void on_order(int sig)
{
	int (*function)(void);

	(void)sig;
	*(void **)&function = code;
	calls += (uint64_t)function();
}

int main(int argc, char **argv)
{
	int fd = argc > 1 ? open(argv[1], O_RDWR) : -1;

	debuggee_start();
	if (fd < 0 || ftruncate(fd, PAGE) != 0)
		return 1;
	code = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED, fd, 0);
	if (code == MAP_FAILED)
		return 1;
	memcpy(code, text, sizeof(text));
	signal(SIGUSR1, on_order);
	debuggee_say("code", (unsigned long)code);
	debuggee_say("calls", (unsigned long)&calls);
	debuggee_ready();
	debuggee_sleep();
}
