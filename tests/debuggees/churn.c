/* SPDX-License-Identifier: BSD-2-Clause
 *
 * churn [ALIVE]: threads are born and end all the time, about so many at once.
 */
#include "debuggee.h"

static void *short_life(void *arg)
{
	usleep((unsigned)(long)arg);
	return NULL;
}

int main(int argc, char **argv)
{
	long alive = argc > 1 ? atoi(argv[1]) : 20;
	pthread_attr_t small;

	debuggee_start();
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 64 * 1024);
	pthread_attr_setdetachstate(&small, PTHREAD_CREATE_DETACHED);
	debuggee_ready();
	for (;;) {
		pthread_t t;

		pthread_create(&t, &small, short_life, (void *)(alive * 500));
		usleep(500);
	}
}
