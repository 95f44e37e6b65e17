/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Commands of breakpoints: what they print, that the program goes on with what it did, and that
 * it never stands without the debugger being told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/rsp/rsp_printf.h"
#include "host/rsp/rsp_run.h"
#include "host/rsp/rsp_terminal.h"
#include "rsp_bridge.h"
#include "rsp_engine.h"

/* printf ("a") */
#define PRINT_A                                                                                    \
	"Xb,220022003400000261"                                                                    \
	"0027"
/* printf ("%s", the string at 0x401000 + n) */
#define PRINT_AT(n)                                                                                \
	"X11,24004010" n "220022003401000325"                                                      \
	"730027"
/* Conditions: 1, 0. */
#define TRUE "X3,220127"
#define FALSE "X3,220027"
#define A_HEX "O61"

static int begin(void **state)
{
	(void)state;
	bridge_open(false);
	ask("qSupported:multiprocess+;swbreak+;hwbreak+;error-message+;fork-events+");
	has(ask("vAttach;2a"), "T");
	fake_box_log();
	return 0;
}

/* Thread tid comes to a breakpoint at FAKE_AT. */
static struct he_event hit(uint64_t tid, unsigned kinds)
{
	struct he_event ev = {.tid = tid, .reason = HE_R_BREAKPOINT};

	for (unsigned k = 0; k < 2; k++)
		if (kinds & 1u << k)
			ev.patches[ev.n_patches++] = fake_patch((enum he_patch_kind)k, FAKE_AT);
	return ev;
}

enum { SOFT = 1, HARD = 2 };

static void a_hit_prints_and_the_program_goes_on(void **state)
{
	(void)state;
	has(ask("qSupported:"), ";BreakpointCommands+");
	asks("Z0,401000,1;" TRUE ";cmds:1," PRINT_A, "OK");
	asks("vCont;c", "");
	assert_string_equal(fake_box_log(), "patch 42 0 401000\ngo 42 0:cont:0\n");
	happens(hit(43, SOFT));
	assert_string_equal(sent(), A_HEX);
	assert_string_equal(fake_box_log(), "go 42 past 0:cont:0\n");
	/* It is still due. */
	happens((struct he_event){.tid = 42, .reason = HE_R_SIGNAL, .signal = SIGHUP});
	has(sent(), "T01");
}

static void all_commands_run_in_their_order(void **state)
{
	(void)state;
	memcpy(fake_box.memory, "x\0y", 4);
	asks("Z1,401000,1;cmds:0," PRINT_AT("02") PRINT_A PRINT_AT("00"), "OK");
	ask("vCont;c");
	happens(hit(42, HARD));
	assert_string_equal(
	    fake_box_log(), "patch 42 1 401000\ngo 42 0:cont:0\ngo 42 past 0:cont:0\n");
	sent();
	assert_int_equal(sent_raw(), 3 * strlen("$O61#00"));
}

static void one_beside_it_without_commands_is_told(void **state)
{
	(void)state;
	asks("Z0,401000,1;cmds:0," PRINT_A, "OK");
	asks("Z1,401000,1", "OK");
	ask("vCont;c");
	fake_box_log();
	happens(hit(42, SOFT | HARD));
	has(sent(), "#b6$T05");
	assert_string_equal(fake_box_log(), "");
	/* And where only that one was noticed: GDB will step over both. */
	ask("vCont;c");
	happens(hit(42, HARD));
	has(sent(), "#b6$T05");
}

static void who_steps_to_it_is_told_and_the_command_runs_if_it_would(void **state)
{
	const struct he_event step = {.tid = 42, .reason = HE_R_STEP};

	(void)state;
	asks("Z0,401000,1;" FALSE TRUE ";cmds:0," PRINT_A, "OK");
	ask("vCont;s:p2a.2a;c");
	happens(step);
	has(sent(), A_HEX "#b6$T05");
	asks("Z0,401000,1;" FALSE ";cmds:0," PRINT_A, "OK");
	ask("vCont;s:p2a.2a;c");
	happens(step);
	has_not(sent(), A_HEX);
	asks("Z0,401000,1;cmds:0," PRINT_A, "OK");
	fake_box.pc[0] = FAKE_AT + 1;
	ask("vCont;s:p2a.2a;c");
	happens(step);
	has_not(sent(), A_HEX);
}

