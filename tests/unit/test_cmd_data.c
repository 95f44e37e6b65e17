/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Commands that show memory, registers, code and sources.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "console_world.h"
#include "host/hdb/cmd.h"

#include <cmocka.h> /* its fail() is not ours */

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

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
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
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
