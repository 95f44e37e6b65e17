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
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "handlers.h"
#include "reader_path.h"
#include "tracer.h"

enum {
	FILE_DATA = 61440, /* bytes in one piece */
	ENTRY_REC = 11 + 255,
	ENTRIES_MAX = 65536, /* of a directory are listed */
};

/* ---- stat, readlink ------------------------------------------------------------------ */

int on_file_stat(struct call *c)
{
	struct buf *body = serve_scratch(c->serve);
	struct wire_file_stat m;
	struct reader_who who;
	struct stat st;
	int fd, err;

	wire_decode_file_stat(c->body, &m);
	err = reader_find(c, m.pid, m.start, m.path, 0, &who, &fd);
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
		err = reader_failed(c, errno, m.path);
	}
	close(fd);
	reader_done(&who);
	return err;
}

/* More of the same than version 1 tells. */
int on_file_look(struct call *c)
{
	struct wire_file_look m;
	struct reader_who who;
	struct stat st;
	int fd, err;

	wire_decode_file_look(c->body, &m);
	if (m.flags & ~WIRE_LOOK_LINK)
		return E_MALFORMED;
	err = reader_find(
	    c, m.pid, m.start, m.path, m.flags & WIRE_LOOK_LINK ? O_NOFOLLOW : 0, &who, &fd);
	if (err != E_OK)
		return err;
	if (fstat(fd, &st) == 0)
		err = reader_details(c, &st);
	else
		err = reader_failed(c, errno, m.path);
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
	err = reader_find(c, m.pid, m.start, m.path, O_NOFOLLOW, &who, &fd);
	if (err != E_OK)
		return err;
	buf_init(&text, PATH_MAX);
	os_errno = proc_readlink(fd, "", &text);
	if (os_errno)
		err = reader_failed(c, os_errno, m.path);
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
	reply_piece(r, span_whole(&body));
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

static int start_read(struct call *c, const struct wire_file_read *m, int path_fd)
{
	struct file_job *j = calloc(1, sizeof(*j));

	if (!j)
		return E_NOMEM;
	c->reply->state = j;
	c->reply->drop = drop_file;
	j->fd = reader_reopen(path_fd, O_RDONLY);
	if (j->fd < 0)
		return reader_failed(c, errno, m->path);
	j->offset = m->offset <= INT64_MAX ? m->offset : INT64_MAX;
	j->end = m->len < INT64_MAX - j->offset ? j->offset + m->len : INT64_MAX;
	c->reply->refill = refill_data;
	return E_OK;
}

/* What a file_read means, open with O_PATH. */
struct wanted {
	struct reader_who who;
	int fd;
	struct stat st;
	struct buf name; /* for the record */
};

static void wanted_free(struct wanted *w)
{
	if (w->fd >= 0)
		close(w->fd);
	reader_done(&w->who);
	buf_free(&w->name);
}

static int find_by_path(struct call *c, const struct wire_file_read *m, struct wanted *w)
{
	int err = reader_find(c, m->pid, m->start, m->path, 0, &w->who, &w->fd);

	if (err != E_OK)
		return err;
	err = reader_judge(w->fd, m->dev, m->ino, &w->st);
	buf_raw(&w->name, m->path.p, m->path.n);
	if (err == E_OK && w->name.bad)
		err = E_NOMEM;
	if (err == E_OK)
		return E_OK;
	wanted_free(w);
	reader_failed(c, 0, m->path);
	return err;
}

/* The program a process runs stays to be had when it is deleted, or another one is put in
 * its place.  On record is what the kernel calls it: the path is only what the host says. */
static int find_running(struct call *c, const struct wire_file_read *m, struct wanted *w)
{
	int err = reader_open(c, m->pid, m->start, &w->who);

	if (err != E_OK)
		return err;
	w->fd = openat(w->who.id.live, "exe", O_PATH | O_CLOEXEC);
	if (w->fd >= 0 && reader_judge(w->fd, m->dev, m->ino, &w->st) == E_OK &&
	    proc_readlink(w->who.id.live, "exe", &w->name) == 0)
		return E_OK;
	wanted_free(w);
	return E_CHANGED;
}

static int find_wanted(struct call *c, const struct wire_file_read *m, struct wanted *w)
{
	bool certain = (m->pid || c->h->target) && (m->dev || m->ino);
	int err = find_by_path(c, m, w);
	struct fault why = c->fault;

	if (!certain || (err != E_CHANGED && err != E_NO_FILE && err != E_NOT_DIR))
		return err;
	if (find_running(c, m, w) == E_OK)
		return E_OK;
	c->fault = why;
	return err;
}

int on_file_read(struct call *c)
{
	struct wanted w = {.fd = -1, .name.max = PATH_MAX};
	struct wire_file_read m;
	int err;

	wire_decode_file_read(c->body, &m);
	if (m.len > TRACER_MAX_READ)
		return E_TOO_BIG;
	err = find_wanted(c, &m, &w);
	if (err != E_OK)
		return err;
	err = reader_record(c, IPC_FILE_READ, &w.who, span_buf(&w.name), m.offset, &w.st);
	if (err == E_OK)
		err = start_read(c, &m, w.fd);
	else
		reader_failed(c, 0, m.path);
	wanted_free(&w);
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
	fd = reader_reopen(path_fd, O_RDONLY | O_DIRECTORY);
	j->dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (!j->dir) {
		int os_errno = errno;

		if (fd >= 0)
			close(fd);
		return reader_failed(c, os_errno, path);
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
	err = reader_find(c, m.pid, m.start, m.path, O_DIRECTORY, &who, &fd);
	if (err != E_OK)
		return err;
	err = start_list(c, fd, m.path);
	close(fd);
	reader_done(&who);
	return err;
}
