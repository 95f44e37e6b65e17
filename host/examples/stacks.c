/* SPDX-License-Identifier: BSD-2-Clause
 *
 * stacks PID [TRANSPORT]: what every thread of a process is doing, from one snapshot:
 * the process stands still for milliseconds.  Without TRANSPORT (as hdb -premote has
 * it) the process is one of this machine.
 *
 *	cc -o stacks stacks.c $(pkg-config --cflags --libs hosteng)
 */
#include <hosteng.h>
#include <stdlib.h>

/* What a target is called, and what its symbols are, may be made to harm a terminal. */
static void put(const char *text)
{
	for (; *text; text++)
		putchar(*text >= ' ' && *text <= '~' ? *text : '?');
}

static int failed(struct he_error *e)
{
	fprintf(stderr, "stacks: %s\n", e->message);
	he_error_free(e);
	return 1;
}

static void put_frame(size_t number, const struct he_frame *f)
{
	printf("  #%zu 0x%llx ", number, (unsigned long long)f->pc);
	put(f->function ? f->function : "??");
	if (f->file) {
		printf(" at ");
		put(f->file);
		printf(":%u", f->line);
	}
	putchar('\n');
}

static int put_thread(struct he_target *t, const struct he_thread *thread)
{
	struct he_stack *s;
	struct he_error *e = he_backtrace(t, thread->tid, 0, &s);

	if (e)
		return failed(e);
	printf("thread %llu ", (unsigned long long)thread->tid);
	put(thread->name);
	putchar('\n');
	for (size_t i = 0; i < s->n; i++)
		put_frame(i, &s->v[i]);
	if (s->end != HE_END_OUTERMOST)
		printf("  (%s)\n", s->end_text);
	he_stack_free(s);
	return 0;
}

static int put_threads(struct he_target *t)
{
	struct he_threads *threads;
	struct he_error *e = he_threads(t, &threads);
	int ret = 0;

	if (e)
		return failed(e);
	for (size_t i = 0; i < threads->n; i++)
		ret |= put_thread(t, &threads->v[i]);
	he_threads_free(threads);
	return ret;
}

int main(int argc, char **argv)
{
	const struct he_config config = {0}; /* nobody is asked, nothing is drawn */
	struct he_engine *engine;
	struct he_server *server;
	struct he_target *target;
	struct he_error *e;
	int ret;

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: stacks PID [TRANSPORT]\n");
		return 2;
	}
	e = he_new(&config, &engine);
	if (e)
		return failed(e);
	e = he_connect(engine, argv[2], &server);
	if (!e)
		e = he_snapshot(server, (uint32_t)strtoul(argv[1], NULL, 10), 0, 0, 0, &target);
	ret = e ? failed(e) : put_threads(target);
	he_free(engine); /* with all that hangs on it */
	return ret;
}
