/* SPDX-License-Identifier: BSD-2-Clause
 *
 * counter FILE [THREADS]: each thread counts, 1000 times a second, in a file
 * that is mapped: whoever reads it sees which threads run.
 */
#include <stdint.h>
#include <sys/mman.h>

#include "debuggee.h"

static volatile uint64_t *counts;

static void *count(void *arg)
{
	for (long i = (long)arg;;) {
		counts[i]++;
		usleep(1000);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int threads = argc > 2 ? atoi(argv[2]) : 4;
	size_t size = sizeof(uint64_t) * (size_t)threads;
	int fd = argc > 1 ? open(argv[1], O_RDWR | O_CREAT, 0666) : -1;

	debuggee_start();
	if (fd < 0 || ftruncate(fd, (off_t)size) != 0)
		return 1;
	counts = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	for (long i = 1; i < threads; i++) {
		pthread_t t;

		pthread_create(&t, NULL, count, (void *)i);
	}
	debuggee_ready();
	count(NULL);
	return 0;
}
