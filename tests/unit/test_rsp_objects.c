/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Objects of qXfer: what each holds, how it comes in parts, and what bad packets get.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "rsp_bridge.h"
#include "rsp_engine.h"

static int begin(void **state)
{
	(void)state;
	bridge_open(false);
	ask("qSupported:multiprocess+");
	ask("vAttach;2a");
	fake_box_log();
	return 0;
}

/* A program of i386. */
static int begin_narrow(void **state)
{
	(void)state;
	bridge_open(false);
	fake_box.narrow = true;
	ask("vAttach;2a");
	return 0;
}

static int begin_without_process(void **state)
{
	(void)state;
	return bridge_open(false);
}

/* ---- in parts --------------------------------------------------------------------------- */

static void parts_end_with_the_last(void **state)
{
	(void)state;
	asks("qXfer:auxv:read::0,3", "maux");
	asks("qXfer:auxv:read::3,1", "lv");
	asks("qXfer:auxv:read::0,1000", "lauxv");
	asks("qXfer:auxv:read::4,10", "l");
	asks("qXfer:auxv:read::5,10", "E01");
	asks("qXfer:auxv:read::ffffffffffffffff,ffffffffffffffff", "E01");
	asks("qXfer:auxv:read::0,0", "m");
}

static void a_part_is_of_what_was_made_at_the_first(void **state)
{
	(void)state;
	has(ask("qXfer:threads:read::0,10"), "m<threads>");
	fake_box.n_threads = 1;
	has(ask("qXfer:threads:read::10,1000"), "wor");
	has_not(ask("qXfer:threads:read::0,1000"), "wor");
}

static void what_is_written_makes_what_was_read_stale(void **state)
{
	(void)state;
	has(ask("qXfer:threads:read::0,10"), "m<threads>");
	fake_box.n_threads = 1;
	asks("M401000,1:00", "OK");
	has_not(ask("qXfer:threads:read::10,1000"), "wor");
	has(ask("qXfer:threads:read::0,10"), "m<threads>");
	ask("vCont;c");
	happens((struct he_event){.tid = 42, .reason = HE_R_SIGNAL, .signal = SIGINT});
	sent();
	fake_box.threads[0].name = "renamed";
	has(ask("qXfer:threads:read::10,1000"), "renamed");
}

static void parts_of_another_thread_s_object_are_its_own(void **state)
{
	(void)state;
	fake_box.siginfo_of = 43;
	fake_box.siginfo[0] = SIGUSR1;
	asks("Hgp2a.2a", "OK");
	assert_int_equal(ask("qXfer:siginfo:read::0,1")[1], SIGSTOP);
	asks("Hgp2a.2b", "OK");
	assert_int_equal(ask("qXfer:siginfo:read::0,1")[1], SIGUSR1);
	asks("Hgp2a.2a", "OK");
	assert_int_equal(ask("qXfer:siginfo:read::0,1")[1], SIGSTOP);
}

static void stops_for(enum he_reason reason, bool hardware)
{
	ask("vCont;c");
	happens((struct he_event){.tid = 42, .reason = reason, .hardware = hardware});
	sent();
}

static void a_trap_has_the_siginfo_that_the_kernel_gave(void **state)
{
	const char *v;

	(void)state;
	stops_for(HE_R_BREAKPOINT, false);
	v = ask("qXfer:siginfo:read::0,18");
	assert_int_equal(v[1], SIGTRAP);
	assert_int_equal((unsigned char)v[9], SI_KERNEL);
	assert_int_equal(v[18], 0);
	stops_for(HE_R_STEP, false);
	v = ask("qXfer:siginfo:read::0,18");
	assert_int_equal(v[9], TRAP_TRACE);
	assert_memory_equal(v + 17, "\0\x10\x40\0\0\0\0", 7); /* where it stands */
	stops_for(HE_R_WATCH, true);
	assert_int_equal(ask("qXfer:siginfo:read::0,18")[9], TRAP_HWBKPT);
	stops_for(HE_R_BREAKPOINT, true);
	assert_int_equal(ask("qXfer:siginfo:read::0,18")[9], TRAP_HWBKPT);
	asks("Hgp2a.2b", "OK"); /* which stands because the other does */
	assert_int_equal(ask("qXfer:siginfo:read::0,18")[1], SIGSTOP);
}

