/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The console's command table: names, help, completion.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "console_world.h"
#include "host/hdb/cmd.h"

#include <cmocka.h> /* its fail() is not ours */

/* ---- the table ------------------------------------------------------------------ */

static void commands_are_abbreviated_as_in_gdb(void **state)
{
	static const struct {
		const char *typed, *name;
	} rows[] = {
	    {"bt", "backtrace"},
	    {"where", "backtrace"},
	    {"whe", "backtrace"},
	    {"ba", "backtrace"},
	    {"c", "continue"},
	    {"cont", "continue"},
	    {"f", "frame"},
	    {"fr", "frame"},
	    {"h", "help"},
	    {"i", "info"},
	    {"inf", "info"},
	    {"l", "list"},
	    {"li", "list"},
	    {"q", "quit"},
	    {"t", "thread"},
	    {"thr", "thread"},
	    {"x", "x"},
	    {"up", "up"},
	    {"dow", "down"},
	    {"det", "detach"},
	    {"at", "attach"},
	    {"att", "attach"},
	    {"int", "interrupt"},
	    {"targets", "targets"},
	    {"target", "target"},
	    {"tar", "target"},
	    {"dir", "directory"},
	    {"b", "break"},
	    {"tb", "tbreak"},
	    {"d", "delete"},
	    {"dis", "disable"},
	    {"cond", "condition"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct cmd *row = NULL;

		if (cmd_find(cmd_table, rows[i].typed, strlen(rows[i].typed), &row) != CMD_ONE)
			fail_msg("%s is no command", rows[i].typed);
		assert_string_equal(row->name, rows[i].name);
	}
}

static void too_few_letters_mean_no_command(void **state)
{
	static const char *const typed[] = {"de", "in", ""};
	const struct cmd *row;

	(void)state;
	for (size_t i = 0; i < sizeof(typed) / sizeof(typed[0]); i++)
		assert_int_equal(cmd_find(cmd_table, typed[i], strlen(typed[i]), &row), CMD_NONE);
}

static void every_row_can_be_found_by_its_own_names_only(const struct cmd *table)
{
	for (const struct cmd *row = table; row->name; row++) {
		const struct cmd *found;
		const char *also = row->also ? row->also : "";
		char word[32];

		assert_int_equal(cmd_find(table, row->name, strlen(row->name), &found), CMD_ONE);
		assert_ptr_equal(found, row);
		while (cmd_token(&also, word, sizeof(word))) {
			assert_int_equal(cmd_find(table, word, strlen(word), &found), CMD_ONE);
			assert_ptr_equal(found, row);
		}
		assert_true(row->min >= 1 && row->min <= strlen(row->name));
		assert_true(row->run || row->sub);
		assert_non_null(row->help);
		assert_non_null(row->usage);
		if (row->sub)
			every_row_can_be_found_by_its_own_names_only(row->sub);
	}
}

static void the_table_is_sound(void **state)
{
	(void)state;
	every_row_can_be_found_by_its_own_names_only(cmd_table);
}

static void help_names_every_command(void **state)
{
	struct world *w = *state;
	char line[64];

	assert_int_equal(run(w, "help"), 0);
	for (const struct cmd *row = cmd_table; row->name; row++)
		assert_non_null(strstr(w->out, row->name));
	for (const struct cmd *row = cmd_table; row->name; row++) {
		snprintf(line, sizeof(line), "help %s", row->name);
		assert_int_equal(run(w, line), 0);
		assert_non_null(strstr(w->out, row->help));
	}
	assert_int_equal(run(w, "help i reg"), 0);
	assert_int_equal(strncmp(w->out, "info registers [NAME", 20), 0);
	expect_error(w, "help nonsense", "hdb: \"nonsense\" is not a command; help lists them.\n");
}

static void unknown_commands_are_sentences(void **state)
{
	struct world *w = *state;

	expect_error(w, "frobnicate 3", "hdb: \"frobnicate\" is not a command; help lists them.\n");
	expect_error(
	    w, "info frob", "hdb: \"info frob\" is not a command; help info lists them.\n");
	expect_error(
	    w, "info s", "hdb: no process is attached; attach PID does that, ps lists them.\n");
	expect_error(
	    w, "info sy x", "hdb: no process is attached; attach PID does that, ps lists them.\n");
	expect_error(w, "=3", "hdb: \"=3\" is not a command; help lists them.\n");
}

static void empty_lines_and_comments_are_nothing(void **state)
{
	struct world *w = *state;

	expect(w, "", "");
	expect(w, "  \t \n", "");
	expect(w, "# bt", "");
}

static void an_empty_line_repeats_only_what_moves_on(void **state)
{
	static const struct {
		const char *line, *again;
	} rows[] = {{"x/8xb main", "x"}, {"list 10", "list"}, {"up 2", "up 2"}, {"down", "down"},
	    {"attach 4242", NULL}, {"continue", NULL}, {"detach", NULL}, {"nonsense", NULL}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *again = cmd_again(rows[i].line);

		if (rows[i].again)
			assert_string_equal(again, rows[i].again);
		else
			assert_null(again);
		free(again);
	}
}

/* ---- completion -------------------------------------------------------------------- */

static void join(void *arg, const char *candidate)
{
	strcat(arg, candidate);
	strcat(arg, " ");
}

static void expect_offers(struct world *w, const char *text, const char *offers)
{
	char got[2048] = "";
	size_t start;

	cmd_complete(&w->h, text, strlen(text), &start, join, got);
	assert_string_equal(got, offers);
	assert_true(start <= strlen(text));
}

static void the_tab_key_offers_commands_and_arguments(void **state)
{
	struct world *w = *state;

	expect_offers(w, "de", "delete detach ");
	expect_offers(w, "info th", "threads ");
	expect_offers(w, "i th", "threads ");
	expect_offers(w, "help info sh", "sharedlibrary ");
	expect_offers(w, "thread apply all ba", "backtrace ");
	expect_offers(w, "set pri", "print elements print thread-events ");
	expect_offers(w, "show conf", "confirm ");
	expect_offers(w, "nonsense ", "");
	expect_offers(w, "attach re", ""); /* not connected: nothing is asked */
	attached(state);
	expect_offers(w, "attach re", "redis-server ");
	expect_offers(w, "attach e", ""); /* a name with escapes cannot be typed */
	expect_offers(w, "attach 42", "4242 4250 ");
	expect_offers(w, "thread ", "apply 2 1 3 ");
	expect_offers(w, "target ", "1 ");
	expect_offers(w, "info registers ri", "rip ");
	expect_offers(w, "info registers ge", "general ");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    T(commands_are_abbreviated_as_in_gdb),
	    T(too_few_letters_mean_no_command),
	    T(the_table_is_sound),
	    T(help_names_every_command),
	    T(unknown_commands_are_sentences),
	    T(empty_lines_and_comments_are_nothing),
	    T(an_empty_line_repeats_only_what_moves_on),
	    T(the_tab_key_offers_commands_and_arguments),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
