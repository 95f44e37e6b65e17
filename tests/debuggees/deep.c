/* SPDX-License-Identifier: BSD-2-Clause
 *
 * deep [FRAMES]: a recursion of 10,000 frames, much deeper than a stack window.
 */
#include "debuggee.h"

static __attribute__((noinline)) int recurse(int left)
{
	volatile char room[64];

	room[0] = (char)left;
	if (left <= 1) {
		debuggee_ready();
		debuggee_sleep();
		return 0;
	}
	return recurse(left - 1) + room[0];
}

int main(int argc, char **argv)
{
	debuggee_start();
	return recurse(argc > 1 ? atoi(argv[1]) : 10000);
}
