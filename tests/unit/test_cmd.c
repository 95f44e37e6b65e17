/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The console's commands over a scripted engine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "fake_engine.h"
#include "host/hdb/cmd.h"
#include "host/hdb/examine.h"
#include "host/hdb/json.h"
#include "host/hdb/processes.h"

#include <cmocka.h> /* its fail() is not ours */

struct world {
	struct hdb h;
	char *out, *err;
	size_t out_size, err_size;
};

/* What was printed so far goes, new streams come. */
static void forget(struct world *w)
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

static int set_up(void **state)
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

static int tear_down(void **state)
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
static int run(struct world *w, const char *line)
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

static void expect(struct world *w, const char *line, const char *out)
{
	int ret = run(w, line);

	assert_string_equal(w->err, "");
	assert_string_equal(w->out, out);
	assert_int_equal(ret, 0);
}

static void expect_error(struct world *w, const char *line, const char *err)
{
	assert_int_equal(run(w, line), 1);
	assert_string_equal(w->err, err);
}

static struct world *attached(void **state)
{
	struct world *w = *state;

	assert_int_equal(run(w, "attach 4242"), 0);
	forget(w);
	return w;
}

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

/* ---- targets, threads --------------------------------------------------------------- */

static void attach_says_what_stopped_and_where_symbols_are_from(void **state)
{
	struct world *w = *state;

	expect(w, "attach 4242",
	    "redis-server (4242) stopped, 3 threads; symbols: redis-server (debug file), libc.so.6 "
	    "(local file), \\x1blib (none)\n");
	expect(w, "detach", "redis-server (4242) detached; it runs on\n");
	expect(w, "attach redis-server &", "redis-server (4242) attached and running, 3 threads\n");
	expect_error(w, "bt", "hdb: redis-server (4242) is running; interrupt stops it.\n");
	expect(w, "attach -look 4242", "redis-server (4242) open for looking only, 3 threads\n");
	assert_int_equal(run(w, "bt"), 1);
	assert_non_null(strstr(w->err, "-look"));
	expect(w, "targets",
	    "   NUM   PID  NAME          STATE      BOX\n"
	    "     2  4242  redis-server  running    this machine\n"
	    "*    3  4242  redis-server  looked at  this machine\n");
	expect(w, "target 2", "now looking at redis-server (4242)\n");
	expect_error(w, "target 9", "hdb: no target 9; targets lists them.\n");
	expect_error(w, "attach 1", "hdb: box: there is no process 1.\n");
	expect_error(w, "attach", "hdb: attach needs a PID or a process's name; ps lists them.\n");
	expect_error(w, "attach 1 2", "hdb: attach takes one process, then at most &.\n");
	expect_error(w, "attach 4294967296", "hdb: box: no process is called 4294967296.\n");
}

static void threads_keep_their_numbers(void **state)
{
	struct world *w = attached(state);

	expect(w, "info threads",
	    "   Id  Target Id                  Frame\n"
	    "*  1   LWP 4242 \"redis-server\"    0x00007f0000001010 in epoll_wait () from "
	    "/lib/x86_64-linux-gnu/libc.so.6\n"
	    "   2   LWP 4243 \"bio_close_file\"  0x00007f0000002020 in on_alarm ()\n"
	    "   3   LWP 4244 \"ev\\x1b[2Jil\"     0x0000000000000010 in \\x1b[2Jgotcha () from "
	    "/tmp/\\x0alib\n");
	expect(w, "thread 2",
	    "[Thread 2 (LWP 4243 \"bio_close_file\")]\n#0  0x00007f0000002020 in on_alarm ()\n");
	expect(w, "t 4242",
	    "[Thread 1 (LWP 4242 \"redis-server\")]\n#0  0x00007f0000001010 in epoll_wait () from "
	    "/lib/x86_64-linux-gnu/libc.so.6\n");
	expect_error(w, "thread 7", "hdb: no thread 7; info threads lists them.\n");
	assert_int_equal(run(w, "thread x"), 1);
}

