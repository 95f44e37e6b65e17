/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Arrays whose length is only known when they are made, and data that each thread has of its
 * own: in the program and in a library.
 */
#include <errno.h>

#include "debuggee.h"

__thread int own = 7;
static __thread struct {
	int n;
	char text[8];
} mine = {3, "abc"};
static int table[8] = {1, 2, 3, 4, 5, 6, 7, 8};
static const char *volatile message = "hello\nworld";

static __attribute__((noinline)) int fill(int n, int m)
{
	int line[n];
	int area[n][m];
	volatile int local = n * 3;

	for (int i = 0; i < n; i++) {
		line[i] = i * i;
		for (int k = 0; k < m; k++)
			area[i][k] = i * 10 + k;
	}
	own++;
	mine.n++;
	errno = n;
	return line[n - 1] + area[n - 1][m - 1] + local;
}

static __attribute__((noinline)) int outer(int n)
{
	volatile int before = 100;
	int r = fill(n, 3);

	return r + before;
}

static void *thread(void *arg)
{
	own = 50;
	return (void *)(long)(outer(4) + (arg != NULL));
}

int main(void)
{
	pthread_t t;
	int r;

	debuggee_start();
	r = outer(5) + table[0] + message[0];
	pthread_create(&t, NULL, thread, NULL);
	pthread_join(t, NULL);
	printf("%d\n", r);
	return 0;
}
