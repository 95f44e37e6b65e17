/* SPDX-License-Identifier: BSD-2-Clause
 *
 * departs THREADS: they all meet, and then each ends the process.
 */
#include <stdlib.h>

#include "debuggee.h"

static pthread_barrier_t meeting;

__attribute__((noinline)) void depart(void)
{
	_exit(0);
}

static void *comes(void *arg)
{
	pthread_barrier_wait(&meeting);
	depart();
	return arg;
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 1;
	pthread_t made;

	pthread_barrier_init(&meeting, NULL, (unsigned)n + 1);
	for (int i = 0; i < n; i++)
		pthread_create(&made, NULL, comes, NULL);
	comes(NULL);
}
