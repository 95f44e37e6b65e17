/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Changing files by path, as the mapped user may.  What exists is looked at through an
 * O_PATH descriptor before it is opened for writing, because opening a device or a pipe
 * does things; what does not is created as new or not at all.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "handlers.h"
#include "ipc.h"
#include "reader_path.h"

enum { MODE_BITS = 0777, CREATE_TRIES = 3 };

/* ---- writing ------------------------------------------------------------------------ */

/* A file that is written to. */
struct store {
	struct call *c;
	const struct wire_file_write *m;
	struct reader_who who;
	int root;
	int fd; /* open for writing */
};

static int record(const struct store *s, const struct stat *st)
{
	uint64_t at = s->m->flags ? 0 : s->m->offset;

	return reader_record(s->c, IPC_FILE_WRITE, &s->who, s->m->path, at, st);
}

/* One that is there.  ENOENT in the fault's os_errno: it is not. */
static int open_present(struct store *s)
{
	int path = reader_openat(s->root, s->m->path, O_PATH, 0), flags = O_WRONLY;
	struct stat st;
	int err;

	if (path < 0)
		return reader_failed(s->c, errno, s->m->path);
	err = reader_judge(path, s->m->dev, s->m->ino, &st);
	if (err == E_OK)
		err = record(s, &st);
	if (err != E_OK) {
		reader_failed(s->c, 0, s->m->path);
	} else {
		flags |= s->m->flags & WIRE_WRITE_EMPTY ? O_TRUNC : 0;
		s->fd = reader_reopen(path, flags);
		err = s->fd < 0 ? reader_failed(s->c, errno, s->m->path) : E_OK;
	}
	close(path);
	return err;
}

static int create(struct store *s)
{
	int err = record(s, &(struct stat){0});

	if (err != E_OK)
		return err;
	s->fd = reader_openat(
	    s->root, s->m->path, O_WRONLY | O_CREAT | O_EXCL | O_NOCTTY, s->m->mode & MODE_BITS);
	return s->fd < 0 ? reader_failed(s->c, errno, s->m->path) : E_OK;
}

static int open_store(struct store *s)
{
	bool may_create = s->m->flags & (WIRE_WRITE_CREATE | WIRE_WRITE_NEW);
	int err;

	if (s->m->flags & WIRE_WRITE_NEW)
		return create(s);
	/* Whoever makes or removes it meanwhile is as quick as we are. */
	for (unsigned i = 0; i < CREATE_TRIES; i++) {
		err = open_present(s);
		if (err != E_NO_FILE || !may_create)
			break;
		err = create(s);
		if (err != E_OS || s->c->fault.os_errno != EEXIST)
			break;
	}
	return err;
}

