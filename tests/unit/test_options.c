/* SPDX-License-Identifier: BSD-2-Clause
 *
 * hdb's command line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "host/hdb/options.h"

enum { WORDS = 16 };

/* Parse a command line whose words are separated by blanks. */
static int parse(const char *line, struct options *o, char why[256])
{
	static char copy[512], *argv[WORDS]; /* o points into them */
	int argc = 1;

	argv[0] = (char *)"hdb";
	snprintf(copy, sizeof(copy), "%s", line);
	for (char *p = strtok(copy, " "); p && argc < WORDS - 1; p = strtok(NULL, " "))
		argv[argc++] = p;
	argv[argc] = NULL;
	*why = 0;
	return options_parse(argc, argv, o, why, 256);
}

static void expect_wrong(const char *line, int status, const char *part)
{
	struct options o;
	char why[256];

	assert_int_equal(parse(line, &o, why), status);
	if (!strstr(why, part))
		fail_msg("%s: %s", line, why);
	assert_int_equal(why[strlen(why) - 1], '.');
	options_free(&o);
}

static struct options expect_right(const char *line)
{
	struct options o;
	char why[256];

	if (parse(line, &o, why) != 0)
		fail_msg("%s: %s", line, why);
	return o;
}

static void one_dash_or_two_are_the_same(void **state)
{
	static const char *const lines[] = {
	    "-premote box -p 42 -batch -v", "--premote box --p 42 --batch --v"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct options o = expect_right(lines[i]);

		assert_string_equal(o.transport, "box");
		assert_int_equal(o.pid, 42);
		assert_true(o.batch && o.verbose);
	}
}

static void a_grace_is_a_time_and_a_loss_a_word(void **state)
{
	static const struct {
		const char *line;
		uint32_t ms;
	} times[] = {{"-grace 30", 30000}, {"-grace=500ms", 500}, {"--grace 5m", 300000},
	    {"-grace 1h", 3600000}};
	struct options o = expect_right("-premote box -p 1");

	(void)state;
	assert_int_equal(o.grace_ms, 0);
	assert_int_equal(o.loss, HE_LOSS_DEFAULT);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		assert_int_equal(expect_right(times[i].line).grace_ms, times[i].ms);
	assert_int_equal(expect_right("-loss resume").loss, HE_LOSS_RESUME);
	assert_int_equal(expect_right("-loss=hold").loss, HE_LOSS_HOLD);
	assert_int_equal(expect_right("-loss kill").loss, HE_LOSS_KILL);
	expect_wrong("-grace 0", 2, "a time up to 1h");
	expect_wrong("-grace 61m", 2, "a time up to 1h");
	expect_wrong("-grace -5s", 2, "a time up to 1h");
	expect_wrong("-grace 5d", 2, "a time up to 1h");
	expect_wrong("-grace 99999999999999999999999", 2, "a time up to 1h");
	expect_wrong("-grace", 2, "TIME");
	expect_wrong("-loss freeze", 2, "resume, hold and kill");
}

static void commands_keep_their_order(void **state)
{
	struct options o = expect_right("-ex one -x two -ex three");

	(void)state;
	assert_int_equal(o.n_commands, 3);
	assert_string_equal(o.commands[0].text, "one");
	assert_true(!o.commands[0].file && o.commands[1].file && !o.commands[2].file);
	assert_string_equal(o.commands[2].text, "three");
	options_free(&o);
}

static void arguments_that_may_be_left_out(void **state)
{
	struct options o = expect_right("-ps -json");

	(void)state;
	assert_true(o.action == ACTION_PS && o.json && !o.pattern);
	o = expect_right("-ps redis -json");
	assert_string_equal(o.pattern, "redis");
	o = expect_right("-ps -json redis");
	assert_string_equal(o.pattern, "redis");
	o = expect_right("-snapshot 42 -json");
	assert_true(o.action == ACTION_SNAPSHOT && o.which == WHICH_PID && o.pid == 42);
	o = expect_right("-snapshot -json 42");
	assert_true(o.which == WHICH_PID && o.pid == 42);
	o = expect_right("-snapshot -pn redis-server");
	assert_true(o.which == WHICH_NAME && o.action == ACTION_SNAPSHOT);
	o = expect_right("-snapshot -psn redis.service");
	assert_true(o.which == WHICH_UNIT);
}

