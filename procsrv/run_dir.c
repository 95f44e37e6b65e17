/* SPDX-License-Identifier: BSD-2-Clause */
#include "run_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int complain(char *why, size_t size, const char *what)
{
	snprintf(why, size, "%s: %s", what, strerror(errno));
	return -1;
}

/* name below dir: made with mode if missing, opened, and judged. */
static int open_own(int dir, const char *name, mode_t mode, char *why, size_t size)
{
	struct stat st;
	int fd;

	/* Whatever the umask: conn has to get through two of these. */
	if (mkdirat(dir, name, mode) == 0 ? fchmodat(dir, name, mode, 0) != 0 : errno != EEXIST)
		return complain(why, size, name);
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return complain(why, size, name);
	if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && !(st.st_mode & 022))
		return fd;
	snprintf(
	    why, size, "%s belongs to another user, or others may write there: remove it", name);
	close(fd);
	return -1;
}

static int user_home(char *why, size_t size)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	char path[64];
	int top, fd;

	if (xdg && xdg[0] == '/') {
		top = open(xdg, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (top >= 0) {
			fd = open_own(top, "procsrv", 0700, why, size);
			close(top);
			return fd;
		}
	}
	snprintf(path, sizeof(path), "/tmp/procsrv-%lu", (unsigned long)geteuid());
	return open_own(AT_FDCWD, path, 0700, why, size);
}

int run_dir(char *why, size_t size)
{
	/* Searchable by all: conn goes through it to HOME/empty. */
	if (geteuid() == 0)
		return open_own(AT_FDCWD, "/run/procsrv", 0755, why, size);
	return user_home(why, size);
}

int run_dir_below(const char *name, mode_t mode, char *why, size_t size)
{
	int home = run_dir(why, size), fd;

	if (home < 0)
		return -1;
	fd = open_own(home, name, mode, why, size);
	close(home);
	return fd;
}

int run_dir_empty(char *why, size_t size)
{
	return run_dir_below("empty", 0755, why, size);
}
