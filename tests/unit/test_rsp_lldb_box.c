/* SPDX-License-Identifier: BSD-2-Clause
 *
 * LLDB's packets about a box: its processes and users, files, programs' streams, and the
 * platform.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/rsp/rsp_listen.h"
#include "host/rsp/rsp_lldb.h"
#include "host/rsp/rsp_terminal.h"
#include "rsp_bridge.h"
#include "rsp_engine.h"

/* ---- around each test --------------------------------------------------------------- */

static int begin(void **state)
{
	(void)state;
	return bridge_open(true);
}

/* ---- processes ------------------------------------------------------------------------------ */

static struct he_process processes[] = {
    {.pid = 1, .uid = 0, .user = "root", .comm = "init", .exe = "/sbin/init"},
    {.pid = 2, .uid = 0, .user = "root", .comm = "kthreadd", .kernel_thread = true},
    {.pid = 50,
	.ppid = 1,
	.uid = 1000,
	.gid = 100,
	.comm = "serve",
	.exe = "/usr/bin/serve",
	.user = "alice",
	.args = "serve -p 80"},
    {.pid = 51,
	.ppid = 50,
	.uid = 33,
	.gid = 33,
	.comm = "server2",
	.exe = "/usr/bin/server2",
	.user = "www"},
};

/* The pids that a search finds, in a row. */
static const char *found(const char *conditions, const char *name)
{
	static char pids[64];
	char packet[200];
	const char *text;

	fake_box.processes = processes;
	fake_box.n_processes = sizeof(processes) / sizeof(processes[0]);
	pids[0] = 0;
	snprintf(packet, sizeof(packet), "qfProcessInfo%s", conditions);
	text = name ? ask_of(packet, name) : ask(packet);
	while (strncmp(text, "pid:", 4) == 0) {
		size_t n = strlen(pids);

		snprintf(pids + n, sizeof(pids) - n, "%s%d", n ? " " : "", atoi(text + 4));
		text = ask("qsProcessInfo");
	}
	return *pids ? pids : text;
}

static void processes_are_found_by_name(void **state)
{
	(void)state;
	assert_string_equal(found("", NULL), "1 50 51");
	assert_string_equal(found(":name_match:equals;name:%s;", "serve"), "50");
	assert_string_equal(found(":name_match:starts_with;name:%s;", "serve"), "50 51");
	assert_string_equal(found(":name_match:ends_with;name:%s;", "er2"), "51");
	assert_string_equal(found(":name_match:contains;name:%s;", "erv"), "50 51");
	assert_string_equal(found(":name_match:regex;name:%s;", "^(init|serve)$"), "1 50");
	assert_string_equal(found(":name_match:equals;name:%s;", "nobody"), "E03");
	assert_string_equal(found(":name_match:regex;name:%s;", "(("), "E02");
	assert_string_equal(found(":name_match:nonsense;name:%s;", "a"), "E02");
}

static void processes_are_found_by_numbers(void **state)
{
	(void)state;
	assert_string_equal(found(":pid:51;", NULL), "51");
	assert_string_equal(found(":parent_pid:1;", NULL), "50");
	assert_string_equal(found(":uid:0;", NULL), "1");
	assert_string_equal(found(":euid:33;", NULL), "51");
	assert_string_equal(found(":gid:100;all_users:1;", NULL), "50");
	assert_string_equal(found(":all_users:0;", NULL), "50");
	assert_string_equal(found(":uid:0;parent_pid:1;", NULL), "E03");
	assert_string_equal(found(":uid:zz;", NULL), "E02");
}

static void processes_are_found_by_architecture(void **state)
{
	(void)state;
	assert_string_equal(found(":triple:%s;uid:33;", "x86_64-pc-linux-gnu"), "51");
	assert_string_equal(found(":triple:%s;uid:33;", "x86_64"), "51");
	assert_string_equal(found(":triple:%s;", "aarch64-unknown-linux"), "E03");
}

static void the_list_is_asked_for_once(void **state)
{
	(void)state;
	found("", NULL);
	asks("qsProcessInfo", "E04");
	assert_int_equal(fake_box.ps, 1);
}

static void a_process_is_told_by_its_number(void **state)
{
	const char *text;

	(void)state;
	found("", NULL);
	text = ask("qProcessInfoPID:50");
	has(text, "pid:50;ppid:1;uid:1000;gid:100;");
	has(text, "name:2f7573722f62696e2f7365727665;"); /* /usr/bin/serve */
	has(text, "args:7365727665-2d70-3830;");         /* serve -p 80 */
	asks("qProcessInfoPID:99", "E01");
	asks("qProcessInfoPID:", "E01");
}

static const struct fake_file etc[] = {
    {"/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nbob:x:1001:100::/home/bob:/bin/sh\n", 0644},
    {"/etc/group", "root:x:0:\nusers:x:100:alice,bob\nbad\n:x:7:\n", 0644},
};

static void names_of_users_and_groups_are_the_box_s(void **state)
{
	(void)state;
	fake_box.files = etc;
	fake_box.n_files = 2;
	found("", NULL);
	asks("qUserName:33", "777777");   /* www, of a process */
	asks("qUserName:1001", "626f62"); /* bob, of /etc/passwd */
	asks("qUserName:5", "E05");
	asks("qGroupName:100", "7573657273"); /* users */
	asks("qGroupName:7", "E06");
	asks("qGroupName:zz", "E06");
}

/* ---- files and the platform --------------------------------------------------------------------
 */

