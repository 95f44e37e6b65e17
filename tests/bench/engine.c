/* SPDX-License-Identifier: BSD-2-Clause
 *
 * engine TRANSPORT attach PID               microseconds until all threads stand, in a
 *                                           session that has listed processes before
 * engine TRANSPORT bt PID                   attach and all backtraces
 * engine TRANSPORT snapshot PID             microseconds the target stood still
 * engine TRANSPORT bulk PID ADDR BYTES      microseconds for so much memory
 * engine TRANSPORT small PID ADDR COUNT     of each of COUNT 8-byte reads
 * engine TRANSPORT hold PID                 attach, print "ready", wait for stdin's end
 * engine TRANSPORT pass PID WHERE CONDITION a breakpoint there with a condition that is false:
 *                                           "ready" when it runs, wait for stdin's end
 * engine TRANSPORT stops PID WHERE COUNT    microseconds from going on to the next stop there
 * engine TRANSPORT lines PID WHERE COUNT    microseconds to step over the line there
 * engine TRANSPORT watch PID WHAT COUNT     microseconds from going on to its next change
 * engine TRANSPORT steps PID ADDR COUNT SIZE microseconds of each walk through the SIZE bytes of
 *                                           code at ADDR, as one request to step through them
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
	const char *where;
	uint64_t addr;
	size_t n;
	uint64_t size;
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

/* ---- run control ---------------------------------------------------------------- */

static struct he_engine *engine;

static void stop_at(
    const struct work *w, enum he_break_kind kind, const char *condition, struct he_target **t)
{
	struct he_break q = {.kind = kind, .where = w->where, .condition = condition};
	unsigned number;

	check(he_attach(w->server, w->pid, 0, HE_STOP, t));
	check(he_break(engine, *t, &q, &number));
}

static void to_next_stop(void)
{
	struct he_event e;

	do
		check(he_wait(engine, 60000, &e));
	while (e.kind != HE_E_STOPPED && e.kind != HE_E_NONE && e.kind != HE_E_LINK_LOST);
	if (e.kind != HE_E_STOPPED)
		exit(1);
}

static void pass(const struct work *w, const char *condition)
{
	struct he_target *t;
	char byte;

	stop_at(w, HE_BREAK_SOFT, condition, &t);
	check(he_continue(t, 0));
	puts("ready");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	check(he_detach(t));
}

static void each_stop(const struct work *w, struct he_target *t)
{
	for (size_t i = 0; i < w->n; i++) {
		double began = now();

		check(he_continue(t, 0));
		to_next_stop();
		printf("%.2f\n", now() - began);
	}
	check(he_detach(t));
}

static void stops(const struct work *w)
{
	struct he_target *t;

	stop_at(w, HE_BREAK_SOFT, NULL, &t);
	each_stop(w, t);
}

static void watch(const struct work *w)
{
	struct he_target *t;

	stop_at(w, HE_BREAK_WATCH, NULL, &t);
	each_stop(w, t);
}

static void lines(const struct work *w)
{
	struct he_target_info info;
	struct he_target *t;

	stop_at(w, HE_BREAK_SOFT, NULL, &t);
	he_target_info(t, &info);
	for (size_t i = 0; i < w->n; i++) {
		double began;

		check(he_continue(t, 0));
		to_next_stop();
		began = now();
		check(he_step(t, info.pid, HE_STEP_OVER, 1));
		to_next_stop();
		printf("%.2f\n", now() - began);
	}
	check(he_detach(t));
}

static void raw_go(struct he_target *t, const struct he_go *how)
{
	check(he_go(t, how, 1, false));
	to_next_stop();
}

/* As a debugger asks for it through the bridge: nothing but steps, all of them on the box. */
static void steps(const struct work *w)
{
	const struct he_patch here = {.kind = HE_PATCH_SOFT, .addr = w->addr};
	const struct he_go on = {.action = HE_GO_CONT, .signal = -1};
	struct he_go walk = {
	    .action = HE_GO_RANGE, .signal = -1, .lo = w->addr, .hi = w->addr + w->size};
	struct he_target_info info;
	struct he_target *t;

	check(he_attach(w->server, w->pid, 0, HE_STOP, &t));
	he_target_info(t, &info);
	walk.tid = info.pid;
	for (size_t i = 0; i < w->n; i++) {
		uint32_t id;
		double began;

		check(he_patch(t, &here, &id));
		raw_go(t, &on);
		he_unpatch(t, id);
		check(he_patch_sync(t));
		began = now();
		raw_go(t, &walk);
		printf("%.2f\n", now() - began);
	}
	check(he_detach(t));
}

static const struct {
	const char *name;
	void (*run)(const struct work *);
} works[] = {{"attach", attach}, {"bt", bt}, {"snapshot", snapshot}, {"bulk", bulk},
    {"small", small}, {"hold", hold}, {"stops", stops}, {"lines", lines}, {"watch", watch},
    {"steps", steps}};

int main(int argc, char **argv)
{
	struct he_config config = {0};
	struct work w = {0};

	if (argc < 4)
		return 2;
	w.pid = (uint32_t)atoi(argv[3]);
	w.where = argc > 4 ? argv[4] : "";
	w.addr = argc > 4 ? strtoull(argv[4], NULL, 0) : 0;
	w.n = argc > 5 ? strtoull(argv[5], NULL, 0) : 0;
	w.size = argc > 6 ? strtoull(argv[6], NULL, 0) : 0;
	config.raw = strcmp(argv[2], "steps") == 0;
	check(he_new(&config, &engine));
	check(he_connect(engine, argv[1], &w.server));
	if (strcmp(argv[2], "pass") == 0 && argc > 5)
		pass(&w, argv[5]);
	for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++)
		if (strcmp(works[i].name, argv[2]) == 0)
			works[i].run(&w);
	he_free(engine);
	return 0;
}
