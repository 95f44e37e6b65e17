/* SPDX-License-Identifier: BSD-2-Clause */
#include "reader_path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "refuse.h"
#include "target.h"
#include "tracer.h"

static int to_code(int os_errno)
{
	switch (os_errno) {
	case ENOENT:
		return E_NO_FILE;
	case ENOTDIR:
		return E_NOT_DIR;
	case ENAMETOOLONG:
		return E_TOO_BIG;
	default:
		return E_OS;
	}
}

int reader_failed(struct call *c, int os_errno, struct span path)
{
	size_t n = path.n < sizeof(c->fault.subject) - 1 ? path.n : sizeof(c->fault.subject) - 1;

	if (n)
		memcpy(c->fault.subject, path.p, n);
	c->fault.os_errno = os_errno;
	return to_code(os_errno);
}

int reader_openat(int root, struct span path, uint64_t flags, unsigned mode)
{
	struct open_how how = {
	    .flags = O_CLOEXEC | flags,
	    .mode = mode,
	    .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	char text[PATH_MAX];

	if (path.n == 0 || path.n >= sizeof(text))
		return errno = path.n ? ENAMETOOLONG : ENOENT, -1;
	if (memchr(path.p, 0, path.n))
		return errno = ENOENT, -1;
	memcpy(text, path.p, path.n);
	text[path.n] = 0;
	return (int)syscall(SYS_openat2, root, text, &how, sizeof(how));
}

int reader_reopen(int fd, int flags)
{
	char name[32];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	return open(name, O_NONBLOCK | O_NOCTTY | O_CLOEXEC | flags);
}

static int own_root(struct reader_who *who, int *root)
{
	*who = (struct reader_who){.id = {.pidfd = -1, .dir = -1, .live = -1}};
	*root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return *root < 0 ? E_OS : E_OK;
}

int reader_root(struct call *c, uint32_t pid, uint64_t start, struct reader_who *who, int *root)
{
	int err;

	if (!pid && !c->h->target)
		return own_root(who, root);
	err = reader_open(c, pid, start, who);
	if (err != E_OK)
		return err;
	*root = openat(who->id.live, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*root >= 0)
		return E_OK;
	if (!proc_alive(&who->id))
		err = who->own ? E_NO_PROCESS : E_GONE;
	else
		err = refuse_look(&who->id, errno, &c->fault);
	reader_done(who);
	return err;
}

int reader_find(struct call *c, uint32_t pid, uint64_t start, struct span path, uint64_t flags,
    struct reader_who *who, int *fd)
{
	int root, err = reader_root(c, pid, start, who, &root);

	*fd = -1;
	if (err != E_OK)
		return err;
	*fd = reader_openat(root, path, O_PATH | flags, 0);
	if (*fd < 0)
		err = reader_failed(c, errno, path);
	close(root);
	if (err != E_OK)
		reader_done(who);
	return err;
}

int reader_judge(int fd, uint64_t dev, uint64_t ino, struct stat *st)
{
	struct statfs fs;

	if (fstat(fd, st) != 0 || fstatfs(fd, &fs) != 0)
		return E_OS;
	/* Files of /proc say who looks, which here is not the target. */
	if (!S_ISREG(st->st_mode) || fs.f_type == PROC_SUPER_MAGIC)
		return E_NOT_FILE;
	if ((dev || ino) && (dev != st->st_dev || ino != st->st_ino))
		return E_CHANGED;
	return E_OK;
}

int reader_details(struct call *c, const struct stat *st)
{
	struct buf *body = serve_scratch(c->serve);
	struct wire_file_details m = {
	    .dev = st->st_dev,
	    .ino = st->st_ino,
	    .rdev = st->st_rdev,
	    .size = (uint64_t)st->st_size,
	    .blocks = (uint64_t)st->st_blocks,
	    .block_size = (uint32_t)st->st_blksize,
	    .links = (uint32_t)st->st_nlink,
	    .mode = st->st_mode,
	    .uid = st->st_uid,
	    .gid = st->st_gid,
	    .atime = st->st_atim.tv_sec,
	    .mtime = st->st_mtim.tv_sec,
	    .ctime = st->st_ctim.tv_sec,
	    .mtime_ns = (uint32_t)st->st_mtim.tv_nsec,
	    .ctime_ns = (uint32_t)st->st_ctim.tv_nsec,
	};

	wire_encode_file_details(body, &m);
	return serve_answer(c, body);
}

/* ---- the record ------------------------------------------------------------------------ */

/* Of a long path its end, which has the file's name: what stands in front of that can be made
 * as long as one likes ("/./././"). */
static void name_file(char name[256], struct span path)
{
	static const char dots[] = "...";
	size_t n = path.n < 256 ? path.n : 255 - strlen(dots);

	snprintf(name, 256, "%s%.*s", n < path.n ? dots : "", (int)n,
	    (const char *)path.p + (path.n - n));
}

static bool is_recorded(const struct tracer *t, const struct recorded *r)
{
	for (unsigned i = 0; i < TRACER_RECORDED; i++) {
		const struct recorded *k = &t->recorded[i];

		if (k->event == r->event && k->pid == r->pid && k->start == r->start &&
		    k->dev == r->dev && k->ino == r->ino)
			return true;
	}
	return false;
}

int reader_record(struct call *c, int event, const struct reader_who *who, struct span path,
    uint64_t offset, const struct stat *st)
{
	struct tracer *t = c->tracer;
	struct recorded r = {event, who->id.pid, who->id.start, st->st_dev, st->st_ino};
	char name[256];
	int err;

	if (offset != 0 && is_recorded(t, &r))
		return E_OK;
	name_file(name, path);
	err = target_audit(event, &who->id, name, (uint64_t)st->st_size, E_OK);
	if (err == E_OK)
		t->recorded[t->nrecorded++ % TRACER_RECORDED] = r;
	return err;
}
