/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How long a monitor waits for its conn.  Its own loop runs here, over a clock that only
 * its waiting moves; conn is a process that says what the test has it say, and no more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "common/clock.h"
#include "common/keymake.h"

static uint64_t clock_ms;

uint64_t now_ms(void)
{
	return clock_ms;
}

/* To wait for something that does not come takes no time here. */
static int fake_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	int ready = poll(fds, n, timeout < 0 ? -1 : 0);

	if (ready == 0)
		clock_ms += (uint64_t)timeout;
	return ready;
}

int monitor_main(int argc, char **argv);
#define main monitor_main
#define poll fake_poll
#include "procsrv/monitor.c"
#undef main
#undef poll

enum { START = 1000000 };

static char dir[] = "/tmp/test_monitor.XXXXXX";

/* ---- conn, in place of spawn.c --------------------------------------------------- */

static void (*speak)(int pipe);

int spawn_program(const char *name, char *why, size_t size)
{
	(void)name;
	(void)why;
	(void)size;
	return dup(STDERR_FILENO);
}

bool spawn_may_give(uint32_t caps)
{
	return !caps;
}

pid_t spawn(const struct spawn *s)
{
	int said[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(said), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (speak)
			speak(s->fds[0]);
		close(said[0]);
		close(said[1]);
		for (;;)
			pause();
	}
	close(said[1]);
	assert_int_equal(read(said[0], &byte, 1), 0); /* it has said all it will */
	close(said[0]);
	return pid;
}

static void ask_for_the_signature(int pipe)
{
	struct ipc_hash h = {0};

	ipc_send(pipe, IPC_SIGN, &h, sizeof(h));
}

static void say_last_words(int pipe)
{
	struct ipc_ended e = {0};

	ipc_send(pipe, IPC_ENDED, &e, sizeof(e));
}

/* ---- a connection ------------------------------------------------------------------ */

static char *path(const char *name)
{
	static char text[128];

	snprintf(text, sizeof(text), "%s/%s", dir, name);
	return text;
}

/* The milliseconds until conn was dead, and what the listener is told. */
static uint64_t connection(void (*what)(int), enum monitor_exit *end)
{
	struct monitor m = self;
	char why[WHY];
	int status;

	clock_ms = START;
	speak = what;
	while (fcntl(FD_SOCKET, F_GETFD) < 0)
		assert_true(open("/dev/null", O_RDWR) >= 0); /* the client */
	m.user_mode = true;
	m.key = key_load(path("key.pem"), why, sizeof(why));
	assert_non_null(m.key);
	assert_int_equal(usermap_load(&m.map, path("map"), true, why, sizeof(why)), 0);
	assert_int_equal(monitor_start_conn(&m, why, sizeof(why)), 0);
	status = serve(&m);
	drain_conn(&m);
	*end = conclude(&m, status);
	key_free(m.key);
	usermap_free(m.map);
	close(m.conn_fd);
	close(m.channel);
	if (m.pipe >= 0)
		close(m.pipe);
	return clock_ms - START;
}

/* ---- tests ------------------------------------------------------------------------- */

static void a_conn_that_proves_nothing_is_cut_off_after_25_seconds(void **state)
{
	enum monitor_exit end;

	(void)state;
	assert_int_equal(connection(NULL, &end), 25000);
	assert_int_equal(end, MONITOR_CRASH);
}

static void the_signature_does_not_buy_it_time(void **state)
{
	enum monitor_exit end;

	(void)state;
	assert_int_equal(connection(ask_for_the_signature, &end), 25000);
	assert_int_equal(end, MONITOR_CRASH);
}

static void last_words_are_followed_by_the_end_within_5_seconds(void **state)
{
	enum monitor_exit end;

	(void)state;
	assert_int_equal(connection(say_last_words, &end), 5000);
	assert_int_equal(end, MONITOR_CRASH);
}

static int make_files(void **state)
{
	char why[256];
	FILE *f;

	(void)state;
	umask(077);
	if (!mkdtemp(dir) || key_make(path("key.pem"), "test", why, sizeof(why)) != 0)
		return -1;
	f = fopen(path("map"), "w");
	return f ? fclose(f) : -1;
}

static int drop_files(void **state)
{
	(void)state;
	unlink(path("key.pem"));
	unlink(path("map"));
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_conn_that_proves_nothing_is_cut_off_after_25_seconds),
	    cmocka_unit_test(the_signature_does_not_buy_it_time),
	    cmocka_unit_test(last_words_are_followed_by_the_end_within_5_seconds),
	};

	return cmocka_run_group_tests(tests, make_files, drop_files);
}
