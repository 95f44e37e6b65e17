/* SPDX-License-Identifier: BSD-2-Clause */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/log.h"
#include "where.h"

enum { ENVIRONMENT = 8 };

int spawn_program(const char *name, char *why, size_t size)
{
	char path[WHERE_MAX];
	int fd;

	if (where_program(path, name) != 0) {
		snprintf(why, size, "%.200s", path);
		return -1;
	}
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		snprintf(why, size, "%s: %s: install procsrv whole", path, strerror(errno));
	return fd;
}

/* ---- in the child ------------------------------------------------------------ */

static _Noreturn void die(const char *what)
{
	log_error("cannot start a process: %s: %s", what, strerror(errno));
	_exit(SPAWN_FAILED);
}

static void reset_signals(void)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* A copy that stands where none of the fixed numbers is. */
static int above(int last, int fd)
{
	int copy = fd < 0 ? fd : fcntl(fd, F_DUPFD, last + 1);

	if (copy < 0)
		die("descriptors");
	return copy;
}

static void place(int fd, int number)
{
	if (dup2(fd, number) < 0)
		die("descriptors");
}

/* 0 and 1 nowhere, 2 perhaps, then fds in order, then the program (close-on-exec);
 * nothing else.  Returns the program's descriptor. */
static int place_descriptors(const struct spawn *s)
{
	const int last = SPAWN_FIRST + (int)s->nfds;
	int null = above(last, open("/dev/null", O_RDWR)), moved[SPAWN_FDS];
	int program = above(last, s->program);

	for (size_t i = 0; i < s->nfds; i++)
		moved[i] = above(last, s->fds[i]);
	for (size_t i = 0; i < s->nfds; i++)
		place(moved[i], SPAWN_FIRST + (int)i);
	place(null, 0);
	place(null, 1);
	if (s->quiet)
		place(null, 2);
	if (dup3(program, last, O_CLOEXEC) < 0)
		die("descriptors");
	if (close_range((unsigned)last + 1, ~0U, 0) != 0)
		die("close_range");
	return last;
}

bool spawn_may_give(uint32_t caps)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	return syscall(SYS_capget, &head, data) == 0 && (caps & ~data[0].permitted) == 0;
}

/* Permitted, effective and inheritable to exactly set, ambient as well. */
static void set_capabilities(uint32_t set)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {{set, set, set}, {0, 0, 0}};

	if (syscall(SYS_capset, &head, data) != 0)
		die("capset");
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (unsigned long cap = 0; cap < 32; cap++)
		if (set >> cap & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) != 0)
			die("ambient capability");
}

/* Nothing it executes could gain any of them either. */
static void drop_bounding_set(uint32_t keep)
{
	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if ((cap >= 32 || !(keep >> cap & 1)) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0)
			die("bounding set");
}

static void become(const struct spawn_user *u)
{
	if (u->caps)
		drop_bounding_set(u->caps);
	/* Else exec would give root the whole bounding set. */
	if (u->uid == 0 && prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED) != 0)
		die("securebits");
	if (setgroups(u->ngroups, u->groups) != 0)
		die("setgroups");
	if (prctl(PR_SET_KEEPCAPS, u->caps != 0, 0, 0, 0) != 0)
		die("keepcaps");
	if (setresgid(u->gid, u->gid, u->gid) != 0 || setresuid(u->uid, u->uid, u->uid) != 0)
		die("setresuid");
	set_capabilities(u->caps);
	/* What must not be possible any more is tried, not believed. */
	if (u->uid != 0 && (setuid(0) == 0 || geteuid() == 0)) {
		errno = EPERM;
		die("still root");
	}
}

/* What a private program may know: where to find others, and how to log. */
static char **environment(char *room[ENVIRONMENT])
{
	static const char *const pass[] = {
		"JOURNAL_STREAM",
		"XDG_RUNTIME_DIR",
#if defined(__SANITIZE_ADDRESS__)
		"ASAN_OPTIONS",
		"UBSAN_OPTIONS",
		"LSAN_OPTIONS",
#endif
	};
	size_t n = 0;

	room[n++] = strdup("PATH=/usr/local/bin:/usr/bin:/bin");
	for (size_t i = 0; i < sizeof(pass) / sizeof(pass[0]); i++) {
		const char *value = getenv(pass[i]);

		if (value && asprintf(&room[n], "%s=%s", pass[i], value) > 0)
			n++;
	}
	room[n] = NULL;
	return room;
}

/* Raising it takes no right.  Where the file is not ours to write (user mode) nobody
 * has lowered it. */
static void restore_oom_score(void)
{
	int fd = open("/proc/self/oom_score_adj", O_RDWR);
	char sign = 0;

	if (fd >= 0 && read(fd, &sign, 1) == 1 && sign == '-' && pwrite(fd, "0", 1, 0) != 1)
		die("oom_score_adj");
	if (fd >= 0)
		close(fd);
}

static _Noreturn void child(const struct spawn *s)
{
	char *room[ENVIRONMENT], **env = environment(room);
	int program;

	reset_signals();
	if (s->dir >= 0 ? fchdir(s->dir) != 0 : chdir("/") != 0)
		die("working directory");
	if (s->expendable)
		restore_oom_score();
	program = place_descriptors(s);
	umask(077);
	if (s->nofile && setrlimit(RLIMIT_NOFILE, s->nofile) != 0)
		die("RLIMIT_NOFILE");
	if (s->own_session)
		setsid();
	if (s->user)
		become(s->user);
	if (s->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		die("no-new-privs");
	fexecve(program, (char *const *)s->argv, env);
	die(s->argv[0]);
}

pid_t spawn(const struct spawn *s)
{
	pid_t pid = fork();

	if (pid == 0)
		child(s);
	return pid;
}
