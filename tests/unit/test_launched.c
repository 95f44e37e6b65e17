/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Programs the box starts for us, over a scripted process server.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "fake_agent.h"

static struct he_engine *engine;
static struct he_server *server;
static struct he_target *target;

static const char *const args[] = {"program", "two words", NULL};

static int setup(void **state)
{
	struct he_config config = {.config_dir = "/nonexistent", .cache_dir = "/nonexistent"};

	(void)state;
	fake_reset();
	buf_init(&fake.args, 1 << 22);
	buf_init(&fake.env, 1 << 22);
	buf_init(&fake.input, 1 << 22);
	target = NULL;
	return he_new(&config, &engine) || he_connect(engine, "box", &server);
}

static int teardown(void **state)
{
	(void)state;
	he_free(engine);
	buf_free(&fake.args);
	buf_free(&fake.env);
	buf_free(&fake.input);
	return 0;
}

static void launch(void)
{
	assert_null(
	    he_launch(server, &(struct he_launch){.program = "/bin/x", .args = args}, &target));
}

static int code_of(struct he_error *e)
{
	int code = e ? e->code : 0;

	he_error_free(e);
	return code;
}

/* The next event, of that kind. */
static struct he_event next(enum he_event_kind kind)
{
	struct he_event ev;

	assert_null(he_wait(engine, 0, &ev));
	assert_int_equal(ev.kind, kind);
	return ev;
}

static void assert_output(unsigned stream, const char *text, bool end)
{
	struct he_event ev = next(HE_E_OUTPUT);

	assert_int_equal(ev.stream, stream);
	assert_int_equal(ev.len, strlen(text));
	assert_memory_equal(ev.data, text, ev.len);
	assert_int_equal(ev.end, end);
}

/* ---- starting ------------------------------------------------------------------- */

static void a_program_stands_when_the_call_returns_and_no_event_tells_so(void **state)
{
	struct he_target_info i;

	(void)state;
	launch();
	he_target_info(target, &i);
	assert_int_equal(i.state, HE_STOPPED);
	assert_true(i.launched);
	assert_false(i.terminal);
	next(HE_E_NONE);
	assert_int_equal(fake.args.len, sizeof("program\0two words"));
	assert_memory_equal(fake.args.p, "program\0two words", fake.args.len);
}

static void text_that_does_not_fit_goes_ahead_whole_and_in_order(void **state)
{
	enum { MANY = 3000, EACH = 64 };
	static char text[MANY][EACH];
	const char *many[MANY + 1] = {NULL};
	size_t at = 0;

	(void)state;
	for (unsigned n = 0; n < MANY; n++) {
		snprintf(text[n], EACH, "NAME%u=%050u", n, n);
		many[n] = text[n];
	}
	assert_null(he_launch(
	    server, &(struct he_launch){.program = "/bin/x", .args = many, .env = many}, &target));
	assert_int_equal(fake.args.len, fake.env.len);
	for (unsigned n = 0; n < MANY; at += strlen(text[n++]) + 1) {
		assert_string_equal((char *)fake.args.p + at, text[n]);
		assert_string_equal((char *)fake.env.p + at, text[n]);
	}
	assert_int_equal(at, fake.args.len);
}

static void more_than_can_be_given_is_an_error_before_anything_is_sent(void **state)
{
	char *huge = malloc(1 << 22);
	const char *v[] = {huge, NULL};

	(void)state;
	memset(huge, 'x', (1 << 22) - 1);
	huge[(1 << 22) - 1] = 0;
	assert_int_equal(code_of(he_launch(
			     server, &(struct he_launch){.program = "/bin/x", .args = v}, &target)),
	    E_TOO_BIG);
	assert_int_equal(fake.requests[WIRE_launch] + fake.requests[WIRE_launch_text], 0);
	free(huge);
}

static void a_refused_launch_leaves_nothing(void **state)
{
	(void)state;
	fake.refuse = WIRE_launch;
	fake.refuse_as = E_EXEC_FAILED;
	assert_int_equal(code_of(he_launch(server,
			     &(struct he_launch){.program = "/bin/x", .args = args}, &target)),
	    E_EXEC_FAILED);
	assert_null(he_target_next(engine, NULL));
}

