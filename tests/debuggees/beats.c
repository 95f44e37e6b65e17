/* SPDX-License-Identifier: BSD-2-Clause
 *
 * beats MICROSECONDS [THREADS]: each thread calls beat() again and again, so far apart,
 * and counts its calls.  What it calls has an instruction of each kind of passing.
 */
#include <stdint.h>

#include "debuggee.h"

static volatile uint64_t counts[1024];
static useconds_t apart;

extern char at_jump[], at_alone[];

__attribute__((noinline)) void beat(long i)
{
	counts[i]++;
	__asm__ volatile(".globl at_jump, at_alone\n"
			 "at_jump:\n"
			 "	jmp 1f\n"
			 "	ud2\n"
			 "1:\n"
			 "at_alone:\n"
			 "	nop\n");
}

static void *work(void *arg)
{
	for (;;) {
		usleep(apart);
		beat((long)arg);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int threads = argc > 2 ? atoi(argv[2]) : 1;

	apart = argc > 1 ? (useconds_t)atoi(argv[1]) : 10000;
	debuggee_start();
	for (long i = 1; i < threads; i++) {
		pthread_t t;

		pthread_create(&t, NULL, work, (void *)i);
	}
	debuggee_say("beat", (unsigned long)beat);
	debuggee_say("jump", (unsigned long)at_jump);
	debuggee_say("alone", (unsigned long)at_alone);
	debuggee_say("counts", (unsigned long)counts);
	debuggee_ready();
	work(NULL);
	return 0;
}
