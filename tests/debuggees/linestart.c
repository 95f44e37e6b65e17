/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Busy in a handler at the one instruction of a line, above a signal frame, above a frame
 * that was interrupted at the first instruction of one of its lines.
 */
#include "debuggee.h"

static __attribute__((noinline)) void busy(void)
{
	__asm__ volatile("1: jmp 1b");
}

static void handler(int signal)
{
	(void)signal;
	debuggee_ready();
	busy();
}

volatile int counter;

static __attribute__((noinline)) void interrupted(void)
{
	counter++;
	__asm__ volatile("ud2");
	counter++;
}

int main(void)
{
	debuggee_start();
	signal(SIGILL, handler);
	interrupted();
	return counter;
}
