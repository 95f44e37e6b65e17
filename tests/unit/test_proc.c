/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Texts of /proc that a hostile process has shaped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "procsrv/proc.h"

#define TAIL                                                                                       \
	" S 1 2 3 4 5 4194560 7 8 9 10 11 12 13 14 15 16 21 0 4711 19 20 21 22 23 24 25 26 27 28 " \
	"29 30 "                                                                                   \
	"31 32 33 34 17 5 40 41\n"

static bool stat_of(const char *text, struct proc_stat *s)
{
	return proc_parse_stat(span_str(text), s);
}

static void assert_span(struct span s, const char *text)
{
	assert_int_equal(s.n, strlen(text));
	if (s.n)
		assert_memory_equal(s.p, text, s.n);
}

static void a_line_of_stat_is_taken_apart(void **state)
{
	struct proc_stat s;

	(void)state;
	assert_true(stat_of("1234 (sleep)" TAIL, &s));
	assert_int_equal(s.pid, 1234);
	assert_int_equal(s.ppid, 1);
	assert_int_equal(s.state, 'S');
	assert_int_equal(s.threads, 21);
	assert_int_equal(s.cpu, 17);
	assert_int_equal(s.start, 4711);
	assert_span(s.comm, "sleep");
}

static void a_name_may_look_like_the_rest_of_the_line(void **state)
{
	static const char *const names[] = {
	    ") R 0 0 0", "a) (b", "((((", "))))", " ", "", "x\n99 (y) Z 1"};
	char line[512];
	struct proc_stat s;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(line, sizeof(line), "1 (%s)%s", names[i], TAIL);
		assert_true(stat_of(line, &s));
		assert_span(s.comm, names[i]);
		assert_int_equal(s.state, 'S');
		assert_int_equal(s.start, 4711);
	}
}

static void a_line_of_stat_cut_anywhere_is_no_line(void **state)
{
	static const char line[] = "1234 (sleep)" TAIL;
	struct proc_stat s;

	(void)state;
	for (uint32_t n = 0; n + 12 < sizeof(line); n++) {
		uint8_t *copy = malloc(n ? n : 1); /* so that a sanitizer sees the end */

		memcpy(copy, line, n);
		if (n < strlen("1234 (sleep)" TAIL) - 8)
			assert_false(proc_parse_stat((struct span){copy, n}, &s));
		free(copy);
	}
	assert_false(stat_of("1 sleep S 1", &s));
	assert_false(stat_of("99999999999999999999999999 (x)" TAIL, &s));
	assert_false(stat_of(") (", &s));
	assert_false(stat_of("1 )(" TAIL, &s));
}

static void fields_of_status_are_found_by_their_whole_name(void **state)
{
	struct span text =
	    span_str("Name:\tUid:\\n7\nUidX:\t1\nUid:\t10\t20 30\t40\nCapPrm:\t00000000a80425fb\n"
		     "TracerPid:\t0\nState:\tZ (zombie)");
	uint64_t v[4];

	(void)state;
	assert_int_equal(proc_status_numbers(text, "Uid", 10, v, 4), 4);
	assert_int_equal(v[0], 10);
	assert_int_equal(v[3], 40);
	assert_int_equal(proc_status_numbers(text, "Uid", 10, v, 2), 2);
	assert_int_equal(proc_status_numbers(text, "CapPrm", 16, v, 1), 1);
	assert_int_equal(v[0], 0xa80425fb);
	assert_int_equal(proc_status_numbers(text, "Gid", 10, v, 4), 0);
	assert_span(proc_status_field(text, "State"), "Z (zombie)");
	assert_span(proc_status_field(text, "Name"), "Uid:\\n7");
	assert_int_equal(proc_status_field(span_str(""), "Name").n, 0);
}

static void a_number_too_long_is_no_number(void **state)
{
	uint64_t v[1];

	(void)state;
	assert_int_equal(
	    proc_status_numbers(span_str("A:\t18446744073709551615\n"), "A", 10, v, 1), 1);
	assert_true(v[0] == UINT64_MAX);
	assert_int_equal(
	    proc_status_numbers(span_str("A:\t18446744073709551616\n"), "A", 10, v, 1), 0);
	assert_int_equal(
	    proc_status_numbers(span_str("A:\t10000000000000000\n"), "A", 16, v, 1), 0);
}

static void mappings_are_taken_line_by_line(void **state)
{
	struct span text =
	    span_str("55d0-55e0 r-xp 00001000 fe:02 1234                       /usr/bin/a b\n"
		     "7ffc00000000-7ffc00001000 rw-s 00000000 00:00 0 \n"
		     "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0  [vsyscall]\n");
	struct proc_map m;

	(void)state;
	assert_true(proc_next_map(&text, &m));
	assert_int_equal(m.lo, 0x55d0);
	assert_int_equal(m.hi, 0x55e0);
	assert_int_equal(m.prot, 1 | 4);
	assert_int_equal(m.offset, 0x1000);
	assert_true(m.dev == makedev(0xfe, 2));
	assert_int_equal(m.ino, 1234);
	assert_span(m.name, "/usr/bin/a b");
	assert_true(proc_next_map(&text, &m));
	assert_int_equal(m.prot, 1 | 2 | 8);
	assert_int_equal(m.name.n, 0);
	assert_true(proc_next_map(&text, &m));
	assert_true(m.hi == 0xffffffffff601000);
	assert_false(proc_next_map(&text, &m));
}

