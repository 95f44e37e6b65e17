/* SPDX-License-Identifier: BSD-2-Clause
 *
 * owns LIBRARY: thread-local data of a library that it is linked with, and of one that it loads;
 * a second thread uses them, a third does not.
 */
#include <dlfcn.h>

#include "debuggee.h"

int linked_counts(int n);

static int (*loaded_counts)(int n);

static __attribute__((noinline)) void rests(int n)
{
	__asm__ volatile("" : : "r"(n) : "memory");
}

static void *thread(void *arg)
{
	int n = (int)(long)arg;

	if (n) {
		linked_counts(n);
		loaded_counts(n * 10);
	}
	rests(n);
	return NULL;
}

int main(int argc, char **argv)
{
	void *library = argc > 1 ? dlopen(argv[1], RTLD_NOW) : NULL;

	debuggee_start();
	if (!library) {
		fprintf(stderr, "%s\n", argc > 1 ? dlerror() : "usage: owns LIBRARY");
		return 1;
	}
	*(void **)&loaded_counts = dlsym(library, "loaded_counts");
	linked_counts(1);
	loaded_counts(2);
	rests(-1);
	for (long n = 5; n >= 0; n -= 5) {
		pthread_t t;

		pthread_create(&t, NULL, thread, (void *)n);
		pthread_join(t, NULL);
	}
	return 0;
}
