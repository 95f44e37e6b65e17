/* SPDX-License-Identifier: BSD-2-Clause
 *
 * crowded FILE TIMES: maps the file so often, at most as the kernel lets it, and makes threads
 * as fast as it can, whose names have newlines.
 */
#include <sys/mman.h>

#include "debuggee.h"

enum { PAGE = 4096, MAKERS = 4 };

static void *one(void *arg)
{
	prctl(PR_SET_NAME, "a\nb) R 1 \x1b[31m");
	return arg;
}

static void *make(void *arg)
{
	for (;;) {
		pthread_t t;

		if (pthread_create(&t, NULL, one, NULL) == 0)
			pthread_join(t, NULL);
	}
	return arg;
}

int main(int argc, char **argv)
{
	int fd = argc > 1 ? open(argv[1], O_RDONLY) : -1;
	unsigned long maps = 0, most = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	pthread_t t;

	debuggee_start();
	for (int i = 0; i < MAKERS; i++)
		pthread_create(&t, NULL, make, NULL);
	/* Two that are alike would be one. */
	while (fd >= 0 && maps < most &&
	       mmap(NULL, PAGE, maps % 2 ? PROT_READ : PROT_NONE, MAP_PRIVATE, fd, 0) != MAP_FAILED)
		maps++;
	debuggee_say("maps", maps);
	debuggee_ready();
	debuggee_sleep();
}
