/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which processes are within a row's units and programs.  A process is a directory here,
 * with the files of /proc/PID that are asked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "procsrv/bounds.h"

static struct {
	char dir[64];
	int fd;
	struct ipc_bounds b;
	struct fault f;
} t;

static void put(const char *name, const char *text)
{
	int fd = openat(t.fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static int set_up(void **state)
{
	(void)state;
	strcpy(t.dir, "/tmp/bounds.XXXXXX");
	assert_non_null(mkdtemp(t.dir));
	t.fd = open(t.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(t.fd >= 0);
	memset(&t.b, 0, sizeof(t.b));
	memset(&t.f, 0, sizeof(t.f));
	put("statm", "1 1 1 0 0 1 0\n");
	put("comm", "redis-server\n");
	put("cgroup", "0::/system.slice/redis.service\n");
	return 0;
}

static int tear_down(void **state)
{
	static const char *const names[] = {"statm", "comm", "cgroup", "exe", "program", "other"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlinkat(t.fd, names[i], 0);
	close(t.fd);
	return rmdir(t.dir);
}

static int check(void)
{
	struct proc_id id = {.pid = 4242, .pidfd = -1, .dir = t.fd, .live = t.fd};

	memset(&t.f, 0, sizeof(t.f));
	return bounds_check(&t.b, &id, &t.f);
}

static void unit(const char *pattern)
{
	snprintf(t.b.unit[t.b.nunits++], BOUND_TEXT, "%s", pattern);
}

static void program(const char *name)
{
	struct stat st;

	put(name, "x");
	assert_int_equal(fstatat(t.fd, name, &st, 0), 0);
	snprintf(t.b.exe[t.b.nexes], BOUND_TEXT, "/usr/bin/%s", name);
	t.b.dev[t.b.nexes] = st.st_dev;
	t.b.ino[t.b.nexes++] = st.st_ino;
}

static void without_words_all_are_within(void **state)
{
	(void)state;
	unlinkat(t.fd, "cgroup", 0);
	assert_int_equal(check(), E_OK);
	assert_true(bounds_has(&t.b, t.fd));
}

static void a_unit_is_one_that_the_process_is_in(void **state)
{
	static const struct {
		const char *pattern, *cgroup;
		bool in;
	} cases[] = {
	    {"redis.service", "0::/system.slice/redis.service\n", true},
	    {"redis.service", "0::/system.slice/redis.service.d\n", false},
	    {"redis.service", "0::/system.slice/redis2.service\n", false},
	    {"redis@*.service", "0::/system.slice/system-redis.slice/redis@1.service\n", true},
	    {"redis@*.service", "0::/system.slice/redis.service\n", false},
	    /* delegated further, or a manager's own */
	    {"user@1000.service", "0::/user.slice/user-1000.slice/user@1000.service/a.service\n",
		true},
	    {"a.service", "0::/user.slice/user-1000.slice/user@1000.service/a.service\n", true},
	    {"system.slice", "0::/system.slice/redis.service\n", true},
	    {"*.service", "0::/\n", false},
	    {"*.service", "", false},
	    {"*.service", "0::/a.service/b\n", true},
	    /* no pattern reaches over a slash */
	    {"system*redis.service", "0::/system.slice/redis.service\n", false},
	    /* systemd's own hierarchy, where there are several; no other's */
	    {"redis.service", "9:name=systemd:/system.slice/redis.service\n0::/\n", true},
	    {"redis.service", "8:memory:/system.slice/redis.service\n0::/\n", false},
	    {"a\\x2db.service", "0::/system.slice/a\\x2db.service\n", true},
	    /* names that are cut are none */
	    {"*.service", "0::/redis.servic", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		t.b.nunits = 0;
		unit(cases[i].pattern);
		put("cgroup", cases[i].cgroup);
		if ((check() == E_OK) != cases[i].in || bounds_has(&t.b, t.fd) != cases[i].in)
			fail_msg("%s and %s", cases[i].pattern, cases[i].cgroup);
	}
	unit("redis.service"); /* or this */
	put("cgroup", "0::/redis.service\n");
	assert_int_equal(check(), E_OK);
}

static void a_program_is_the_file_that_was_executed_not_its_name(void **state)
{
	(void)state;
	program("program");
	assert_int_equal(symlinkat("program", t.fd, "exe"), 0);
	assert_int_equal(check(), E_OK);
	/* Another file of that name. */
	assert_int_equal(renameat(t.fd, "program", t.fd, "other"), 0);
	put("program", "y");
	assert_int_equal(check(), E_BOUNDS);
	assert_int_equal(renameat(t.fd, "other", t.fd, "program"), 0);
	assert_int_equal(check(), E_OK);
	unlinkat(t.fd, "exe", 0);
	assert_int_equal(check(), E_BOUNDS);
}

static void with_both_words_both_have_to_hold(void **state)
{
	(void)state;
	program("program");
	unit("redis.service");
	assert_int_equal(check(), E_BOUNDS);
	assert_int_equal(symlinkat("program", t.fd, "exe"), 0);
	assert_int_equal(check(), E_OK);
	put("cgroup", "0::/system.slice/other.service\n");
	assert_int_equal(check(), E_BOUNDS);
}

static void a_refusal_names_the_process_and_the_word(void **state)
{
	(void)state;
	unit("nginx.service");
	unit("web@*.service");
	assert_int_equal(check(), E_BOUNDS);
	assert_int_equal(t.f.code, E_BOUNDS);
	assert_int_equal(t.f.pid, 4242);
	assert_string_equal(t.f.subject, "redis-server");
	assert_string_equal(t.f.detail, "unit=nginx.service,web@*.service");
	t.b.nunits = 0;
	program("program");
	assert_int_equal(check(), E_BOUNDS);
	assert_string_equal(t.f.detail, "exe=/usr/bin/program");
	put("comm", "");
	assert_int_equal(check(), E_BOUNDS);
	assert_string_equal(t.f.subject, "");
}

static void a_word_as_long_as_may_be_is_refused_with_what_fits(void **state)
{
	char name[BOUND_TEXT];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	for (unsigned i = 0; i < BOUND_UNITS; i++)
		unit(name);
	assert_int_equal(check(), E_BOUNDS);
	assert_int_equal(strlen(t.f.detail), sizeof(t.f.detail) - 1);
}

static void what_is_launched_is_of_our_own_units(void **state)
{
	(void)state;
	assert_int_equal(bounds_launch(&t.b, &t.f), E_OK);
	unit("no-such-unit.service");
	assert_int_equal(bounds_launch(&t.b, &t.f), E_BOUNDS);
	assert_string_equal(t.f.detail, "unit=no-such-unit.service");
}

static void the_sum_tells_words_apart_and_not_files(void **state)
{
	uint32_t one, two;

	(void)state;
	assert_int_equal(bounds_sum(&t.b), 0);
	unit("ab.service");
	one = bounds_sum(&t.b);
	unit("c");
	two = bounds_sum(&t.b);
	assert_int_not_equal(one, two);
	strcpy(t.b.unit[0], "ab.servicec");
	t.b.nunits = 1;
	assert_int_not_equal(bounds_sum(&t.b), two);
	assert_int_not_equal(bounds_sum(&t.b), one);
	t.b.nunits = 0;
	program("program");
	one = bounds_sum(&t.b);
	t.b.ino[0]++;
	assert_int_equal(bounds_sum(&t.b), one);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(without_words_all_are_within),
	    TEST(a_unit_is_one_that_the_process_is_in),
	    TEST(a_program_is_the_file_that_was_executed_not_its_name),
	    TEST(with_both_words_both_have_to_hold),
	    TEST(a_refusal_names_the_process_and_the_word),
	    TEST(a_word_as_long_as_may_be_is_refused_with_what_fits),
	    TEST(what_is_launched_is_of_our_own_units),
	    TEST(the_sum_tells_words_apart_and_not_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
