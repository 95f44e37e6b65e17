/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The engine under a front end that is a debugger itself: what small questions bring along,
 * and registers that are written.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <signal.h>
#include <string.h>

#include "common/err.h"
#include "raw_agent.h"

/* ---- few round trips
 * ------------------------------------------------------------------------------ */

static void ask_thread(uint64_t tid, size_t bytes)
{
	struct he_registers *r;
	uint8_t word[8];
	size_t got;

	assert_null(he_registers(target, tid, 0, &r));
	assert_string_equal(r->v[r->n - 1].name, "orig_rax");
	he_registers_free(r);
	for (size_t at = 0; at < bytes; at += sizeof(word))
		assert_null(he_read(
		    target, fake_sp((unsigned)(tid - FAKE_PID)) + at, word, sizeof(word), &got));
}

static void stacks_and_registers_of_1001_threads_come_in_batches_that_grow(void **state)
{
	(void)state;
	fake.threads = 1001;
	attach();
	assert_int_equal(fake.flights, 1);
	for (unsigned i = fake.threads; i-- > 0;)
		ask_thread(FAKE_PID + i, (size_t)fake.depth * fake.frame_size);
	assert_in_range(fake.flights, 2, 1 + 4);
}

static void deeper_stacks_of_all_threads_take_few_more(void **state)
{
	(void)state;
	fake.threads = 300;
	fake.depth = 100;
	fake.frame_size = 128;
	attach();
	for (unsigned i = 0; i < fake.threads; i++)
		ask_thread(FAKE_PID + i, (size_t)fake.depth * fake.frame_size);
	assert_in_range(fake.flights, 2, 20);
}

/* LLDB from 15 on has the general registers from the stop, and asks for no others. */
static void ask_stacks(void)
{
	uint8_t word[8];
	size_t got;

	for (unsigned i = 0; i < fake.threads; i++)
		assert_null(he_read(target, fake_sp(i), word, sizeof(word), &got));
}

static void stacks_alone_come_in_batches_too(void **state)
{
	(void)state;
	fake.threads = 1001;
	attach();
	ask_stacks();
	assert_in_range(fake.flights, 2, 1 + 5);
}

static void at_the_next_stop_they_come_in_batches_again(void **state)
{
	unsigned flights;

	(void)state;
	fake.threads = 60;
	attach();
	ask_stacks();
	run_on();
	STOP((UINT64_C(1) << 60) - 1, {0, WIRE_STOP_SIGNAL, SIGUSR1, 0, 0, 0});
	told(0, HE_R_SIGNAL);
	flights = fake.flights;
	ask_stacks();
	assert_in_range(fake.flights - flights, 1, 3);
	run_on();
	STOP((UINT64_C(1) << 60) - 1, {0, WIRE_STOP_SIGNAL, SIGUSR1, 0, 0, 0});
	told(0, HE_R_SIGNAL);
	flights = fake.flights;
	for (unsigned i = fake.threads; i-- > 0;)
		ask_thread(FAKE_PID + i, (size_t)fake.depth * fake.frame_size);
	assert_in_range(fake.flights - flights, 1, 3);
}

static void general_registers_come_with_the_stop(void **state)
{
	struct he_registers *r;

	(void)state;
	attach();
	assert_null(he_general_registers(target, FAKE_PID + 4, &r));
	assert_string_equal(r->v[0].name, "rax");
	he_registers_free(r);
	assert_int_equal(fake.flights, 1);
}

static void several_registers_are_written_in_one_request(void **state)
{
	const struct he_register v[] = {
	    {.name = "rbx", .bits = 64, .value = {7}},
	    {.name = "xmm3", .bits = 128, .value = {9}},
	    {.name = "ftag", .bits = 16, .value = {0xff, 0xff}},
	    {.name = "orig_rax", .bits = 64, .value = {0xff}},
	};
	const struct he_register none = {.name = "zmm20", .bits = 512};
	struct he_registers *r;
	unsigned found = 0;

	(void)state;
	attach();
	assert_null(he_write_registers(target, FAKE_PID + 2, v, 4));
	assert_int_equal(fake.requests[WIRE_regs_write], 1);
	assert_int_equal(seen.written, 2);
	assert_null(he_registers(target, FAKE_PID + 2, 0, &r));
	for (size_t i = 0; i < r->n; i++) {
		found += strcmp(r->v[i].name, "rbx") == 0 && r->v[i].value[0] == 7;
		found += strcmp(r->v[i].name, "xmm3") == 0 && r->v[i].value[0] == 9;
		found += strcmp(r->v[i].name, "ftag") == 0 && r->v[i].value[1] == 0xff;
	}
	assert_int_equal(found, 3);
	he_registers_free(r);
	assert_int_equal(code_of(he_write_registers(target, FAKE_PID, &none, 1)), E_STATE);
}