static void steps_go_on_as_they_were(void **state)
{
	(void)state;
	ask("Z0,401000,1;cmds:0," PRINT_A);
	ask("vCont;r401000,401010:p2a.2a;C01:p2a.2b");
	fake_box_log();
	happens(hit(42, SOFT));
	assert_string_equal(fake_box_log(), "go 42 past 42:range:0 43:cont:0\n");
	happens((struct he_event){.tid = 42, .reason = HE_R_STEP});
	ask("vCont;s:p2a.2a;c");
	fake_box_log();
	happens(hit(43, SOFT));
	assert_string_equal(fake_box_log(), "go 42 past 42:step:0 0:cont:0\n");
}

static void who_had_not_left_when_others_stopped_is_not_printed_twice(void **state)
{
	struct he_event ev = hit(43, SOFT);

	(void)state;
	ask("Z0,401000,1;cmds:0," PRINT_A);
	fake_box.pc[1] = FAKE_AT;
	ask("vCont;c");
	ev.generation = 1;
	happens(ev);
	assert_string_equal(sent(), A_HEX);
	happens(
	    (struct he_event){.tid = 42, .reason = HE_R_SIGNAL, .signal = SIGHUP, .generation = 2});
	has(sent(), "T01");
	ask("vCont;c");
	fake_box_log();
	ev.generation = 3;
	happens(ev);
	assert_string_equal(sent(), "");
	assert_string_equal(fake_box_log(), "go 42 past 0:cont:0\n");
	/* It comes again. */
	ev.generation = 4;
	happens(ev);
	assert_string_equal(sent(), A_HEX);
	/* And again, when another stop is told first: that is none of before. */
	happens(
	    (struct he_event){.tid = 42, .reason = HE_R_SIGNAL, .signal = SIGHUP, .generation = 5});
	sent();
	ask("vCont;c");
	fake_box_log();
	ev.generation = 5;
	happens(ev);
	assert_string_equal(sent(), A_HEX);
	/* Others may have to be hit where they stand, and so will it. */
	assert_string_equal(fake_box_log(), "go 42 0:cont:0\n");
	ev.generation = 6;
	happens(ev);
	assert_string_equal(sent(), "");
	assert_string_equal(fake_box_log(), "go 42 past 0:cont:0\n");
}

static void non_stop_each_goes_on_alone(void **state)
{
	(void)state;
	asks("QNonStop:1", "OK");
	ask("Z0,401000,1;cmds:0," PRINT_A);
	asks("vCont;r401000,401010:p2a.2a", "OK");
	asks("vCont;c:p2a.2b", "OK");
	fake_box_log();
	happens(hit(42, SOFT));
	happens(hit(43, SOFT));
	happens(hit(42, SOFT));
	assert_string_equal(fake_box_log(), "go 42 alone past 42:range:0\n"
					    "go 42 alone past 43:cont:0\n"
					    "go 42 alone past 42:range:0\n");
	has_not(sent(), "Stop");
	/* The step is at its end, and what is asked next is no step. */
	happens((struct he_event){.tid = 42, .reason = HE_R_STEP});
	rsp_flush(bridge());
	has(sent(), "Stop:T05");
	ask("vStopped");
	asks("vCont;c:p2a.2a", "OK");
	fake_box_log();
	happens(hit(42, SOFT));
	assert_string_equal(fake_box_log(), "go 42 alone past 42:cont:0\n");
}

static void ctrl_c_is_told_even_if_hits_come_first(void **state)
{
	(void)state;
	ask("Z0,401000,1;cmds:0," PRINT_A);
	ask("vCont;c");
	rsp_take(bridge(), "\003", 1);
	assert_string_equal(fake_box_log(), "patch 42 0 401000\ngo 42 0:cont:0\ninterrupt 42/0\n");
	happens(hit(42, SOFT));
	has(sent(), A_HEX "#b6$T02");
	assert_string_equal(fake_box_log(), "");
}

static void the_same_place_again_replaces_and_z_takes_all_away(void **state)
{
	(void)state;
	ask("Z0,401000,1;cmds:1," PRINT_A);
	asks("Z0,401000,1;" TRUE, "OK");
	ask("vCont;c");
	happens(hit(42, SOFT));
	has_not(sent(), A_HEX);
	asks("Z0,401000,1;" TRUE ";cmds:1," PRINT_A, "OK");
	asks("Z0,401000,1;" FALSE ";cmds:1," PRINT_A, "OK");
	ask("vCont;c");
	happens(hit(42, SOFT));
	assert_string_equal(sent(), A_HEX);
	happens((struct he_event){.tid = 42, .reason = HE_R_SIGNAL, .signal = SIGHUP});
	sent();
	asks("z0,401000,1", "OK");
	ask("vCont;c");
	happens(hit(42, SOFT));
	has(sent(), "T05");
}

