/* SPDX-License-Identifier: BSD-2-Clause
 *
 * reading.c with readers that never answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

/* Readers do not end when they are told to: as in a dead file system. */
static bool stubborn;

static int tell(int pidfd, int sig, siginfo_t *info, unsigned flags)
{
	return stubborn ? 0 : pidfd_send_signal(pidfd, sig, info, flags);
}

#define pidfd_send_signal tell
#include "procsrv/hanging.c"
#include "procsrv/reading.c"

enum { TIMES = 3 * HANGING_MOST };

static struct tracer tracer;

pid_t launch_reader(int socket, bool service)
{
	pid_t pid = fork();

	(void)socket;
	(void)service;
	while (pid == 0)
		pause();
	return pid;
}

void serve_pump(struct serve *s)
{
	(void)s;
}

int tracer_record(const struct ipc_audit *a)
{
	(void)a;
	return E_OK;
}

static size_t total;

static struct reply *ask(int *err)
{
	const struct wire_head h = {.type = WIRE_ps, .id = 7};
	struct reply *r = reply_new(WIRE_ps, 7, 0, &total);
	struct call c = {.tracer = &tracer, .h = &h, .reply = r};

	assert_non_null(r);
	*err = on_reading(&c);
	return r;
}

static int code_of(const struct reply *r)
{
	struct wire_error e;

	assert_true(r->done && r->type == WIRE_error && r->first);
	wire_decode_error((struct span){r->first->body, r->first->n}, &e);
	return e.code;
}

/* A request whose time is up; its reader's pid, 0 = it got none. */
static pid_t time_out(void)
{
	struct reading *g;
	struct reply *r;
	pid_t reader;
	int err;

	r = ask(&err);
	g = tracer.reading;
	assert_int_equal(err, E_OK);
	reader = g->reader;
	if (reader) {
		assert_false(r->done);
		g->waited_ms = STARVED_MS;
		on_late(-1, 0, g);
	}
	assert_int_equal(code_of(r), E_BUSY);
	reply_free(r);
	return reader;
}

static int set_up(void **state)
{
	(void)state;
	tracer = (struct tracer){.base = event_base_new()};
	stubborn = false;
	return tracer.base ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	reading_free(&tracer);
	event_base_free(tracer.base);
	return 0;
}

static void readers_that_were_given_up_and_have_ended_count_no_more(void **state)
{
	(void)state;
	for (unsigned i = 0; i < TIMES; i++) {
		pid_t reader = time_out();
		int status;

		assert_true(reader > 0);
		assert_int_equal(waitpid(reader, &status, 0), reader);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	}
}

static void of_those_that_hang_for_good_there_are_so_many_at_most(void **state)
{
	pid_t hanging[HANGING_MOST];

	(void)state;
	stubborn = true;
	for (unsigned i = 0; i < HANGING_MOST; i++) {
		hanging[i] = time_out();
		assert_true(hanging[i] > 0);
	}
	assert_int_equal(time_out(), 0);
	for (unsigned i = 0; i < HANGING_MOST; i++) {
		kill(hanging[i], SIGKILL);
		assert_int_equal(waitpid(hanging[i], NULL, 0), hanging[i]);
	}
	stubborn = false;
	assert_true(time_out() > 0);
}

/* Its number may be another's by the time its socket tells of its end. */
static void the_number_of_one_that_was_waited_for_is_sent_nothing(void **state)
{
	struct reading *g;
	struct reply *r;
	pid_t other;
	int err;

	(void)state;
	r = ask(&err);
	g = tracer.reading;
	assert_int_equal(kill(g->reader, SIGKILL), 0);
	assert_int_equal(waitpid(g->reader, NULL, 0), g->reader);
	other = launch_reader(-1, false);
	assert_true(other > 0);
	g->reader = other;
	on_readable(g->socket, 0, g);
	assert_int_equal(code_of(r), E_INTERNAL);
	assert_int_equal(waitpid(other, NULL, WNOHANG), 0);
	kill(other, SIGKILL);
	assert_int_equal(waitpid(other, NULL, 0), other);
	reply_free(r);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(readers_that_were_given_up_and_have_ended_count_no_more),
	    TEST(of_those_that_hang_for_good_there_are_so_many_at_most),
	    TEST(the_number_of_one_that_was_waited_for_is_sent_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
