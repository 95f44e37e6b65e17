/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sleepers [THREADS [DEPTH]]: so many threads (the main one included) asleep so
 * many frames (of descend) deep.  Default 5 and 12.
 */
#include "debuggee.h"

static atomic_int arrived;
static int threads = 5, depth = 12;

static __attribute__((noinline)) int arrive(int is_main)
{
	atomic_fetch_add(&arrived, 1);
	if (is_main) {
		while (atomic_load(&arrived) < threads)
			usleep(1000);
		debuggee_ready();
	}
	debuggee_sleep();
	return 0;
}

/* The volatile keeps a frame a frame: no tail call, no loop made of it. */
static __attribute__((noinline)) int descend(int left, int is_main)
{
	volatile int below;

	if (left <= 1)
		below = arrive(is_main);
	else
		below = descend(left - 1, is_main);
	return below + 1;
}

static void *sleeper(void *arg)
{
	char name[16];

	snprintf(name, sizeof(name), "sleeper-%d", (int)(long)arg);
	prctl(PR_SET_NAME, name);
	descend(depth, 0);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_attr_t small;

	debuggee_start();
	if (argc > 1)
		threads = atoi(argv[1]);
	if (argc > 2)
		depth = atoi(argv[2]);
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 64 * 1024);
	for (long i = 1; i < threads; i++) {
		pthread_t t;

		if (pthread_create(&t, &small, sleeper, (void *)i) != 0)
			return 1;
	}
	return descend(depth, 1);
}
