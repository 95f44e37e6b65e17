/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Dies of calling through a null pointer; with an argument, of a wild one.
 */
#include <stdint.h>

#include "debuggee.h"

static void (*volatile target)(int);

static __attribute__((noinline)) int through_pointer(int n)
{
	target(n);
	return n + 1;
}

static __attribute__((noinline)) int before(int n)
{
	return through_pointer(n + 1) + 1;
}

int main(int argc, char **argv)
{
	(void)argv;
	debuggee_start();
	if (argc > 1)
		target = (void (*)(int))(uintptr_t)0x123456789000;
	return before(argc);
}