static int put(const struct store *s)
{
	const struct span *data = &s->m->data;
	uint32_t done = 0;

	while (done < data->n) {
		ssize_t n =
		    pwrite(s->fd, data->p + done, data->n - done, (off_t)(s->m->offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return reader_failed(s->c, n < 0 ? errno : EIO, s->m->path);
		done += (uint32_t)n;
	}
	return E_OK;
}

static int answer(const struct store *s)
{
	struct stat st;

	if (fstat(s->fd, &st) != 0)
		return reader_failed(s->c, errno, s->m->path);
	return reader_details(s->c, &st);
}

int on_file_write(struct call *c)
{
	const uint8_t known = WIRE_WRITE_CREATE | WIRE_WRITE_EMPTY | WIRE_WRITE_NEW;
	struct wire_file_write m;
	struct store s = {.c = c, .m = &m, .fd = -1};
	int err;

	wire_decode_file_write(c->body, &m);
	if (m.flags & ~known)
		return E_MALFORMED;
	if (m.offset > (uint64_t)INT64_MAX - m.data.n)
		return E_TOO_BIG;
	err = reader_root(c, m.pid, m.start, &s.who, &s.root);
	if (err != E_OK)
		return err;
	err = open_store(&s);
	if (err == E_OK)
		err = put(&s);
	if (err == E_OK)
		err = answer(&s);
	if (s.fd >= 0)
		close(s.fd);
	close(s.root);
	reader_done(&s.who);
	return err;
}

/* ---- names and modes -------------------------------------------------------------------- */

/* The directory a path's last name stands in. */
struct place {
	int dir;
	char name[NAME_MAX + 1];
};

static int split(int root, struct span path, struct place *at)
{
	uint32_t end = path.n;
	uint32_t n;

	while (end && path.p[end - 1] != '/')
		end--;
	n = path.n - end;
	if (n > NAME_MAX)
		return errno = ENAMETOOLONG, -1;
	if (n == 0 || memchr(path.p + end, 0, n))
		return errno = path.n ? EISDIR : ENOENT, -1;
	memcpy(at->name, path.p + end, n);
	at->name[n] = 0;
	if (strcmp(at->name, ".") == 0 || strcmp(at->name, "..") == 0)
		return errno = EISDIR, -1;
	if (end == 0)
		path = span_str("/");
	else
		path.n = end;
	at->dir = reader_openat(root, path, O_PATH | O_DIRECTORY, 0);
	return at->dir < 0 ? -1 : 0;
}

static int change_unlink(const struct place *at, const struct wire_file_change *m)
{
	struct stat st;

	(void)m;
	if (fstatat(at->dir, at->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return -1;
	if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
		return errno = S_ISDIR(st.st_mode) ? EISDIR : EPERM, -1;
	return unlinkat(at->dir, at->name, 0);
}

static int change_mkdir(const struct place *at, const struct wire_file_change *m)
{
	return mkdirat(at->dir, at->name, m->mode & MODE_BITS);
}

static int change_symlink(const struct place *at, const struct wire_file_change *m)
{
	char text[PATH_MAX];

	if (m->text.n == 0 || m->text.n >= sizeof(text) || memchr(m->text.p, 0, m->text.n))
		return errno = EINVAL, -1;
	memcpy(text, m->text.p, m->text.n);
	text[m->text.n] = 0;
	return symlinkat(text, at->dir, at->name);
}

/* What is meant is where the name leads to: found anew, below the root. */
static int change_mode(int root, const struct wire_file_change *m)
{
	int fd = reader_openat(root, m->path, O_PATH, 0), ret = -1, why;
	struct stat st;
	char name[32];

	if (fd < 0)
		return -1;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	if (fstat(fd, &st) == 0) {
		errno = EPERM;
		if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
			ret = chmod(name, m->mode & MODE_BITS);
	}
	why = errno;
	close(fd);
	errno = why;
	return ret;
}

typedef int change_name(const struct place *at, const struct wire_file_change *m);

static int change_in_place(int root, const struct wire_file_change *m, change_name *how)
{
	struct place at;
	int ret, why;

	if (split(root, m->path, &at) != 0)
		return -1;
	ret = how(&at, m);
	why = errno;
	close(at.dir);
	errno = why;
	return ret;
}

static change_name *const changes[] = {
    [WIRE_FILE_UNLINK] = change_unlink,
    [WIRE_FILE_MKDIR] = change_mkdir,
    [WIRE_FILE_CHMOD] = NULL,
    [WIRE_FILE_SYMLINK] = change_symlink,
};

/* The deed behind the path, since a long one loses its beginning. */
static int record_change(
    struct call *c, const struct reader_who *who, const struct wire_file_change *m)
{
	static const char *const deeds[] = {
	    [WIRE_FILE_UNLINK] = "unlink",
	    [WIRE_FILE_MKDIR] = "mkdir",
	    [WIRE_FILE_CHMOD] = "chmod",
	    [WIRE_FILE_SYMLINK] = "symlink",
	};
	bool has_mode = m->change == WIRE_FILE_MKDIR || m->change == WIRE_FILE_CHMOD;
	char text[PATH_MAX + 32];
	int n = snprintf(text, sizeof(text), "%.*s (%s", (int)m->path.n, (const char *)m->path.p,
	    deeds[m->change]);

	snprintf(text + n, sizeof(text) - (size_t)n, has_mode ? " %o)" : ")", m->mode & MODE_BITS);
	return reader_record(c, IPC_FILE_CHANGE, who, span_str(text), 0, &(struct stat){0});
}

int on_file_change(struct call *c)
{
	struct wire_file_change m;
	struct reader_who who;
	int root, err, ret;

	wire_decode_file_change(c->body, &m);
	if (m.change >= sizeof(changes) / sizeof(changes[0]))
		return E_MALFORMED;
	err = reader_root(c, m.pid, m.start, &who, &root);
	if (err != E_OK)
		return err;
	err = record_change(c, &who, &m);
	if (err == E_OK) {
		ret = changes[m.change] ? change_in_place(root, &m, changes[m.change])
					: change_mode(root, &m);
		err = ret != 0 ? reader_failed(c, errno, m.path) : E_OK;
	}
	if (err == E_OK)
		serve_ok(c->reply);
	close(root);
	reader_done(&who);
	return err;
}