static void bad_packets_get_errors_and_unknown_ones_nothing(void **state)
{
	static const char *const bad[] = {"qXfer:auxv:read::", "qXfer:auxv:read::0",
	    "qXfer:auxv:read:0,10", "qXfer:auxv:read::x,10", "qXfer:auxv:read::0,10x",
	    "qXfer:auxv:read::10000000000000000,1", "qXfer:auxv:read:annex:0,10",
	    "qXfer:threads:read:annex:0,10", "qXfer:siginfo:read:annex:0,10",
	    "qXfer:siginfo:write:annex:0:x", "qXfer:siginfo:write::zz:x", "qXfer:siginfo:write::0",
	    "qXfer:features:read::0,10", "qXfer:features:read:nonsense.xml:0,10",
	    "qXfer:features:read:target.xmlx:0,10", "qXfer:exec-file:read:99:0,10",
	    "qXfer:exec-file:read:zz:0,10", "qXfer:libraries-svr4:read:start=zz:0,10",
	    "qXfer:libraries-svr4:read:prev=1,2:0,10"};
	static const char *const unknown[] = {"qXfer:", "qXfer:auxv",
	    "qXfer:auxv:", "qXfer:auxv:write::0:x", "qXfer:auxv:reads::0,1", "qXfer:spu:read::0,10",
	    "qXfer::read::0,1", "qXfer:threads:write::0:x"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		asks(bad[i], "E01");
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		asks(unknown[i], "");
	asks("qXfer:auxv:read::0,100", "lauxv");
}

static void an_annex_without_end_is_refused(void **state)
{
	char packet[1100] = "qXfer:libraries-svr4:read:";
	size_t n = strlen(packet);

	(void)state;
	memset(packet + n, 'a', 1000);
	strcpy(packet + n + 1000, ":0,10");
	asks(packet, "E01");
}

static void without_a_process_there_are_none(void **state)
{
	(void)state;
	asks("qXfer:auxv:read::0,100", "E03");
	asks("qXfer:features:read:target.xml:0,100", "E03");
	asks("qXfer:siginfo:read::0,100", "E03");
	asks("qXfer:siginfo:write::0:x", "E03");
	asks("qXfer:libraries-svr4:read::0,100", "E03");
	asks("qXfer:exec-file:read::0,100", "E01");
	asks("qXfer:threads:read::0,100", "l<threads>\n</threads>\n");
}

/* ---- what is in them ------------------------------------------------------------------------ */

static void the_description_has_what_the_processor_has(void **state)
{
	const char *text = ask("qXfer:features:read:target.xml:0,380");

	(void)state;
	has(text, "<architecture>i386:x86-64</architecture>");
	has(text, "org.gnu.gdb.i386.core");
	has_not(ask("qXfer:features:read:target.xml:380,380"), "avx");
}

static void a_narrow_program_has_a_description_of_its_own(void **state)
{
	(void)state;
	has(ask("qXfer:features:read:target.xml:0,100"), "<architecture>i386</architecture>");
}

static void threads_have_names_that_are_escaped(void **state)
{
	const char *text;

	(void)state;
	fake_box.threads[1].name = "a<b>&\"'\001";
	fake_box.threads[1].cpu = 3;
	text = ask("qXfer:threads:read::0,1000");
	has(text, "<thread id=\"p2a.2a\" name=\"main\"/>");
	has(text, "<thread id=\"p2a.2b\" core=\"3\" name=\"a&lt;b&gt;&amp;&quot;&apos;?\"/>");
}

static void threads_that_are_ending_are_none(void **state)
{
	(void)state;
	fake_box.threads[0].kernel_state = 'Z';
	has_not(ask("qXfer:threads:read::0,1000"), "p2a.2a");
	fake_box.threads[1].state = HE_T_EXITING;
	has_not(ask("qXfer:threads:read::0,1000"), "<thread ");
}

static void the_program_s_path(void **state)
{
	(void)state;
	asks("qXfer:exec-file:read:2a:0,100", "E02");
	fake_box.exe = "/bin/a";
	asks("qXfer:exec-file:read:2a:0,100", "l/bin/a");
	asks("qXfer:exec-file:read::0,100", "l/bin/a");
}

static const struct he_link links[] = {
    {.name = "", .lm = 0x1000, .addr = 0x400000, .ld = 0x401000, .lmid = 0x9000},
    {.name = "/lib/a<b.so", .lm = 0x2000, .addr = 0x500000, .ld = 0x501000, .lmid = 0x9000},
    {.name = "", .lm = 0x3000, .addr = 0x600000, .ld = 0x601000, .lmid = 0x9000},
    {.name = "/lib/c.so", .lm = 0x4000, .addr = 0x700000, .ld = 0x701000, .lmid = 0xa000},
};

static void libraries_are_those_with_names(void **state)
{
	(void)state;
	asks("qXfer:libraries-svr4:read::0,1000", "E02");
	fake_box.links = links;
	fake_box.n_links = 4;
	asks("qXfer:libraries-svr4:read::0,1000",
	    "l<library-list-svr4 version=\"1.0\" main-lm=\"0x1000\">"
	    "<library name=\"/lib/a&lt;b.so\" lm=\"0x2000\" l_addr=\"0x500000\" l_ld=\"0x501000\" "
	    "lmid=\"0x9000\"/>"
	    "<library name=\"/lib/c.so\" lm=\"0x4000\" l_addr=\"0x700000\" l_ld=\"0x701000\" "
	    "lmid=\"0xa000\"/></library-list-svr4>");
}

static void libraries_from_one_on_are_of_its_namespace(void **state)
{
	(void)state;
	fake_box.links = links;
	fake_box.n_links = 4;
	has(ask("qXfer:libraries-svr4:read:start=2000;prev=1000:0,1000"), "a&lt;b.so");
	has_not(ask("qXfer:libraries-svr4:read:start=2000;prev=1000:0,1000"), "c.so");
	has_not(ask("qXfer:libraries-svr4:read:lmid=a000;start=4000;prev=0:0,1000"), "a&lt;b.so");
	has(ask("qXfer:libraries-svr4:read:other=1;start=4000:0,1000"), "c.so");
	asks("qXfer:libraries-svr4:read:start=7777:0,1000",
	    "l<library-list-svr4 version=\"1.0\"></library-list-svr4>");
}

/* ---- siginfo ------------------------------------------------------------------------------ */

static void a_siginfo_is_read_and_written_in_parts(void **state)
{
	static const uint8_t part[] = "qXfer:siginfo:write::4:\1\2}\3";
	const char *text;

	(void)state;
	fake_box.siginfo_of = 42;
	fake_box.siginfo[0] = SIGSEGV;
	fake_box.siginfo[127] = 0xee;
	text = ask("qXfer:siginfo:read::0,100");
	assert_int_equal(sent_length(), 1 + 128);
	assert_int_equal(text[0], 'l');
	assert_int_equal(text[1], SIGSEGV);
	asks("Hgp2a.2a", "OK");
	assert_string_equal(ask_bytes(part, sizeof(part) - 1), "3");
	assert_memory_equal(fake_box.siginfo + 4, "\1\2#", 3); /* escaped: } and 3 ^ 0x20 */
	assert_int_equal(fake_box.siginfo[0], SIGSEGV);
	assert_int_equal(fake_box.siginfo[127], 0xee);
	asks("qXfer:siginfo:write::7f:x", "1");
	asks("qXfer:siginfo:write::7f:xx", "E01");
	asks("qXfer:siginfo:write::81:", "E01");
	asks("qXfer:siginfo:write::ffffffffffffffff:x", "E01");
	asks("qXfer:siginfo:write::80:", "0");
}

static void who_stands_for_no_signal_has_that_of_a_sigstop(void **state)
{
	const char *text = ask("qXfer:siginfo:read::0,100");

	(void)state;
	assert_int_equal(text[1], SIGSTOP);
	assert_int_equal((int8_t)text[9], SI_TKILL);
	assert_true(ask("qXfer:siginfo:write::0:x")[0] == 'E');
}

static void a_narrow_program_s_is_narrow(void **state)
{
	const char *text;

	(void)state;
	fake_box.siginfo_of = 42;
	fake_box.siginfo[0] = SIGSEGV;
	fake_box.siginfo[8] = 1; /* SEGV_MAPERR: si_addr follows */
	fake_box.siginfo[16] = 0x78;
	text = ask("qXfer:siginfo:read::0,100");
	assert_int_equal(text[1 + 12], 0x78);
	asks("qXfer:siginfo:write::c:y", "1");
	assert_int_equal(fake_box.siginfo[16], 'y');
}

/* ---- tables of the box ---------------------------------------------------------------------- */

static struct he_process processes[] = {
    {.pid = 50, .uid = 0, .user = "root", .comm = "serve", .args = "serve <all>"},
    {.pid = 51, .uid = 33, .user = "www", .comm = "idle", .args = ""},
};

static const char stat_line[] =
    "51 (a) b) S 1 50 50 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 7 1 1 1 1 1 1 0 "
    "0 0 0 0 0 0 0 0 17 3 0 0";

static void box(enum he_text text, const char *p, size_t n)
{
	fake_box.processes = processes;
	fake_box.n_processes = 2;
	fake_box.texts[text] = (struct fake_text){p, n};
}

#define table(name) ask("qXfer:osdata:read:" name ":0,1000")

static void the_tables_are_listed(void **state)
{
	(void)state;
	has(table(""), "<column name=\"Type\">processes</column>");
	has(table("types"), "<osdata type=\"types\">");
	asks("qXfer:osdata:read:nonsense:0,1000", "l");
	asks("qXfer:osdata:read:processes", "E01");
}

static void processes_are_those_that_can_be_looked_at(void **state)
{
	(void)state;
	box(HE_TEXT_TASKS, stat_line, sizeof(stat_line));
	has(table("processes"),
	    "<column name=\"pid\">50</column><column name=\"user\">root</column>"
	    "<column name=\"command\">serve &lt;all&gt;</column>"
	    "<column name=\"cores\">3</column>");
	has(table("processes"), "<column name=\"command\">[idle]</column>");
	has(table("threads"), "<column name=\"tid\">51</column><column name=\"core\">3</column>");
	fake_box.texts[HE_TEXT_TASKS].p = NULL;
	asks("qXfer:osdata:read:processes:0,1000", "l<osdata type=\"processes\">\n</osdata>\n");
}

static void groups_begin_with_their_leaders(void **state)
{
	(void)state;
	box(HE_TEXT_STAT, stat_line, sizeof(stat_line));
	has(table("procgroups"), "<column name=\"pgid\">50</column>"
				 "<column name=\"leader command\">serve</column>"
				 "<column name=\"pid\">50</column>");
}

static void descriptors_have_their_links(void **state)
{
	static const char links_of[] = "0\0/dev/null\0001\0socket:[7]\0002";

	(void)state;
	box(HE_TEXT_FDS, links_of, sizeof(links_of));
	has(table("files"), "<column name=\"file descriptor\">1</column>"
			    "<column name=\"name\">socket:[7]</column>");
	has_not(table("files"), "<column name=\"file descriptor\">2</column>");
}

static void lines_that_are_too_short_are_left_out(void **state)
{
	static const char shm[] = "heading\n"
				  "0 7 1600 4096 50 999 2 33 33 0 0 1 0 1\n"
				  "1 2 3\n"
				  "\n";
	static const char cpus[] =
	    "model name\t: before\nprocessor\t: 0\nflags\t\t: fpu <x>\nnothing\n"
	    "processor\t: 1\n";
	static const char modules[] = "ext4 4096 1 mbcache, Live 0xffff0000\nshort 1\n";

	(void)state;
	box(HE_TEXT_SYSV_SHM, shm, sizeof(shm) - 1);
	has(table("shm"), "<column name=\"shmid\">7</column>");
	has(table("shm"), "<column name=\"creator command\">serve</column>"
			  "<column name=\"last op. command\">999</column>");
	has(table("shm"), "<column name=\"user\">www</column>");
	has_not(table("shm"), "<column name=\"key\">1</column>");
	box(HE_TEXT_CPUINFO, cpus, sizeof(cpus) - 1);
	has(table("cpus"), "<item><column name=\"processor\">0</column>"
			   "<column name=\"flags\">fpu &lt;x&gt;</column></item>");
	has_not(table("cpus"), "before");
	box(HE_TEXT_MODULES, modules, sizeof(modules) - 1);
	has(table("modules"), "<column name=\"address\">ffff0000</column>");
	has_not(table("modules"), "short");
}

static void sockets_of_all_kinds(void **state)
{
	static const char tcp[] =
	    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
	    "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000    33 0 7 "
	    "1\n"
	    "   1: nonsense\n";

	(void)state;
	box(HE_TEXT_NET_TCP, tcp, sizeof(tcp) - 1);
	has(table("sockets"), "<column name=\"local address\">127.0.0.1</column>"
			      "<column name=\"local port\">8080</column>");
	has(table("sockets"), "<column name=\"user\">www</column>");
	has_not(table("sockets"), "nonsense");
}

static void a_table_that_cannot_be_had_is_an_error(void **state)
{
	(void)state;
	asks("qXfer:osdata:read:cpus:0,1000", "E03");
	asks("qXfer:osdata:read:shm:0,1000", "E03");
}

#define each(f) cmocka_unit_test_setup_teardown(f, begin, bridge_close)
#define narrow(f) cmocka_unit_test_setup_teardown(f, begin_narrow, bridge_close)
#define alone(f) cmocka_unit_test_setup_teardown(f, begin_without_process, bridge_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    each(parts_end_with_the_last),
	    each(a_part_is_of_what_was_made_at_the_first),
	    each(what_is_written_makes_what_was_read_stale),
	    each(parts_of_another_thread_s_object_are_its_own),
	    each(a_trap_has_the_siginfo_that_the_kernel_gave),
	    each(bad_packets_get_errors_and_unknown_ones_nothing),
	    each(an_annex_without_end_is_refused),
	    alone(without_a_process_there_are_none),
	    each(the_description_has_what_the_processor_has),
	    narrow(a_narrow_program_has_a_description_of_its_own),
	    each(threads_have_names_that_are_escaped),
	    each(threads_that_are_ending_are_none),
	    each(the_program_s_path),
	    each(libraries_are_those_with_names),
	    each(libraries_from_one_on_are_of_its_namespace),
	    each(a_siginfo_is_read_and_written_in_parts),
	    each(who_stands_for_no_signal_has_that_of_a_sigstop),
	    narrow(a_narrow_program_s_is_narrow),
	    each(the_tables_are_listed),
	    each(processes_are_those_that_can_be_looked_at),
	    each(groups_begin_with_their_leaders),
	    each(descriptors_have_their_links),
	    each(lines_that_are_too_short_are_left_out),
	    each(sockets_of_all_kinds),
	    each(a_table_that_cannot_be_had_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
