/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Commands about processes, threads and frames, and what happens to them.
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

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    T(attach_says_what_stopped_and_where_symbols_are_from),
	    T(threads_keep_their_numbers),
	    T(thread_apply_does_the_main_thread_last_and_prepares_once),
	    T(detaching_in_the_middle_of_thread_apply_ends_it),
	    T(backtraces_look_like_gdbs),
	    T(frames_are_selected_up_and_down),
	    T(every_event_is_a_line),
	    T(a_lost_link_names_what_runs_on_and_the_next_command_connects_anew),
	    T(a_lost_link_says_of_what_ended_and_of_snapshots_nothing),
	    T(a_flood_of_events_lets_a_person_type),
	    T(continue_waits_for_what_comes),
	    T(ctrl_c_stops_a_running_process),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
