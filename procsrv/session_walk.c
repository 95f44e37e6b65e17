/* SPDX-License-Identifier: BSD-2-Clause */
#include "session_walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "journal.h"
#include "run_dir.h"
#include "session_record.h"

int session_lock_all(char *why, size_t size)
{
	int fd = run_dir_below("s", 0700, why, size);

	while (fd >= 0 && flock(fd, LOCK_EX) != 0)
		if (errno != EINTR) {
			snprintf(why, size, "session directory: %s", strerror(errno));
			close(fd);
			return -1;
		}
	return fd;
}

static bool is_id(const char *name)
{
	return strlen(name) == SESSION_ID_TEXT - 1 &&
	       strspn(name, "0123456789abcdef") == SESSION_ID_TEXT - 1;
}

bool session_look(int all, const char *id, struct session_facts *f)
{
	int dir = openat(all, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), fd;

	*f = (struct session_facts){0};
	memcpy(f->id, id, SESSION_ID_TEXT);
	if (dir < 0)
		return false;
	fd = openat(dir, "record", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	close(dir);
	if (fd < 0)
		return false;
	record_read(fd, f);
	f->live = flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	close(fd);
	return f->live;
}

int session_walk(int all, void (*each)(int all, const struct session_facts *, void *), void *arg)
{
	int fd = openat(all, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = 0;
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct session_facts f;
	struct dirent *e;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while ((e = readdir(dir)) != NULL)
		if (is_id(e->d_name)) {
			session_look(all, e->d_name, &f);
			each(all, &f, arg);
			n++;
		}
	closedir(dir);
	return n;
}

void session_delete(int all, const char *id)
{
	int dir = openat(all, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (dir < 0)
		return;
	unlinkat(dir, "sock", 0);
	unlinkat(dir, JOURNAL_NAME, 0);
	unlinkat(dir, "secret", 0);
	unlinkat(dir, "audit", 0);
	unlinkat(dir, "record", 0);
	close(dir);
	unlinkat(all, id, AT_REMOVEDIR);
}
