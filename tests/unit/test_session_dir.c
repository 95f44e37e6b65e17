/* SPDX-License-Identifier: BSD-2-Clause
 *
 * session_dir.c in a run-time directory of the test's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/err.h"
#include "procsrv/session_list.h"

enum { NOBODY = 65534 };

static char dir[] = "/tmp/test_session.XXXXXX";
static char why[256];

/* Root's sessions have a fixed place, which a test leaves alone. */
static int make_dir(void **state)
{
	(void)state;
	if (geteuid() == 0 &&
	    (setresgid(NOBODY, NOBODY, NOBODY) != 0 || setresuid(NOBODY, NOBODY, NOBODY) != 0))
		return -1;
	return mkdtemp(dir) && setenv("XDG_RUNTIME_DIR", dir, 1) == 0 ? 0 : -1;
}

static int drop_dir(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/procsrv/s", dir);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/procsrv/empty", dir);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/procsrv", dir);
	rmdir(path);
	return rmdir(dir);
}

static struct session_facts facts(const char *fingerprint)
{
	struct session_facts f = {.pid = getpid(), .since = 1234567890};

	snprintf(f.fingerprint, sizeof(f.fingerprint), "%s", fingerprint);
	snprintf(f.key, sizeof(f.key), "alice@desk");
	snprintf(f.user, sizeof(f.user), "alice");
	snprintf(f.from, sizeof(f.from), "192.0.2.1:5");
	return f;
}

static int create(struct session_dir *d, const char *fingerprint, uint8_t id, uint32_t most)
{
	struct session_facts f = facts(fingerprint);
	uint8_t bytes[SESSION_ID];

	memset(bytes, id, sizeof(bytes));
	return session_create(d, &f, bytes, most, why, sizeof(why));
}

static void last_one(const struct session_facts *f, void *arg)
{
	*(struct session_facts *)arg = *f;
}

static void count_live(const struct session_facts *f, void *arg)
{
	*(int *)arg += f->live;
}

static void a_session_is_found_with_its_facts_while_somebody_holds_it(void **state)
{
	struct session_facts seen = {0};
	struct session_dir d;

	(void)state;
	assert_int_equal(create(&d, "SHA256:a", 0xab, 16), E_OK);
	assert_int_equal(session_list(last_one, &seen, why, sizeof(why)), 1);
	assert_true(seen.live);
	assert_int_equal(seen.number, 1);
	assert_int_equal(seen.pid, getpid());
	assert_int_equal(seen.since, 1234567890);
	assert_string_equal(seen.id, "abababababababababababababababab");
	assert_string_equal(seen.fingerprint, "SHA256:a");
	assert_string_equal(seen.key, "alice@desk");
	assert_string_equal(seen.user, "alice");
	assert_string_equal(seen.from, "192.0.2.1:5");
	session_set_pid(&d, 42);
	session_list(last_one, &seen, why, sizeof(why));
	assert_int_equal(seen.pid, 42);
	session_close(&d, true);
	assert_int_equal(session_list(last_one, &seen, why, sizeof(why)), 0);
}

static void what_nobody_holds_is_swept_and_what_somebody_holds_is_not(void **state)
{
	struct session_facts seen = {0};
	struct session_dir gone, held;

	(void)state;
	assert_int_equal(create(&gone, "SHA256:a", 1, 16), E_OK);
	assert_int_equal(create(&held, "SHA256:a", 2, 16), E_OK);
	session_close(&gone, false);
	assert_int_equal(session_list(last_one, &seen, why, sizeof(why)), 2);
	assert_int_equal(session_sweep(NULL, why, sizeof(why)), 1);
	assert_int_equal(session_list(last_one, &seen, why, sizeof(why)), 1);
	assert_string_equal(seen.id, "02020202020202020202020202020202");
	session_close(&held, true);
}

/* As a guard holds it: by an inherited copy of the descriptor. */
static void the_lock_lives_in_an_inherited_descriptor(void **state)
{
	struct session_dir d;
	int copy, live = 0;

	(void)state;
	assert_int_equal(create(&d, "SHA256:a", 3, 16), E_OK);
	copy = dup(d.record);
	session_close(&d, false);
	session_list(count_live, &live, why, sizeof(why));
	assert_int_equal(live, 1);
	assert_int_equal(write(copy, "x", 1), -1); /* it does not give the right to write */
	close(copy);
	assert_int_equal(session_sweep(NULL, why, sizeof(why)), 1);
}

static void a_key_has_no_more_sessions_than_its_row_allows(void **state)
{
	struct session_dir a, b, more;

	(void)state;
	assert_int_equal(create(&a, "SHA256:a", 1, 2), E_OK);
	assert_int_equal(create(&b, "SHA256:a", 2, 2), E_OK);
	assert_int_equal(create(&more, "SHA256:a", 3, 2), E_SESSIONS);
	assert_int_equal(more.own, -1);
	assert_int_equal(create(&more, "SHA256:b", 3, 2), E_OK);
	assert_int_equal(more.facts.number, 3);
	session_close(&a, true);
	assert_int_equal(create(&a, "SHA256:a", 4, 2), E_OK);
	assert_int_equal(a.facts.number, 1); /* the smallest that is free */
	session_close(&a, true);
	session_close(&b, true);
	session_close(&more, true);
}

