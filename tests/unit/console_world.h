/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The console over a scripted engine, as its tests have it.
 */
#ifndef CONSOLE_WORLD_H
#define CONSOLE_WORLD_H

#include "fake_engine.h"
#include "host/hdb/front.h"

struct world {
	struct hdb h;
	char *out, *err; /* what was printed since forget */
	size_t out_size, err_size;
};

/* Of a test: *state is a struct world. */
int set_up(void **state);
int tear_down(void **state);
/* The same, with process 4242 attached to. */
struct world *attached(void **state);

void forget(struct world *w);
/* Do a line; what it printed is in w->out and w->err until the next. */
int run(struct world *w, const char *line);
/* It prints this and nothing goes wrong. */
void expect(struct world *w, const char *line, const char *out);
/* It fails, saying this. */
void expect_error(struct world *w, const char *line, const char *err);
/* Printable characters, newlines and tabs. */
void assert_harmless(const char *s);

#endif
