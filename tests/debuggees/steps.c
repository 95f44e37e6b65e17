/* SPDX-License-Identifier: BSD-2-Clause
 *
 * To be stepped through: one function for each thing that a step meets.  Without an
 * argument all of plain(); with its name one of the others.
 */
#include <alloca.h>
#include <setjmp.h>

#include "debuggee.h"

struct pair {
	int a, b;
};

struct wide {
	double x, y;
	long n[4];
};

static volatile int sink;
static volatile sig_atomic_t signals;
static jmp_buf env;
static pthread_barrier_t barrier;

static __attribute__((noinline)) int add(int a, int b)
{
	int c = a + b;

	sink = c;
	return c;
}

static __attribute__((noinline)) int fact(int n)
{
	if (n <= 1)
		return 1;
	return n * fact(n - 1);
}

static __attribute__((noinline)) int fib(int n)
{
	return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static inline __attribute__((always_inline)) int twice(int x)
{
	int y = x + x;

	sink = y;
	return y;
}

static inline __attribute__((always_inline)) int four_times(int x)
{
	return twice(twice(x));
}

static __attribute__((noinline)) struct pair swapped(struct pair p)
{
	struct pair q = {p.b, p.a};

	return q;
}

static __attribute__((noinline)) struct wide widened(int n)
{
	struct wide w = {n, n + 0.5, {n, n, n, n}};

	return w;
}

static __attribute__((noinline)) double halved(int n)
{
	return n / 2.0;
}

static __attribute__((noinline)) const char *named(int n)
{
	return n ? "some" : "none";
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static __attribute__((noinline)) int choose(int n)
{
	switch (n) {
	case 0:
		return add(n, 1);
	case 1:
		n += 2;
		break;
	case 2:
		n -= 1;
		/* fall through */
	case 3:
		n *= 3;
		break;
	case 4:
		n = 7;
		break;
	case 5:
		return 5;
	default:
		n = 0;
	}
	return n;
}

static __attribute__((noinline)) int bottom(int n)
{
	sink = n;
	return n + 1;
}

/* A tail call, where the compiler makes such. */
static __attribute__((noinline)) int top(int n)
{
	sink = n + 1;
	return bottom(n);
}

static __attribute__((noinline)) int on_stack(int n)
{
	char *p = alloca((size_t)n);

	memset(p, n, (size_t)n);
	return p[n - 1];
}

static __attribute__((noinline)) int plain(void)
{
	int (*pointer)(int, int) = add;
	int v[] = {3, 1, 2}, r;
	struct pair p = {1, 2};
	struct wide w;

	r = add(1, 2);
	r += add(add(r, 1), add(2, 3));
	r += pointer(r, 3);
	for (int i = 0; i < 3; i++)
		r += i;
	/* clang-format off */
	for (int i = 0; i < 500; i++) r += i & 1;
	/* clang-format on */
	while (r > 100)
		r = r / 2;
	r = fact(4);
	r += fib(5);
	r = twice(r);
	r = four_times(r) + 1;
	p = swapped(p);
	w = widened(p.a);
	r += (int)w.x + (int)halved(r);
	qsort(v, 3, sizeof(v[0]), compare);
	for (int i = 0; i < 7; i++)
		r += choose(i);
	r += top(r) + on_stack(16);
	r += (int)strlen(named(r)) + v[0];
	printf("%d\n", r);
	return r;
}

/* ---- what leaves a frame in other ways ------------------------------------------ */

static __attribute__((noinline)) void jump(int n)
{
	if (n)
		jump(n - 1);
	else if (n <= 0)
		longjmp(env, 1);
}

static __attribute__((noinline)) int jumps(void)
{
	volatile int before = 1, after;

	if (setjmp(env) == 0)
		jump(3);
	after = before + 1;
	sink = after;
	return after;
}

static void on_signal(int sig)
{
	signals = signals + 1;
	sink = sig;
}

static int with_signals(void)
{
	signal(SIGUSR1, on_signal);
	signal(SIGALRM, on_signal);
	raise(SIGUSR1);
	ualarm(1000, 1000);
	while (signals < 20)
		sink = signals;
	ualarm(0, 0);
	sink = 3;
	return sink;
}

/* ---- threads ----------------------------------------------------------------------- */

static __attribute__((noinline)) int work(int n)
{
	int r = 0;

	for (int i = 0; i < n; i++)
		r += add(i, n);
	return r;
}

static void *thread(void *arg)
{
	int n = *(int *)arg;

	pthread_barrier_wait(&barrier);
	for (int i = 0; i < 2000; i++)
		sink = work(n);
	return NULL;
}

static void *leaver(void *arg)
{
	sink = 1;
	pthread_exit(arg);
}

static int with_threads(void)
{
	static int n[4] = {1, 2, 3, 4};
	pthread_t t[4], gone;
	int r;

	pthread_barrier_init(&barrier, NULL, 5);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, thread, &n[i]);
	pthread_barrier_wait(&barrier);
	r = work(1);
	r += work(2);
	r += work(3);
	pthread_create(&gone, NULL, leaver, NULL);
	pthread_join(gone, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	return r;
}

static int forever(void)
{
	for (;;)
		sink = sink + 1;
	return 0;
}

/* ---- which ---------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(void);
	} all[] = {
	    {"plain", plain},
	    {"jumps", jumps},
	    {"signals", with_signals},
	    {"threads", with_threads},
	    {"forever", forever},
	};
	const char *which = argc > 1 ? argv[1] : "plain";

	debuggee_start();
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(which, all[i].name) == 0)
			return all[i].run() & 63;
	return 64;
}
