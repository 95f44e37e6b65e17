/* SPDX-License-Identifier: BSD-2-Clause
 *
 * deeper [FRAMES]: comes to rests() again and again at the end of a recursion whose stack
 * is larger than what a stop brings along.
 */
#include "debuggee.h"

static volatile int sink;

static __attribute__((noinline)) void rests(void)
{
	sink = sink + 1;
}

static __attribute__((noinline)) int descends(int left, const volatile int *again)
{
	volatile char room[64];

	room[0] = (char)left;
	if (left > 1)
		return descends(left - 1, again) + room[0];
	while (*again)
		rests();
	return 0;
}

int main(int argc, char **argv)
{
	volatile int again = argc;

	debuggee_start();
	return descends(argc > 1 ? atoi(argv[1]) : 400, &again);
}