static void keys_and_trust(void **state)
{
	struct options o = expect_right("-keygen -key /tmp/k");

	(void)state;
	assert_true(o.action == ACTION_KEYGEN);
	assert_string_equal(o.key, "/tmp/k");
	o = expect_right("-trust box:7000 SHA256:x");
	assert_string_equal(o.box, "box:7000");
	assert_string_equal(o.fingerprint, "SHA256:x");
	expect_wrong("-trust box", 2, "HOST[:PORT] SHA256");
	expect_wrong("-key /tmp/k -ps", 2, "-keygen");
	assert_false(o.replace);
	assert_true(expect_right("-replace -trust box:7000 SHA256:x").replace);
	assert_true(expect_right("-trust box:7000 SHA256:x -replace").replace);
	expect_wrong("-replace -ps", 2, "-trust");
}

static void a_program_stands_behind_two_dashes(void **state)
{
	struct options o = expect_right("-batch -return-child-result -- prog -x -- y");

	(void)state;
	assert_true(o.batch);
	assert_true(o.child_result);
	assert_string_equal(o.program[0], "prog");
	assert_string_equal(o.program[1], "-x");
	assert_string_equal(o.program[2], "--");
	assert_string_equal(o.program[3], "y");
	assert_null(o.program[4]);
	assert_null(expect_right("-batch --").program);
}

static void the_bridge_is_started_as_gdbserver_is(void **state)
{
	static const char *const words[] = {
	    "hdb", "-rsp", "tcp:port=1234", "--once", "--multi", "prog", "-x", NULL};
	char *const *argv = (char *const *)words;
	struct options o;
	char why[512];

	(void)state;
	assert_int_equal(options_parse(7, (char **)argv, &o, why, sizeof(why)), 0);
	assert_int_equal(o.action, ACTION_RSP);
	assert_string_equal(o.listen, "tcp:port=1234");
	assert_true(o.once && o.multi && !o.attach);
	assert_string_equal(o.program[0], "prog");
	assert_string_equal(o.program[1], "-x");
	options_free(&o);
}

static void wrong_command_lines_are_sentences(void **state)
{
	static const struct {
		const char *line;
		int status;
		const char *part;
	} rows[] = {
	    {"-frobnicate", 2, "-frobnicate"},
	    {"-p", 2, "PID"},
	    {"-p 0", 2, "positive"},
	    {"-p -5", 2, "positive"},
	    {"-p 12x", 2, "-pn"},
	    {"-p 4294967297", 2, "positive"},
	    {"-p 1 -pn x", 2, "several"},
	    {"-ps -snapshot 1", 2, "only one"},
	    {"-ps -p 1", 2, "pattern"},
	    {"-json", 2, "-snapshot"},
	    {"-premote tls:server=box,port=70000 -ps", 2, "65535"},
	    {"-premote tls:colour=red -ps", 2, "colour"},
	    {"-snapshot", 2, "PID"},
	    {"-ps a b", 2, "b: nothing more"},
	    {"-server", 2, "serving a session"},
	    {"-rsp tcp:port=99999", 2, "unix:path=FILE"},
	    {"-rsp unix:path=", 2, "unix:path=FILE"},
	    {"-once", 2, "go with -rsp"},
	    {"-rsp -p 1", 2, "-attach PID"},
	    {"-rsp -attach x", 2, "positive number"},
	    {"-rsp --disable-packet=no", 2, "can be left out"},
	    {"-server tls:port=1", 2, "not in this version"},
	    {"/bin/true", 2, "hdb -- /bin/true"},
	    {"-p 1 -- /bin/true", 2, "attaches"},
	    {"-ps -- /bin/true", 2, "nothing more"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect_wrong(rows[i].line, rows[i].status, rows[i].part);
}

static void help_lists_every_option_of_this_version(void **state)
{
	static const char *const names[] = {"-premote", "-p ", "-pn", "-psn", "-ex", "-x ",
	    "-batch", "-return-child-result", "-ps", "-snapshot", "-json", "-keygen", "-key ",
	    "-sign", "-trust", "-replace", "-v", "-version", "-help", "-rsp", "-once", "-multi", "-attach"};
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	options_help(f);
	fclose(f);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_non_null(strstr(text, names[i]));
	assert_null(strstr(text, "-server"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_dash_or_two_are_the_same),
	    cmocka_unit_test(a_grace_is_a_time_and_a_loss_a_word),
	    cmocka_unit_test(commands_keep_their_order),
	    cmocka_unit_test(a_program_stands_behind_two_dashes),
	    cmocka_unit_test(arguments_that_may_be_left_out),
	    cmocka_unit_test(keys_and_trust),
	    cmocka_unit_test(the_bridge_is_started_as_gdbserver_is),
	    cmocka_unit_test(wrong_command_lines_are_sentences),
	    cmocka_unit_test(help_lists_every_option_of_this_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
