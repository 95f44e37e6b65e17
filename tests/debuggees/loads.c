/* SPDX-License-Identifier: BSD-2-Clause
 *
 * loads LIBRARY: one thread comes by work(), another by beside(), again and again, each
 * counting; the first loads the library and unloads it for every line it is sent, and says
 * "loaded".
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>

#include "debuggee.h"

static struct {
	volatile uint64_t n;
	uint64_t pad[7];
} tallies[2];

__attribute__((noinline)) void work(uint64_t n)
{
	tallies[0].n = n;
}

__attribute__((noinline)) void beside(uint64_t n)
{
	tallies[1].n = n;
}

static void *comes_by(void *arg)
{
	void (*by)(uint64_t) = arg ? beside : work;

	for (uint64_t n = 1;; n++) {
		by(n);
		usleep(200);
	}
	return NULL;
}

static int line(void)
{
	ssize_t got;
	char c = 0;

	do
		got = read(0, &c, 1);
	while ((got == 1 && c != '\n') || (got < 0 && errno == EINTR));
	return got == 1;
}

int main(int argc, char **argv)
{
	pthread_t made;

	debuggee_start();
	fcntl(0, F_SETFL, fcntl(0, F_GETFL) & ~O_ASYNC);
	for (long i = 0; i < 2; i++)
		pthread_create(&made, NULL, comes_by, (void *)i);
	debuggee_say("tallies", (uintptr_t)tallies);
	debuggee_ready();
	while (argc > 1 && line()) {
		void *library = dlopen(argv[1], RTLD_NOW);

		if (library)
			dlclose(library);
		(void)!write(1, library ? "loaded\n" : "failed\n", 7);
	}
	return 0;
}