static void thread_apply_does_the_main_thread_last_and_prepares_once(void **state)
{
	struct world *w = attached(state);

	expect(w, "thread apply all bt 1",
	    "\nThread 3 (LWP 4244 \"ev\\x1b[2Jil\"):\n"
	    "#0  0x0000000000000010 in \\x1b[2Jgotcha () from /tmp/\\x0alib\n"
	    "Backtrace stopped: memory at 0x10\\x1b cannot be read\n"
	    "\nThread 2 (LWP 4243 \"bio_close_file\"):\n"
	    "#0  0x00007f0000002020 in on_alarm ()\n"
	    "(More stack frames follow...)\n"
	    "\nThread 1 (LWP 4242 \"redis-server\"):\n"
	    "#0  0x00007f0000001010 in epoll_wait () from /lib/x86_64-linux-gnu/libc.so.6\n"
	    "(More stack frames follow...)\n");
	assert_int_equal(fake_prefetches(w->h.engine), 1);
	assert_int_equal(w->h.tid, FAKE_PID);
	assert_int_equal(run(w, "thread apply 1-2 3 frame"), 0);
	assert_true(strstr(w->out, "Thread 1") < strstr(w->out, "Thread 2"));
	assert_true(strstr(w->out, "Thread 2") < strstr(w->out, "Thread 3"));
	assert_int_equal(run(w, "thread apply all -ascending bt"), 0);
	assert_true(strstr(w->out, "Thread 1") < strstr(w->out, "Thread 3"));
	expect_error(w, "thread apply 9 bt", "hdb: no thread 9.\n");
	expect_error(w, "thread apply 2-1 bt", "hdb: thread 1 comes before thread 2.\n");
	expect_error(
	    w, "thread apply 1", "hdb: thread apply needs a command behind the threads.\n");
	assert_int_equal(run(w, "thread apply all"), 1);
	assert_int_equal(run(w, "thread apply all nonsense"), 1);
}

static void detaching_in_the_middle_of_thread_apply_ends_it(void **state)
{
	struct world *w = attached(state);

	expect_error(w, "thread apply all detach", "hdb: the process is no longer attached.\n");
	assert_null(w->h.target);
}

/* ---- frames ---------------------------------------------------------------------------- */

static const char whole[] =
    "#0  0x00007f0000001010 in epoll_wait () from /lib/x86_64-linux-gnu/libc.so.6\n"
    "#1  0x0000000000401204 in aeApiPoll () at ae_epoll.c:113    (inlined)\n"
    "#2  aeProcessEvents () at ae.c:404\n"
    "#3  0x0000000000401010 in main () at server.c:12\n";

static void backtraces_look_like_gdbs(void **state)
{
	struct world *w = attached(state);

	expect(w, "bt", whole);
	expect(w, "backtrace 4", whole);
	expect(w, "bt -2",
	    "#2  aeProcessEvents () at ae.c:404\n"
	    "#3  0x0000000000401010 in main () at server.c:12\n");
	assert_int_equal(run(w, "bt 2"), 0);
	assert_non_null(strstr(w->out, "(inlined)\n(More stack frames follow...)\n"));
	run(w, "thread 2");
	expect(w, "bt",
	    "#0  0x00007f0000002020 in on_alarm ()\n"
	    "#1  <signal handler called>\n"
	    "#2  0x00007f0000004040 in ?? () from /lib/x86_64-linux-gnu/libc.so.6\n"
	    "Backtrace stopped: no unwind information for 0x7f0000004040\n");
	assert_int_equal(run(w, "bt x"), 1);
	assert_int_equal(run(w, "bt 0"), 1);
}

static void frames_are_selected_up_and_down(void **state)
{
	struct world *w = attached(state);

	expect(w, "up 2", "#2  aeProcessEvents () at ae.c:404\n");
	expect(w, "up 99", "#3  0x0000000000401010 in main () at server.c:12\n12\t\ttext 12\n");
	expect_error(w, "up", "hdb: frame 3 is the outermost; there is none above.\n");
	expect(w, "down", "#2  aeProcessEvents () at ae.c:404\n");
	assert_int_equal(run(w, "frame 0"), 0);
	expect_error(w, "down", "hdb: frame 0 is the innermost; there is none below.\n");
	expect_error(w, "frame 4", "hdb: no frame 4; the outermost is 3.\n");
	assert_int_equal(run(w, "frame 3"), 0);
	assert_int_equal(run(w, "info frame"), 0);
	assert_non_null(strstr(w->out, "function  main"));
	/* Registers are those of the frame: 3 with its inlined one is physical frame 2. */
	expect(w, "info registers rip", "rip            0x401210            0x401210\n");
}

/* ---- memory and registers --------------------------------------------------------------- */

/* It runs into the end of memory: what is there, then the fault. */
static void expect_cut(struct world *w, const char *line, const char *out)
{
	assert_int_equal(run(w, line), 1);
	fflush(w->h.out);
	assert_string_equal(w->out, out);
	assert_non_null(strstr(w->err, "0x1040"));
}