static void there_are_sixty_four_sessions_at_most(void **state)
{
	struct session_dir all[SESSIONS_ALL], more;
	uint64_t numbers = 0;

	(void)state;
	for (int i = 0; i < SESSIONS_ALL; i++) {
		assert_int_equal(create(&all[i], "SHA256:a", (uint8_t)i, 1000), E_OK);
		numbers |= (uint64_t)1 << (all[i].facts.number - 1);
	}
	assert_true(numbers == UINT64_MAX);
	assert_int_equal(create(&more, "SHA256:b", 200, 1000), E_SESSIONS);
	for (int i = 0; i < SESSIONS_ALL; i++)
		session_close(&all[i], true);
}

static void the_socket_can_be_connected_to(void **state)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct session_dir d;
	int fd;

	(void)state;
	assert_int_equal(create(&d, "SHA256:a", 0x0f, 16), E_OK);
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/procsrv/s/%s/sock", dir, d.facts.id);
	fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	close(fd);
	session_close(&d, true);
}

/* Its user can stop a guard; whoever holds the lock must not be kept by that. */
static void nobody_waits_for_a_guard_that_takes_no_callers(void **state)
{
	uint8_t id[SESSION_ID];
	struct session_dir d, found;
	int fds[64], n = 0, err;

	(void)state;
	memset(id, 8, sizeof(id));
	assert_int_equal(create(&d, "SHA256:a", 8, 16), E_OK);
	assert_int_equal(session_find(&found, id, why, sizeof(why)), E_OK);
	alarm(30);
	while (n < 64 && (fds[n] = session_connect(&found)) >= 0)
		n++;
	err = errno;
	alarm(0);
	assert_in_range(n, 1, 63);
	assert_int_equal(err, EAGAIN);
	while (n)
		close(fds[--n]);
	session_close(&found, false);
	session_close(&d, true);
}

static void what_a_record_says_stays_as_it_was_however_often_it_is_written(void **state)
{
	struct session_facts f = facts("SHA256:a"), seen = {0};
	struct session_dir d, found;
	uint8_t id[SESSION_ID];

	(void)state;
	memset(id, 9, sizeof(id));
	snprintf(f.user, sizeof(f.user), "DOMAIN\\j\303\266rg");
	snprintf(f.key, sizeof(f.key), "C:\\keys\\x41");
	assert_int_equal(session_create(&d, &f, id, 16, why, sizeof(why)), E_OK);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(session_find(&found, id, why, sizeof(why)), E_OK);
		session_set_lost(&found, 1000 + i);
		session_close(&found, false);
	}
	session_list(last_one, &seen, why, sizeof(why));
	assert_string_equal(seen.user, f.user);
	assert_string_equal(seen.key, f.key);
	assert_int_equal(seen.lost, 1004);
	session_close(&d, true);
}

static void a_link_from_elsewhere_is_shown_as_that(void **state)
{
	static const char *const from[] = {"[2001:db8:1111:2222:3333:4444:5555:6666]:65535", "::1"};
	struct session_facts seen = {0};
	struct session_dir d, found;
	uint8_t id[SESSION_ID];

	(void)state;
	memset(id, 10, sizeof(id));
	assert_int_equal(create(&d, "SHA256:a", 10, 16), E_OK);
	for (size_t i = 0; i < sizeof(from) / sizeof(from[0]); i++) {
		assert_int_equal(session_find(&found, id, why, sizeof(why)), E_OK);
		session_set_link(&found, from[i]);
		session_close(&found, false);
		session_list(last_one, &seen, why, sizeof(why));
		assert_string_equal(seen.from, from[i]);
		assert_string_equal(seen.key, "alice@desk");
	}
	session_close(&d, true);
}

static void a_record_of_rubbish_is_shown_as_nothing_and_swept(void **state)
{
	struct session_facts seen = {0};
	struct session_dir d;
	char path[160];
	int fd;

	(void)state;
	assert_int_equal(create(&d, "SHA256:a", 7, 16), E_OK);
	snprintf(path, sizeof(path), "%s/procsrv/s/%s/record", dir, d.facts.id);
	fd = open(path, O_WRONLY | O_TRUNC);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(write(fd, "=\n\0number=99999999999999999999\nkey", 34), 34);
	close(fd);
	session_close(&d, false);
	assert_int_equal(session_list(last_one, &seen, why, sizeof(why)), 1);
	assert_false(seen.live);
	assert_string_equal(seen.key, "");
	assert_int_equal(session_sweep(NULL, why, sizeof(why)), 1);
}

static void a_directory_others_may_write_is_not_used(void **state)
{
	char path[128];
	struct session_dir d;

	(void)state;
	snprintf(path, sizeof(path), "%s/procsrv", dir);
	assert_int_equal(chmod(path, 0777), 0);
	assert_int_equal(create(&d, "SHA256:a", 1, 16), E_OS);
	assert_non_null(strstr(why, "others may write"));
	assert_int_equal(chmod(path, 0700), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_session_is_found_with_its_facts_while_somebody_holds_it),
	    cmocka_unit_test(what_nobody_holds_is_swept_and_what_somebody_holds_is_not),
	    cmocka_unit_test(the_lock_lives_in_an_inherited_descriptor),
	    cmocka_unit_test(a_key_has_no_more_sessions_than_its_row_allows),
	    cmocka_unit_test(there_are_sixty_four_sessions_at_most),
	    cmocka_unit_test(the_socket_can_be_connected_to),
	    cmocka_unit_test(nobody_waits_for_a_guard_that_takes_no_callers),
	    cmocka_unit_test(what_a_record_says_stays_as_it_was_however_often_it_is_written),
	    cmocka_unit_test(a_link_from_elsewhere_is_shown_as_that),
	    cmocka_unit_test(a_record_of_rubbish_is_shown_as_nothing_and_swept),
	    cmocka_unit_test(a_directory_others_may_write_is_not_used),
	};

	return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
