/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Asleep below a frame whose return address was overwritten: the stack ends
 * badly, and a debugger should say so.
 */
#include <stdint.h>

#include "debuggee.h"

static __attribute__((noinline)) void asleep(void)
{
	debuggee_ready();
	debuggee_sleep();
}

/* Everything from this frame's own words up to its return address, and the
 * caller's, is garbage. */
static __attribute__((noinline)) void victim(void)
{
	void **frame = __builtin_frame_address(0);

	frame[0] = (void *)(uintptr_t)0x4141414141414141;
	frame[1] = (void *)(uintptr_t)0x4242424242424242;
	asleep();
}

int main(void)
{
	debuggee_start();
	victim();
	return 0;
}
