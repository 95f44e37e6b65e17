/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Starting programs from the console, over a scripted engine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fake_launch.h"
#include "host/hdb/cmd.h"

#include <cmocka.h> /* its fail() is not ours */

struct world {
	struct hdb h;
	char *out, *err;
	size_t out_size, err_size;
};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct he_config config = {0};

	if (!w || he_new(&config, &w->h.engine))
		return -1;
	w->h.prefix = "";
	w->h.transport = "box";
	w->h.wake_fd = eventfd(0, EFD_NONBLOCK);
	w->h.out = open_memstream(&w->out, &w->out_size);
	w->h.err = open_memstream(&w->err, &w->err_size);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	close(w->h.wake_fd);
	front_free(&w->h);
	fclose(w->h.out);
	fclose(w->h.err);
	free(w->out);
	free(w->err);
	free(w);
	return 0;
}

/* Do a line, 0 or 1; what it printed is in w->out and w->err. */
static int run(struct world *w, const char *line)
{
	int ret;

	rewind(w->h.out);
	rewind(w->h.err);
	ret = cmd_run(&w->h, line);
	front_events(&w->h);
	fputc(0, w->h.out);
	fputc(0, w->h.err);
	fflush(w->h.out);
	fflush(w->h.err);
	return ret;
}

static void assert_asked(struct world *w, const char *line, const char *text)
{
	if (run(w, line) != 0)
		fail_msg("%s: %s", line, w->err);
	assert_string_equal(fake_launched(), text);
}

static void a_line_is_words_as_a_shell_reads_them(void **state)
{
	static const struct {
		const char *line, *text;
	} rows[] = {
	    {"starti", "/bin/x: [/bin/x] at a login"},
	    {"starti  one \t two ", "/bin/x: [/bin/x] [one] [two] at a login"},
	    {"starti 'a  b' \"c 'd'\" e\\ f", "/bin/x: [/bin/x] [a  b] [c 'd'] [e f] at a login"},
	    {"starti '' a\"b\"'c'd", "/bin/x: [/bin/x] [] [abcd] at a login"},
	    {"starti \"\\\"\\n\\\\\" '\\'", "/bin/x: [/bin/x] [\"\\n\\] [\\] at a login"},
	    {"starti '<' \"|\" \\; $x *", "/bin/x: [/bin/x] [<] [|] [;] [$x] [*] at a login"},
	};
	struct world *w = *state;

	assert_int_equal(run(w, "file /bin/x"), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_asked(w, rows[i].line, rows[i].text);
}

static void what_only_a_shell_could_do_is_refused(void **state)
{
	static const char *const lines[] = {"starti <x", "starti a >x", "starti a|b", "starti a; b",
	    "set args a&", "starti `x`", "starti 'a", "starti \"a", "file 'a"};
	struct world *w = *state;

	assert_int_equal(run(w, "file /bin/x"), 0);
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		assert_int_equal(run(w, lines[i]), 1);
		assert_non_null(strstr(
		    w->err, strchr(lines[i], '\'') || strchr(lines[i], '"') ? "quote" : "shell"));
	}
}

static void settings_are_kept_and_shown_so_that_they_can_be_typed_again(void **state)
{
	struct world *w = *state;

	assert_int_equal(run(w, "file prog"), 0);
	assert_int_equal(run(w, "set args 'a b' it\\'s"), 0);
	assert_int_equal(run(w, "show args"), 0);
	assert_string_equal(
	    w->out, "Arguments to give the program when it is started: 'a b' 'it'\\''s'\n");
	assert_int_equal(run(w, "set environment A = 1 2"), 0);
	assert_int_equal(run(w, "set env B x"), 0);
	assert_int_equal(run(w, "set environment A=3"), 0);
	assert_int_equal(run(w, "unset environment HOME"), 0);
	assert_int_equal(run(w, "show environment"), 0);
	assert_string_equal(w->out, "A=3\nB=x\nwithout HOME\n");
	assert_int_equal(run(w, "cd /there"), 0);
	assert_int_equal(run(w, "set disable-randomization off"), 0);
	assert_asked(
	    w, "starti", "prog: [prog] [a b] [it's] in /there A=3 B=x HOME at a login anywhere");
	assert_int_equal(run(w, "set disable-randomization on"), 0);
	assert_int_equal(run(w, "set cwd"), 0);
	assert_asked(w, "starti", "prog: [prog] [a b] [it's] A=3 B=x HOME at a login");
}

static void one_that_was_started_and_not_changed_is_not_started_again(void **state)
{
	struct world *w = *state;

	assert_int_equal(run(w, "file prog"), 0);
	assert_int_equal(run(w, "starti"), 0);
	assert_non_null(strstr(w->out, "launched"));
	assert_int_equal(run(w, "starti"), 0);
	assert_null(strstr(w->out, "launched"));
	assert_int_equal(run(w, "starti arg"), 0);
	assert_non_null(strstr(w->out, "killed by SIGKILL"));
	assert_non_null(strstr(w->out, "launched"));
}

static void without_a_program_there_is_nothing_to_start(void **state)
{
	struct world *w = *state;

	assert_int_equal(run(w, "run"), 1);
	assert_non_null(strstr(w->err, "hdb -- PROGRAM"));
	assert_int_equal(run(w, "set args x"), 1);
	assert_int_equal(run(w, "file"), 1);
	assert_int_equal(run(w, "file a b"), 1);
	assert_int_equal(run(w, "info program"), 0);
	assert_non_null(strstr(w->out, "not being run"));
}

static void how_it_ended_is_remembered(void **state)
{
	struct world *w = *state;

	assert_int_equal(run(w, "file prog"), 0);
	assert_int_equal(run(w, "starti"), 0);
	assert_int_equal(run(w, "info program -json"), 0);
	assert_string_equal(w->out, "{\"pid\":4242,\"launched\":false,\"running\":false}\n");
	assert_int_equal(run(w, "kill"), 0);
	assert_int_equal(run(w, "info program -json"), 0);
	assert_string_equal(w->out, "{\"pid\":4242,\"launched\":true,\"signal\":9}\n");
	assert_int_equal(run(w, "info program"), 0);
	assert_string_equal(w->out, "4242 was started, and was killed by SIGKILL.\n");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    T(a_line_is_words_as_a_shell_reads_them),
	    T(what_only_a_shell_could_do_is_refused),
	    T(settings_are_kept_and_shown_so_that_they_can_be_typed_again),
	    T(one_that_was_started_and_not_changed_is_not_started_again),
	    T(without_a_program_there_is_nothing_to_start),
	    T(how_it_ended_is_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