static void a_line_that_is_no_mapping_ends_them(void **state)
{
	static const char *const lines[] = {"", "\n", "x", "10-", "10-20", "10-20 ", "10-20 rwx",
	    "10-20 rwxp", "10-20 rwqp 0 0:0 0", "20-10 rwxp 0 0:0 0", "10-20 rwxp 0 0 0",
	    "10-20 rwxp 0 0:0", "10-10000000000000000 rwxp 0 0:0 0", "-10-20 rwxp 0 0:0 0",
	    "10-20rwxp 0 0:0 0"};
	struct proc_map m;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct span text = span_str(lines[i]);

		assert_false(proc_next_map(&text, &m));
	}
}

static void devices_are_as_stat_gives_them(void **state)
{
	struct span text = span_str("0-1 ---p 0 103:12345 7 x\n");
	struct proc_map m;

	(void)state;
	assert_true(proc_next_map(&text, &m));
	assert_true(m.dev == makedev(0x103, 0x12345));
}

static void units_are_found_in_cgroups(void **state)
{
	(void)state;
	assert_span(proc_unit(span_str("0::/system.slice/redis.service\n")), "redis.service");
	assert_span(proc_unit(span_str("0::/user.slice/user-1000.slice/session-3.scope\n")),
	    "session-3.scope");
	assert_span(proc_unit(span_str(
			"12:cpu:/x.service\n1:name=systemd:/system.slice/a.service/sub\n0::/\n")),
	    "a.service");
	assert_int_equal(proc_unit(span_str("0::/\n")).n, 0);
	assert_int_equal(proc_unit(span_str("12:cpu:/x.service\n")).n, 0);
	assert_int_equal(proc_unit(span_str("")).n, 0);
	assert_int_equal(proc_unit(span_str("0::")).n, 0);
	assert_int_equal(proc_unit(span_str(":name=systemd")).n, 0);
	assert_int_equal(proc_unit(span_str("\n\n:\n::")).n, 0);
}

static void a_process_is_itself_only_with_its_start_time(void **state)
{
	struct fault f = {0};
	struct proc_id id;
	uint64_t start;

	(void)state;
	assert_int_equal(proc_open(&id, (uint32_t)getpid(), 0, &f), E_OK);
	assert_true(proc_alive(&id));
	start = id.start;
	assert_true(start != 0);
	proc_close(&id);
	assert_int_equal(proc_open(&id, (uint32_t)getpid(), start, &f), E_OK);
	proc_close(&id);
	assert_int_equal(proc_open(&id, (uint32_t)getpid(), start + 1, &f), E_STALE);
	assert_int_equal(proc_open(&id, 0, 0, &f), E_NO_PROCESS);
	assert_int_equal(proc_open(&id, UINT32_MAX, 0, &f), E_NO_PROCESS);
}

static void what_was_pinned_does_not_become_another(void **state)
{
	uint8_t room[512];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};
	struct fault f = {0};
	struct proc_id id;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		pause();
		_exit(0);
	}
	assert_int_equal(proc_open(&id, (uint32_t)pid, 0, &f), E_OK);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_false(proc_alive(&id));
	assert_int_equal(proc_read(id.dir, "stat", &b), ESRCH);
	proc_close(&id);
}

static void a_file_longer_than_its_room_is_cut(void **state)
{
	uint8_t room[16];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};

	(void)state;
	assert_int_equal(proc_read(AT_FDCWD, "/proc/self/status", &b), EFBIG);
	assert_int_equal(b.len, sizeof(room));
	assert_memory_equal(room, "Name:\t", 6);
	buf_reset(&b);
	assert_int_equal(proc_read(AT_FDCWD, "/proc/self/nothing", &b), ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_line_of_stat_is_taken_apart),
	    cmocka_unit_test(a_name_may_look_like_the_rest_of_the_line),
	    cmocka_unit_test(a_line_of_stat_cut_anywhere_is_no_line),
	    cmocka_unit_test(fields_of_status_are_found_by_their_whole_name),
	    cmocka_unit_test(a_number_too_long_is_no_number),
	    cmocka_unit_test(mappings_are_taken_line_by_line),
	    cmocka_unit_test(a_line_that_is_no_mapping_ends_them),
	    cmocka_unit_test(devices_are_as_stat_gives_them),
	    cmocka_unit_test(units_are_found_in_cgroups),
	    cmocka_unit_test(a_process_is_itself_only_with_its_start_time),
	    cmocka_unit_test(what_was_pinned_does_not_become_another),
	    cmocka_unit_test(a_file_longer_than_its_room_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
