/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Files by path inside the target's own root (its mount namespace and chroot).  The
 * path is the host's and the files are the target's: neither is trusted.  What is
 * opened is looked at through an O_PATH descriptor first, because opening a device
 * for real can do things.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "handlers.h"
#include "reader.h"
#include "refuse.h"
#include "target.h"
#include "tracer.h"

enum {
	FILE_DATA = 61440, /* bytes in one piece */
	ENTRY_REC = 11 + 255,
	ENTRIES_MAX = 65536, /* of a directory are listed */
};

/* ---- opening ---------------------------------------------------------------------- */

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

static int failed(struct call *c, int os_errno, struct span path)
{
	size_t n = path.n < sizeof(c->fault.subject) - 1 ? path.n : sizeof(c->fault.subject) - 1;

	if (n)
		memcpy(c->fault.subject, path.p, n);
	c->fault.os_errno = os_errno;
	return to_code(os_errno);
}

/* A descriptor that can be looked at but not read.  Links lead nowhere but inside the
 * root, and those of /proc that are no real links (exe, fd) nowhere at all. */
static int open_path(int root, struct span path, uint64_t flags)
{
	struct open_how how = {
	    .flags = O_PATH | O_CLOEXEC | flags,
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

/* The same file again, for reading. */
static int reopen(int fd, int flags)
{
	char name[32];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	return open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | flags);
}

/* Who, and the path below that process's root: an O_PATH descriptor in *fd.  *who is
 * open when this succeeds. */
static int open_for(struct call *c, uint32_t pid, uint64_t start, struct span path, uint64_t flags,
    struct reader_who *who, int *fd)
{
	int root, err = reader_open(c, pid, start, who);

	*fd = -1;
	if (err != E_OK)
		return err;
	root = openat(who->id.live, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root >= 0) {
		*fd = open_path(root, path, flags);
		err = *fd < 0 ? failed(c, errno, path) : E_OK;
		close(root);
	} else if (!proc_alive(&who->id)) {
		err = who->own ? E_NO_PROCESS : E_GONE;
	} else {
		err = refuse_look(&who->id, errno, &c->fault);
	}
	if (err != E_OK)
		reader_done(who);
	return err;
}

/* ---- stat, readlink ------------------------------------------------------------------ */

int on_file_stat(struct call *c)
{
	struct buf *body = serve_scratch(c->serve);
	struct wire_file_stat m;
	struct reader_who who;
	struct stat st;
	int fd, err;

	wire_decode_file_stat(c->body, &m);
	err = open_for(c, m.pid, m.start, m.path, 0, &who, &fd);
	if (err != E_OK)
		return err;
	if (fstat(fd, &st) == 0) {
		wire_encode_file_facts(body, &(struct wire_file_facts){
						 .dev = st.st_dev,
						 .ino = st.st_ino,
						 .size = (uint64_t)st.st_size,
						 .mode = st.st_mode,
						 .uid = st.st_uid,
						 .gid = st.st_gid,
						 .mtime = st.st_mtim.tv_sec,
					     });
		err = serve_answer(c, body);
	} else {
		err = failed(c, errno, m.path);
	}
	close(fd);
	reader_done(&who);
	return err;
}

int on_file_link(struct call *c)
{
	struct buf text, *body = serve_scratch(c->serve);
	struct wire_file_link m;
	struct reader_who who;
	int fd, err, os_errno;

	wire_decode_file_link(c->body, &m);
	err = open_for(c, m.pid, m.start, m.path, O_NOFOLLOW, &who, &fd);
	if (err != E_OK)
		return err;
	buf_init(&text, PATH_MAX);
	os_errno = proc_readlink(fd, "", &text);
	if (os_errno)
		err = failed(c, os_errno, m.path);
	else {
		wire_encode_bytes(body, &(struct wire_bytes){.data = span_buf(&text)});
		err = serve_answer(c, body);
	}
	buf_free(&text);
	close(fd);
	reader_done(&who);
	return err;
}

/* ---- read ---------------------------------------------------------------------------- */

struct file_job {
	int fd;
	uint64_t offset, end; /* what is still to be sent */
};

static void refill_data(struct reply *r)
{
	struct file_job *j = r->state;
	uint8_t data[FILE_DATA];
	uint64_t left = j->end - j->offset;
	size_t want = left < sizeof(data) ? (size_t)left : sizeof(data);
	ssize_t n = want ? pread(j->fd, data, want, (off_t)j->offset) : 0;
	struct wire_file_data m = {.offset = j->offset};
	struct fault f = {.code = E_OS, .os_errno = errno};
	struct stat st;
	struct buf body;

	if (n < 0 || fstat(j->fd, &st) != 0) {
		reply_fail(r, &f);
		return;
	}
	m.size = (uint64_t)st.st_size;
	m.data = (struct span){data, (uint32_t)n};
	buf_init(&body, WIRE_PIECE);
	wire_encode_file_data(&body, &m);
	reply_piece(r, span_buf(&body));
	buf_free(&body);
	j->offset += (uint64_t)n;
	/* Short: the file's end, wherever it is by now. */
	if ((size_t)n < want || j->offset == j->end)
		if (!r->done)
			reply_done(r);
}

static void drop_file(struct reply *r)
{
	struct file_job *j = r->state;

	if (j->fd >= 0)
		close(j->fd);
	free(j);
}

/* A regular file of a real file system, and the one that is meant: 0 or the code. */
static int judge_file(int fd, const struct wire_file_read *m, struct stat *st)
{
	struct statfs fs;

	if (fstat(fd, st) != 0 || fstatfs(fd, &fs) != 0)
		return E_OS;
	/* Files of /proc say who looks, which here is not the target. */
	if (!S_ISREG(st->st_mode) || fs.f_type == PROC_SUPER_MAGIC)
		return E_NOT_FILE;
	if ((m->dev || m->ino) && (m->dev != st->st_dev || m->ino != st->st_ino))
		return E_CHANGED;
	return E_OK;
}

static int start_read(struct call *c, const struct wire_file_read *m, int path_fd)
{
	struct file_job *j = calloc(1, sizeof(*j));

	if (!j)
		return E_NOMEM;
	c->reply->state = j;
	c->reply->drop = drop_file;
	j->fd = reopen(path_fd, 0);
	if (j->fd < 0)
		return failed(c, errno, m->path);
	j->offset = m->offset <= INT64_MAX ? m->offset : INT64_MAX;
	j->end = m->len < INT64_MAX - j->offset ? j->offset + m->len : INT64_MAX;
	c->reply->refill = refill_data;
	return E_OK;
}

/* A file comes in pieces, which share one record. */
static bool is_recorded(const struct tracer *t, const struct recorded *r)
{
	for (unsigned i = 0; i < TRACER_RECORDED; i++) {
		const struct recorded *k = &t->recorded[i];

		if (k->pid == r->pid && k->start == r->start && k->dev == r->dev &&
		    k->ino == r->ino)
			return true;
	}
	return false;
}

/* From its start, or from anywhere when nothing of it was fetched lately. */
static int audit_read(struct tracer *t, const struct reader_who *who,
    const struct wire_file_read *m, const struct stat *st)
{
	struct recorded r = {who->id.pid, who->id.start, st->st_dev, st->st_ino};
	struct span path = m->path;
	char name[256];
	size_t n = path.n < sizeof(name) - 1 ? path.n : sizeof(name) - 1;
	int err;

	if (m->offset != 0 && is_recorded(t, &r))
		return E_OK;
	memcpy(name, path.p, n);
	name[n] = 0;
	err = target_audit(IPC_FILE_READ, &who->id, name, (uint64_t)st->st_size, E_OK);
	if (err == E_OK)
		t->recorded[t->nrecorded++ % TRACER_RECORDED] = r;
	return err;
}

int on_file_read(struct call *c)
{
	struct wire_file_read m;
	struct reader_who who;
	struct stat st;
	int fd, err;

	wire_decode_file_read(c->body, &m);
	if (m.len > TRACER_MAX_READ)
		return E_TOO_BIG;
	err = open_for(c, m.pid, m.start, m.path, 0, &who, &fd);
	if (err != E_OK)
		return err;
	err = judge_file(fd, &m, &st);
	if (err == E_OK)
		err = audit_read(c->tracer, &who, &m, &st);
	if (err == E_OK)
		err = start_read(c, &m, fd);
	else
		failed(c, 0, m.path);
	close(fd);
	reader_done(&who);
	return err;
}

/* ---- list ------------------------------------------------------------------------------- */

struct list_job {
	DIR *dir;
	uint32_t count;
	bool cut;
	struct pack pack;
};

static void encode_entries(struct pack *p, struct buf *out)
{
	const struct list_job *j = p->arg;

	wire_encode_entries(out, &(struct wire_entries){.entries = pack_list(p, 0), .cut = j->cut});
}

static void refill_list(struct reply *r)
{
	struct list_job *j = r->state;
	unsigned before = r->pieces;

	while (r->pieces == before && !r->done) {
		const struct dirent *e = readdir(j->dir);
		struct wire_rec_entry rec;

		j->cut = e && j->count == ENTRIES_MAX;
		if (!e || j->cut) {
			pack_flush(&j->pack);
			if (!r->done)
				reply_done(r);
			return;
		}
		rec = (struct wire_rec_entry){
		    .ino = e->d_ino, .type = e->d_type, .name = span_str(e->d_name)};
		wire_put_entry(pack_room(&j->pack, 0, ENTRY_REC), &rec);
		j->count++;
	}
}

static void drop_list(struct reply *r)
{
	struct list_job *j = r->state;

	if (j->dir)
		closedir(j->dir);
	pack_free(&j->pack);
	free(j);
}

static int start_list(struct call *c, int path_fd, struct span path)
{
	struct list_job *j = calloc(1, sizeof(*j));
	int fd;

	if (!j)
		return E_NOMEM;
	pack_init(&j->pack, c->reply, 5, encode_entries, j);
	c->reply->state = j;
	c->reply->drop = drop_list;
	fd = reopen(path_fd, O_DIRECTORY);
	j->dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (!j->dir) {
		int os_errno = errno;

		if (fd >= 0)
			close(fd);
		return failed(c, os_errno, path);
	}
	c->reply->refill = refill_list;
	return E_OK;
}

int on_file_list(struct call *c)
{
	struct wire_file_list m;
	struct reader_who who;
	int fd, err;

	wire_decode_file_list(c->body, &m);
	err = open_for(c, m.pid, m.start, m.path, O_DIRECTORY, &who, &fd);
	if (err != E_OK)
		return err;
	err = start_list(c, fd, m.path);
	close(fd);
	reader_done(&who);
	return err;
}