static void what_cannot_run_is_refused_and_nothing_changes(void **state)
{
	static const char *const bad[] = {"Z0,401000,1;cmds:0,", "Z0,401000,1;cmds:0,X",
	    "Z0,401000,1;cmds:0,Xffffffff,00", "Z0,401000,1;cmds:0,Xffffffffffffffffff,00",
	    "Z0,401000,1;cmds:,X1,27", "Z0,401000,1;cmds:0,X1,27;cmds:0,X1,27",
	    "Z0,401000,1;cmds:0,X2,27", "Z0,401000,1;cmds", "Z0,401000,1;cmds:0X1,27"};
	static const char *const useless[] = {"Z0,401000,1;cmds:0,X3,220034",
	    "Z2,401000,1;cmds:0,X1,27", "Z0,401000,1;cmds:0,X1,0c", "Z0,401000,1;cmds:0,X3,260999",
	    "Z0,401000,1;X1,27;cmds:0,X1,27",
	    /* printf ("%f", 0), printf ("%n"), and in a condition */
	    "Z0,401000,1;cmds:0,Xe,22002200220034010003256600"
	    "27",
	    "Z0,401000,1;cmds:0,Xc,2200220034000003256e"
	    "0027",
	    "Z0,401000,1;Xd,220022003400000261"
	    "00220127;cmds:0," PRINT_A};
	char many[2048] = "Z0,401000,1;cmds:0,";

	(void)state;
	asks("Z0,401000,1;cmds:0," PRINT_A, "OK");
	fake_box_log();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		asks(bad[i], "E01");
	for (size_t i = 0; i < sizeof(useless) / sizeof(useless[0]); i++)
		has(ask(useless[i]), "E.a command of this breakpoint cannot be run");
	for (unsigned i = 0; i < 65; i++)
		strcat(many, "X1,27");
	asks(many, "E01");
	assert_string_equal(fake_box_log(), "");
	ask("vCont;c");
	happens(hit(42, SOFT));
	assert_string_equal(sent(), A_HEX);
}

static void one_that_goes_wrong_ends_and_the_next_runs(void **state)
{
	char why[256], line[512];

	(void)state;
	memset(fake_box.memory, 'x', FAKE_MEMORY);
	asks("Z0,401000,1;cmds:0," PRINT_AT("00") "X3,210000"
						  "X6,220122000527" PRINT_A,
	    "OK");
	ask("vCont;c");
	fake_box_log();
	happens(hit(42, SOFT));
	assert_string_equal(fake_box_log(), "go 42 past 0:cont:0\n");
	sent();
	snprintf(line, sizeof(line),
	    "process 42, thread 42: a command of a breakpoint was not "
	    "carried out: memory at 0x401040 cannot be read.\n");
	hex(why, line);
	assert_true(sent_raw() > 3 * strlen(why) / 2);
}

/* What is read from the pipe, while it is offered, goes to the end of text. */
static size_t drain(int fd, char *text, size_t size)
{
	size_t n = 0;
	ssize_t got;

	do {
		rsp_terminal_tick(bridge());
		got = read(fd, text + n, size - 1 - n);
		n += got > 0 ? (size_t)got : 0;
	} while (got > 0);
	text[n] = 0;
	return n;
}

static void nobody_who_does_not_read_holds_the_program_up(void **state)
{
	static char page[RSP_PRINTF_STRING + 1], text[2 * RSP_TERMINAL_UNSAID];
	int ends[2], before = dup(STDERR_FILENO);
	size_t n;

	(void)state;
	asks("QNonStop:1", "OK");
	fake_box.memory = (uint8_t *)memset(page, 'p', RSP_PRINTF_STRING);
	fake_box.memory_n = sizeof(page);
	asks("Z0,401000,1;cmds:0," PRINT_AT("00"), "OK");
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	fcntl(ends[1], F_SETFL, 0);
	dup2(ends[1], STDERR_FILENO);
	fake_box_log();
	for (unsigned i = 0; i < 200; i++) {
		happens(hit(42, SOFT));
		assert_string_equal(fake_box_log(), "go 42 alone past 42:cont:0\n");
	}
	n = drain(ends[0], text, sizeof(text));
	dup2(before, STDERR_FILENO);
	close(before);
	close(ends[0]);
	close(ends[1]);
	assert_true(n > RSP_TERMINAL_UNSAID - 2 * RSP_PRINTF_STRING);
	assert_int_equal(text[0], 'p');
	has(text, " bytes of what commands of breakpoints wrote were lost: nobody read them.\n");
}

