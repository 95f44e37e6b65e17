/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What scripts and habits of GDB's users ask of the console: settings, printf, files of
 * commands, bt full.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "console_world.h"
#include "host/hdb/cmd.h"
#include "host/hdb/convenience.h"
#include "host/hdb/lines.h"

#include <cmocka.h> /* its fail() is not ours */

/* ---- settings -------------------------------------------------------------------- */

static void the_first_lines_of_gdbs_scripts_mean_something(void **state)
{
	struct world *w = *state;

	expect(w, "set confirm off", "");
	assert_true(w->h.unconfirmed);
	expect(w, "show confirm", "Whether to confirm potentially dangerous operations is off.\n");
	expect(w, "set confirm", "");
	assert_false(w->h.unconfirmed);
	expect(w, "set pagination no", "");
	assert_true(w->h.screen.endless);
	expect(w, "set width 20", "");
	expect(w, "show width", "Number of characters hdb thinks are in a line is 20.\n");
	expect(w, "set height unlimited", "");
	expect(w, "show height", "Number of lines hdb thinks are in a page is unlimited.\n");
	expect(w, "set print elements 7", "");
	assert_int_equal(w->h.elements, 7);
	expect(w, "set listsize 3", "");
	attached(state);
	expect(w, "list 10", "9\t\ttext 9\n10\t\ttext 10\n11\t\ttext 11\n");
	assert_int_equal(run(w, "ps"), 0);
	assert_null(strstr(w->out, "redis-server 127")); /* cut to the width */
}

static void what_settings_cannot_be_is_said(void **state)
{
	struct world *w = *state;

	expect_error(w, "set width wide", "hdb: set width takes a number, or unlimited.\n");
	expect_error(w, "set width -1", "hdb: set width takes a number, or unlimited.\n");
	expect_error(w, "set width 99999999999", "hdb: set width takes a number, or unlimited.\n");
	expect_error(w, "set confirm maybe", "hdb: set confirm takes one of: off on.\n");
	assert_int_equal(run(w, "set frobnication 3"), 1);
	assert_int_equal(run(w, "show frobnication"), 1);
}

static void every_setting_is_shown(void **state)
{
	struct world *w = *state;
	static const char *const names[] = {
	    "confirm", "pagination", "width", "height", "listsize", "print elements"};

	assert_int_equal(run(w, "show"), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_non_null(strstr(w->out, names[i]));
}

static void an_assignment_needs_no_var(void **state)
{
	struct world *w = *state;

	expect_error(
	    w, "set $i = 0", "hdb: no process is attached; attach PID does that, ps lists them.\n");
	attached(state);
	expect(w, "set $i = 0", "");
	expect(w, "set counter = 3", "");
	expect_error(w, "set var nothing", "hdb: no symbol \"nothing\" in this context.\n");
}

/* ---- printf ----------------------------------------------------------------------- */

static void printf_has_cs_directives(void **state)
{
	static const struct {
		const char *line, *out;
	} rows[] = {
	    {"printf \"plain %% \\t\\n\"", "plain % \t\n"},
	    {"printf \"%d|%5d|%-5d|%05d|%+d\\n\", 3, 3, 3, 3, 3", "3|    3|3    |00003|+3\n"},
	    {"printf \"%d %u\", 0xffffffff, 0xffffffff", "-1 4294967295"},
	    {"printf \"%ld %hd %hhd\", 0xffffffff, 0x18000, 0x1ff", "4294967295 -32768 -1"},
	    {"printf \"%x %#x %X %o\", 255, 255, 255, 8", "ff 0xff FF 10"},
	    {"printf \"%c%c\", 65, 10", "A\\x0a"},
	    {"printf \"%p %p\", 0x1000, 0", "0x1000 (nil)"},
	    {"printf \"%s|%8s|%-8s|%.2s|\", 0x1000, 0x1000, 0x1000, 0x1000",
		"hello|   hello|hello   |he|"},
	    {"printf \"%s, %d\\n\", \"a, \\\"b\", 0x10", "a, \\\"b, 16\n"},
	    {"printf \"\\101\\e[m\"", "A\033[m"},
	};
	struct world *w = attached(state);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect(w, rows[i].line, rows[i].out);
}

static void printf_bears_hostile_formats_and_strings(void **state)
{
	static const char *const bad[] = {"printf", "printf hello", "printf \"open",
	    "printf \"%n\", 1", "printf \"%*d\", 1, 2", "printf \"%99999d\", 1",
	    "printf \"%.99999s\", 1", "printf \"%-----------d\", 1", "printf \"%d\"",
	    "printf \"%d\", 1, 2", "printf \"%\", 1", "printf \"%q\", 1", "printf \"\\q\"",
	    "printf \"%d\" 1", "printf \"%d\",", "printf \"%d\", ,", "printf \"%s\", 0",
	    "printf \"%s\", nothing", "printf \"%f\", main", "printf \"%0s\", 0x1000",
	    "printf \"%ls%\", 0x1000"};
	struct world *w = attached(state);
	char many[1024] = "printf \"x\"";

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(run(w, bad[i]), 1);
		assert_string_equal(w->out, "");
		assert_non_null(strstr(w->err, "hdb: "));
		assert_ptr_equal(strchr(w->err, '\n'), w->err + w->err_size - 1);
	}
	for (int i = 0; i < 100; i++)
		strcat(many, ", 1");
	assert_int_equal(run(w, many), 1);
	/* Memory behind it holds every byte there is. */
	assert_int_equal(run(w, "printf \"%.50s\", 0x1006"), 0);
	assert_harmless(w->out);
}