static void x_has_gdbs_formats(void **state)
{
	static const struct {
		const char *line, *out;
	} rows[] = {
	    {"x/6xb table", "0x1000 <table>:\t0x68\t0x65\t0x6c\t0x6c\t0x6f\t0x00\n"},
	    {"x/2xh 0x1000", "0x1000 <table>:\t0x6568\t0x6c6c\n"},
	    {"x/xw 0x1000", "0x1000 <table>:\t0x6c6c6568\n"},
	    {"x/xg 4096", "0x1000 <table>:\t0x0706006f6c6c6568\n"},
	    {"x/1dw table+60", "0x103c <table+60>:\t1061043516\n"},
	    {"x/db table", "0x1000 <table>:\t104\n"},
	    {"x/ub &table", "0x1000 <table>:\t104\n"},
	    {"x/ob table", "0x1000 <table>:\t0150\n"},
	    {"x/tb table", "0x1000 <table>:\t01101000\n"},
	    {"x/zh table", "0x1000 <table>:\t0x6568\n"},
	    {"x/3c table", "0x1000 <table>:\t104 'h'\t101 'e'\t108 'l'\n"},
	    {"x/s table", "0x1000 <table>:\t\"hello\"\n"},
	    {"x/2s table+3",
		"0x1003 <table+3>:\t\"lo\"\n0x1006 <table+6>:\t"
		"\"\\006\\a\\b\\t\\n\\v\\f\\r\\016\\017\\020\\021\\022\\023\\024\\025\\026"
		"\\027\\030\\031\\032\\033\\034\\035\\036\\037 !\\\"#$%&'()*+,-./0123456789"
		":;<=>?\"\n"},
	    {"x/a $rsp", "0x1000 <table>:\t0x706006f6c6c6568\n"},
	    {"x/2wx $sp+4-4", "0x1000 <table>:\t0x6c6c6568\t0x0706006f\n"},
	    {"x/9xb table+8", "0x1008 <table+8>:\t0x08\t0x09\t0x0a\t0x0b\t0x0c\t0x0d\t0x0e\t0x0f\n"
			      "0x1010 <table+16>:\t0x10\n"},
	};
	struct world *w = attached(state);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strncmp(rows[i].line, "x/2s", 4) != 0)
			expect(w, rows[i].line, rows[i].out);
		else
			expect_cut(w, rows[i].line, rows[i].out);
}

static void instructions_look_like_gdbs(void **state)
{
	struct world *w = attached(state);

	expect(
	    w, "x/2i main", "   0x401000 <main>:\tjmp <main>\n   0x401004 <main+4>:\tjmp <main>\n");
	expect(w, "x", "   0x401008 <main+8>:\tjmp <main>\n   0x40100c <main+12>:\tjmp <main>\n");
	/* The unit that is set stays what it was. */
	assert_int_equal(run(w, "x/xh table"), 0);
	assert_int_equal(run(w, "x/i main"), 0);
	expect(w, "x/x table", "0x1000 <table>:\t0x6568\n");
	assert_int_equal(run(w, "set disassembly-flavor intel"), 0);
	expect(w, "show disassembly-flavor", "The disassembly flavor is \"intel\".\n");
	expect(w, "x/i main+4", "   0x401004 <main+4>:\tjmp near <main>\n");
	expect_error(w, "x/2i main+60", "hdb: memory at 0x401040 cannot be read.\n");
	assert_string_equal(w->out, "   0x40103c <main+60>:\tjmp near <main>\n");
}

static void a_function_in_pieces_is_shown_whole(void **state)
{
	struct world *w = attached(state);

	expect(w, "disassemble main",
	    "Dump of assembler code for function main:\n"
	    "Address range 0x401000 to 0x401008:\n"
	    "   0x0000000000401000 <+0>:\tjmp <main>\n"
	    "   0x0000000000401004 <+4>:\tjmp <main>\n"
	    "Address range 0x401020 to 0x401024:\n"
	    "   0x0000000000401020 <+32>:\tjmp <main>\n"
	    "End of assembler dump.\n");
	expect(w, "disassemble /r main+4,+4",
	    "Dump of assembler code from 0x401004 to 0x401008:\n"
	    "   0x0000000000401004 <main+4>:\teb 04 00 90        \tjmp <main>\n"
	    "End of assembler dump.\n");
	expect_error(w, "disassemble table", "hdb: No function contains specified address.\n");
	expect_error(w, "disassemble /sm", "hdb: disassemble takes one of /s and /m.\n");
	expect_error(w, "disassemble main,main", "hdb: the range ends before it begins.\n");
	expect_error(
	    w, "disassemble /x", "hdb: disassemble knows /r (bytes), /s and /m (source)\n");
	expect_error(w, "disassemble main+60,+8", "hdb: memory at 0x401040 cannot be read.\n");
}

