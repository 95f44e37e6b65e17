/* SPDX-License-Identifier: BSD-2-Clause */
#include "listening.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/log.h"
#include "run_dir.h"

enum { LINE = 2048 };

static const char prefix[] = "listener.";

static int record; /* 0 = not open: descriptor 0 never is one of ours */

/* Made and locked in one, as who looks at records sees it. */
static int make_record(int home)
{
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "%s%d", prefix, (int)getpid());
	flock(home, LOCK_EX);
	unlinkat(home, name, 0);
	fd = openat(home, name, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0)
		flock(fd, LOCK_EX);
	flock(home, LOCK_UN);
	return fd;
}

static bool open_record(void)
{
	char why[256];
	int home;

	if (record)
		return record > 0;
	home = run_dir(why, sizeof(why));
	record = home < 0 ? -1 : make_record(home);
	if (home >= 0 && record < 0)
		snprintf(
		    why, sizeof(why), "a record in the run-time directory: %s", strerror(errno));
	if (home >= 0)
		close(home);
	if (record < 0)
		log_warn("%s; -status will not show this listener", why);
	return record > 0;
}

void listening_add(const struct listening *l)
{
	if (open_record())
		dprintf(record, "%s %s %u %s\n", l->transport, l->pin, l->keys, l->map);
}

int listening_hand_over(void)
{
	if (record <= 0)
		return -1;
	fcntl(record, F_SETFD, 0);
	return record;
}

static void read_record(
    int fd, pid_t pid, void (*each)(const struct listening *, void *), void *arg)
{
	struct listening l = {.pid = pid};
	FILE *f = fdopen(fd, "r");
	char line[LINE];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%255s %50s %u %1023[^\n]", l.transport, l.pin, &l.keys, l.map) ==
		    4)
			each(&l, arg);
	if (f)
		fclose(f);
	else
		close(fd);
}

/* One whose lock is free is left over from a listener that has ended. */
static bool is_left_over(int home, const char *name, int fd)
{
	bool unused;

	flock(home, LOCK_EX);
	unused = flock(fd, LOCK_EX | LOCK_NB) == 0;
	if (unused)
		unlinkat(home, name, 0);
	flock(home, LOCK_UN);
	return unused;
}

static void look_at(
    int home, const char *name, void (*each)(const struct listening *, void *), void *arg)
{
	int fd = openat(home, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return;
	if (!is_left_over(home, name, fd) && each)
		read_record(fd, (pid_t)strtol(name + sizeof(prefix) - 1, NULL, 10), each, arg);
	else
		close(fd);
}

void listening_list(void (*each)(const struct listening *l, void *arg), void *arg)
{
	char why[256];
	int home = run_dir(why, sizeof(why)), fd;
	DIR *dir;
	struct dirent *e;

	if (home < 0)
		return;
	fd = openat(home, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd >= 0 ? fdopendir(fd) : NULL;
	while (dir && (e = readdir(dir)) != NULL)
		if (strncmp(e->d_name, prefix, sizeof(prefix) - 1) == 0)
			look_at(home, e->d_name, each, arg);
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
	close(home);
}

void listening_sweep(void)
{
	listening_list(NULL, NULL);
}