static uint8_t first_byte_of(const char *name)
{
	struct he_registers *r;
	uint8_t byte = 0;

	assert_null(he_registers(target, FAKE_PID, 0, &r));
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->v[i].name, name) == 0)
			byte = r->v[i].value[0];
	he_registers_free(r);
	return byte;
}

static void what_the_kernel_may_refuse_is_waited_for_and_not_served_as_written(void **state)
{
	const struct he_register base = {.name = "fs_base", .bits = 64, .value = {0x5a}};

	(void)state;
	attach();
	assert_int_not_equal(first_byte_of("fs_base"), 0x5a);
	fake.refuse = WIRE_regs_write;
	fake.refuse_as = E_FAULT;
	assert_int_equal(code_of(he_write_registers(target, FAKE_PID, &base, 1)), E_FAULT);
	assert_int_not_equal(first_byte_of("fs_base"), 0x5a);
	fake.refuse = 0;
	assert_null(he_write_registers(target, FAKE_PID, &base, 1));
	assert_int_equal(first_byte_of("fs_base"), 0x5a);
}

static void a_page_comes_for_a_word_and_nothing_of_it_survives_a_run(void **state)
{
	uint64_t at = FAKE_MEM + 3 * FAKE_STACK + 8192;
	uint8_t before, after;
	unsigned flights;
	size_t got;

	(void)state;
	attach();
	assert_null(he_read(target, at, &before, 1, &got));
	flights = fake.flights;
	assert_null(he_read(target, at + 4000, &before, 1, &got));
	assert_int_equal(fake.flights, flights);
	run_on();
	STOP(0x1f, {0, WIRE_STOP_SIGNAL, SIGUSR1, 0, 0, 0});
	told(0, HE_R_SIGNAL);
	assert_null(he_read(target, at, &after, 1, &got));
	assert_int_not_equal(before, after);
}

static void what_is_read_in_a_row_comes_in_growing_pieces(void **state)
{
	static uint8_t piece[64 * 1024];
	unsigned flights;
	size_t got;

	(void)state;
	fake.threads = 100;
	attach();
	flights = fake.flights;
	for (uint64_t at = FAKE_MEM; at < FAKE_MEM + (8 << 20); at += sizeof(piece)) {
		assert_null(he_read(target, at, piece, sizeof(piece), &got));
		assert_int_equal(got, sizeof(piece));
	}
	assert_in_range(fake.flights - flights, 2, 10);
}

static void the_end_of_a_mapping_ends_what_comes_in_a_row(void **state)
{
	static uint8_t piece[64 * 1024];
	size_t got;

	(void)state;
	fake.threads = 2; /* 512 KiB */
	attach();
	for (uint64_t at = FAKE_MEM; at < FAKE_MEM + 2 * FAKE_STACK; at += sizeof(piece))
		assert_null(he_read(target, at, piece, sizeof(piece), &got));
	assert_int_equal(
	    code_of(he_read(target, FAKE_MEM + 2 * FAKE_STACK - 100, piece, sizeof(piece), &got)),
	    E_FAULT);
	assert_int_equal(got, 100);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(stacks_and_registers_of_1001_threads_come_in_batches_that_grow),
	    T(deeper_stacks_of_all_threads_take_few_more),
	    T(stacks_alone_come_in_batches_too),
	    T(at_the_next_stop_they_come_in_batches_again),
	    T(general_registers_come_with_the_stop),
	    T(several_registers_are_written_in_one_request),
	    T(what_the_kernel_may_refuse_is_waited_for_and_not_served_as_written),
	    T(a_page_comes_for_a_word_and_nothing_of_it_survives_a_run),
	    T(what_is_read_in_a_row_comes_in_growing_pieces),
	    T(the_end_of_a_mapping_ends_what_comes_in_a_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