static void source_stands_between_the_instructions_of_its_lines(void **state)
{
	struct world *w = attached(state);

	/* Each line of code is a byte long there. */
	expect(w, "disassemble /s main+4,main+12",
	    "Dump of assembler code from 0x401004 to 0x40100c:\n"
	    "server.c:\n4\t\ttext 4\n   0x0000000000401004 <main+4>:\tjmp <main>\n\n"
	    "5\t\ttext 5\n6\t\ttext 6\n7\t\ttext 7\n8\t\ttext 8\n"
	    "   0x0000000000401008 <main+8>:\tjmp <main>\nEnd of assembler dump.\n");
	/* The first one is of line 12. */
	expect(w, "disassemble /m main,main+8",
	    "Dump of assembler code from 0x401000 to 0x401008:\n"
	    "4\t\ttext 4\n   0x0000000000401004 <main+4>:\tjmp <main>\n\n"
	    "5\t\ttext 5\n6\t\ttext 6\n7\t\ttext 7\n8\t\ttext 8\n9\t\ttext 9\n10\t\ttext 10\n"
	    "11\t\ttext 11\n12\t\ttext 12\n   0x0000000000401000 <main+0>:\tjmp <main>\n\n"
	    "End of assembler dump.\n");
	/* What the file does not have is told. */
	assert_int_equal(run(w, "disassemble /s main+32,+4"), 0);
	assert_non_null(strstr(w->out, "32\tin server.c\n"));
}

static void echo_has_gdbs_escapes(void **state)
{
	struct world *w = *state;

	expect(w, "echo", "");
	expect(w, "echo a  b\\n", "a  b\n");
	expect(w, "echo \\ttab \\\\ \\\"x\\", "\ttab \\ \"x");
}

static void json_of_code_has_its_members(void **state)
{
	struct world *w = attached(state);
	const char *function, *text, *symbol, *address, *bytes, *file;
	json_error_t e;
	json_t *o, *list;
	int line, offset;

	assert_int_equal(run(w, "disassemble -json main"), 0);
	o = json_loads(w->out, 0, &e);
	assert_non_null(o);
	assert_int_equal(
	    json_unpack(o, "{ss so}", "function", &function, "instructions", &list), 0);
	assert_string_equal(function, "main");
	assert_int_equal(json_array_size(list), 3);
	assert_int_equal(json_unpack(json_array_get(list, 2), "{ss ss ss ss ss si si}", "address",
			     &address, "bytes", &bytes, "text", &text, "target_symbol", &symbol,
			     "file", &file, "line", &line, "offset", &offset),
	    0);
	assert_string_equal(address, "0x401020");
	assert_string_equal(bytes, "eb200090");
	assert_string_equal(text, "jmp");
	assert_string_equal(symbol, "main");
	assert_string_equal(file, "server.c");
	assert_int_equal(line, 32);
	assert_int_equal(offset, 32);
	json_decref(o);
	/* What fails is no object. */
	assert_int_equal(run(w, "disassemble -json main+60,+8"), 1);
	assert_string_equal(w->out, "");
}

static void x_goes_on_where_it_was(void **state)
{
	struct world *w = attached(state);

	expect_error(w, "x", "hdb: x needs the address to start at, as in x/4xw $sp.\n");
	assert_int_equal(run(w, "x/2xh table"), 0);
	expect(w, "x", "0x1004 <table+4>:\t0x006f\t0x0706\n");
	forget(w);
	w->h.x.next = 0x1006;
	w->h.again = true; /* an empty line, too, keeps the count */
	w->h.x.count = 2;
	assert_int_equal(cmd_run(&w->h, "x"), 0);
	fflush(w->h.out);
	assert_string_equal(w->out, "0x1006 <table+6>:\t0x0706\t0x0908\n");
	expect(w, "x/s table", "0x1000 <table>:\t\"hello\"\n");
	expect(w, "x/xb", "0x1006 <table+6>:\t0x06\n");
}

