/* SPDX-License-Identifier: BSD-2-Clause
 *
 * memory [MIB]: a block of noise of so many MiB (default 1), a hole (two pages
 * that can be read around one that is not mapped), a page that is mapped and may
 * not be read, and zeros.
 */
#include <stdint.h>
#include <sys/mman.h>

#include "debuggee.h"

static char *map(size_t size, int prot)
{
	char *p = mmap(NULL, size, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		exit(1);
	return p;
}

int main(int argc, char **argv)
{
	size_t size = (size_t)(argc > 1 ? atoi(argv[1]) : 1) << 20;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint64_t x = 0x9e3779b97f4a7c15u, *noise = (uint64_t *)map(size, PROT_READ | PROT_WRITE);
	char *hole = map(3 * page, PROT_READ | PROT_WRITE);

	debuggee_start();
	for (size_t i = 0; i < size / 8; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		noise[i] = x;
	}
	memset(hole, 'h', 3 * page);
	munmap(hole + page, page);
	debuggee_say("noise", (unsigned long)noise);
	debuggee_say("size", size);
	debuggee_say("hole", (unsigned long)hole);
	debuggee_say("page", page);
	debuggee_say("forbidden", (unsigned long)map(page, PROT_NONE));
	debuggee_say("zeros", (unsigned long)map(16 * page, PROT_READ | PROT_WRITE));
	debuggee_ready();
	debuggee_sleep();
}
