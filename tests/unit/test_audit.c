/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The record in a file: what was done to it afterwards is found, and named by its place.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "procsrv/audit_chain.h"
#include "procsrv/audit_check.h"

enum { LINES = 8, SAID = 8192 };

static char dir[] = "/tmp/psauditXXXXXX", said[SAID];

static const char *path(const char *name)
{
	static char text[2][128];
	static unsigned turn;

	turn ^= 1;
	snprintf(text[turn], sizeof(text[0]), "%s/%s", dir, name);
	return text[turn];
}

/* The exit status of a check; what it says is in said. */
static int check(void)
{
	int out = dup(STDOUT_FILENO), fd, status;
	ssize_t n;

	fflush(stdout);
	fd = open(path("said"), O_RDWR | O_CREAT | O_TRUNC, 0600);
	dup2(fd, STDOUT_FILENO);
	status = audit_check(path("audit"));
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	close(out);
	n = pread(fd, said, sizeof(said) - 1, 0);
	said[n > 0 ? n : 0] = 0;
	close(fd);
	return status;
}

static void finds(const char *what)
{
	assert_int_equal(check(), EXIT_FAILURE);
	if (!strstr(said, what))
		fail_msg("no \"%s\" in:\n%s", what, said);
}

static void append(unsigned n)
{
	char text[64];
	struct chain_end end;

	for (unsigned i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "event=test why=\"%u\"", i);
		assert_int_equal(chain_append(path("audit"), text, &end), 0);
	}
}

static size_t slurp(char *text, const char *name)
{
	FILE *f = fopen(path(name), "re");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, SAID - 1, f);
	fclose(f);
	text[n] = 0;
	return n;
}

static void spit(const char *name, const char *text, size_t n)
{
	int fd = open(path(name), O_WRONLY | O_TRUNC | O_CREAT, 0600);

	assert_int_equal(write(fd, text, n), (ssize_t)n);
	close(fd);
}

/* Where line i (from 0) begins. */
static char *line(char *text, unsigned i)
{
	while (i--)
		text = strchr(text, '\n') + 1;
	return text;
}

static int begin(void **state)
{
	(void)state;
	memcpy(dir, "/tmp/psauditXXXXXX", sizeof(dir));
	if (!mkdtemp(dir))
		return -1;
	append(LINES);
	return 0;
}

