/* SPDX-License-Identifier: BSD-2-Clause
 *
 * repair.c and repair_thread.c by themselves, on a process whose tracer has just died: that
 * there was one is only known from the journal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <linux/audit.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "procsrv/repair_parts.h"

enum { PAGE = 4096, MS = 5000, CHILDREN = 300 };
static const uint8_t trap = 0xcc, nop = 0x90;

static struct repair r;
static struct journal *j;

/* ---- the process -------------------------------------------------------------------- */

/* What it tells. */
static volatile struct {
	int ready;
	unsigned signals;
	int value;
	pid_t youngest;
} *word;

static void on_signal(int sig, siginfo_t *si, void *context)
{
	(void)sig;
	(void)context;
	word->signals++;
	word->value = si->si_value.sival_int;
}

static _Noreturn void wait_for_ever(void)
{
	word->ready = 1;
	for (;;)
		pause();
}

static _Noreturn void be_many(void)
{
	for (int i = 0; i < CHILDREN; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				pause();
		}
		if (pid < 0)
			_exit(1);
		word->youngest = pid;
	}
	wait_for_ever();
}

/* A page of a file that begins with what looks like a trap, and nobody has touched. */
static uint8_t *code_page(struct journal_place *place)
{
	int fd = memfd_create("code", 0);
	struct stat st;
	uint8_t *page;

	assert_true(fd >= 0 && ftruncate(fd, PAGE) == 0 && pwrite(fd, &trap, 1, 0) == 1);
	assert_int_equal(fstat(fd, &st), 0);
	page = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	assert_true(page != MAP_FAILED);
	close(fd);
	*place = (struct journal_place){st.st_dev, st.st_ino, 0};
	return page;
}