/* ---- files of commands ------------------------------------------------------------- */

static int do_file(struct world *w, const char *text)
{
	char path[] = "/tmp/hdb-commands-XXXXXX";
	int fd = mkstemp(path), ret;

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	forget(w);
	ret = lines_from_file(&w->h, path);
	unlink(path);
	fflush(w->h.out);
	fflush(w->h.err);
	return ret;
}

static void a_file_is_done_up_to_the_first_failure_which_is_told_by_line(void **state)
{
	struct world *w = *state;

	assert_int_equal(do_file(w, "# nothing\n\necho one\\n\necho two"), 0);
	assert_string_equal(w->out, "one\ntwo");
	assert_int_equal(do_file(w, "echo one\n\nfrobnicate\necho two\n"), 1);
	assert_string_equal(w->out, "one");
	assert_non_null(strstr(w->err, "hdb: /tmp/hdb-commands-"));
	assert_non_null(strstr(w->err, ":3: \"frobnicate\" is not a command; help lists them.\n"));
	expect_error(
	    w, "source /nonexistent/x", "hdb: /nonexistent/x: No such file or directory.\n");
	expect_error(w, "source", "hdb: source needs a FILE of commands, on this machine.\n");
	expect_error(w, "source /tmp", "hdb: /tmp:0: Is a directory.\n");
	/* Behind it nothing is told by line any more. */
	expect_error(w, "frob", "hdb: \"frob\" is not a command; help lists them.\n");
}

static void files_that_read_themselves_end(void **state)
{
	char path[] = "/tmp/hdb-commands-XXXXXX", line[64];
	struct world *w = *state;
	int fd = mkstemp(path);

	snprintf(line, sizeof(line), "echo x\nsource %s\n", path);
	assert_int_equal(write(fd, line, strlen(line)), strlen(line));
	close(fd);
	snprintf(line, sizeof(line), "source %s", path);
	assert_int_equal(run(w, line), 1);
	unlink(path);
	assert_string_equal(w->out, "xxxxxxxxxxxxxxxx");
	assert_non_null(strstr(w->err, ":2: "));
	assert_non_null(strstr(w->err, "16 deep"));
	assert_int_equal(w->h.script_depth, 0);
	assert_null(w->h.script);
}

/* ---- the rest ------------------------------------------------------------------------- */

static void bt_full_has_the_variables_of_each_frame(void **state)
{
	struct world *w = attached(state);

	expect(w, "bt full -2",
	    "#2  aeProcessEvents () at ae.c:404\nNo locals.\n"
	    "#3  0x0000000000401010 in main () at server.c:12\nNo locals.\n");
	assert_int_equal(run(w, "bt full 1"), 0);
	assert_non_null(strstr(w->out, "libc.so.6\n        n = 42\n(More stack"));
	assert_int_equal(run(w, "bt -full 1"), 0);
	assert_non_null(strstr(w->out, "        n = 42\n"));
	assert_int_equal(run(w, "bt f"), 0);
	assert_int_equal(run(w, "bt full x"), 1);
}

