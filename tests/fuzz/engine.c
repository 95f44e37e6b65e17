/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A lying agent against the whole host engine: what it says is the input, to the
 * questions of a usual session.  Corpus: real sessions (record.sh).
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "host/hosteng.h"

enum { STACKS_MAX = 64 };

static void look_at(struct he_target *t)
{
	struct he_threads *threads;
	struct he_error *e = he_threads(t, &threads);
	struct he_modules *modules;

	if (!e) {
		he_error_free(he_prefetch_stacks(t));
		for (size_t i = 0; i < threads->n && i < STACKS_MAX; i++) {
			struct he_stack *s;
			struct he_error *why = he_backtrace(t, threads->v[i].tid, 200, &s);

			if (!why)
				he_stack_free(s);
			he_error_free(why);
		}
		he_threads_free(threads);
	}
	he_error_free(e);
	e = he_modules(t, &modules);
	if (!e)
		he_modules_free(modules);
	he_error_free(e);
}

static void session(struct he_server *s)
{
	struct he_processes *list;
	struct he_error *e = he_ps(s, NULL, &list);
	struct he_target *t;

	if (!e)
		he_processes_free(list);
	he_error_free(e);
	e = he_attach(s, 1, 0, HE_STOP, &t);
	if (!e) {
		look_at(t);
		he_error_free(he_detach(t));
	}
	he_error_free(e);
	e = he_snapshot(s, 1, 0, 0, 0, &t);
	if (!e) {
		look_at(t);
		he_error_free(he_detach(t));
	}
	he_error_free(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct he_config config = {.config_dir = "/nonexistent", .cache_dir = "/nonexistent"};
	int fd = memfd_create("agent", 0);
	struct he_server *server;
	struct he_engine *engine;
	struct he_error *e;
	char command[64];

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(command, sizeof(command), "exec:exec cat /proc/%d/fd/%d", (int)getpid(), fd);
	e = he_new(&config, &engine);
	FUZZ_CHECK(!e);
	e = he_connect(engine, command, &server);
	if (!e)
		session(server);
	else
		FUZZ_CHECK(e->message[0]);
	he_error_free(e);
	he_free(engine);
	close(fd);
	return 0;
}
