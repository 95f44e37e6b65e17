/* SPDX-License-Identifier: BSD-2-Clause
 *
 * spin: calls hit() as fast as it can and counts the calls; now and then burn(), which is
 * one line that takes long.
 */
#include "debuggee.h"

enum { ROUND = 2000, BURN = 2000 };

static volatile unsigned long count, total;

__attribute__((noinline)) static void hit(unsigned long n)
{
	count = n;
}

__attribute__((noinline)) static void burn(void)
{
	/* clang-format off */
	for (unsigned i = 0; i < BURN; i++) total += i;
	/* clang-format on */
}

int main(void)
{
	debuggee_start();
	debuggee_say("count", (unsigned long)&count);
	debuggee_say("hit", (unsigned long)hit);
	debuggee_say("burn", (unsigned long)burn);
	debuggee_ready();
	for (unsigned long n = 1;; n++) {
		hit(n);
		if (n % ROUND == 0)
			burn();
	}
}
