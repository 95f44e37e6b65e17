/* SPDX-License-Identifier: BSD-2-Clause
 *
 * changes: a thread that waits for a register to change and shows what it was changed
 * to, a function whose text can be written, and memory before a hole.
 */
#include "debuggee.h"
#include <stdint.h>
#include <sys/mman.h>

enum { PAGE = 4096 };

#ifdef __x86_64__
#define BX "rbx"
#define WAIT_FOR_BX "xorl %%ebx, %%ebx\n1:\tpause\n\ttestq %%rbx, %%rbx\n\tjz 1b\n\tmovq %%rbx, %0"
#else
#define BX "ebx"
#define WAIT_FOR_BX "xorl %%ebx, %%ebx\n1:\tpause\n\ttestl %%ebx, %%ebx\n\tjz 1b\n\tmovl %%ebx, %0"
#endif

static volatile unsigned long waiter; /* its tid */
static volatile uint64_t seen, answer, turns;
static volatile uint64_t words[8] = {1, 2, 3, 4, 5, 6, 7, 8};

/* mov $1, %eax; ret: the 1 stands at its second byte. */
__attribute__((naked)) uint32_t text(void)
{
	__asm__("movl $1, %eax\n\tret");
}

static void *waits(void *arg)
{
	waiter = (unsigned long)syscall(SYS_gettid);
	for (;;) {
		unsigned long changed = 0;

		__asm__ volatile(WAIT_FOR_BX : "=r"(changed) : : BX, "cc");
		seen = changed;
	}
	return arg;
}

static void *calls(void *arg)
{
	for (;;) {
		answer = text();
		turns++;
		usleep(1000);
	}
	return arg;
}

int main(void)
{
	char *hole =
	    mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t t;

	debuggee_start();
	munmap(hole + PAGE, PAGE);
	debuggee_say("seen", (unsigned long)&seen);
	debuggee_say("answer", (unsigned long)&answer);
	debuggee_say("turns", (unsigned long)&turns);
	debuggee_say("words", (unsigned long)words);
	debuggee_say("text", (unsigned long)text);
	debuggee_say("hole", (unsigned long)hole + PAGE);
	pthread_create(&t, NULL, calls, NULL);
	pthread_create(&t, NULL, waits, NULL);
	while (!waiter)
		usleep(1000);
	debuggee_say("waiter", waiter);
	debuggee_ready();
	debuggee_sleep();
}