/* A file in the place of a stream of a program that is started. */
static void a_program_s_streams_are_files_of_this_machine(void **state)
{
	char path[] = "/tmp/rsplldb.XXXXXX", text[16] = "";
	int fd = mkstemp(path);
	struct he_event ev = {.kind = HE_E_OUTPUT, .stream = 1, .data = "out\r\n", .len = 5};

	(void)state;
	assert_true(fd >= 0);
	asks_of("QSetSTDIN:%s", "/dev/null", "OK");
	asks_of("QSetSTDOUT:%s", path, "OK");
	asks_of("QSetSTDERR:%s", "/nonexistent/file", "E02");
	asks("QSetSTDERR:", "E0f");
	asks("A8,0,2f612f62", "OK");
	assert_true(rsp_terminal_in(bridge()) >= 0);
	rsp_terminal_input(bridge(), true);
	assert_true(fake_box.typed_end);
	ev.target = fake_target(FAKE_LAUNCHED);
	rsp_event(bridge(), &ev);
	assert_string_equal(sent(), "");
	assert_int_equal(read(fd, text, sizeof(text)), 4);
	assert_string_equal(text, "out\n");
	close(fd);
	unlink(path);
}

static void what_is_typed_goes_to_the_program(void **state)
{
	(void)state;
	asks("I6869", "E15");
	asks("A8,0,2f612f62", "OK");
	asks("I68690a", "OK");
	assert_memory_equal(fake_box.typed.p, "hi\n", 3);
	assert_false(fake_box.typed_end);
	asks("Izz", "E01");
}

static void files_are_told_by_their_names(void **state)
{
	(void)state;
	fake_box.files = etc;
	fake_box.n_files = 2;
	asks_of("vFile:size:%s", "/etc/group", "F000000000000002a");
	asks_of("vFile:mode:%s", "/etc/group", "F1a4");
	asks_of("vFile:exists:%s", "/etc/group", "F,1");
	asks_of("vFile:exists:%s", "/etc/none", "F,0");
	asks_of("vFile:mode:%s", "/etc/none", "F-1,2");
}

static void files_are_changed_where_the_box_lets_them_be(void **state)
{
	(void)state;
	asks_of("qPlatform_mkdir:1ed,%s", "/d", "F0");
	asks_of("qPlatform_chmod:180,%s", "/d", "F0");
	asks_of("qPlatform_chmod:180,%s", "/refused", "F1");
	asks_of("vFile:symlink:2f64,%s", "/l", "F0,0");
	assert_string_equal(fake_box_log(), "mkdir /d 755 -\nchmod /d 600 -\nsymlink /l 0 /d\n");
}

static void a_platform_s_processes_come_to_the_same_place(void **state)
{
	struct rsp_listener l = {.fd = 0, .port = 1234};

	(void)state;
	asks("qLaunchGDBServer;host:here;", "E09");
	assert_false(rsp_lldb_awaits(bridge()));
	bridge()->listener = &l;
	asks("qLaunchGDBServer;host:here;", "port:1234;");
	assert_true(rsp_lldb_awaits(bridge()));
	assert_false(rsp_lldb_awaits(bridge()));
	l = (struct rsp_listener){.fd = 0, .path = (char[]){"/s"}};
	asks("qLaunchGDBServer;", "port:0;socket_name:2f73;");
	asks("qQueryGDBServer", "E04");
	asks("qKillSpawnedProcess:42", "E0a");
	bridge()->listener = NULL;
}

static void a_shell_is_refused_with_a_sentence(void **state)
{
	(void)state;
	assert_memory_equal(ask("qPlatform_shell:6c73,0000000a"), "F,7e,0,A process server", 23);
}

static void paths_are_completed_on_this_machine_alone(void **state)
{
	char dir[] = "/tmp/rsplldb*XXXXXX", inside[64], want[256], reply[300] = "M";

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(inside, sizeof(inside), "%s/sub", dir);
	assert_int_equal(mkdir(inside, 0700), 0);
	asks_of("qPathComplete:0,%s", inside, "M");
	fake_box.local = true;
	snprintf(want, sizeof(want), "%s/", inside);
	hex(reply + 1, want);
	asks_of("qPathComplete:1,%s", inside, reply);
	asks("qPathComplete:0", "E55");
	rmdir(inside);
	rmdir(dir);
}

static void the_box_tells_what_it_is(void **state)
{
	const char *text = ask("qHostInfo");

	(void)state;
	has(text, "triple:7838365f36342d70632d6c696e75782d676e75;ptrsize:8;");
	has(text, "os_version:6.1.0;");
	has(text, "hostname:626f782e6578616d706c65;");
}

static void echoes_are_for_finding_the_reply_that_fits(void **state)
{
	(void)state;
	asks("qEcho:17", "qEcho:17");
	asks("qSpeedTest:response_size:4;data:xx", "data:ABCD");
	asks("qSpeedTest:response_size:99999999;", "E01");
}

#define each(f) cmocka_unit_test_setup_teardown(f, begin, bridge_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    each(processes_are_found_by_name),
	    each(processes_are_found_by_numbers),
	    each(processes_are_found_by_architecture),
	    each(the_list_is_asked_for_once),
	    each(a_process_is_told_by_its_number),
	    each(names_of_users_and_groups_are_the_box_s),
	    each(a_program_s_streams_are_files_of_this_machine),
	    each(what_is_typed_goes_to_the_program),
	    each(files_are_told_by_their_names),
	    each(files_are_changed_where_the_box_lets_them_be),
	    each(a_platform_s_processes_come_to_the_same_place),
	    each(a_shell_is_refused_with_a_sentence),
	    each(paths_are_completed_on_this_machine_alone),
	    each(the_box_tells_what_it_is),
	    each(echoes_are_for_finding_the_reply_that_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
