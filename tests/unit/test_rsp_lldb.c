/* SPDX-License-Identifier: BSD-2-Clause
 *
 * LLDB's packets over an engine that is only text: what is answered, and what is asked of a
 * box for it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/rsp/rsp_listen.h"
#include "host/rsp/rsp_lldb.h"
#include "host/rsp/rsp_parts.h"
#include "host/rsp/rsp_run.h"
#include "host/rsp/rsp_terminal.h"
#include "rsp_engine.h"

static struct {
	struct rsp *r;
	int debugger; /* the other end of its socket */
	char text[RSP_PACKET];
} self;

/* ---- asking ---------------------------------------------------------------------------- */

/* What went to the debugger since the last time, without the framing of single packets. */
static const char *sent(void)
{
	ssize_t n = recv(self.debugger, self.text, sizeof(self.text) - 1, MSG_DONTWAIT);
	char *end;

	self.text[n > 0 ? n : 0] = 0;
	end = strrchr(self.text, '#');
	if (end)
		*end = 0;
	return self.text + strspn(self.text, "+$");
}

static const char *ask(const char *packet)
{
	size_t n = strlen(packet);
	char *frame = malloc(n + 8);
	uint8_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum = (uint8_t)(sum + packet[i]);
	snprintf(frame, n + 8, "$%s#%02x", packet, sum);
	rsp_take(self.r, frame, n + 4);
	free(frame);
	return sent();
}

static void hex(char *to, const char *text)
{
	for (; *text; text++, to += 2)
		snprintf(to, 3, "%02x", (unsigned char)*text);
}

/* %s in the packet is this word in hexadecimal. */
static const char *ask_of(const char *packet, const char *word)
{
	char digits[512] = "", whole[1024];
	const char *at = strstr(packet, "%s");

	hex(digits, word);
	snprintf(whole, sizeof(whole), "%.*s%s%s", (int)(at - packet), packet, digits, at + 2);
	return ask(whole);
}

#define asks(packet, reply) assert_string_equal(ask(packet), reply)
#define asks_of(packet, word, reply) assert_string_equal(ask_of(packet, word), reply)
#define has(text, part) assert_non_null(strstr(text, part))
#define has_not(text, part) assert_null(strstr(text, part))

/* JSON as it came: its braces are escaped. */
static json_t *json_of(const char *reply)
{
	char *text = strdup(reply), *to = text;
	json_t *ret;

	for (const char *from = reply; *from; from++)
		*to++ = (char)(*from == '}' ? *++from ^ 0x20 : *from);
	*to = 0;
	ret = json_loads(text, 0, NULL);
	free(text);
	assert_non_null(ret);
	return ret;
}

static void attach(void)
{
	ask("vAttach;2a");
	fake_box_log();
}

static void happens(struct he_event ev)
{
	fake_stands(FAKE_PID);
	ev.kind = HE_E_STOPPED;
	ev.target = fake_target(FAKE_PID);
	rsp_event(self.r, &ev);
	rsp_run_settle(self.r);
}

/* ---- around each test --------------------------------------------------------------------- */

static int open_bridge(bool lldb)
{
	int ends[2];

	fake_box_reset();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return -1;
	self.debugger = ends[0];
	self.r = rsp_new(NULL, NULL);
	rsp_terminal_init(self.r, false);
	rsp_open(self.r, ends[1], ends[1]);
	if (lldb)
		ask("QStartNoAckMode");
	if (lldb)
		ask("QThreadSuffixSupported");
	return 0;
}

static int begin(void **state)
{
	(void)state;
	return open_bridge(true);
}

static int end(void **state)
{
	(void)state;
	rsp_free(self.r);
	close(self.debugger);
	fake_box_free();
	return 0;
}

/* ---- who it is ---------------------------------------------------------------------------- */

static int begin_unknown(void **state)
{
	(void)state;
	return open_bridge(false);
}

static void who_turns_acknowledgements_off_first_is_lldb(void **state)
{
	(void)state;
	assert_null(self.r->lldb);
	asks("QStartNoAckMode", "OK");
	assert_non_null(self.r->lldb);
	has(ask("qSupported:multiprocess+;fork-events+"), "QThreadSuffixSupported+");
}

