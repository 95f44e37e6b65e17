/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How processes begin, run and end under the bridge: packets in every state, threads that
 * never were, and what was let go while the link was broken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "host/rsp/rsp_launch.h"
#include "rsp_bridge.h"
#include "rsp_engine.h"

static int begin(void **state)
{
	(void)state;
	bridge_open(false);
	ask("qSupported:multiprocess+;swbreak+;hwbreak+;no-resumed+");
	return 0;
}

static int begin_attached(void **state)
{
	begin(state);
	ask("vAttach;2a");
	fake_box_log();
	return 0;
}

/* ---- attaching ------------------------------------------------------------------------------- */

static void attaching_tells_where_it_stands(void **state)
{
	(void)state;
	has(ask("vAttach;2a"), "thread:p2a.2a;");
	assert_string_equal(fake_box_log(), "attach 42\n");
	asks("qAttached:2a", "1");
	asks("qC", "QCp2a.2a");
	asks("vAttach;2a", "E10"); /* it is being debugged */
	has(ask("vAttach;32"), "thread:p32.32;");
	asks("qfThreadInfo", "mp2a.2a,p2a.2b,p32.32,p32.33");
	asks("D;32", "OK");
	asks("D;32", "E03");
	assert_string_equal(fake_box_log(), "attach 50\ndetach 50\n");
}

/* One of the main thread, one of another. */
static void meet_signals(void)
{
	for (uint64_t i = 0; i < 2; i++) {
		fake_box.threads[i].signal = i ? SIGHUP : SIGALRM;
		fake_box.also[i] = (struct he_event){.kind = HE_E_STOPPED,
		    .tid = FAKE_PID + 1 - i,
		    .reason = HE_R_SIGNAL,
		    .signal = i ? SIGALRM : SIGHUP};
	}
}

static void a_signal_that_an_attach_meets_is_its_stop(void **state)
{
	(void)state;
	asks("QPassSignals:14", "OK");
	meet_signals();
	has(ask("vAttach;2a"), "T0e");
	/* The other is told instead of letting it run. */
	has(ask("vCont;c"), "T01");
	assert_string_equal(fake_box_log(), "attach 42\n");
}

static void one_that_gdb_would_go_on_with_waits_until_it_shall_run(void **state)
{
	(void)state;
	meet_signals();
	has(ask("vAttach;2a"), "T05");
	asks("D;2a", "OK");
	asks("QPassSignals:0e", "OK");
	meet_signals();
	has(ask("vAttach;2a"), "T05");
	assert_int_equal(fake_box.also[0].tid, FAKE_PID + 1);
}

static void why_nothing_was_attached_to_is_told(void **state)
{
	(void)state;
	ask("qSupported:error-message+");
	fake_box.refuses = "the map file does not allow it.";
	asks("vAttach;2a", "E.the map file does not allow it.");
	fake_box.refuses = NULL;
	asks("vAttach;", "E01");
	asks("vAttach;zz", "E01");
	asks("vAttach;80000000", "E01");
	asks("vAttach;10000000000000000", "E01");
	asks("vAttach;2a;", "E01");
	assert_string_equal(fake_box_log(), "");
}

/* ---- starting
 * ------------------------------------------------------------------------------------ */

static void a_program_starts_with_its_words(void **state)
{
	(void)state;
	asks_of("QSetWorkingDir:%s", "/srv", "OK");
	asks_of("QEnvironmentHexEncoded:%s", "A=b", "OK");
	asks_of("QEnvironmentUnset:%s", "HOME", "OK");
	asks("QDisableRandomization:0", "OK");
	has(ask("vRun;2f62;2d78"), "thread:p4d.4d;");
	assert_string_equal(
	    fake_box_log(), "launch /b [/b] [-x] {A=b} {HOME} in /srv randomized\n");
	asks("qAttached:4d", "0");
	has(ask("vRun;"), "T"); /* the one of before */
	assert_string_equal(fake_box_log(), "launch /b [/b] {A=b} {HOME} in /srv randomized\n");
	asks("vKill;4d", "OK");
	asks("vKill;4d", "E03");
	ask("k");
	assert_int_equal(fake_left(), 0);
}

static void a_wrapper_stands_in_front_of_it(void **state)
{
	static char env[] = "env", word[] = "A=b", *wrapper[] = {env, word};

	(void)state;
	bridge()->launch->wrapper = wrapper;
	bridge()->launch->n_wrapper = 2;
	has(ask("vRun;2f62;2d78"), "thread:p4d.4d;");
	assert_string_equal(fake_box_log(), "launch env [env] [A=b] [/b] [-x] through 1 in -\n");
}

static void it_is_started_again_by_r(void **state)
{
	(void)state;
	ask("vRun;2f62");
	fake_box_log();
	ask("R00");
	assert_string_equal(fake_box_log(), "kill 77\ndetach 77\nlaunch /b [/b] in -\n");
	has(ask("?"), "thread:p4d.4d;");
}

