/* SPDX-License-Identifier: BSD-2-Clause
 *
 * In programs of ours that are linked with it (tests/failing): one allocation fails, or the
 * clocks jump, as a page says that tests and programs share: the file "control" beside the
 * program.  Without one nothing is different.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

enum { NAME = 32 };

struct control {
	char program[NAME]; /* whose allocations count */
	_Atomic uint64_t count;
	uint64_t fail; /* the one with that number fails, from 1; 0 = none does */
	_Atomic uint64_t failed;
	int64_t wall_s;  /* the wall clock is so far from what it is */
	int64_t boot_ms; /* and that of CLOCK_BOOTTIME, as after a sleep */
	int64_t own;     /* only those count that the program itself asks for, no library */
};

static struct control nothing, *control = &nothing;
static int ours; /* it is about this program */

__attribute__((constructor)) static void find_control(void)
{
	char path[4096], name[NAME] = "", *slash;
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof("control"));
	void *page;
	int fd;

	if (n <= 0)
		return;
	path[n] = 0;
	slash = strrchr(path, '/');
	if (!slash)
		return;
	strncpy(name, slash + 1, sizeof(name) - 1);
	memcpy(slash + 1, "control", sizeof("control"));
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	page = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (page == MAP_FAILED)
		return;
	control = page;
	ours = strncmp(control->program, name, sizeof(name)) == 0;
}

/* ---- who runs it -------------------------------------------------------------------------- */

uid_t anybody(void);

/* In place of geteuid(2) in where.c: programs are found beside each other, by root too. */
uid_t anybody(void)
{
	return 1;
}

/* ---- memory ------------------------------------------------------------------------------- */

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

extern const char __executable_start[], etext[];

static int is_own(const void *caller)
{
	return (const char *)caller >= __executable_start && (const char *)caller < etext;
}

static int fails(const void *caller)
{
	if (!ours || (control->own && !is_own(caller)))
		return 0;
	if (atomic_fetch_add(&control->count, 1) + 1 != control->fail)
		return 0;
	atomic_fetch_add(&control->failed, 1);
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t n)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(p, n);
}

/* ---- clocks ------------------------------------------------------------------------------- */

int clock_gettime(clockid_t clock, struct timespec *t)
{
	long err = syscall(SYS_clock_gettime, clock, t);

	if (err == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		t->tv_sec += control->wall_s;
	if (err == 0 && clock == CLOCK_BOOTTIME) {
		int64_t ns = t->tv_nsec + control->boot_ms % 1000 * 1000000;

		t->tv_sec += control->boot_ms / 1000 + ns / 1000000000;
		t->tv_nsec = ns % 1000000000;
	}
	return (int)err;
}

time_t time(time_t *to)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	if (to)
		*to = t.tv_sec;
	return t.tv_sec;
}

int gettimeofday(struct timeval *restrict to, void *restrict zone)
{
	struct timespec t;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &t);
	*to = (struct timeval){t.tv_sec, t.tv_nsec / 1000};
	return 0;
}