static void one_that_is_broken_off_is_killed(void **state)
{
	(void)state;
	fake.silent = true;
	assert_int_equal(code_of(he_launch(server,
			     &(struct he_launch){.program = "/bin/x", .args = args}, &target)),
	    E_CANCELLED);
	assert_int_equal(fake.requests[WIRE_kill], 1);
	assert_null(he_target_next(engine, NULL));
}

static void at_the_end_a_launched_program_is_killed_and_an_attached_one_let_go(void **state)
{
	struct he_target *attached;

	(void)state;
	launch();
	assert_null(he_attach(server, FAKE_PID, 0, HE_STOP, &attached));
	he_disconnect(server);
	assert_int_equal(fake.requests[WIRE_kill], 1);
	assert_int_equal(fake.requests[WIRE_detach], 1);
}

static void a_detach_lets_it_go_all_the_same(void **state)
{
	(void)state;
	launch();
	assert_null(he_detach(target));
	assert_int_equal(fake.requests[WIRE_kill], 0);
	assert_int_equal(fake.requests[WIRE_detach], 1);
}

/* ---- output ----------------------------------------------------------------------- */

static void small_pieces_are_gathered_each_stream_for_itself(void **state)
{
	(void)state;
	launch();
	for (unsigned n = 0; n < 3; n++) {
		fake_output(1, 1, "out ", false);
		fake_output(1, 2, "err ", false);
	}
	fake_output(1, 1, "", true);
	/* Whichever call meets them. */
	assert_int_equal(code_of(he_interrupt(target, 0)), E_OK);
	assert_output(1, "out out out ", true);
	assert_output(2, "err err err ", false);
}

static void what_was_written_before_something_else_happened_is_told_before(void **state)
{
	struct wire_exited e = {.status = 0x300};
	struct buf body;

	(void)state;
	launch();
	fake_output(1, 1, "first", false);
	fake_output(1, 1, "last", true);
	buf_init(&body, 64);
	wire_encode_exited(&body, &e);
	fake_event(WIRE_exited, 1, 0, 0, &body);
	buf_free(&body);
	assert_int_equal(code_of(he_interrupt(target, 0)), E_GONE);
	assert_output(1, "firstlast", true);
	assert_int_equal(next(HE_E_EXITED).status, 0x300);
}

static void the_program_may_write_on_when_its_output_was_told(void **state)
{
	char text[40001];

	(void)state;
	launch();
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	for (unsigned n = 0; n < 6; n++)
		fake_output(1, 1, text, false);
	for (unsigned n = 0; n < 3; n++)
		next(HE_E_OUTPUT);
	assert_int_equal(fake.output_more, 0);
	next(HE_E_OUTPUT);
	assert_int_equal(fake.output_more, 160000);
}

static void a_box_that_sends_output_without_end_is_not_kept(void **state)
{
	char text[60000];
	struct he_event ev;
	size_t sum = 0;

	(void)state;
	launch();
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	for (unsigned n = 0; n < 200; n++)
		fake_output(1, 1, text, false);
	assert_int_equal(code_of(he_interrupt(target, 0)), E_OK);
	do {
		assert_null(he_wait(engine, 0, &ev));
		sum += ev.kind == HE_E_OUTPUT ? ev.len : 0;
	} while (ev.kind);
	assert_in_range(sum, 60000, 4 * 1024 * 1024);
}

static void output_of_what_was_not_launched_is_not_believed(void **state)
{
	(void)state;
	assert_null(he_attach(server, FAKE_PID, 0, HE_STOP, &target));
	fake_output(1, 1, "x", false);
	next(HE_E_NONE);
	launch();
	fake_output(2, 7, "x", false);
	next(HE_E_NONE);
}

#define CHILD 0x80000001u /* a handle of the agent's */

static struct he_target *forks(void)
{
	struct wire_forked f = {.tid = FAKE_PID, .pid = FAKE_PID + 1, .handle = CHILD};
	struct buf body;

	buf_init(&body, WIRE_PIECE);
	wire_encode_forked(&body, &f);
	fake_event(WIRE_forked, 1, 0, 0, &body);
	buf_free(&body);
	return next(HE_E_FORKED).child;
}

