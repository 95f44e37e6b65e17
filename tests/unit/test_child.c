/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/link/child.h"
#include "host/errtext.h"
#include "host/link/find_procsrv.h"

static int start_shell(struct child *c, const char *command, int *fd)
{
	static char sh[] = "sh", dash_c[] = "-c";
	char text[256];
	char *argv[] = {sh, dash_c, text, NULL};

	snprintf(text, sizeof(text), "%s", command);
	return child_start(c, "/bin/sh", argv, false, fd);
}

static void read_line(int fd, char *line, size_t size)
{
	size_t n = 0;

	while (n + 1 < size && read(fd, line + n, 1) == 1 && line[n] != '\n')
		n++;
	line[n] = 0;
}

static void a_child_speaks_through_one_socket_both_ways(void **state)
{
	struct child c;
	char line[32];
	int fd;

	(void)state;
	assert_int_equal(start_shell(&c, "exec cat", &fd), 0);
	assert_int_equal(write(fd, "hello\n", 6), 6);
	read_line(fd, line, sizeof(line));
	assert_string_equal(line, "hello");
	close(fd);
	child_end(&c);
	assert_int_equal(c.pid, 0);
	assert_int_equal(c.status, 0);
}

static void it_is_in_a_process_group_of_its_own(void **state)
{
	struct child c;
	char line[32];
	pid_t pid;
	int fd;

	(void)state;
	assert_int_equal(start_shell(&c, "cut -d' ' -f5 /proc/$$/stat", &fd), 0);
	pid = c.pid;
	read_line(fd, line, sizeof(line));
	assert_int_equal(atoi(line), pid);
	close(fd);
	child_end(&c);
}

static void it_gets_no_signal_of_ours_blocked_or_ignored(void **state)
{
	sigset_t pipe_only, before;
	struct child c;
	char line[64];
	int fd;

	(void)state;
	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	sigprocmask(SIG_BLOCK, &pipe_only, &before);
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(start_shell(&c, "exec grep -E 'Sig(Blk|Ign)' /proc/self/status", &fd), 0);
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	read_line(fd, line, sizeof(line));
	assert_string_equal(line, "SigBlk:\t0000000000000000");
	read_line(fd, line, sizeof(line));
	assert_int_equal(strtoul(line + 8, NULL, 16) & 1ul << (SIGPIPE - 1), 0);
	close(fd);
	child_end(&c);
}

static void how_it_ended_is_told(void **state)
{
	struct child c;
	char text[64];
	int fd;

	(void)state;
	assert_int_equal(start_shell(&c, "exit 7", &fd), 0);
	assert_true(child_ended(&c, 20000));
	assert_string_equal(child_how(&c, text, sizeof(text)), "status 7");
	close(fd);
	assert_int_equal(start_shell(&c, "kill -9 $$", &fd), 0);
	assert_true(child_ended(&c, 20000));
	assert_string_equal(child_how(&c, text, sizeof(text)), "killed by signal 9 (Killed)");
	close(fd);
}

static void one_that_does_not_want_to_end_is_made_to(void **state)
{
	struct child c;
	char line[16];
	int fd;

	(void)state;
	assert_int_equal(start_shell(&c, "trap '' TERM; echo deaf; sleep 600; sleep 600", &fd), 0);
	read_line(fd, line, sizeof(line));
	assert_string_equal(line, "deaf");
	close(fd);
	child_end(&c);
	assert_int_equal(c.pid, 0);
	assert_int_equal(WTERMSIG(c.status), SIGKILL);
}

static void a_program_that_is_not_there_is_an_errno(void **state)
{
	static char name[] = "x";
	char *argv[] = {name, NULL};
	struct child c;
	int fd;

	(void)state;
	assert_int_equal(child_start(&c, "/nonexistent/x", argv, true, &fd), ENOENT);
	assert_int_equal(c.pid, 0);
	child_end(&c);
}

static void what_others_can_write_is_not_only_roots(void **state)
{
	char path[] = "/tmp/test_child.XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	fchmod(fd, 0755);
	assert_true(only_roots("/usr/bin/env"));
	assert_int_equal(only_roots(path), geteuid() == 0); /* /tmp is sticky */
	fchmod(fd, 0775);
	assert_false(only_roots(path));
	assert_false(only_roots("usr/bin/env"));
	assert_false(only_roots("/usr/bin/nonexistent"));
	close(fd);
	unlink(path);
}

static void a_procsrv_named_in_the_environment_is_the_one(void **state)
{
	struct local_server s;
	struct he_error *e;

	(void)state;
	setenv("HDB_PROCSRV", "/usr/bin/env", 1);
	assert_null(find_procsrv(&s));
	assert_string_equal(s.path, "/usr/bin/env");
	assert_string_equal(s.argv[1], "-t");
	assert_string_equal(s.argv[2], "stdio");
	free(s.path);
	setenv("HDB_PROCSRV", "/nonexistent/procsrv", 1);
	e = find_procsrv(&s);
	assert_non_null(e);
	assert_non_null(strstr(e->message, "/nonexistent/procsrv"));
	he_error_free(e);
	unsetenv("HDB_PROCSRV");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_child_speaks_through_one_socket_both_ways),
	    cmocka_unit_test(it_is_in_a_process_group_of_its_own),
	    cmocka_unit_test(it_gets_no_signal_of_ours_blocked_or_ignored),
	    cmocka_unit_test(how_it_ended_is_told),
	    cmocka_unit_test(one_that_does_not_want_to_end_is_made_to),
	    cmocka_unit_test(a_program_that_is_not_there_is_an_errno),
	    cmocka_unit_test(what_others_can_write_is_not_only_roots),
	    cmocka_unit_test(a_procsrv_named_in_the_environment_is_the_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