static void unreadable_memory_shows_what_is_there_and_names_the_bad_address(void **state)
{
	struct world *w = attached(state);

	assert_int_equal(run(w, "x/3xw 0x1038"), 1);
	assert_string_equal(w->out, "0x1038 <table+56>:\t0x3b3a3938\t0x3f3e3d3c\n");
	assert_string_equal(w->err, "hdb: memory at 0x1040 cannot be read.\n");
	expect_error(w, "x/s 0", "hdb: memory at 0x0 cannot be read.\n");
	expect_error(w, "x/2q main",
	    "hdb: x/2q: undefined format; FORMAT is one of x d u o t z a c f s i, UNIT of b h w "
	    "g.\n");
	assert_int_equal(run(w, "x/q main"), 1);
	assert_int_equal(run(w, "x/99999999x main"), 1);
	assert_int_equal(run(w, "x/fb main"), 1);
}

static void addresses_are_sums_of_numbers_registers_and_symbols(void **state)
{
	static const struct {
		const char *line, *err;
	} wrong[] = {
	    {"x nothing", "hdb: no symbol nothing.\n"},
	    {"x $nothing", "hdb: no register $nothing in frame 0.\n"},
	    {"x $xmm0", "hdb: $xmm0 does not fit an address.\n"},
	    {"x 0x10000000000000000", "hdb: 0x10000000000000000: more than 64 bits.\n"},
	    {"x 12abc", "hdb: 12abc: not a number.\n"},
	    {"x table+", "hdb: the expression ends too early.\n"},
	    {"x table*2", "hdb: no symbol \"nothing\" in this context.\n"},
	    {"x 'table",
		"hdb: 'table: not an address expression; numbers, $registers and symbols can "
		"be joined by + and -.\n"},
	};
	struct world *w = attached(state);

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		expect_error(w, wrong[i].line, wrong[i].err);
	expect(w, "info symbol 'ns::f(int)' + 4", "ns::f(int) + 4 in /usr/bin/redis-server\n");
	expect(w, "info symbol $pc", "main + 16 in /usr/bin/redis-server\n");
	expect(w, "info symbol -1 + main + 1", "main in /usr/bin/redis-server\n");
	expect_error(w, "info symbol 0", "hdb: no symbol at 0x0.\n");
}

static void registers_look_like_gdbs(void **state)
{
	struct world *w = attached(state);

	expect(w, "info registers",
	    "rip            0x401010            0x401010 <main+16>\n"
	    "rsp            0x1000              0x1000\n"
	    "eflags         0x246               [ PF ZF IF ]\n"
	    "rax            0xfffffffffffffffc  -4\n");
	expect(w, "i r xmm0", "xmm0           0xf0000000000000000000000000000201\n");
	expect(w, "i r $pc sp",
	    "rip            0x401010            0x401010 <main+16>\n"
	    "rsp            0x1000              0x1000\n");
	expect_error(w, "info registers ymm9", "hdb: no register or group ymm9 in frame 0.\n");
}

/* ---- source ------------------------------------------------------------------------------- */

static void expect_lines(struct world *w, const char *line, unsigned first, unsigned last)
{
	char want[1024] = "";

	for (unsigned i = first; i <= last; i++)
		sprintf(want + strlen(want), "%u\t\ttext %u%s\n", i, i, i == 30 ? "\\x1b[2J" : "");
	expect(w, line, want);
}

static void list_has_gdbs_forms(void **state)
{
	struct world *w = attached(state);

	expect_lines(w, "list", 7, 16); /* around main, for frame 0 has no line */
	expect_lines(w, "list", 17, 26);
	expect_lines(w, "list -", 7, 16);
	expect_lines(w, "list 20", 15, 24);
	expect_lines(w, "list main", 7, 16);
	expect_lines(w, "list server.c:3", 1, 10);
	expect_lines(w, "list 5,7", 5, 7);
	expect_lines(w, "list 5,", 5, 14);
	expect_lines(w, "list ,12", 3, 12);
	expect_lines(w, "list *main+4", 1, 10);
	expect_lines(w, "list 25,99", 25, 30);
	expect_error(w, "list", "hdb: line 31 is out of range; /src/server.c has 30 lines.\n");
	expect_error(w, "list 7,5", "hdb: line 5 comes before line 7.\n");
	expect_error(w, "list other.c:3", "hdb: no source file other.c.\n");
	expect_error(w, "list nothing", "hdb: no symbol nothing.\n");
	run(w, "frame 3");
	expect_lines(w, "list", 7, 16);
}

static void info_line_names_code(void **state)
{
	struct world *w = attached(state);

	expect(w, "info line main",
	    "Line 12 of \"server.c\" starts at address 0x40100c <main+12> and ends at 0x40100d "
	    "<main+13>.\n");
	expect(w, "info line server.c:4",
	    "Line 4 has no code; line 5 of \"server.c\" starts at address 0x401005 <main+5> and "
	    "ends "
	    "at 0x401006 <main+6>.\n");
	expect(w, "info address main",
	    "Symbol \"main\" is a function at address 0x401000, 64 bytes, in "
	    "/usr/bin/redis-server\n");
	assert_int_equal(run(w, "directory nowhere"), 1);
}

