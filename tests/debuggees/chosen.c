/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Calls functions that are chosen when the program is loaded or when they are first called
 * (STT_GNU_IFUNC): one of its own, and glibc's.
 */
#include "debuggee.h"

static char text[100];

static __attribute__((noinline)) int slow(int x)
{
	return x + 1;
}

static __attribute__((noinline)) int fast(int x)
{
	return x + 2;
}

static int (*pick(void))(int)
{
	return getenv("SLOW") ? slow : fast;
}

int increased(int x) __attribute__((ifunc("pick")));

int main(int argc, char **argv)
{
	volatile size_t n;
	int r;

	debuggee_start();
	n = strlen(argv[0]);
	memcpy(text, argv[0], n < sizeof(text) ? n : 1);
	r = increased(argc);
	r += increased(r);
	printf("%d\n", r);
	return r & 63;
}