/* ---- nobody is there ---------------------------------------------------------------------- */

static void those_that_persist_run_on_without_a_debugger(void **state)
{
	(void)state;
	ask("Z0,401000,1;cmds:1," PRINT_A);
	ask("Z1,401000,1;cmds:0," PRINT_A);
	ask("vCont;c");
	fake_box_log();
	rsp_close(bridge());
	assert_string_equal(fake_box_log(), "unpatch 42 1 401000\n");
	happens(hit(42, SOFT));
	assert_string_equal(fake_box_log(), "go 42 past 0:cont:0\n");
}

static void a_child_has_its_own(void **state)
{
	struct he_event ev = {
	    .tid = 42, .reason = HE_R_CATCH, .caught = HE_CATCH_FORK, .number = 60};

	(void)state;
	ask("Z0,401000,1;" TRUE ";cmds:0," PRINT_A);
	ask("vCont;c");
	ev.child = fake_child(60);
	happens(ev);
	has(sent(), "fork:p3c.3c;");
	asks("z0,401000,1", "OK");
	ask("vCont;c");
	fake_box_log();
	ev = hit(60, SOFT);
	ev.kind = HE_E_STOPPED;
	ev.target = fake_target(60);
	fake_stands(60);
	rsp_event(bridge(), &ev);
	bridge_settle();
	assert_string_equal(sent(), A_HEX);
	assert_string_equal(fake_box_log(), "go 60 past 0:cont:0\n");
}

static void while_all_are_made_to_stand_nobody_goes_on(void **state)
{
	struct he_event ev = {.tid = 42, .reason = HE_R_SIGNAL, .signal = SIGHUP};

	(void)state;
	has(ask("vAttach;32"), "T");
	asks("Hgp32.32", "OK");
	asks("Z0,401000,1;cmds:0," PRINT_A, "OK");
	ask("vCont;c");
	fake_box_log();
	/* The other hits it before it is interrupted: it will do so again. */
	fake_event((struct he_event){.kind = HE_E_STOPPED,
	    .target = fake_target(50),
	    .tid = 50,
	    .reason = HE_R_BREAKPOINT,
	    .patches = {fake_patch(HE_PATCH_SOFT, FAKE_AT)},
	    .n_patches = 1});
	happens(ev);
	has(sent(), "T01");
	assert_string_equal(fake_box_log(), "interrupt 50/0\n");
}

static void what_stood_before_and_is_heard_of_late_stays(void **state)
{
	struct he_event ev = hit(50, SOFT);

	(void)state;
	has(ask("vAttach;32"), "T");
	asks("Hgp32.32", "OK");
	asks("Z0,401000,1;cmds:0," PRINT_A, "OK");
	ask("vCont;c");
	fake_box_log();
	fake_stands(50);
	happens((struct he_event){.tid = 42, .reason = HE_R_SIGNAL, .signal = SIGHUP});
	has(sent(), "T01");
	ev.kind = HE_E_STOPPED;
	ev.target = fake_target(50);
	rsp_event(bridge(), &ev);
	bridge_settle();
	assert_string_equal(sent(), "");
	assert_string_equal(fake_box_log(), "");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, bridge_close)
	const struct CMUnitTest tests[] = {
	    T(a_hit_prints_and_the_program_goes_on),
	    T(all_commands_run_in_their_order),
	    T(one_beside_it_without_commands_is_told),
	    T(who_steps_to_it_is_told_and_the_command_runs_if_it_would),
	    T(steps_go_on_as_they_were),
	    T(who_had_not_left_when_others_stopped_is_not_printed_twice),
	    T(non_stop_each_goes_on_alone),
	    T(ctrl_c_is_told_even_if_hits_come_first),
	    T(the_same_place_again_replaces_and_z_takes_all_away),
	    T(what_cannot_run_is_refused_and_nothing_changes),
	    T(one_that_goes_wrong_ends_and_the_next_runs),
	    T(nobody_who_does_not_read_holds_the_program_up),
	    T(those_that_persist_run_on_without_a_debugger),
	    T(a_child_has_its_own),
	    T(while_all_are_made_to_stand_nobody_goes_on),
	    T(what_stood_before_and_is_heard_of_late_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