static void a_directory_that_is_not_there_is_added_with_a_warning_as_in_gdb(void **state)
{
	struct world *w = *state;

	expect(w, "directory /", "");
	assert_int_equal(run(w, "directory /nonexistent"), 0);
	assert_string_equal(w->err, "hdb: Warning: /nonexistent: No such file or directory.\n");
	assert_int_equal(run(w, "directory /dev/null"), 0);
	assert_string_equal(w->err, "hdb: Warning: /dev/null: Not a directory.\n");
}

static void libraries_that_no_name_matches_are_said_to_be_none(void **state)
{
	struct world *w = attached(state);

	expect(w, "info sharedlibrary zzz", "No shared libraries matched.\n");
	assert_int_equal(run(w, "info sharedlibrary libc"), 0);
	assert_non_null(strstr(w->out, "libc.so.6"));
	assert_null(strstr(w->out, "redis"));
}

/* ---- events -------------------------------------------------------------------------------- */

static void expect_event(struct world *w, enum he_event_kind kind, uint32_t sig, int status,
    const char *out, const char *err)
{
	forget(w);
	fake_happens(w->h.engine, kind, sig, status);
	front_events(&w->h);
	fflush(w->h.out);
	fflush(w->h.err);
	assert_string_equal(w->out, out);
	assert_string_equal(w->err, err);
}

static void every_event_is_a_line(void **state)
{
	struct world *w = attached(state);

	expect_event(w, HE_E_SIGNALLED, SIGUSR1, 0,
	    "redis-server (4242) got SIGUSR1, thread 2 (LWP 4243)\n", "");
	expect_event(
	    w, HE_E_SIGNALLED, 63, 0, "redis-server (4242) got SIG63, thread 2 (LWP 4243)\n", "");
	expect_event(w, HE_E_THREAD_BORN, 0, 0, "", "");
	expect_event(w, HE_E_STOPPED, SIGSEGV, 0,
	    "redis-server (4242) stopped with SIGSEGV, thread 2 (LWP 4243)\n"
	    "#0  0x00007f0000002020 in on_alarm ()\n",
	    "");
	assert_int_equal(w->h.tid, FAKE_PID + 1);
	expect_event(
	    w, HE_E_EXECUTED, 0, 0, "redis-server (4242) now runs /usr/bin/redis-server\n", "");
	expect_event(w, HE_E_JOB_STOPPED, SIGTSTP, 0,
	    "redis-server (4242) was stopped by SIGTSTP; SIGCONT lets it go on\n", "");
	expect_event(w, HE_E_EXITED, 0, 9, "redis-server (4242) was killed by SIGKILL\n", "");
	assert_null(w->h.target);
	expect_error(
	    w, "bt", "hdb: no process is attached; attach PID does that, ps lists them.\n");
}

static void a_lost_link_names_what_runs_on_and_the_next_command_connects_anew(void **state)
{
	struct world *w = attached(state);

	expect_event(w, HE_E_LINK_LOST, 0, 0, "",
	    "hdb: link to this machine lost (no answer for 15 s). redis-server (4242) runs on "
	    "there.\n");
	assert_null(w->h.target);
	assert_null(w->h.server);
	assert_int_equal(run(w, "ps"), 0);
	assert_non_null(w->h.server);
}

static void a_lost_link_says_of_what_ended_and_of_snapshots_nothing(void **state)
{
	struct world *w = attached(state);
	struct he_target *t;

	assert_null(he_snapshot(w->h.server, FAKE_PID, 0, 0, 0, &t));
	fake_happens(w->h.engine, HE_E_EXITED, 0, 9);
	expect_event(w, HE_E_LINK_LOST, 0, 0, "redis-server (4242) was killed by SIGKILL\n",
	    "hdb: link to this machine lost (no answer for 15 s).\n");
}

static void a_flood_of_events_lets_a_person_type(void **state)
{
	struct world *w = attached(state);

	fake_storm(w->h.engine, 100000);
	front_events(&w->h);
	fflush(w->h.out);
	assert_true(fake_storm(w->h.engine, 0) > 0);
}

