/* SPDX-License-Identifier: BSD-2-Clause
 *
 * engine TRANSPORT attach PID               microseconds until all threads stand, in a
 *                                           session that has listed processes before
 * engine TRANSPORT bt PID                   attach and all backtraces
 * engine TRANSPORT snapshot PID             microseconds the target stood still
 * engine TRANSPORT bulk PID ADDR BYTES      microseconds for so much memory
 * engine TRANSPORT small PID ADDR COUNT     of each of COUNT 8-byte reads
 * engine TRANSPORT hold PID                 attach, print "ready", wait for stdin's end
 *
 * What libhosteng takes, without the start of a program around it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "host/hosteng.h"

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void check(struct he_error *e)
{
	if (e) {
		fprintf(stderr, "engine: %s\n", e->message);
		exit(1);
	}
}

struct work {
	struct he_server *server;
	uint32_t pid;
	uint64_t addr;
	size_t n;
};

static void attach(const struct work *w)
{
	struct he_processes *list;
	struct he_target *t;
	double began;

	check(he_ps(w->server, "no such program", &list));
	he_processes_free(list);
	began = now();
	check(he_attach(w->server, w->pid, 0, HE_STOP, &t));
	printf("%.1f\n", now() - began);
	check(he_detach(t));
}

static void bt(const struct work *w)
{
	double began = now();
	struct he_threads *threads;
	struct he_target *t;

	check(he_attach(w->server, w->pid, 0, HE_STOP, &t));
	check(he_threads(t, &threads));
	check(he_prefetch_stacks(t));
	for (size_t i = 0; i < threads->n; i++) {
		struct he_stack *s;

		check(he_backtrace(t, threads->v[i].tid, 0, &s));
		he_stack_free(s);
	}
	printf("%.1f\n", now() - began);
	he_threads_free(threads);
	check(he_detach(t));
}

static void snapshot(const struct work *w)
{
	struct he_target_info info;
	struct he_target *t;

	check(he_snapshot(w->server, w->pid, 0, 0, 0, &t));
	he_target_info(t, &info);
	printf("%.1f\n", (double)info.stopped_ns / 1e3);
	check(he_detach(t));
}

static void bulk(const struct work *w)
{
	void *to = malloc(w->n);
	struct he_target *t;
	double began;
	size_t got;

	check(he_attach(w->server, w->pid, 0, HE_LOOK, &t));
	memset(to, 1, w->n);
	began = now();
	check(he_read(t, w->addr, to, w->n, &got));
	if (got != w->n)
		exit(1);
	printf("%.1f\n", now() - began);
	free(to);
	check(he_detach(t));
}

/* Each address once, far apart: no cache can help. */
static void small(const struct work *w)
{
	struct he_target *t;
	uint64_t value;
	size_t got;

	check(he_attach(w->server, w->pid, 0, HE_LOOK, &t));
	for (size_t i = 0; i < w->n; i++) {
		double began = now();

		check(he_read(t, w->addr + i * 8192, &value, sizeof(value), &got));
		printf("%.2f\n", now() - began);
	}
	check(he_detach(t));
}

static void hold(const struct work *w)
{
	struct he_target *t;
	char byte;

	check(he_attach(w->server, w->pid, 0, HE_STOP, &t));
	puts("ready");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	check(he_detach(t));
}

static const struct {
	const char *name;
	void (*run)(const struct work *);
} works[] = {{"attach", attach}, {"bt", bt}, {"snapshot", snapshot}, {"bulk", bulk},
    {"small", small}, {"hold", hold}};

int main(int argc, char **argv)
{
	struct he_config config = {0};
	struct he_engine *e;
	struct work w = {0};

	if (argc < 4)
		return 2;
	w.pid = (uint32_t)atoi(argv[3]);
	w.addr = argc > 4 ? strtoull(argv[4], NULL, 0) : 0;
	w.n = argc > 5 ? strtoull(argv[5], NULL, 0) : 0;
	check(he_new(&config, &e));
	check(he_connect(e, argv[1], &w.server));
	for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++)
		if (strcmp(works[i].name, argv[2]) == 0)
			works[i].run(&w);
	he_free(e);
	return 0;
}
