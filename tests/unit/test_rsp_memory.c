/* SPDX-License-Identifier: BSD-2-Clause
 *
 * GDB's packets about memory, searches and checksums.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rsp_bridge.h"
#include "rsp_engine.h"

enum { CHUNK = 64 * 1024 }; /* of a search */

static uint8_t much[3 * CHUNK];

static int begin(void **state)
{
	(void)state;
	bridge_open(false);
	ask("vAttach;2a");
	fake_box_log();
	return 0;
}

static void have_much(void)
{
	memset(much, 0, sizeof(much));
	fake_box.memory = much;
	fake_box.memory_n = sizeof(much);
}

/* ---- reading and writing -------------------------------------------------------------------- */

static void what_can_be_read_of_it_comes(void **state)
{
	(void)state;
	asks("m401000,4", "00010203");
	asks("m40103e,10", "3e3f");
	asks("m401040,1", "E0e");
	asks("mffffffffffffffff,ffff", "E0e");
	asks("m401000,0", "");
	assert_memory_equal(ask("x401023,2"), "}\003}\004", 4); /* '#' and '$' */
	asks("x0,0", "OK");
}

static void numbers_that_overflow_are_no_addresses(void **state)
{
	static const char *const bad[] = {"m", "m,", "m401000", "m401000,", "m10000000000000000,1",
	    "m401000,10000000000000000", "m401000,1,", "mzz,1", "M401000,1",
	    "M401000,1:", "M401000,2:00", "M401000,0:00", "M401000,1:0", "M401000,1:zz",
	    "X401000,1:", "X401000,2:a", "X401000,10000000000000000:a", "x401000", "x,"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		asks(bad[i], "E01");
	assert_string_equal(fake_box_log(), "");
}

static void what_is_written_is_read_afterwards(void **state)
{
	static const uint8_t binary[] = "X401010,3:\0}\003z";

	(void)state;
	asks("M401000,2:beef", "OK");
	asks("m401000,3", "beef02");
	assert_string_equal(ask_bytes(binary, sizeof(binary) - 1), "OK");
	asks("m401010,3", "00237a");
	assert_string_equal(fake_box_log(), "memory 42 401000 2\nmemory 42 401010 3\n");
	asks("X401000,0:", "OK");
	asks("M40103f,2:0000", "E0e");
	asks("m40103f,1", "3f");
}

static void without_a_process_there_is_no_memory(void **state)
{
	(void)state;
	asks("D", "OK");
	asks("m401000,1", "E03");
	asks("M401000,1:00", "E03");
	asks("qSearch:memory:401000;1;a", "E03");
	asks("qCRC:401000,1", "E03");
	asks("X0,0:", "OK");
}

/* ---- searching ---------------------------------------------------------------------------------
 */

static void a_pattern_is_found_wherever_it_is(void **state)
{
	(void)state;
	asks("qSearch:memory:401000;40;012", "1,401030");
	asks("qSearch:memory:401000;40;?", "1,40103f");
	asks("qSearch:memory:401000;3f;?", "0");
	asks("qSearch:memory:401000;40;=?", "0");
	asks("qSearch:memory:401000;40;}\003}\004", "1,401023");
	asks("qSearch:memory:401000;1;ab", "0");
}

static void one_across_two_pieces_is_found(void **state)
{
	char packet[64], found[32];

	(void)state;
	have_much();
	snprintf(packet, sizeof(packet), "qSearch:memory:401000;%zx;needle", sizeof(much));
	asks(packet, "0");
	for (unsigned back = 1; back < 6; back++) {
		memset(much, 0, sizeof(much));
		memcpy(much + 2 * CHUNK - back, "needle", 6);
		snprintf(found, sizeof(found), "1,%x", (unsigned)FAKE_AT + 2 * CHUNK - back);
		asks(packet, found);
	}
}

static void the_end_of_what_can_be_read_is_an_error_unless_it_was_found(void **state)
{
	(void)state;
	asks("qSearch:memory:401000;1000;012", "1,401030");
	asks("qSearch:memory:401000;1000;nothing", "E0e");
	asks("qSearch:memory:1000;10;x", "E0e");
}

static void searches_that_make_no_sense(void **state)
{
	static const char *const bad[] = {"qSearch:memory:", "qSearch:memory:401000",
	    "qSearch:memory:401000;40", "qSearch:memory:401000;40;", "qSearch:memory:zz;40;a",
	    "qSearch:memory:401000;zz;a", "qSearch:memory:10000000000000000;1;a",
	    "qSearch:memory:401000;10000000000000000;a"};
	size_t n = sizeof("qSearch:memory:401000;40;") - 1 + 17 * 1024;
	char *packet = malloc(n + 1);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		asks(bad[i], "E01");
	memset(packet, 'a', n);
	packet[n] = 0;
	memcpy(packet, "qSearch:memory:401000;40;", sizeof("qSearch:memory:401000;40;") - 1);
	asks(packet, "E01");
	free(packet);
}

/* ---- checksums
 * ----------------------------------------------------------------------------------- */

static void checksums_are_those_of_gdb(void **state)
{
	(void)state;
	memcpy(fake_box.memory, "123456789", 9);
	asks("qCRC:401000,9", "C376e6e7"); /* CRC-32/MPEG-2's check value */
	asks("qCRC:401000,0", "Cffffffff");
	asks("qCRC:401000,41", "E0e");
	asks("qCRC:401000", "E01");
	asks("qCRC:401000,1,", "E01");
	asks("qCRC:401000,10000000000000000", "E01");
}

/* ---- broken off ---------------------------------------------------------------------------------
 */

static void ctrl_c_and_leaving_break_off_what_takes_long(void **state)
{
	char search[64], sum[64];

	(void)state;
	have_much();
	snprintf(search, sizeof(search), "qSearch:memory:401000;%zx;needle", sizeof(much));
	snprintf(sum, sizeof(sum), "qCRC:401000,%zx", sizeof(much));
	types("\003", 1);
	asks(search, "E04");
	asks(search, "0");
	types("\003", 1);
	asks(sum, "E04");
	fake_box.reads = 0;
	hangs_up();
	ask(sum);
	assert_int_equal(fake_box.reads, 0);
}

static void other_packets_wait_for_their_turn(void **state)
{
	(void)state;
	types("$g#67", 5);
	asks("qSearch:memory:401000;40;nothing", "0");
	asks("qCRC:401000,0", "Cffffffff");
}

#define each(f) cmocka_unit_test_setup_teardown(f, begin, bridge_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    each(what_can_be_read_of_it_comes),
	    each(numbers_that_overflow_are_no_addresses),
	    each(what_is_written_is_read_afterwards),
	    each(without_a_process_there_is_no_memory),
	    each(a_pattern_is_found_wherever_it_is),
	    each(one_across_two_pieces_is_found),
	    each(the_end_of_what_can_be_read_is_an_error_unless_it_was_found),
	    each(searches_that_make_no_sense),
	    each(checksums_are_those_of_gdb),
	    each(ctrl_c_and_leaving_break_off_what_takes_long),
	    each(other_packets_wait_for_their_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