static int end(void **state)
{
	static const char *const names[] = {"audit", "audit.head", "audit.1", "audit.2", "said"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(path(names[i]));
	return rmdir(dir);
}

/* ---- what is found --------------------------------------------------------------- */

static void a_record_that_nobody_touched_is_whole(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(check(), 0);
	assert_non_null(strstr(said, "records 1 to 8, whole"));
	assert_int_equal(stat(path("audit"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

/* Any byte of any line but the newlines; each time the line is named, unless it is its number
 * that was changed, which reads as if others were missing. */
static void a_changed_byte_is_found_wherever_it_is(void **state)
{
	char text[SAID], wanted[64];
	size_t n = slurp(text, "audit");
	unsigned at = 1;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		char was = text[i];

		if (was == '\n') {
			at++;
			continue;
		}
		text[i] = was == '1' ? '3' : '1';
		spit("audit", text, n);
		snprintf(wanted, sizeof(wanted), "audit:%u: ", at);
		finds(text + i < line(text, at - 1) + 3 ? "" : wanted);
		text[i] = was;
	}
	spit("audit", text, n);
	assert_int_equal(check(), 0);
}

static void a_changed_line_is_the_only_one_that_is_named(void **state)
{
	char text[SAID], *at;
	size_t n = slurp(text, "audit");

	(void)state;
	at = strstr(line(text, 3), "why=");
	at[5] = 'x';
	spit("audit", text, n);
	finds("audit:4: record 4 was changed\n");
	assert_null(strstr(said, "audit:5"));
	/* Its hash instead. */
	at[5] = '3';
	at = strstr(at, "hash=");
	at[5] = at[5] == 'a' ? 'b' : 'a';
	spit("audit", text, n);
	finds("audit:4: record 4 was changed\n");
	assert_null(strstr(said, "audit:5"));
}

static void dropped_lines_are_missed(void **state)
{
	char text[SAID];
	size_t n = slurp(text, "audit");
	char *from = line(text, 2), *to = line(text, 3);

	(void)state;
	memmove(from, to, (size_t)(text + n - to));
	spit("audit", text, n - (size_t)(to - from));
	finds("audit:3: record 3 is missing before this one");
	n = slurp(text, "audit");
	from = line(text, 2);
	to = line(text, 4);
	memmove(from, to, (size_t)(text + n - to));
	spit("audit", text, n - (size_t)(to - from));
	finds("records 3 to 5 are missing before this one");
}

static void lines_in_another_order_are_found(void **state)
{
	char text[SAID], other[SAID];
	size_t n = slurp(text, "audit"), first, second;

	(void)state;
	first = (size_t)(line(text, 5) - line(text, 4));
	second = (size_t)(line(text, 6) - line(text, 5));
	memcpy(other, text, n);
	memcpy(line(other, 4), line(text, 5), second);
	memcpy(other + (line(text, 4) - text) + second, line(text, 4), first);
	spit("audit", other, n);
	finds("audit:6: record 5 stands behind record 6");
}

static void a_line_that_stands_there_twice_is_found(void **state)
{
	char text[SAID], other[2 * SAID];
	size_t n = slurp(text, "audit"), first = (size_t)(line(text, 4) - text);
	size_t again = (size_t)(line(text, 4) - line(text, 3));

	(void)state;
	memcpy(other, text, first);
	memcpy(other + first, line(text, 3), again);
	memcpy(other + first + again, text + first, n - first);
	spit("audit", other, n + again);
	finds("audit:5: record 4 stands behind record 4");
}

static void an_end_that_was_cut_off_is_missed(void **state)
{
	char text[SAID];
	size_t n = slurp(text, "audit");

	(void)state;
	spit("audit", text, (size_t)(line(text, 6) - text));
	finds("records 7 to 8 are missing at the end");
	spit("audit", text, n - 10);
	finds("the last line has no end");
	spit("audit", "", 0);
	finds("records 1 to 8 are missing at the end");
	unlink(path("audit"));
	finds("records 1 to 8 are missing at the end");
}

static void what_was_cut_off_stays_missing_when_the_record_goes_on(void **state)
{
	char text[SAID];

	(void)state;
	slurp(text, "audit");
	spit("audit", text, (size_t)(line(text, 6) - text));
	append(1);
	finds("audit:7: records 7 to 8 are missing before this one");
}

static void without_its_head_the_end_is_in_doubt(void **state)
{
	(void)state;
	unlink(path("audit.head"));
	finds("there is no");
	append(1);
	assert_int_equal(check(), 0);
	assert_non_null(strstr(said, "records 1 to 9, whole"));
}

static void a_chain_that_somebody_made_anew_is_not_the_one_that_was_written(void **state)
{
	char head[SAID], text[SAID];
	size_t n = slurp(head, "audit.head");

	(void)state;
	unlink(path("audit"));
	unlink(path("audit.head"));
	append(LINES - 1);
	slurp(text, "audit");
	append(1);
	spit("audit.head", head, n);
	finds("record 8 is not the one that was written");
}

/* ---- what is none ------------------------------------------------------------------ */

static void a_record_goes_on_in_another_file_when_it_was_renamed(void **state)
{
	(void)state;
	rename(path("audit"), path("audit.1"));
	append(2);
	rename(path("audit.1"), path("audit.2"));
	rename(path("audit"), path("audit.1"));
	append(1);
	assert_int_equal(check(), 0);
	assert_non_null(strstr(said, "records 1 to 11, whole"));
	/* The oldest goes. */
	unlink(path("audit.2"));
	assert_int_equal(check(), 0);
	assert_non_null(strstr(said, "records 9 to 11, whole"));
}

static void a_line_whose_head_was_not_written_any_more_counts(void **state)
{
	char head[SAID];
	size_t n = slurp(head, "audit.head");

	(void)state;
	append(1);
	spit("audit.head", head, n);
	assert_int_equal(check(), 0);
	append(1);
	assert_int_equal(check(), 0);
	assert_non_null(strstr(said, "records 1 to 10, whole"));
}

static void a_line_without_an_end_does_not_become_part_of_the_next(void **state)
{
	char text[SAID];
	size_t n = slurp(text, "audit");

	(void)state;
	spit("audit", text, n);
	memcpy(text + n, "n=9 time=2026", 13);
	spit("audit", text, n + 13);
	append(1);
	finds("audit:9: no record");
	assert_non_null(strstr(said, "records 1 to 9"));
}

/* ---- writing -------------------------------------------------------------------------- */

static void many_writers_make_one_chain(void **state)
{
	pid_t pids[8];
	int status;

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			append(25);
			_exit(0);
		}
	}
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
	assert_int_equal(check(), 0);
	assert_non_null(strstr(said, "records 1 to 208, whole"));
}

/* As on a full disk: part of the line could be written. */
static void a_line_that_does_not_fit_leaves_no_trace(void **state)
{
	struct rlimit was;
	struct chain_end e;
	struct stat st;
	pid_t pid;
	int status;

	(void)state;
	assert_int_equal(stat(path("audit"), &st), 0);
	getrlimit(RLIMIT_FSIZE, &was);
	pid = fork();
	if (pid == 0) {
		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &(struct rlimit){(rlim_t)st.st_size + 20, was.rlim_max});
		_exit(chain_append(path("audit"), "event=test", &e) == 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(check(), 0);
	append(1);
	assert_int_equal(check(), 0);
	assert_non_null(strstr(said, "records 1 to 9, whole"));
}

static void nobody_else_may_have_a_hand_in_it(void **state)
{
	char why[512];

	(void)state;
	assert_int_equal(chain_check(path("audit"), why, sizeof(why)), 0);
	assert_int_equal(chain_check("audit", why, sizeof(why)), -1);
	assert_int_equal(chain_check("/nowhere/audit", why, sizeof(why)), -1);
	chmod(dir, 0777);
	assert_int_equal(chain_check(path("audit"), why, sizeof(why)), -1);
	chmod(dir, 0700);
	chmod(path("audit"), 0644);
	assert_int_equal(chain_check(path("audit"), why, sizeof(why)), -1);
	unlink(path("audit"));
	assert_int_equal(symlink("elsewhere", path("audit")), 0);
	assert_int_equal(chain_check(path("audit"), why, sizeof(why)), -1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
	    TEST(a_record_that_nobody_touched_is_whole),
	    TEST(a_changed_byte_is_found_wherever_it_is),
	    TEST(a_changed_line_is_the_only_one_that_is_named),
	    TEST(dropped_lines_are_missed),
	    TEST(lines_in_another_order_are_found),
	    TEST(a_line_that_stands_there_twice_is_found),
	    TEST(an_end_that_was_cut_off_is_missed),
	    TEST(what_was_cut_off_stays_missing_when_the_record_goes_on),
	    TEST(without_its_head_the_end_is_in_doubt),
	    TEST(a_chain_that_somebody_made_anew_is_not_the_one_that_was_written),
	    TEST(a_record_goes_on_in_another_file_when_it_was_renamed),
	    TEST(a_line_whose_head_was_not_written_any_more_counts),
	    TEST(a_line_without_an_end_does_not_become_part_of_the_next),
	    TEST(many_writers_make_one_chain),
	    TEST(a_line_that_does_not_fit_leaves_no_trace),
	    TEST(nobody_else_may_have_a_hand_in_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