static pid_t start(void (*what)(void))
{
	pid_t pid;

	word->ready = 0;
	word->signals = 0;
	pid = fork();
	if (pid == 0) {
		struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		sigaction(SIGUSR1, &sa, NULL);
		what();
	}
	assert_true(pid > 0);
	while (!word->ready)
		usleep(1000);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static uint8_t byte_of(pid_t pid, const void *addr)
{
	int mem = repair_open(pid, 0, "/mem", O_RDONLY);
	uint8_t byte = 0;

	assert_int_equal(pread(mem, &byte, 1, (off_t)(uintptr_t)addr), 1);
	close(mem);
	return byte;
}

static void put_byte(pid_t pid, const void *addr, uint8_t byte)
{
	int mem = repair_open(pid, 0, "/mem", O_RDWR);

	assert_int_equal(pwrite(mem, &byte, 1, (off_t)(uintptr_t)addr), 1);
	close(mem);
}

/* ---- its journal ---------------------------------------------------------------------- */

static struct journal_target *begin(pid_t pid)
{
	struct proc_stat st;
	struct journal_target *t;

	assert_true(repair_stat(pid, 0, &st));
	t = journal_begin(j, -1, pid, st.start);
	assert_non_null(t);
	t->arch = AUDIT_ARCH_X86_64;
	return t;
}

static void planted(struct journal_target *t, const void *addr, const struct journal_place *place)
{
	struct journal_site what = {.addr = (uintptr_t)addr, .place = *place, .insn_len = 1};
	struct journal_site *s;

	what.saved[0] = nop;
	s = journal_intend(j, t, &what);
	assert_non_null(s);
	journal_state(s, JOURNAL_PLANTED);
}

static int set_up(void **state)
{
	(void)state;
	word = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	j = journal_make(-1);
	memset(&r, 0, sizeof(r));
	repair_init(&r, j, false);
	return word == MAP_FAILED || !j ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	munmap((void *)word, PAGE);
	munmap(j, sizeof(*j));
	return 0;
}

/* ---- text ------------------------------------------------------------------------------- */

static void a_trap_in_a_page_of_its_own_is_taken_away(void **state)
{
	struct journal_place place;
	uint8_t *page = code_page(&place);
	pid_t pid = start(wait_for_ever);

	(void)state;
	planted(begin(pid), page, &place);
	put_byte(pid, page, trap);
	repair_text(&r);
	assert_int_equal(byte_of(pid, page), nop);
	assert_int_equal(repair_threads(&r, MS), 0);
	end(pid);
}

/* Whoever provides it could let us wait for ever. */
static void a_page_that_is_not_in_memory_is_not_read(void **state)
{
	struct journal_place place;
	uint8_t *page = code_page(&place);
	pid_t pid = start(wait_for_ever);
	int pagemap = repair_open(pid, 0, "/pagemap", O_RDONLY);

	(void)state;
	planted(begin(pid), page, &place);
	assert_int_equal(repair_page(pagemap, (uintptr_t)page), REPAIR_PAGE_ABSENT);
	repair_text(&r);
	assert_int_equal(repair_threads(&r, MS), 0);
	assert_int_equal(repair_page(pagemap, (uintptr_t)page), REPAIR_PAGE_ABSENT);
	assert_int_equal(byte_of(pid, page), trap);
	assert_int_equal(repair_page(pagemap, (uintptr_t)page), REPAIR_PAGE_OF_FILE);
	close(pagemap);
	end(pid);
}

static void text_that_could_not_be_written_is_written_when_it_is_traced(void **state)
{
	struct journal_place place;
	uint8_t *page = code_page(&place);
	pid_t pid = start(wait_for_ever);

	(void)state;
	planted(begin(pid), page, &place);
	put_byte(pid, page, trap);
	assert_int_equal(repair_threads(&r, MS), 0);
	assert_int_equal(byte_of(pid, page), nop);
	end(pid);
}

static void of_many_children_the_youngest_is_seen_to_as_well(void **state)
{
	struct journal_place place;
	uint8_t *page = code_page(&place);
	pid_t pid = start(be_many);

	(void)state;
	planted(begin(pid), page, &place);
	put_byte(word->youngest, page, trap);
	repair_text(&r);
	assert_int_equal(byte_of(word->youngest, page), nop);
	assert_int_equal(repair_threads(&r, MS), 0);
	end(pid);
}

/* Its fork(2) was not done when the text was put right. */
static void a_child_that_came_meanwhile_is_seen_to_before_its_maker_goes_on(void **state)
{
	struct journal_place place;
	uint8_t *page = code_page(&place);
	pid_t pid = start(be_many);

	(void)state;
	planted(begin(pid), page, &place);
	repair_text(&r);
	put_byte(word->youngest, page, trap);
	assert_int_equal(repair_threads(&r, MS), 0);
	assert_int_equal(byte_of(word->youngest, page), nop);
	end(pid);
}

/* ---- signals ------------------------------------------------------------------------------ */

static void comes_once(int code, int value)
{
	pid_t pid = start(wait_for_ever);
	struct journal_target *t = begin(pid);
	siginfo_t si = {.si_signo = SIGUSR1, .si_code = code};

	si.si_pid = getpid();
	si.si_uid = getuid();
	si.si_value.sival_int = 4711;
	journal_signal(t, pid, &si);
	repair_text(&r);
	assert_int_equal(repair_threads(&r, MS), 0);
	for (unsigned ms = 0; !word->signals && ms < MS; ms++)
		usleep(1000);
	assert_int_equal(word->value, value);
	end(pid);
	assert_int_equal(word->signals, 1);
}

static void a_signal_that_the_tracer_died_with_comes_as_it_was(void **state)
{
	(void)state;
	comes_once(SI_QUEUE, 4711);
}

static void one_that_only_the_kernel_can_send_comes_without_its_facts(void **state)
{
	(void)state;
	comes_once(SI_KERNEL, 0);
}

/* ---- the file ----------------------------------------------------------------------------- */

static void a_journal_that_was_cut_short_is_none(void **state)
{
	int fd = memfd_create("journal", 0);
	struct journal *made = journal_make(fd);
	struct journal_target t;

	(void)state;
	assert_non_null(made);
	assert_non_null(journal_begin(made, fd, 42, 4242));
	assert_true(journal_peek(fd, 0, &t));
	assert_true(t.pid == 42 && t.start == 4242);
	assert_true(journal_peek(fd, JOURNAL_TARGETS - 1, &t) && t.pid == 0);
	munmap(made, sizeof(*made));
	assert_int_equal(ftruncate(fd, 100), 0);
	assert_false(journal_peek(fd, 0, &t));
	assert_null(journal_open(fd));
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_trap_in_a_page_of_its_own_is_taken_away),
	    TEST(a_page_that_is_not_in_memory_is_not_read),
	    TEST(text_that_could_not_be_written_is_written_when_it_is_traced),
	    TEST(of_many_children_the_youngest_is_seen_to_as_well),
	    TEST(a_child_that_came_meanwhile_is_seen_to_before_its_maker_goes_on),
	    TEST(a_signal_that_the_tracer_died_with_comes_as_it_was),
	    TEST(one_that_only_the_kernel_can_send_comes_without_its_facts),
	    TEST(a_journal_that_was_cut_short_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