static void words_that_cannot_be_start_nothing(void **state)
{
	static const char *const bad[] = {"vRun", "vRun;", "vRun;zz", "vRun;6", "vRun;2f62;6",
	    "vRun;2f0062", "QEnvironmentHexEncoded:", "QEnvironmentHexEncoded:41",
	    "QEnvironmentHexEncoded:3d41", "QEnvironmentUnset:", "QEnvironmentUnset:413d62",
	    "QSetWorkingDir:6", "QStartupWithShell:2",
	    "QStartupWithShell:", "QDisableRandomization:2", "QDisableRandomization:x"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		asks(bad[i], "E01");
	assert_string_equal(fake_box_log(), "");
	fake_box.refuses = "no such program.";
	assert_true(ask("vRun;2f62")[0] == 'E');
}

/* ---- in the wrong state
 * --------------------------------------------------------------------------- */

static void without_a_process_everything_is_an_error(void **state)
{
	static const char *const packets[] = {"g", "p0", "P0=0000000000000000", "G00", "vCont;c",
	    "vCont;s:1", "c", "s", "C0b", "S0b", "Z0,401000,1", "z0,401000,1", "qC", "qAttached",
	    "qAttached:2a", "D", "D;2a", "vKill;2a", "Tp2a.2a", "T2a", "qThreadExtraInfo,p2a.2a",
	    "qGetTLSAddr:p2a.2a,0,0", "QCatchSyscalls:1", "Hgp2a.2a"};

	(void)state;
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++)
		assert_true(ask(packets[i])[0] == 'E');
	asks("?", "W00");
	asks("qfThreadInfo", "l");
	asks("Hgp0.0", "OK");
	asks("Hc-1", "OK");
	assert_string_equal(fake_box_log(), "");
}

static void threads_that_never_were_are_errors(void **state)
{
	static const char *const packets[] = {"Hgp2a.99", "Hg99", "Hcp99.99", "Hgp99.2a", "Tp2a.99",
	    "T99", "Tp99.2a", "qThreadExtraInfo,p2a.99", "qGetTLSAddr:p2a.99,0,0",
	    "qGetTLSAddr:99,0,0"};
	static const char *const bad[] = {"H", "Hx2a", "Hg", "Hgp", "Hgp2a.", "Hg-2", "Hgp-2.2a",
	    "T", "Tzz", "T2a,", "Hg8000000000000000", "Hgp10000000000000000.1", "Tffffffffffffffff",
	    "qThreadExtraInfo,", "qGetTLSAddr:", "qGetTLSAddr:2a", "qGetTLSAddr:2a,0",
	    "qGetTLSAddr:2a,0,0,0"};

	(void)state;
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++)
		asks(packets[i], "E03");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(ask(bad[i])[0] == 'E');
	asks("qC", "QCp2a.2a");
}

static void thread_local_variables_are_where_their_thread_has_them(void **state)
{
	(void)state;
	asks("qGetTLSAddr:p2a.2a,10,401000", "401010");
	assert_true(ask("qGetTLSAddr:p2a.2a,10,402000")[0] == 'E');
}

static void what_runs_is_not_let_run_again(void **state)
{
	(void)state;
	asks("vCont;c", "");
	assert_string_equal(fake_box_log(), "go 42 0:cont:0\n");
	asks("vCont;c", "E10");
	asks("c", "E01");
	asks("s", "E01");
	assert_string_equal(fake_box_log(), "");
	happens((struct he_event){.tid = 43, .reason = HE_R_SIGNAL, .signal = SIGSEGV});
	has(sent(), "T0b");
	asks("c", "");
	assert_string_equal(fake_box_log(), "go 42 0:cont:0\n");
}

