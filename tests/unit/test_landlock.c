/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sandbox.c's Landlock rules alone, without the system call filter that stands behind
 * them: what they keep from conn by themselves when it has no root of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "procsrv/sandbox.c"

enum { NOT_LOCKED = 250 };

static char dir[] = "/tmp/test_landlock.XXXXXX";
static char file[64];

static long abi(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

/* What happens to a process that is locked in: its errno, 0 = it was let. */
static int locked_in(int (*attempt)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		char why[256];

		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		    lock_by_landlock(why, sizeof(why)) != 0)
			_exit(NOT_LOCKED);
		_exit(attempt() < 0 ? errno : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) != NOT_LOCKED);
	return WEXITSTATUS(status);
}

/* Each is first seen to work where nothing is locked. */
static void is_kept_from(int (*attempt)(void), int err)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(attempt() < 0 ? errno : 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(locked_in(attempt), err);
}

static int read_file(void)
{
	return open(file, O_RDONLY);
}

static int write_file(void)
{
	return open(file, O_WRONLY);
}

static int read_directory(void)
{
	return open(dir, O_RDONLY | O_DIRECTORY);
}

static int make_and_remove(void)
{
	char path[80];

	snprintf(path, sizeof(path), "%s/new", dir);
	return mkdir(path, 0700) != 0 ? -1 : rmdir(path);
}

static int execute(void)
{
	return execl("/bin/true", "true", (char *)NULL);
}

static int listen_on_tcp(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};

	return bind(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&any, sizeof(any));
}

static int trace_another(void)
{
	pid_t other = fork();
	long r;

	if (other == 0)
		for (;;)
			pause();
	r = ptrace(PTRACE_SEIZE, other, NULL, NULL);
	kill(other, SIGKILL);
	return (int)r;
}

/* One that stands outside of the lock, unlike a child of ours. */
static pid_t outsider;

static int trace_the_outsider(void)
{
	return (int)ptrace(PTRACE_SEIZE, outsider, NULL, NULL);
}

static void no_file_is_read_written_or_made(void **state)
{
	(void)state;
	if (abi() < 1)
		skip();
	is_kept_from(read_file, EACCES);
	is_kept_from(write_file, EACCES);
	is_kept_from(read_directory, EACCES);
	is_kept_from(make_and_remove, EACCES);
}

static void no_program_is_executed(void **state)
{
	(void)state;
	if (abi() < 1)
		skip();
	is_kept_from(execute, EACCES);
}

static void nobody_outside_is_traced(void **state)
{
	(void)state;
	if (abi() < 1)
		skip();
	outsider = fork();
	if (outsider == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0); /* whatever Yama says */
		for (;;)
			pause();
	}
	assert_int_equal(locked_in(trace_another), 0); /* ptrace itself is not what is missing */
	is_kept_from(trace_the_outsider, EPERM);
	kill(outsider, SIGKILL);
	waitpid(outsider, NULL, 0);
}

static void no_tcp_socket_is_bound(void **state)
{
	(void)state;
	if (abi() < ABI_NET)
		skip(); /* the kernel's Landlock knows no network yet */
	is_kept_from(listen_on_tcp, EACCES);
}

static int kept_open;

static int read_what_is_open(void)
{
	char byte;

	return read(kept_open, &byte, 1) == 1 ? 0 : -1;
}

static void what_was_open_stays_open(void **state)
{
	(void)state;
	if (abi() < 1)
		skip();
	kept_open = open(file, O_RDONLY);
	assert_true(kept_open >= 0);
	assert_int_equal(locked_in(read_what_is_open), 0);
	close(kept_open);
}

static int make_file(void **state)
{
	int fd;

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(file, sizeof(file), "%s/file", dir);
	fd = open(file, O_WRONLY | O_CREAT, 0600);
	if (fd < 0 || write(fd, "x", 1) != 1)
		return -1;
	return close(fd);
}

static int drop_file(void **state)
{
	(void)state;
	unlink(file);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(no_file_is_read_written_or_made),
	    cmocka_unit_test(no_program_is_executed),
	    cmocka_unit_test(nobody_outside_is_traced),
	    cmocka_unit_test(no_tcp_socket_is_bound),
	    cmocka_unit_test(what_was_open_stays_open),
	};

	return cmocka_run_group_tests(tests, make_file, drop_file);
}
