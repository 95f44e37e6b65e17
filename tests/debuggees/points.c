/* SPDX-License-Identifier: BSD-2-Clause
 *
 * points [ROUNDS]: places for breakpoints: static functions, an inlined one, a line
 * without code, a function with a large frame; work(k) is called for k = 0 .. ROUNDS - 1.
 */
#include "debuggee.h"

int total;

static inline __attribute__((always_inline)) int twice(int k)
{
	int y = k * 2;

	return y + 1;
}

/* no code here */
static int large(int n)
{
	char buf[4000];

	for (int i = 0; i < n; i++)
		buf[i % 4000] = (char)i;
	return buf[n % 4000];
}

static int work(int k)
{
	int *nowhere = k < 0 ? &total : (int *)8;
	int got = twice(k);

	total += got + large(k) + (nowhere == &total);
	return got;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 20;

	debuggee_start();
	for (int k = 0; k < rounds; k++)
		work(k);
	total += twice(total);
	printf("total %d\n", total);
	return 0;
}