static void resumes_that_make_no_sense(void **state)
{
	static const char *const bad[] = {"vCont", "vCont;", "vCont;x",
	    "vCont;c:", "vCont;c:p1.2.3", "vCont;r", "vCont;r401000", "vCont;r401000,", "vCont;C",
	    "vCont;Czz", "vCont;c;", "vCont;c,s", "vCont;r10000000000000000,1", "c401000", "s1",
	    "C", "Czz", "S", "C0b;401000"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		asks(bad[i], "E01");
	assert_string_equal(fake_box_log(), "");
}

static void breakpoints_that_make_no_sense(void **state)
{
	static const char *const bad[] = {"Z0", "Z0,", "Z0,401000", "Z0,401000,",
	    "Z0,10000000000000000,1", "Z0,401000,100000000", "Z0,401000,1;X",
	    "Z0,401000,1;Xffffffff,22", "Z0,401000,1;X2,22", "Z0,401000,1,", "z0", "z0,401000",
	    "Z2,401000,10000000000000000"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		asks(bad[i], "E01");
	asks("Z3,401000,8", ""); /* not in hardware of x86 */
	asks("Z9,401000,1", "");
	assert_string_equal(fake_box_log(), "");
	asks("Z0,401000,1;X2,2200X1,27", "OK");
	asks("z0,401000,1", "OK");
	assert_string_equal(fake_box_log(), "patch 42 0 401000\nunpatch 42 0 401000\n");
}

/* ---- the end
 * ------------------------------------------------------------------------------------------ */

static void the_end_of_a_process_is_told_once(void **state)
{
	struct he_event ev = {.kind = HE_E_EXITED, .status = 3 << 8};

	(void)state;
	ask("vCont;c");
	ev.target = fake_target(FAKE_PID);
	fake_ends(FAKE_PID);
	rsp_event(bridge(), &ev);
	assert_int_equal(fake_left(), 1);
	bridge_settle();
	assert_string_equal(sent(), "W03;process:2a");
	assert_int_equal(fake_left(), 0);
	asks("g", "E03");
	asks("?", "W00");
}

/* ---- let go while the link was broken
 * -------------------------------------------------------------------- */

static void let_go(void)
{
	struct he_event ev = {.kind = HE_E_RELEASED, .by_loss = true, .ago_ms = 1500};

	ev.target = fake_target(FAKE_PID);
	fake_ends(FAKE_PID);
	rsp_event(bridge(), &ev);
	bridge_settle();
}

static void what_was_let_go_is_attached_to_again_and_runs_on(void **state)
{
	(void)state;
	fake_box.takes_again = true;
	ask("vCont;s:p2a.2b;c");
	fake_box_log();
	let_go();
	/* The signals were delivered, and where it stands is no place of the step's. */
	assert_string_equal(fake_box_log(), "attach 42 again\ngo 42 43:cont:0 0:cont:0\n");
	assert_int_equal(fake_left(), 1);
	sent(); /* a line for the console */
	happens((struct he_event){.tid = 42, .reason = HE_R_SIGNAL, .signal = SIGUSR1});
	has(sent(), "T1e");
}

static void what_was_let_go_while_its_stop_was_about_to_be_told_stands(void **state)
{
	struct he_event ev = {
	    .kind = HE_E_STOPPED, .tid = 42, .reason = HE_R_SIGNAL, .signal = SIGUSR1};

	(void)state;
	fake_box.takes_again = true;
	ask("vCont;c");
	fake_box_log();
	ev.target = fake_target(FAKE_PID);
	rsp_event(bridge(), &ev);
	let_go();
	assert_string_equal(fake_box_log(), "attach 42 again\n");
	has(sent(), "thread:p2a.2a;");
	assert_string_equal(sent(), "");
	asks("vCont;c", "");
	assert_string_equal(fake_box_log(), "go 42 0:cont:0\n");
}

static void what_stood_and_was_let_go_is_not_changed_where_it_stands_now(void **state)
{
	(void)state;
	fake_box.takes_again = true;
	let_go();
	assert_string_equal(fake_box_log(), "attach 42 again\n");
	assert_true(ask("G00")[0] == 'E');
	assert_true(ask("P10=0000000000000000")[0] == 'E');
	assert_true(ask("M401000,1:00")[0] == 'E');
	assert_string_equal(fake_box_log(), "");
	/* It is told where that is, and then it is as any other. */
	has(ask("vCont;c"), "thread:p2a.2a;");
	asks("M401000,1:00", "OK");
}

static void one_that_cannot_be_attached_to_again_has_ended(void **state)
{
	(void)state;
	ask("vCont;c");
	let_go();
	has(sent(), "X09;process:2a");
	assert_int_equal(fake_left(), 0);
}

#define each(f) cmocka_unit_test_setup_teardown(f, begin, bridge_close)
#define attached(f) cmocka_unit_test_setup_teardown(f, begin_attached, bridge_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    each(attaching_tells_where_it_stands),
	    each(a_signal_that_an_attach_meets_is_its_stop),
	    each(one_that_gdb_would_go_on_with_waits_until_it_shall_run),
	    each(why_nothing_was_attached_to_is_told),
	    each(a_program_starts_with_its_words),
	    each(a_wrapper_stands_in_front_of_it),
	    each(it_is_started_again_by_r),
	    each(words_that_cannot_be_start_nothing),
	    each(without_a_process_everything_is_an_error),
	    attached(threads_that_never_were_are_errors),
	    attached(thread_local_variables_are_where_their_thread_has_them),
	    attached(what_runs_is_not_let_run_again),
	    attached(resumes_that_make_no_sense),
	    attached(breakpoints_that_make_no_sense),
	    attached(the_end_of_a_process_is_told_once),
	    attached(what_was_let_go_is_attached_to_again_and_runs_on),
	    attached(what_was_let_go_while_its_stop_was_about_to_be_told_stands),
	    attached(what_stood_and_was_let_go_is_not_changed_where_it_stands_now),
	    attached(one_that_cannot_be_attached_to_again_has_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