static void who_says_first_what_it_can_is_gdb(void **state)
{
	(void)state;
	has_not(ask("qSupported:multiprocess+;swbreak+"), "QThreadSuffixSupported+");
	asks("QStartNoAckMode", "OK");
	assert_null(self.r->lldb);
}

static void what_it_did_not_say_it_can_is_not_offered(void **state)
{
	(void)state;
	has_not(ask("qSupported:fork-events+"), "fork-events+");
	has(ask("qSupported:multiprocess+;fork-events+"), "fork-events+");
	has_not(ask("qSupported:multiprocess+"), "vfork-events+");
}

/* ---- threads and registers ------------------------------------------------------------------ */

static void a_packet_names_its_thread_behind_it(void **state)
{
	(void)state;
	attach();
	asks("p3;thread:2b;", "0110400000000000");
	asks("p3;thread:2a;", "0010400000000000");
	asks("p3;thread:99;", "E03");
	asks("p3;thread:", "E01");
	asks("P0=8877665544332211;thread:2b;", "OK");
	assert_string_equal(fake_box_log(), "register 42/43 rax 8877665544332211\n");
}

static void registers_are_described_in_the_order_of_their_numbers(void **state)
{
	(void)state;
	attach();
	has(ask("qRegisterInfo3"), "name:rip;");
	has(ask("qRegisterInfo3"), "generic:pc;");
	has(ask("qRegisterInfo5"), "container-regs:0;");
	asks("qRegisterInfoff", "E45");
}

static void saved_registers_come_back_once(void **state)
{
	(void)state;
	attach();
	asks("QSaveRegisterState;thread:2a;", "1");
	fake_box.pc[0] = 0x1234;
	asks("QRestoreRegisterState:1;thread:2a;", "OK");
	assert_string_equal(fake_box_log(), "register 42/42 rip 0010400000000000\n");
	assert_true(ask("QRestoreRegisterState:1;thread:2a;")[0] == 'E');
}

/* ---- stops ---------------------------------------------------------------------------------- */

static void a_stop_lists_all_threads_and_where_they_are(void **state)
{
	const char *text;

	(void)state;
	attach();
	asks("QListThreadsInStopReply", "OK");
	asks("c", "");
	happens((struct he_event){.tid = 43, .reason = HE_R_BREAKPOINT, .generation = 1});
	text = sent();
	assert_memory_equal(text, "T05thread:2b;", 13);
	has(text, "threads:2a,2b;thread-pcs:0000000000401000,0000000000401001;");
	has(text, "reason:breakpoint;");
	has(text, "03:0110400000000000;");
	has(text, "hexname:");
	has(ask("?"), "T05thread:2b;");
	asks("qfThreadInfo", "m2a,2b");
}

static void what_others_stopped_for_is_told_with_it(void **state)
{
	const char *text;

	(void)state;
	attach();
	ask("c");
	fake_box.also[0] = (struct he_event){
	    .kind = HE_E_STOPPED, .tid = 43, .reason = HE_R_SIGNAL, .signal = 11, .generation = 1};
	happens((struct he_event){.tid = 42, .reason = HE_R_STEP, .generation = 1});
	has(sent(), "reason:trace;");
	text = ask("qThreadStopInfo2b");
	assert_memory_equal(text, "T0b", 3);
	has(text, "reason:signal;");
}

static void an_interruption_is_a_sigstop(void **state)
{
	(void)state;
	attach();
	ask("c");
	rsp_take(self.r, "\003", 1);
	assert_string_equal(fake_box_log(), "go 42 0:cont:0\ninterrupt 42/0\n");
	happens((struct he_event){.tid = 42, .reason = HE_R_REQUEST, .generation = 1});
	assert_memory_equal(sent(), "T02thread:2a;", 13);
}

static void threads_come_as_json_with_their_reasons(void **state)
{
	json_t *v, *t;

	(void)state;
	attach();
	ask("c");
	happens((struct he_event){
	    .tid = 43, .reason = HE_R_WATCH, .data_addr = 0x1234, .generation = 1});
	sent();
	v = json_of(ask("jThreadsInfo"));
	assert_int_equal(json_array_size(v), 2);
	assert_null(json_object_get(json_array_get(v, 0), "reason"));
	t = json_array_get(v, 1);
	assert_int_equal(json_integer_value(json_object_get(t, "tid")), 43);
	assert_string_equal(json_string_value(json_object_get(t, "name")), "wor}ker");
	assert_string_equal(json_string_value(json_object_get(t, "reason")), "watchpoint");
	assert_string_equal(json_string_value(json_object_get(t, "description")), "4660 0 4660");
	assert_string_equal(
	    json_string_value(json_object_get(json_object_get(t, "registers"), "3")),
	    "0110400000000000");
	json_decref(v);
	asks("jThreadExtendedInfo:{\"thread\":42}]", "{}]");
}

