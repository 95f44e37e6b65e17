/* SPDX-License-Identifier: BSD-2-Clause
 *
 * visits [THREADS [TIMES [ms]]]: each thread calls visit and leave that often, ms apart; then
 * all_done is called with the number of visits.  Without times it never ends.
 */
#include "debuggee.h"

static const char *const names[] = {"zero", "one\033[31m", "two"};
static int times, pause_ms, visited;

__attribute__((noinline)) void visit(int thread, int time, const char *name)
{
	__atomic_add_fetch(&visited, name != NULL && thread >= 0 && time >= 0, __ATOMIC_RELAXED);
}

__attribute__((noinline)) void leave(int time)
{
	__asm__ volatile("" ::"r"(time));
}

__attribute__((noinline)) void all_done(int calls)
{
	__asm__ volatile("" ::"r"(calls));
}

static void *go(void *arg)
{
	int thread = (int)(long)arg;

	for (int i = 0; !times || i < times; i++) {
		visit(thread, i, names[i % 3]);
		leave(i);
		if (pause_ms)
			usleep((unsigned)pause_ms * 1000);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int threads = argc > 1 ? atoi(argv[1]) : 1;
	pthread_t t[16];

	times = argc > 2 ? atoi(argv[2]) : 0;
	pause_ms = argc > 3 ? atoi(argv[3]) : 0;
	threads = threads > 16 ? 16 : threads;
	debuggee_start();
	debuggee_ready();
	for (long i = 0; i < threads; i++)
		pthread_create(&t[i], NULL, go, (void *)i);
	for (int i = 0; i < threads; i++)
		pthread_join(t[i], NULL);
	all_done(visited);
	return 0;
}
