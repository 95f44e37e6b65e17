/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mapped FILE PAGES: maps a file as code and does not look at it.
 */
#include <sys/mman.h>

#include "debuggee.h"

int main(int argc, char **argv)
{
	int fd = argc > 2 ? open(argv[1], O_RDONLY) : -1;
	void *code;

	debuggee_start();
	if (fd < 0)
		return 1;
	code = mmap(NULL, (size_t)atoi(argv[2]) * 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	if (code == MAP_FAILED)
		return 1;
	debuggee_say("code", (unsigned long)code);
	debuggee_ready();
	debuggee_sleep();
}