static void nothing_is_told_of_threads_that_are_not_there(void **state)
{
	(void)state;
	asks("jThreadsInfo", "E32");
	asks("qThreadStopInfo2a", "E33");
	asks("qProcessInfo", "E44");
	asks("qC", "E44");
	asks("qfThreadInfo", "OK");
	asks("?", "OK");
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

/* ---- starting and attaching ------------------------------------------------------------------ */

static void a_program_gets_its_arguments_environment_and_directory(void **state)
{
	(void)state;
	asks("QEnvironment:A=b c", "OK");
	asks_of("QEnvironmentHexEncoded:%s", "X=$y", "OK");
	assert_true(ask("QEnvironment:novalue")[0] == 'E');
	asks_of("QSetWorkingDir:%s", "/srv", "OK");
	asks("qGetWorkingDir", "2f737276");
	asks("QSetDisableASLR:1", "OK");
	asks("QLaunchArch:x86_64", "OK");
	asks("A8,0,2f612f62,4,1,2d76", "OK");
	assert_string_equal(fake_box_log(), "launch /a/b [/a/b] [-v] {A=b c} {X=$y} in /srv\n");
	asks("qLaunchSuccess", "OK");
	asks("k", "X09");
	assert_string_equal(fake_box_log(), "kill 77\ndetach 77\n");
}

static void why_a_program_did_not_start_is_told(void **state)
{
	(void)state;
	fake_box.refuses = "/a/b: no such program on the box.";
	asks("A8,0,2f612f62", "E08");
	asks("qLaunchSuccess", "E/a/b: no such program on the box.");
	fake_box.refuses = NULL;
	asks("A8,0,2f612f62", "OK");
	asks("qLaunchSuccess", "OK");
}

static void words_that_are_none_start_nothing(void **state)
{
	static const char *const bad[] = {"A", "A1", "A2,0,zz", "A4,0,61", "A,,"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(ask(bad[i])[0] == 'E');
	assert_string_equal(fake_box_log(), "");
}

static void a_process_is_attached_to_by_its_name(void **state)
{
	(void)state;
	found("", NULL);
	has(ask_of("vAttachName;%s", "serve"), "thread:32;");
	assert_string_equal(fake_box_log(), "attach 50\n");
	assert_true(ask_of("vAttachName;%s", "nobody")[0] == 'E');
	asks("vAttachName;", "E01");
}

static int tick(void)
{
	return rsp_part_lldb_launch.tick(self.r);
}

static void the_next_of_a_name_is_waited_for(void **state)
{
	(void)state;
	found("", NULL);
	fake_box.n_processes = 3; /* server2 is not there yet */
	asks_of("vAttachWait;%s", "server2", "");
	assert_true(tick() > 0);
	fake_box.n_processes = 4;
	assert_int_equal(tick(), -1);
	has(sent(), "thread:33;");
	assert_string_equal(fake_box_log(), "attach 51\n");
}

static void those_that_were_there_are_not_the_next(void **state)
{
	(void)state;
	found("", NULL);
	asks_of("vAttachWait;%s", "serve", "");
	assert_true(tick() > 0);
	rsp_take(self.r, "\003", 1);
	assert_string_equal(sent(), "E04"); /* interrupted */
	assert_int_equal(tick(), -1);
	assert_string_equal(fake_box_log(), "");
}

static void one_that_is_there_will_do_where_lldb_says_so(void **state)
{
	(void)state;
	asks("qVAttachOrWaitSupported", "OK");
	found("", NULL);
	asks_of("vAttachOrWait;%s", "serve", "");
	tick();
	has(sent(), "thread:32;");
	assert_string_equal(fake_box_log(), "attach 50\n");
}

/* ---- memory ---------------------------------------------------------------------------------- */

static struct he_mapping maps[] = {
    {.lo = 0x400000, .hi = 0x402000, .prot = 5, .name = "/a/b"},
    {.lo = 0x500000, .hi = 0x501000, .prot = 3, .name = "[heap]"},
    {.lo = 0x600000, .hi = 0x601000, .prot = 0},
};

static void mappings_and_the_gaps_between_them(void **state)
{
	(void)state;
	attach();
	fake_box.maps = maps;
	fake_box.n_maps = 3;
	asks("qMemoryRegionInfo:401000", "start:400000;size:2000;permissions:rx;name:2f612f62;");
	has(ask("qMemoryRegionInfo:500fff"), "permissions:rw;name:5b686561705d;type:heap;");
	asks("qMemoryRegionInfo:450000", "start:402000;size:fe000;");
	asks("qMemoryRegionInfo:600000", "start:600000;size:1000;");
	has(ask("qMemoryRegionInfo:700000"), "start:601000;size:ffffffffff9fefff;");
	asks_of("qFileLoadAddress:%s", "/a/b", "0000000000400000");
	asks_of("qFileLoadAddress:%s", "/other", "E01");
}

static void memory_comes_in_binary(void **state)
{
	(void)state;
	attach();
	asks("x0,0", "OK");
	fake_box.memory[0] = 'a';
	fake_box.memory[1] = '#';
	assert_memory_equal(ask("x401000,2"), "a}\003", 3);
	asks("x1,1", "E08");
}

static void memory_is_allocated_and_given_back(void **state)
{
	char packet[64];

	(void)state;
	attach();
	asks("_M1000,rw", "7000000");
	assert_string_equal(fake_box_log(), "map 42 1000 3\n");
	snprintf(packet, sizeof(packet), "_m%x", 0x7000000);
	asks(packet, "OK");
	assert_string_equal(fake_box_log(), "unmap 42 7000000 1000\n");
	asks(packet, "E01");
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
	assert_true(rsp_terminal_in(self.r) >= 0);
	rsp_terminal_input(self.r, true);
	assert_true(fake_box.typed_end);
	ev.target = fake_target(FAKE_LAUNCHED);
	rsp_event(self.r, &ev);
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
	assert_false(rsp_lldb_awaits(self.r));
	self.r->listener = &l;
	asks("qLaunchGDBServer;host:here;", "port:1234;");
	assert_true(rsp_lldb_awaits(self.r));
	assert_false(rsp_lldb_awaits(self.r));
	l = (struct rsp_listener){.fd = 0, .path = (char[]){"/s"}};
	asks("qLaunchGDBServer;", "port:0;socket_name:2f73;");
	asks("qQueryGDBServer", "E04");
	asks("qKillSpawnedProcess:42", "E0a");
	self.r->listener = NULL;
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

#define each(f) cmocka_unit_test_setup_teardown(f, begin, end)
#define unknown(f) cmocka_unit_test_setup_teardown(f, begin_unknown, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    unknown(who_turns_acknowledgements_off_first_is_lldb),
	    unknown(who_says_first_what_it_can_is_gdb),
	    each(what_it_did_not_say_it_can_is_not_offered),
	    each(a_packet_names_its_thread_behind_it),
	    each(registers_are_described_in_the_order_of_their_numbers),
	    each(saved_registers_come_back_once),
	    each(a_stop_lists_all_threads_and_where_they_are),
	    each(what_others_stopped_for_is_told_with_it),
	    each(an_interruption_is_a_sigstop),
	    each(threads_come_as_json_with_their_reasons),
	    each(nothing_is_told_of_threads_that_are_not_there),
	    each(processes_are_found_by_name),
	    each(processes_are_found_by_numbers),
	    each(processes_are_found_by_architecture),
	    each(the_list_is_asked_for_once),
	    each(a_process_is_told_by_its_number),
	    each(names_of_users_and_groups_are_the_box_s),
	    each(a_program_gets_its_arguments_environment_and_directory),
	    each(why_a_program_did_not_start_is_told),
	    each(words_that_are_none_start_nothing),
	    each(a_process_is_attached_to_by_its_name),
	    each(the_next_of_a_name_is_waited_for),
	    each(those_that_were_there_are_not_the_next),
	    each(one_that_is_there_will_do_where_lldb_says_so),
	    each(mappings_and_the_gaps_between_them),
	    each(memory_comes_in_binary),
	    each(memory_is_allocated_and_given_back),
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
