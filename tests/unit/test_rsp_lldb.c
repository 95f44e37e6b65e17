/* SPDX-License-Identifier: BSD-2-Clause
 *
 * LLDB's packets over an engine that is only text: threads, stops, memory, and how processes
 * begin and end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "host/rsp/rsp_lldb.h"
#include "host/rsp/rsp_parts.h"
#include "rsp_bridge.h"
#include "rsp_engine.h"

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

/* ---- around each test --------------------------------------------------------------- */

static int begin(void **state)
{
	(void)state;
	return bridge_open(true);
}

/* ---- who it is ---------------------------------------------------------------------------- */

static int begin_unknown(void **state)
{
	(void)state;
	return bridge_open(false);
}

static void who_turns_acknowledgements_off_first_is_lldb(void **state)
{
	(void)state;
	assert_null(bridge()->lldb);
	asks("QStartNoAckMode", "OK");
	assert_non_null(bridge()->lldb);
	has(ask("qSupported:multiprocess+;fork-events+"), "QThreadSuffixSupported+");
}

/* GDB is kept from giving up while an answer takes long; LLDB knows no such signs of life, and
 * at its first packet it was not known to be LLDB. */
static void nothing_goes_to_lldb_that_it_did_not_ask_for(void **state)
{
	const struct timespec twice_that = {.tv_sec = 1, .tv_nsec = 100 * 1000 * 1000};

	(void)state;
	asks("QStartNoAckMode", "OK");
	nanosleep(&twice_that, NULL);
	assert_string_equal(sent(), "");
	assert_int_equal(sent_raw(), 0);
}

static void who_says_first_what_it_can_is_gdb(void **state)
{
	(void)state;
	has_not(ask("qSupported:multiprocess+;swbreak+"), "QThreadSuffixSupported+");
	asks("QStartNoAckMode", "OK");
	assert_null(bridge()->lldb);
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
	rsp_take(bridge(), "\003", 1);
	assert_string_equal(fake_box_log(), "go 42 0:cont:0\ninterrupt 42/0\n");
	happens((struct he_event){.tid = 42, .reason = HE_R_REQUEST, .generation = 1});
	assert_memory_equal(sent(), "T13thread:2a;", 13);
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
}

/* The object's last brace comes escaped, behind itself. */
static void a_single_thread_is_told_of_as_json(void **state)
{
	json_t *v;

	(void)state;
	asks("jThreadExtendedInfo:", "OK");
	attach();
	v = json_of(ask("jThreadExtendedInfo:{\"thread\":43}]"));
	assert_int_equal(json_integer_value(json_object_get(v, "thread")), 43);
	assert_string_equal(json_string_value(json_object_get(v, "name")), "wor}ker");
	json_decref(v);
	asks("jThreadExtendedInfo:{\"thread\":99}]", "E33");
	asks("jThreadExtendedInfo:{\"thread\":-1}]", "E01");
	asks("jThreadExtendedInfo:{\"thread\":[1]}]", "E01");
	asks("jThreadExtendedInfo:{}]", "E01");
	asks("jThreadExtendedInfo:{", "E01");
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

static void a_program_of_this_machine_begins_in_our_directory(void **state)
{
	char *here = getcwd(NULL, 0), hex[2 * HE_PATH_MAX + 1];

	(void)state;
	assert_non_null(here);
	fake_box.local = false;
	asks("qGetWorkingDir", "E0e");
	fake_box.local = true;
	for (size_t i = 0; i <= strlen(here); i++)
		snprintf(hex + 2 * i, 3, "%02x", (unsigned char)here[i]);
	hex[2 * strlen(here)] = 0;
	asks("qGetWorkingDir", hex);
	free(here);
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

static struct he_process processes[] = {
    {.pid = 50, .ppid = 1, .comm = "serve", .exe = "/usr/bin/serve"},
    {.pid = 51, .ppid = 50, .comm = "server2", .exe = "/usr/bin/server2"},
};

/* The first n of them are there. */
static void present(size_t n)
{
	fake_box.processes = processes;
	fake_box.n_processes = n;
}

static void a_process_is_attached_to_by_its_name(void **state)
{
	(void)state;
	present(2);
	has(ask_of("vAttachName;%s", "serve"), "thread:32;");
	assert_string_equal(fake_box_log(), "attach 50\n");
	assert_true(ask_of("vAttachName;%s", "nobody")[0] == 'E');
	asks("vAttachName;", "E01");
}

static int tick(void)
{
	return rsp_part_lldb_launch.tick(bridge());
}

static void the_next_of_a_name_is_waited_for(void **state)
{
	(void)state;
	present(1); /* server2 is not there yet */
	asks_of("vAttachWait;%s", "server2", "");
	assert_true(tick() > 0);
	present(2);
	assert_int_equal(tick(), -1);
	has(sent(), "thread:33;");
	assert_string_equal(fake_box_log(), "attach 51\n");
}

static void those_that_were_there_are_not_the_next(void **state)
{
	(void)state;
	present(2);
	asks_of("vAttachWait;%s", "serve", "");
	assert_true(tick() > 0);
	rsp_take(bridge(), "\003", 1);
	assert_string_equal(sent(), "E04"); /* interrupted */
	assert_int_equal(tick(), -1);
	assert_string_equal(fake_box_log(), "");
}

static void one_that_is_there_will_do_where_lldb_says_so(void **state)
{
	(void)state;
	asks("qVAttachOrWaitSupported", "OK");
	present(2);
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

static void where_the_linker_s_list_is_told(void **state)
{
	static const struct he_link one = {.name = "", .lm = 0x1000};

	(void)state;
	asks("qShlibInfoAddr", "E03");
	attach();
	asks("qShlibInfoAddr", "E02"); /* a static program */
	fake_box.links = &one;
	fake_box.n_links = 1;
	asks("qShlibInfoAddr", "401000");
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

#define each(f) cmocka_unit_test_setup_teardown(f, begin, bridge_close)
#define unknown(f) cmocka_unit_test_setup_teardown(f, begin_unknown, bridge_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    unknown(who_turns_acknowledgements_off_first_is_lldb),
	    unknown(nothing_goes_to_lldb_that_it_did_not_ask_for),
	    unknown(who_says_first_what_it_can_is_gdb),
	    each(what_it_did_not_say_it_can_is_not_offered),
	    each(a_packet_names_its_thread_behind_it),
	    each(registers_are_described_in_the_order_of_their_numbers),
	    each(saved_registers_come_back_once),
	    each(a_stop_lists_all_threads_and_where_they_are),
	    each(what_others_stopped_for_is_told_with_it),
	    each(an_interruption_is_a_sigstop),
	    each(threads_come_as_json_with_their_reasons),
	    each(a_single_thread_is_told_of_as_json),
	    each(nothing_is_told_of_threads_that_are_not_there),
	    each(a_program_gets_its_arguments_environment_and_directory),
	    each(a_program_of_this_machine_begins_in_our_directory),
	    each(why_a_program_did_not_start_is_told),
	    each(words_that_are_none_start_nothing),
	    each(a_process_is_attached_to_by_its_name),
	    each(the_next_of_a_name_is_waited_for),
	    each(those_that_were_there_are_not_the_next),
	    each(one_that_is_there_will_do_where_lldb_says_so),
	    each(mappings_and_the_gaps_between_them),
	    each(memory_comes_in_binary),
	    each(where_the_linker_s_list_is_told),
	    each(memory_is_allocated_and_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
