/* SPDX-License-Identifier: BSD-2-Clause */
#include "trusted_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct trusted {
	const char *path;
	unsigned flags;
	char *why;
	size_t size;
};

__attribute__((format(printf, 2, 3))) static int refuse(struct trusted *t, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(t->why, t->size, "%s: ", t->path);

	va_start(ap, fmt);
	if (n >= 0 && (size_t)n < t->size)
		vsnprintf(t->why + n, t->size - (size_t)n, fmt, ap);
	va_end(ap);
	return -1;
}

/* A POSIX ACL that lets others write shows in the group bits, as its mask. */
static int check_owner(struct trusted *t, const struct stat *st, const char *what)
{
	bool own = (t->flags & TRUSTED_USER) && st->st_uid == geteuid();

	if (st->st_uid != 0 && !own)
		return refuse(t, "%s belongs to uid %u, it must belong to %s (chown it)", what,
		    (unsigned)st->st_uid, t->flags & TRUSTED_USER ? "you or root" : "root");
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return refuse(t, "%s can be written by others than its owner (chmod go-w)", what);
	return 0;
}

/* The directory, pinned by a descriptor, so that what was checked is what the file
 * is then opened in. */
static int open_dir(struct trusted *t, const char **base)
{
	const char *slash = strrchr(t->path, '/');
	char *dir = slash ? strndup(t->path, (size_t)(slash - t->path) + 1) : strdup(".");
	int fd = dir ? open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	int err = dir ? errno : ENOMEM;
	struct stat st;

	*base = slash ? slash + 1 : t->path;
	free(dir);
	if (fd < 0)
		return refuse(t, "its directory cannot be opened: %s", strerror(err));
	if (fstat(fd, &st) < 0) {
		close(fd);
		return refuse(t, "its directory cannot be examined: %s", strerror(errno));
	}
	if (check_owner(t, &st, "its directory") < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int check_file(struct trusted *t, const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return refuse(t, "not a regular file");
	if (check_owner(t, st, "the file") < 0)
		return -1;
	if ((t->flags & TRUSTED_SECRET) && (st->st_mode & (S_IRWXG | S_IRWXO)))
		return refuse(t, "others than its owner may read it (chmod 600)");
	return 0;
}

static int read_all(struct trusted *t, int fd, struct buf *b)
{
	uint8_t piece[4096];
	ssize_t n;

	while ((n = read(fd, piece, sizeof(piece))) > 0)
		buf_raw(b, piece, (size_t)n);
	if (n < 0)
		return refuse(t, "cannot be read: %s", strerror(errno));
	if (b->bad)
		return refuse(t, "larger than the limit of %zu bytes", b->max);
	return 0;
}

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static int read_file(struct trusted *t, int fd, struct buf *b)
{
	struct stat before, after;

	if (fstat(fd, &before) < 0)
		return refuse(t, "cannot be examined: %s", strerror(errno));
	if (check_file(t, &before) < 0 || read_all(t, fd, b) < 0)
		return -1;
	/* Half of an old and half of a new map would be a third one. */
	if (fstat(fd, &after) < 0 || !same(&before, &after))
		return refuse(t, "was changed while it was read");
	return 0;
}

int trusted_read(struct buf *b, const char *path, unsigned flags, char *why, size_t size)
{
	struct trusted t = {.path = path, .flags = flags, .why = why, .size = size};
	const char *base;
	int dir = open_dir(&t, &base), fd, ret;

	if (dir < 0)
		return -1;
	/* O_NONBLOCK: a FIFO of that name shall not hold us up before it is refused. */
	fd = openat(dir, base, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && errno == ELOOP)
		ret = refuse(&t, "a symbolic link; name the file itself");
	else if (fd < 0)
		ret = refuse(&t, "%s", strerror(errno));
	else
		ret = read_file(&t, fd, b);
	if (fd >= 0)
		close(fd);
	close(dir);
	return ret;
}
