/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "procsrv/keeper.h"

enum { PID = 1000000000, START = 4711 }; /* there is no such process */

static struct keeper k;
static struct journal_target *t;

static int set_up(void **state)
{
	(void)state;
	memset(&k, 0, sizeof(k));
	k.journal = journal_make(-1);
	if (!k.journal)
		return -1;
	repair_init(&k.repair, k.journal, false);
	t = journal_begin(k.journal, -1, PID, START);
	return t ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	munmap(k.journal, sizeof(*k.journal));
	return 0;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0 || errno != EBADF;
}

/* True: they are kept. */
static bool tell(uint32_t index, int32_t pid, uint64_t start)
{
	const struct ipc_target told = {.index = index, .start = start, .pid = pid};
	const int fds[IPC_FDS] = {open("/dev/null", O_RDWR), open("/dev/null", O_RDWR)};
	bool kept;

	keeper_told(&k, &told, fds);
	kept = is_open(fds[0]);
	assert_int_equal(is_open(fds[1]), kept);
	assert_int_equal(k.repair.held[0].mem == fds[1], kept);
	for (unsigned i = 0; i < IPC_FDS && kept; i++)
		close(fds[i]);
	return kept;
}

static void descriptors_of_a_target_are_kept(void **state)
{
	(void)state;
	assert_true(tell(0, PID, START));
}

/* It was let go, and its place given to the next, before the guard came to read of it. */
static void descriptors_of_one_whose_place_is_anothers_are_closed(void **state)
{
	(void)state;
	assert_false(tell(0, PID - 1, START));
	assert_false(tell(0, PID, START - 1));
	journal_end(k.journal, t);
	assert_false(tell(0, PID, START));
}

static void descriptors_of_a_place_there_is_not_are_closed(void **state)
{
	(void)state;
	assert_false(tell(JOURNAL_TARGETS, PID, START));
	assert_false(tell(UINT32_MAX, PID, START));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(descriptors_of_a_target_are_kept),
	    TEST(descriptors_of_one_whose_place_is_anothers_are_closed),
	    TEST(descriptors_of_a_place_there_is_not_are_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
