/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <string.h>

#include "console_world.h"
#include "host/hdb/cmd.h"

#include <cmocka.h> /* its fail() is not ours */

/* What was printed so far goes, new streams come. */
void forget(struct world *w)
{
	if (w->h.out)
		fclose(w->h.out);
	if (w->h.err)
		fclose(w->h.err);
	free(w->out);
	free(w->err);
	w->h.out = open_memstream(&w->out, &w->out_size);
	w->h.err = open_memstream(&w->err, &w->err_size);
}

int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct he_config config = {0};

	if (!w || he_new(&config, &w->h.engine))
		return -1;
	w->h.prefix = "hdb: ";
	forget(w);
	*state = w;
	return 0;
}

int tear_down(void **state)
{
	struct world *w = *state;

	front_free(&w->h);
	fclose(w->h.out);
	fclose(w->h.err);
	free(w->out);
	free(w->err);
	free(w);
	return 0;
}

/* Do a line; what it printed is in w->out and w->err until the next. */
int run(struct world *w, const char *line)
{
	int ret;

	forget(w);
	w->h.again = false;
	ret = cmd_run(&w->h, line);
	front_events(&w->h);
	fflush(w->h.out);
	fflush(w->h.err);
	return ret;
}

void expect(struct world *w, const char *line, const char *out)
{
	int ret = run(w, line);

	assert_string_equal(w->err, "");
	assert_string_equal(w->out, out);
	assert_int_equal(ret, 0);
}

void expect_error(struct world *w, const char *line, const char *err)
{
	assert_int_equal(run(w, line), 1);
	assert_string_equal(w->err, err);
}

struct world *attached(void **state)
{
	struct world *w = *state;

	assert_int_equal(run(w, "attach 4242"), 0);
	forget(w);
	return w;
}

void assert_harmless(const char *s)
{
	for (; *s; s++)
		assert_true((*s >= ' ' && *s != 0x7f) || *s == '\n' || *s == '\t');
	/* U+202E turns what follows around */
	assert_null(strstr(s, "\xe2\x80\xae"));
}
