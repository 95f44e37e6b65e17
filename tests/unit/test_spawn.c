/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "procsrv/address.h"
#include "procsrv/spawn.h"

enum { HIGH = 20 };

static int status_of(pid_t pid)
{
	int status = -1;

	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int high(int fd)
{
	int copy = fcntl(fd, F_DUPFD, HIGH);

	close(fd);
	return copy;
}

/* In a process of its own, of which only the descriptors below first are open: what is
 * opened on the way lands at first. */
static int run_from(int first, const char *script)
{
	struct spawn s = {.argv = {"sh", "-c", script}, .nfds = 2, .dir = -1};
	pid_t pid = fork();

	if (pid != 0)
		return status_of(pid);
	s.program = high(open("/bin/sh", O_PATH));
	s.fds[0] = high(open("/etc/passwd", O_RDONLY));
	s.fds[1] = high(open("/etc/group", O_RDONLY));
	close_range((unsigned)first, HIGH - 1, 0);
	_exit(status_of(spawn(&s)));
}

static void a_child_has_its_descriptors_wherever_the_others_land(void **state)
{
	(void)state;
	for (int first = 0; first < 8; first++)
		assert_int_equal(
		    run_from(first, "n=/dev/null; cd /dev/fd; test $n -ef 0 && test $n -ef 1 &&"
				    "test /etc/passwd -ef 3 && test /etc/group -ef 4"),
		    0);
}

static void a_child_has_no_other_descriptor(void **state)
{
	(void)state;
	assert_int_equal(run_from(3, "cd /proc/self/fd; for i in *; do "
				     "test $i -le 4 || test ! -e $i || exit 1; done"),
	    0);
}

/* What a child of that user finds in its status, after an exec and another: all zeros but
 * its bounding set where there are no capabilities, else exactly these. */
static int with_caps(uid_t uid, uint32_t caps, const char *script)
{
	const gid_t group = uid;
	struct spawn_user user = {uid, uid, &group, 1, caps};
	struct spawn s = {.argv = {"sh", "-c", script}, .dir = -1, .user = &user};
	int status;

	s.program = open("/bin/sh", O_PATH);
	status = status_of(spawn(&s));
	close(s.program);
	return status;
}

static void a_child_keeps_the_capabilities_it_is_given_and_can_have_no_others(void **state)
{
	static const char none[] =
	    "! sh -c 'grep -E \"^Cap(Inh|Prm|Eff|Amb)\" /proc/self/status' | grep -v '0\\{16\\}'";
	/* SYS_PTRACE is bit 19, DAC_OVERRIDE bit 1 */
	static const char both[] = "test $(sh -c 'grep -E \"^Cap(Inh|Prm|Eff|Amb|Bnd)\" "
				   "/proc/self/status' | grep -c '0\\{11\\}80002$') = 5";

	(void)state;
	if (geteuid() != 0 || !spawn_may_give(SPAWN_CAPS_ROOT))
		skip();
	assert_int_equal(with_caps(65534, 0, none), 0);
	assert_int_equal(with_caps(0, 0, none), 0);
	assert_int_equal(with_caps(65534, SPAWN_CAPS_ROOT, both), 0);
	assert_int_equal(with_caps(0, SPAWN_CAPS_ROOT, both), 0);
	/* as root, what root's rights are for is not possible */
	assert_int_not_equal(with_caps(0, SPAWN_CAPS_ROOT, "exec 2>/dev/null; chown 1 /"), 0);
	assert_int_not_equal(
	    with_caps(0, SPAWN_CAPS_ROOT, "exec 2>/dev/null; setpriv --reuid=1 true"), 0);
}

static void an_address_that_nobody_knows_is_not_called_local(void **state)
{
	struct sockaddr_storage sa = {0};
	char text[ADDRESS_TEXT + 8];

	(void)state;
	assert_string_equal(address_text((const void *)&sa, text, sizeof(text)), "unknown");
	sa.ss_family = AF_UNIX;
	assert_string_equal(address_text((const void *)&sa, text, sizeof(text)), "local");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_child_has_its_descriptors_wherever_the_others_land),
	    cmocka_unit_test(a_child_has_no_other_descriptor),
	    cmocka_unit_test(a_child_keeps_the_capabilities_it_is_given_and_can_have_no_others),
	    cmocka_unit_test(an_address_that_nobody_knows_is_not_called_local),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