static void continue_waits_for_what_comes(void **state)
{
	struct world *w = attached(state);

	fake_happens(w->h.engine, HE_E_SIGNALLED, SIGCHLD, 0);
	fake_happens(w->h.engine, HE_E_EXITED, 0, 3 << 8);
	expect(w, "continue",
	    "redis-server (4242) got SIGCHLD, thread 2 (LWP 4243)\n"
	    "redis-server (4242) exited with status 3\n");
	assert_null(w->h.target);
	attached(state);
	fake_happens(w->h.engine, HE_E_LINK_LOST, 0, 0);
	assert_int_equal(run(w, "c"), 1);
	assert_null(w->h.server);
}

static void ctrl_c_stops_a_running_process(void **state)
{
	struct world *w = attached(state);

	expect(w, "continue &", "");
	w->h.interrupted = 1;
	he_cancel(w->h.engine);
	assert_int_equal(run(w, "continue"), 0);
	assert_non_null(strstr(w->out, "redis-server (4242) stopped"));
	assert_int_equal(front_state(w->h.target), HE_STOPPED);
	expect_error(w, "interrupt", "hdb: redis-server (4242) stands already.\n");
	expect(w, "c &", "");
	assert_int_equal(run(w, "interrupt"), 0);
	assert_int_equal(front_state(w->h.target), HE_STOPPED);
}

/* ---- hostile text -----------------------------------------------------------------------------
 */

static void assert_harmless(const char *s)
{
	for (; *s; s++)
		assert_true((*s >= ' ' && *s != 0x7f) || *s == '\n' || *s == '\t');
	/* U+202E turns what follows around */
	assert_null(strstr(s, "\xe2\x80\xae"));
}

static void nothing_a_target_says_reaches_the_terminal_raw(void **state)
{
	static const char *const lines[] = {"ps", "info threads", "thread apply all bt",
	    "info sharedlibrary", "info proc all", "list 25,30", "thread 3", "info frame",
	    "x/64c table", "x/s table+6", "info proc environ", "info proc status", "targets"};
	struct world *w = attached(state);

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		run(w, lines[i]);
		assert_true(w->out_size > 0);
		assert_harmless(w->out);
		assert_harmless(w->err);
	}
}

static void texts_keep_what_is_printable_only(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {{"plain", "plain"}, {"a\nb", "a\\x0ab"}, {"\033[m", "\\x1b[m"},
	    {"\xc3\xa9t\xc3\xa9", "\xc3\xa9t\xc3\xa9"}, {"\xff", "\\xff"},
	    {"\xc2\x9b"
	     "2J",
		"\\xc2\\x9b2J"},
	    {"\xe2\x80\xae", "\\xe2\\x80\\xae"}, {"\xe2\x80", "\\xe2\\x80"}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *clean = show_clean(rows[i].in);

		assert_string_equal(clean, rows[i].out);
		free(clean);
	}
}

/* ---- json, one-shot
 * ------------------------------------------------------------------------------ */

static json_t *load(struct world *w)
{
	json_error_t why;
	json_t *j;

	fflush(w->h.out);
	j = json_loads(w->out, 0, &why);
	assert_non_null(j);
	return j;
}

static void json_of_hostile_names_is_valid(void **state)
{
	struct world *w = *state;
	struct he_server *s = front_server(&w->h);
	struct he_processes *p;
	json_t *j, *evil;

	assert_null(he_ps(s, NULL, &p));
	forget(w);
	assert_int_equal(json_processes(w->h.out, p), 0);
	he_processes_free(p);
	j = load(w);
	assert_harmless(w->out);
	assert_int_equal(json_integer_value(json_object_get(j, "truncated")), 7);
	evil = json_array_get(json_object_get(j, "processes"), 2);
	assert_string_equal(json_string_value(json_object_get(evil, "comm")), "ev\033[31mil\n");
	assert_string_equal(json_string_value(json_object_get(evil, "exe")), "/tmp/\xef\xbf\xbd"
									     "evil");
	assert_true(json_is_null(json_object_get(evil, "unit")));
	json_decref(j);
}

static void json_of_a_snapshot_has_every_thread_by_tid(void **state)
{
	struct world *w = *state;
	struct he_server *s = front_server(&w->h);
	struct he_target *t;
	json_t *j, *thread, *frame;

	assert_null(he_snapshot(s, FAKE_PID, 0, 0, 0, &t));
	forget(w);
	assert_null(json_snapshot(w->h.out, t));
	j = load(w);
	assert_int_equal(json_integer_value(json_object_get(j, "stopped_us")), 1812);
	thread = json_array_get(json_object_get(j, "threads"), 0);
	assert_int_equal(json_integer_value(json_object_get(thread, "tid")), FAKE_PID);
	assert_string_equal(json_string_value(json_object_get(thread, "end")), "outermost");
	frame = json_array_get(json_object_get(thread, "frames"), 1);
	assert_string_equal(json_string_value(json_object_get(frame, "pc")), "0x401204");
	assert_true(json_is_true(json_object_get(frame, "inlined")));
	assert_int_equal(json_integer_value(json_object_get(frame, "line")), 113);
	json_decref(j);
	he_detach(t);
}

