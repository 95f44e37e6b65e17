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
#include "session_dir.h"

enum { LINE = 2048 };

static const char prefix[] = "listener.";

static struct {
	int home; /* 0 = not open: descriptor 0 never is one of ours */
	int record;
	char name[32];
} self;

static bool open_record(void)
{
	char why[256];

	if (self.record)
		return true;
	self.home = session_home(why, sizeof(why));
	if (self.home < 0) {
		log_warn("%s; -status will not show this listener", why);
		self.home = 0;
		return false;
	}
	snprintf(self.name, sizeof(self.name), "%s%d", prefix, (int)getpid());
	unlinkat(self.home, self.name, 0);
	self.record =
	    openat(self.home, self.name, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (self.record < 0 || flock(self.record, LOCK_EX | LOCK_NB) != 0) {
		log_warn("%s: %s; -status will not show this listener", self.name, strerror(errno));
		return false;
	}
	return true;
}

void listening_add(const struct listening *l)
{
	if (open_record())
		dprintf(self.record, "%s %s %u %s\n", l->transport, l->pin, l->keys, l->map);
}

void listening_end(void)
{
	if (self.record > 0)
		unlinkat(self.home, self.name, 0);
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

/* One whose lock is free is left over from a listener that was killed. */
static void look_at(
    int home, const char *name, void (*each)(const struct listening *, void *), void *arg)
{
	int fd = openat(home, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		unlinkat(home, name, 0);
		close(fd);
		return;
	}
	read_record(fd, (pid_t)strtol(name + sizeof(prefix) - 1, NULL, 10), each, arg);
}

void listening_list(void (*each)(const struct listening *l, void *arg), void *arg)
{
	char why[256];
	int home = session_home(why, sizeof(why)), fd;
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
