/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What others say, shown to people and as JSON.
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
#include "host/hdb/json.h"
#include "host/hdb/processes.h"

#include <cmocka.h> /* its fail() is not ours */

static const char whole[] =
    "#0  0x00007f0000001010 in epoll_wait () from /lib/x86_64-linux-gnu/libc.so.6\n"
    "#1  0x0000000000401204 in aeApiPoll () at ae_epoll.c:113    (inlined)\n"
    "#2  aeProcessEvents () at ae.c:404\n"
    "#3  0x0000000000401010 in main () at server.c:12\n";

/* ---- hostile text --------------------------------------------------------- */

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

/* ---- json, one-shot -------------------------------------------------------- */

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