static void a_child_writes_for_its_maker_and_is_none_that_we_started(void **state)
{
	struct he_target_info info;
	struct he_target *child;
	struct he_event ev;
	size_t taken;

	(void)state;
	launch();
	child = forks();
	he_target_info(child, &info);
	assert_false(info.launched);
	assert_int_equal(info.streams, HE_STREAMS_PIPES);
	fake_output(CHILD, 1, "x", false);
	ev = next(HE_E_OUTPUT);
	assert_ptr_equal(ev.target, child);
	assert_int_equal(ev.len, 1);
	assert_null(he_input(child, "y", 1, false, &taken));
	assert_int_equal(taken, 1);
	he_disconnect(server);
	assert_int_equal(fake.requests[WIRE_kill], 1);
	assert_int_equal(fake.requests[WIRE_detach], 1);
}

/* ---- input ------------------------------------------------------------------------ */

static void input_goes_in_pieces_and_its_end_behind_them(void **state)
{
	char text[150000];
	size_t taken;

	(void)state;
	launch();
	memset(text, 'i', sizeof(text));
	assert_null(he_input(target, text, sizeof(text), true, &taken));
	assert_int_equal(taken, sizeof(text));
	assert_int_equal(fake.input.len, sizeof(text));
	assert_true(fake.input_end);
	assert_int_equal(fake.requests[WIRE_input], 4);
}

static void a_program_that_does_not_read_takes_no_more_than_a_few_pieces(void **state)
{
	char text[65000];
	size_t taken, sum = 0;

	(void)state;
	launch();
	memset(text, 'i', sizeof(text));
	fake.unread = true;
	do {
		assert_null(he_input(target, text, sizeof(text), false, &taken));
		sum += taken;
	} while (taken);
	assert_int_equal(sum, 4 * sizeof(text));
	/* But that nothing follows can always be said. */
	assert_null(he_input(target, NULL, 0, true, &taken));
	assert_true(fake.input_end);
	fake.unread = false;
	assert_null(he_input(target, "x", 1, false, &taken));
	assert_int_equal(taken, 1);
}

static void input_that_could_not_be_given_is_told_by_the_next_call(void **state)
{
	size_t taken;

	(void)state;
	launch();
	fake.refuse = WIRE_input;
	fake.refuse_as = E_OS;
	assert_null(he_input(target, "x", 1, false, &taken));
	assert_int_equal(code_of(he_input(target, "x", 1, false, &taken)), E_OS);
}

static void only_launched_programs_have_input_and_a_window(void **state)
{
	size_t taken;

	(void)state;
	assert_null(he_attach(server, FAKE_PID, 0, HE_STOP, &target));
	assert_int_equal(code_of(he_input(target, "x", 1, false, &taken)), E_NOT_LAUNCHED);
	assert_int_equal(code_of(he_window(target, 1, 1)), E_NOT_LAUNCHED);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(a_program_stands_when_the_call_returns_and_no_event_tells_so),
	    T(text_that_does_not_fit_goes_ahead_whole_and_in_order),
	    T(more_than_can_be_given_is_an_error_before_anything_is_sent),
	    T(a_refused_launch_leaves_nothing),
	    T(one_that_is_broken_off_is_killed),
	    T(at_the_end_a_launched_program_is_killed_and_an_attached_one_let_go),
	    T(a_detach_lets_it_go_all_the_same),
	    T(small_pieces_are_gathered_each_stream_for_itself),
	    T(what_was_written_before_something_else_happened_is_told_before),
	    T(the_program_may_write_on_when_its_output_was_told),
	    T(a_box_that_sends_output_without_end_is_not_kept),
	    T(output_of_what_was_not_launched_is_not_believed),
	    T(a_child_writes_for_its_maker_and_is_none_that_we_started),
	    T(input_goes_in_pieces_and_its_end_behind_them),
	    T(a_program_that_does_not_read_takes_no_more_than_a_few_pieces),
	    T(input_that_could_not_be_given_is_told_by_the_next_call),
	    T(only_launched_programs_have_input_and_a_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