static void call_shows_what_print_does(void **state)
{
	struct world *w = attached(state);

	assert_int_equal(run(w, "call x + 1"), 0);
	assert_non_null(strstr(w->out, " = -<x + 1>"));
	assert_int_equal(run(w, "call /x x"), 0);
	assert_non_null(strstr(w->out, "x<x>"));
	expect_error(w, "call", "hdb: call needs an EXPRESSION.\n");
	expect_error(w, "call nothing", "hdb: no symbol \"nothing\" in this context.\n");
}

static void a_word_finds_the_commands_that_speak_of_it(void **state)
{
	struct world *w = *state;

	assert_int_equal(run(w, "apropos BACKTRACE"), 0);
	assert_non_null(strstr(w->out, "backtrace (bt where)"));
	assert_non_null(strstr(w->out, "info stack"));
	expect_error(w, "apropos zebra", "hdb: no command speaks of zebra; help lists them.\n");
	assert_int_equal(run(w, "apropos ["), 1);
	assert_int_equal(run(w, "apropos"), 1);
}

static void classes_have_help_of_their_own(void **state)
{
	struct world *w = *state;

	assert_int_equal(run(w, "help breakpoints"), 0);
	assert_non_null(strstr(w->out, "\ncatch "));
	assert_null(strstr(w->out, "backtrace"));
	for (const struct cmd *row = cmd_table; row->name; row++)
		assert_true(row->class > CLASS_NONE && row->class < CLASSES);
}

static void how_a_program_ended_can_be_asked_when_it_is_gone(void **state)
{
	struct world *w = attached(state);

	fake_happens(w->h.engine, HE_E_EXITED, 0, 3 << 8);
	front_events(&w->h);
	expect(w, "print $_exitcode", "$ = 3\n");
	expect(w, "printf \"%d\\n\", $_exitcode", "3\n");
	expect_error(
	    w, "print 1", "hdb: no process is attached; attach PID does that, ps lists them.\n");
	attached(state);
	convenience_tell(&w->h);
	assert_true(w->h.conveniences[0].told);
}

static void names_stand_by_file_and_symbols_behind_them(void **state)
{
	struct world *w = attached(state);

	expect(w, "info functions s",
	    "All functions matching regular expression \"s\":\n\n"
	    "File a.c:\n12:\tserve;\n\tstart;\n\n"
	    "File b.c:\n3:\tserve;\n\n"
	    "Non-debugging symbols:\n0x0000000000402000  e\\x1b[mvil\n");
	expect(w, "info variables",
	    "All defined variables:\n\nFile a.c:\n12:\tserve;\n\tstart;\n\nFile b.c:\n3:\tserve;\n"
	    "5 more are not shown; a REGEX chooses\n");
	expect(w, "info types", "All defined types:\n");
}

static void quit_says_what_to_end_with(void **state)
{
	struct world *w = *state;

	expect_error(w, "quit now", "hdb: quit takes at most the status to end with, 0 to 255.\n");
	expect(w, "quit 3", "");
	assert_true(w->h.quit && w->h.has_status);
	assert_int_equal(w->h.status, 3);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    T(the_first_lines_of_gdbs_scripts_mean_something),
	    T(what_settings_cannot_be_is_said),
	    T(every_setting_is_shown),
	    T(an_assignment_needs_no_var),
	    T(printf_has_cs_directives),
	    T(printf_bears_hostile_formats_and_strings),
	    T(a_file_is_done_up_to_the_first_failure_which_is_told_by_line),
	    T(files_that_read_themselves_end),
	    T(bt_full_has_the_variables_of_each_frame),
	    T(call_shows_what_print_does),
	    T(a_word_finds_the_commands_that_speak_of_it),
	    T(classes_have_help_of_their_own),
	    T(how_a_program_ended_can_be_asked_when_it_is_gone),
	    T(names_stand_by_file_and_symbols_behind_them),
	    T(quit_says_what_to_end_with),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