static void a_snapshot_says_how_long_the_process_stood(void **state)
{
	struct world *w = *state;
	struct he_server *s = front_server(&w->h);
	struct he_target *t;

	assert_null(he_snapshot(s, FAKE_PID, 0, 0, 0, &t));
	forget(w);
	assert_int_equal(snapshot_show(&w->h, t), 0);
	fflush(w->h.out);
	assert_int_equal(
	    strncmp(w->out, "redis-server (4242), 3 threads, stopped for 1.8 ms\n", 51), 0);
	assert_non_null(strstr(w->out, whole));
	front_detach(&w->h, t);
}

static void ps_says_how_many_are_left_out(void **state)
{
	struct world *w = *state;

	expect(w, "ps",
	    " PID  USER   THREADS  UNIT           COMMAND\n"
	    "4242  redis        3  redis.service  /usr/bin/redis-server 127.0.0.1:6379\n"
	    "4250  alice        1  -              \\x1b]0;owned\\x07 \\xff\\xfe "
	    "\\xe2\\x80\\xaedrowssap\n"
	    "7 more are not shown; a PATTERN behind ps chooses\n");
	expect(w, "ps kthreadd",
	    "PID  USER  THREADS  UNIT  COMMAND\n  2  root        1  -     [kthreadd]\n");
}

static void progress_is_one_line_that_goes_away(void **state)
{
	struct world *w = *state;
	struct progress p = {0};

	progress_show(&p, w->h.err, "lib\033c.so", 500000, 2000000);
	progress_show(&p, w->h.err, "libc.so", 600000, 2000000); /* too soon after the other */
	assert_string_equal(w->err, "\r\033[Klib\\x1bc.so: 0.5 of 2.0 MB, 25 %");
	progress_show(&p, w->h.err, "libc.so", 2000000, 2000000);
	fflush(w->h.err);
	assert_string_equal(w->err + w->err_size - 4, "\r\033[K");
	progress_clear(&p, w->h.err);
	assert_int_equal(w->err_size, 4 + strlen("lib\\x1bc.so: 0.5 of 2.0 MB, 25 %") + 4);
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
	    T(attach_says_what_stopped_and_where_symbols_are_from),
	    T(threads_keep_their_numbers),
	    T(thread_apply_does_the_main_thread_last_and_prepares_once),
	    T(detaching_in_the_middle_of_thread_apply_ends_it),
	    T(backtraces_look_like_gdbs),
	    T(frames_are_selected_up_and_down),
	    T(x_has_gdbs_formats),
	    T(instructions_look_like_gdbs),
	    T(a_function_in_pieces_is_shown_whole),
	    T(source_stands_between_the_instructions_of_its_lines),
	    T(echo_has_gdbs_escapes),
	    T(json_of_code_has_its_members),
	    T(x_goes_on_where_it_was),
	    T(unreadable_memory_shows_what_is_there_and_names_the_bad_address),
	    T(addresses_are_sums_of_numbers_registers_and_symbols),
	    T(registers_look_like_gdbs),
	    T(list_has_gdbs_forms),
	    T(info_line_names_code),
	    T(a_directory_that_is_not_there_is_added_with_a_warning_as_in_gdb),
	    T(libraries_that_no_name_matches_are_said_to_be_none),
	    T(every_event_is_a_line),
	    T(a_lost_link_names_what_runs_on_and_the_next_command_connects_anew),
	    T(a_lost_link_says_of_what_ended_and_of_snapshots_nothing),
	    T(a_flood_of_events_lets_a_person_type),
	    T(continue_waits_for_what_comes),
	    T(ctrl_c_stops_a_running_process),
	    T(nothing_a_target_says_reaches_the_terminal_raw),
	    T(texts_keep_what_is_printable_only),
	    T(json_of_hostile_names_is_valid),
	    T(json_of_a_snapshot_has_every_thread_by_tid),
	    T(a_snapshot_says_how_long_the_process_stood),
	    T(ps_says_how_many_are_left_out),
	    T(progress_is_one_line_that_goes_away),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
