/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a session's dead processes have left for the record: in its journal what the tracer said
 * and nobody wrote down, in its spool what its guard kept.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
/* the above first */
#include <cmocka.h>

#include "procsrv/audit_spool.h"

static char dir[64], record[96];
static int own, journal_fd, spool_fd;
static struct journal *journal;
static const struct session_facts facts = {.id = "00112233", .number = 7, .key = "alice@test"};

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/pssp.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(record, sizeof(record), "%s/record", dir);
	own = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	journal_fd = openat(own, JOURNAL_NAME, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	spool_fd = openat(own, SPOOL_NAME, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	journal = journal_make(journal_fd);
	assert_non_null(journal);
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = {
	    JOURNAL_NAME, SPOOL_NAME, "record", "record.head", "record.lock"};

	(void)state;
	munmap(journal, sizeof(*journal));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlinkat(own, names[i], 0);
	close(journal_fd);
	close(spool_fd);
	close(own);
	return rmdir(dir);
}

static uint32_t say(uint32_t pid)
{
	return journal_say(journal, &(struct ipc_audit){.event = IPC_ATTACH, .pid = pid}, false);
}

/* The processes in the record, in its order. */
static unsigned recorded(uint32_t *pids, unsigned max)
{
	FILE *f = fopen(record, "re");
	char line[4096];
	unsigned n = 0;

	while (f && fgets(line, sizeof(line), f)) {
		const char *pid = strstr(line, " pid=");

		assert_non_null(pid);
		assert_true(n < max);
		assert_non_null(strstr(line, " at="));
		pids[n++] = (uint32_t)strtoul(pid + 5, NULL, 10);
	}
	if (f)
		fclose(f);
	return n;
}

static void what_was_said_and_not_recorded_is_left(void **state)
{
	uint32_t pids[8];

	(void)state;
	assert_false(spool_left(own));
	journal_recorded(journal, say(1));
	assert_true(say(2) && say(3));
	assert_int_equal(
	    spool_write(spool_fd, &(struct ipc_audit){.event = IPC_DETACH, .pid = 9}), 0);
	assert_true(spool_left(own));
	assert_int_equal(spool_take_left(own, record, &facts), 0);
	assert_false(spool_left(own));
	assert_int_equal(spool_take_left(own, record, &facts), 0); /* once */
	assert_int_equal(recorded(pids, 8), 3);
	assert_int_equal(pids[0], 9);
	assert_int_equal(pids[1], 2);
	assert_int_equal(pids[2], 3);
}

static void what_could_not_be_said_is_not(void **state)
{
	(void)state;
	journal_recorded(journal, say(1));
	assert_false(spool_left(own));
}

/* Of a monitor that has been stopped, while a later one has the session. */
static void what_waits_longer_than_others_is_not_taken_for_them(void **state)
{
	uint32_t pids[8];

	(void)state;
	assert_true(say(1));
	for (uint32_t i = 0; i < 3 * JOURNAL_RECORDS; i++)
		journal_recorded(journal, say(100 + i));
	assert_true(say(2));
	journal_recorded(journal, 0);
	journal_recorded(journal, JOURNAL_KEPT + 1);
	assert_int_equal(spool_take_left(own, record, &facts), 0);
	assert_int_equal(recorded(pids, 8), 2);
	assert_int_equal(pids[0] + pids[1], 3);
}

static void there_is_room_for_so_many_at_a_time_all_round(void **state)
{
	uint32_t pids[JOURNAL_RECORDS], first = 0;

	(void)state;
	for (uint32_t i = 0; i < 3; i++)
		journal_recorded(journal, say(i));
	for (uint32_t i = 0; i < JOURNAL_RECORDS; i++) {
		uint32_t kept = say(100 + i);

		assert_true(kept);
		first = first ? first : kept;
	}
	assert_int_equal(say(1), 0);
	journal_recorded(journal, first);
	assert_int_equal(say(1), first);
	assert_int_equal(spool_take_left(own, record, &facts), 0);
	assert_int_equal(recorded(pids, JOURNAL_RECORDS), JOURNAL_RECORDS);
	for (uint32_t i = 1; i < JOURNAL_RECORDS; i++)
		assert_int_equal(pids[i - 1], 100 + i);
	assert_int_equal(pids[JOURNAL_RECORDS - 1], 1);
}

static void what_is_done_all_the_same_has_room_of_its_own(void **state)
{
	struct ipc_audit a = {.event = IPC_DETACH, .pid = 7};
	uint32_t pids[JOURNAL_KEPT], last = 0;

	(void)state;
	for (unsigned i = 0; i < JOURNAL_RECORDS; i++)
		assert_true(say(100 + i));
	for (unsigned i = 0; i < JOURNAL_PAST; i++)
		assert_true(last = journal_say(journal, &a, true));
	assert_int_equal(say(1), 0);
	assert_int_equal(journal_say(journal, &a, true), 0);
	journal_recorded(journal, last);
	assert_int_equal(say(1), 0);
	assert_int_equal(spool_take_left(own, record, &facts), 0);
	assert_int_equal(recorded(pids, JOURNAL_KEPT), JOURNAL_KEPT - 1);
	assert_int_equal(pids[JOURNAL_RECORDS], 7);
}

static void a_record_that_cannot_be_written_stays(void **state)
{
	uint32_t pids[8];

	(void)state;
	assert_true(say(5));
	assert_int_not_equal(spool_take_left(own, "/proc/none/record", &facts), 0);
	assert_true(spool_left(own));
	assert_int_equal(spool_take_left(own, record, &facts), 0);
	assert_int_equal(recorded(pids, 8), 1);
}

/* It is the mapped user's. */
static void a_journal_of_nonsense_is_taken_once(void **state)
{
	uint32_t pids[JOURNAL_KEPT];

	(void)state;
	memset(&journal->records, 0xff, sizeof(journal->records));
	assert_int_equal(spool_take_left(own, record, &facts), 0);
	assert_int_equal(recorded(pids, JOURNAL_KEPT), JOURNAL_KEPT);
	assert_false(spool_left(own));
	assert_int_equal(spool_take_left(own, record, &facts), 0);
	assert_int_equal(recorded(pids, JOURNAL_KEPT), JOURNAL_KEPT);
}

/* A guard that has a monitor still has what it gave the one before. */
static void what_is_spooled_while_it_is_taken_is_not_lost(void **state)
{
	enum { N = 1500 };
	static uint32_t pids[N];
	pid_t guard = fork();
	int status;

	(void)state;
	if (guard == 0) {
		for (uint32_t i = 0; i < N; i++)
			if (spool_write(spool_fd,
				&(struct ipc_audit){.event = IPC_DETACH, .pid = 1 + i}) != 0)
				_exit(1);
		_exit(0);
	}
	while (waitpid(guard, &status, WNOHANG) == 0)
		assert_int_equal(spool_take(own, record, &facts), 0);
	assert_int_equal(status, 0);
	assert_int_equal(spool_take(own, record, &facts), 0);
	assert_false(spool_waits(own));
	assert_int_equal(recorded(pids, N), N);
	for (uint32_t i = 0; i < N; i++)
		assert_int_equal(pids[i], 1 + i);
}

/* It has his limits, and his descriptor. */
static void a_spool_that_was_made_long_is_not_read_for_ever(void **state)
{
	uint32_t pids[1];

	(void)state;
	assert_int_equal(ftruncate(spool_fd, (off_t)1 << 40), 0);
	assert_false(spool_waits(own));
	assert_int_equal(spool_take(own, record, &facts), 0);
	assert_int_equal(recorded(pids, 1), 0);
}

static void names_without_an_end_are_cut(void **state)
{
	struct ipc_audit a = {.event = 77, .pid = 3, .result = UINT32_MAX};
	uint32_t pids[8];

	(void)state;
	memset(a.name, 'x', sizeof(a.name));
	assert_true(journal_say(journal, &a, false));
	assert_int_equal(spool_take_left(own, record, &facts), 0);
	assert_int_equal(recorded(pids, 8), 1);
}

static void a_session_without_a_journal_has_its_spool(void **state)
{
	(void)state;
	assert_true(say(1));
	assert_int_equal(ftruncate(journal_fd, 100), 0);
	assert_false(spool_left(own));
	assert_int_equal(spool_take_left(own, record, &facts), 0);
	assert_int_equal(unlinkat(own, JOURNAL_NAME, 0), 0);
	assert_int_equal(spool_write(spool_fd, &(struct ipc_audit){.event = IPC_DETACH}), 0);
	assert_true(spool_left(own));
	assert_int_equal(spool_take_left(own, record, &facts), 0);
	assert_false(spool_left(own));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_was_said_and_not_recorded_is_left),
	    TEST(what_could_not_be_said_is_not),
	    TEST(what_waits_longer_than_others_is_not_taken_for_them),
	    TEST(there_is_room_for_so_many_at_a_time_all_round),
	    TEST(what_is_done_all_the_same_has_room_of_its_own),
	    TEST(a_record_that_cannot_be_written_stays),
	    TEST(a_journal_of_nonsense_is_taken_once),
	    TEST(what_is_spooled_while_it_is_taken_is_not_lost),
	    TEST(a_spool_that_was_made_long_is_not_read_for_ever),
	    TEST(names_without_an_end_are_cut),
	    TEST(a_session_without_a_journal_has_its_spool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
