/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Files of a box and texts of its /proc.  What can travel together does.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/err.h"
#include "host/dirs.h"
#include "host/engine/engine.h"
#include "host/errtext.h"

/* ---- reading -------------------------------------------------------------------- */

/* What is asked for, of whom, and what came. */
struct file_part {
	struct who who;
	const char *path;
	uint64_t dev, ino, offset;
	uint8_t *buf;
	size_t len, got;
	uint64_t size; /* of the whole file */
};

struct file_piece {
	struct file_part *f;
	size_t at, end; /* where in f->buf this request's data goes */
	size_t got;
};

static bool file_data_piece(void *arg, const struct wire_msg *m)
{
	struct file_piece *p = arg;
	struct wire_file_data q;

	if (!wire_decode_file_data(m->body, &q) || q.data.n > p->end - p->at - p->got ||
	    q.offset != p->f->offset + p->at + p->got)
		return false;
	if (q.data.n)
		memcpy(p->f->buf + p->at + p->got, q.data.p, q.data.n);
	p->got += q.data.n;
	p->f->size = q.size;
	return true;
}

static struct rpc_call *send_file(const struct file_part *f, size_t at, size_t len)
{
	const struct who *w = &f->who;
	struct wire_file_read q = {
	    .pid = w->handle ? 0 : w->pid,
	    .start = w->handle ? 0 : w->start,
	    .path = span_str(f->path),
	    .dev = f->dev,
	    .ino = f->ino,
	    .offset = f->offset + at,
	    .len = len,
	};

	return rpc_ask_file_read(w->server->rpc, w->handle, &q);
}

enum { FILE_CALLS = 16 }; /* at most so many under way */

/* The pieces from `from` on, as many as go together. */
static struct he_error *file_round(struct file_part *f, size_t from, size_t step, bool *end)
{
	struct rpc_call *c[FILE_CALLS] = {0};
	struct he_error *err = NULL;
	size_t n = 0;

	for (size_t at = from; at < f->len && n < FILE_CALLS; at += step)
		c[n++] = send_file(f, at, f->len - at < step ? f->len - at : step);
	for (size_t i = 0; i < n; i++) {
		size_t at = from + i * step;
		struct file_piece p = {
		    .f = f, .at = at, .end = f->len - at < step ? f->len : at + step};

		if (err || *end) {
			rpc_drop(c[i]);
			continue;
		}
		err = rpc_each(c[i], file_data_piece, &p);
		f->got += p.got;
		*end = p.got < p.end - p.at;
	}
	return err;
}

static struct he_error *read_part(struct file_part *f)
{
	size_t step = server_max_read(f->who.server);
	struct he_error *err = NULL;
	bool end = false;

	for (size_t at = 0; at < f->len && !end && !err; at += step * FILE_CALLS)
		err = file_round(f, at, step, &end);
	return err;
}

struct he_error *file_ask(struct he_target *t, const char *path, uint64_t dev, uint64_t ino,
    uint64_t offset, void *buf, size_t len, size_t *got, uint64_t *size)
{
	struct file_part f = {.who = who_is(t),
	    .path = path,
	    .dev = dev,
	    .ino = ino,
	    .offset = offset,
	    .buf = buf,
	    .len = len};
	struct he_error *err = read_part(&f);

	*got = f.got;
	*size = f.size;
	return err;
}

/* ---- by root ---------------------------------------------------------------------- */

static struct who of_root(const struct he_root *r)
{
	return (struct who){.server = r->server, .pid = r->pid, .start = r->start};
}

static bool details_piece(void *arg, const struct wire_msg *m)
{
	struct he_file_stat *to = arg;
	struct wire_file_details q;

	if (!wire_decode_file_details(m->body, &q))
		return false;
	*to = (struct he_file_stat){
	    .dev = q.dev,
	    .ino = q.ino,
	    .rdev = q.rdev,
	    .size = q.size,
	    .blocks = q.blocks,
	    .block_size = q.block_size,
	    .links = q.links,
	    .mode = q.mode,
	    .uid = q.uid,
	    .gid = q.gid,
	    .atime = q.atime,
	    .mtime = q.mtime,
	    .ctime = q.ctime,
	    .mtime_ns = q.mtime_ns,
	    .ctime_ns = q.ctime_ns,
	};
	return true;
}

static struct he_error *too_long(const char *path)
{
	return he_error_os(ENAMETOOLONG, "%.64s... is no path", path);
}

/* A path of the caller's fits into a message. */
static bool fits(const char *path)
{
	return strlen(path) <= HE_PATH_MAX;
}

static struct rpc_call *send_look(const struct he_root *r, const char *path, bool link)
{
	struct wire_file_look q = {.pid = r->pid,
	    .start = r->start,
	    .path = span_str(path),
	    .flags = link ? WIRE_LOOK_LINK : 0};

	return rpc_ask_file_look(r->server->rpc, 0, &q);
}

struct he_error *he_file_stat(
    const struct he_root *r, const char *path, bool link, struct he_file_stat *ret)
{
	return fits(path) ? rpc_each(send_look(r, path, link), details_piece, ret) : too_long(path);
}

/* One of he_file_open_all's, under way. */
struct opening {
	struct file_part part;
	struct rpc_call *look, *read;
};

static void send_opening(const struct he_root *r, struct he_file_opening *o, struct opening *to)
{
	*to = (struct opening){
	    .part = {.who = of_root(r), .path = o->path, .buf = o->head, .len = o->len}};
	o->got = 0;
	o->err = fits(o->path) ? NULL : too_long(o->path);
	if (o->err)
		return;
	to->look = send_look(r, o->path, false);
	to->read = send_file(&to->part, 0, o->len);
}

static void take_opening(struct he_file_opening *o, struct opening *from)
{
	struct file_piece p = {.f = &from->part, .end = o->len};
	struct he_error *err;

	if (o->err)
		return;
	o->err = rpc_each(from->look, details_piece, &o->st);
	if (o->err) {
		rpc_drop(from->read);
		return;
	}
	err = rpc_each(from->read, file_data_piece, &p);
	if (!err) {
		o->got = p.got;
	} else if (err->code == E_LOST || err->code == E_CANCELLED) {
		o->err = err;
		return;
	}
	/* It need not be a file, or may not be read: then there is no more to say of it. */
	he_error_free(err);
}

void he_file_open_all(const struct he_root *r, struct he_file_opening *v, size_t n)
{
	struct opening way[FILE_CALLS];

	for (size_t from = 0; from < n; from += FILE_CALLS) {
		size_t m = n - from < FILE_CALLS ? n - from : FILE_CALLS;

		for (size_t i = 0; i < m; i++)
			send_opening(r, &v[from + i], &way[i]);
		for (size_t i = 0; i < m; i++)
			take_opening(&v[from + i], &way[i]);
	}
}

struct he_error *he_file_open(const struct he_root *r, const char *path, struct he_file_stat *ret,
    void *head, size_t len, size_t *got)
{
	struct he_file_opening o = {.path = path, .head = head, .len = len};

	he_file_open_all(r, &o, 1);
	*got = o.got;
	if (!o.err)
		*ret = o.st;
	return o.err;
}

struct he_error *he_file_pread(const struct he_root *r, const char *path, uint64_t dev,
    uint64_t ino, uint64_t offset, void *buf, size_t len, size_t *got)
{
	struct file_part f = {.who = of_root(r),
	    .path = path,
	    .dev = dev,
	    .ino = ino,
	    .offset = offset,
	    .buf = buf,
	    .len = len};
	struct he_error *err = fits(path) ? read_part(&f) : too_long(path);

	*got = err ? 0 : f.got;
	return err;
}

/* Ends the call; the text with a NUL behind it, for the caller to free. */
static struct he_error *take_text(struct rpc_call *c, size_t max, char **ret, size_t *len)
{
	struct he_error *err;
	struct buf b;

	buf_init(&b, max + 1);
	err = rpc_each(c, bytes_piece, &b);
	buf_u8(&b, 0);
	if (!err && b.bad)
		err = he_error_new(E_NOMEM, "out of memory.");
	if (err) {
		buf_free(&b);
		return err;
	}
	*ret = (char *)b.p;
	*len = b.len - 1;
	return NULL;
}

struct he_error *he_file_readlink(const struct he_root *r, const char *path, char **ret)
{
	struct wire_file_link q = {.pid = r->pid, .start = r->start, .path = span_str(path)};
	size_t len;

	if (!fits(path))
		return too_long(path);
	return take_text(rpc_ask_file_link(r->server->rpc, 0, &q), HE_PATH_MAX, ret, &len);
}

/* ---- changing ----------------------------------------------------------------------- */

enum { WRITE_DATA = 60000 /* bytes in one request */ };

static struct rpc_call *send_write(
    const struct he_root *r, const char *path, const struct he_file_data *d, size_t at)
{
	size_t n = d->len - at < WRITE_DATA ? d->len - at : WRITE_DATA;
	struct wire_file_write q = {
	    .pid = r->pid,
	    .start = r->start,
	    .path = span_str(path),
	    .flags = at ? 0 : (uint8_t)d->flags,
	    .mode = d->mode,
	    .dev = d->dev,
	    .ino = d->ino,
	    .offset = d->offset + at,
	    .data = {(const uint8_t *)d->data + at, (uint32_t)n},
	};

	return rpc_ask_file_write(r->server->rpc, 0, &q);
}

struct he_error *he_file_write(const struct he_root *r, const char *path,
    const struct he_file_data *d, struct he_file_stat *ret)
{
	struct rpc_call *c[FILE_CALLS] = {0};
	struct he_error *err = NULL;
	struct he_file_stat st = {0};
	size_t at = 0;

	if (!fits(path))
		return too_long(path);
	do {
		size_t n = 0;

		do {
			c[n++] = send_write(r, path, d, at);
			at = d->len - at < WRITE_DATA ? d->len : at + WRITE_DATA;
		} while (at < d->len && n < FILE_CALLS);
		for (size_t i = 0; i < n; i++)
			if (err)
				rpc_drop(c[i]);
			else
				err = rpc_each(c[i], details_piece, &st);
	} while (!err && at < d->len);
	if (!err && ret)
		*ret = st;
	return err;
}

struct he_error *he_file_change(const struct he_root *r, const char *path, enum he_file_deed deed,
    uint32_t mode, const char *text)
{
	struct wire_file_change q = {
	    .pid = r->pid,
	    .start = r->start,
	    .path = span_str(path),
	    .change = (uint8_t)deed,
	    .mode = mode,
	    .text = span_str(text ? text : ""),
	};

	if (!fits(path) || (text && !fits(text)))
		return too_long(fits(path) ? text : path);
	return rpc_wait(rpc_ask_file_change(r->server->rpc, 0, &q), NULL);
}

/* ---- texts of /proc ------------------------------------------------------------------ */

enum { TEXT_MAX = 16 * 1024 * 1024, TEXT_CALLS = 32 /* under way at once */ };

static struct rpc_call *send_text(const struct who *w, enum he_text text)
{
	struct wire_proc_text q = {.pid = w->pid, .start = w->start, .text = (uint8_t)text};

	return rpc_ask_proc_text(w->server->rpc, 0, &q);
}

struct he_error *he_proc_text(const struct he_root *r, enum he_text text, char **ret, size_t *len)
{
	struct who w = of_root(r);

	return take_text(send_text(&w, text), TEXT_MAX, ret, len);
}

static bool ends_all(const struct he_error *err)
{
	return err->code == E_LOST || err->code == E_CANCELLED || err->code == E_UNKNOWN ||
	       err->code == E_NOMEM;
}

static struct he_error *texts_round(struct he_server *s, const struct he_process *v, size_t n,
    enum he_text text, he_text_sink *sink, void *arg)
{
	struct rpc_call *c[TEXT_CALLS];
	struct he_error *err = NULL;

	for (size_t i = 0; i < n; i++) {
		struct who w = {.server = s, .pid = v[i].pid, .start = v[i].start};

		c[i] = send_text(&w, text);
	}
	for (size_t i = 0; i < n; i++) {
		char *got = NULL;
		size_t len = 0;

		if (err) {
			rpc_drop(c[i]);
			continue;
		}
		err = take_text(c[i], TEXT_MAX, &got, &len);
		if (!err)
			sink(arg, &v[i], got, len);
		free(got);
		/* It ended meanwhile, or is not ours to look at. */
		if (err && !ends_all(err)) {
			he_error_free(err);
			err = NULL;
		}
	}
	return err;
}

struct he_error *he_proc_texts(struct he_server *s, const struct he_processes *p, enum he_text text,
    he_text_sink *sink, void *arg)
{
	struct he_error *err = NULL;

	for (size_t at = 0; at < p->n && !err; at += TEXT_CALLS)
		err = texts_round(
		    s, p->v + at, p->n - at < TEXT_CALLS ? p->n - at : TEXT_CALLS, text, sink, arg);
	return err;
}

const char *he_cache_dir(const struct he_server *s)
{
	/* Where nothing can be kept it goes without. */
	if (s->cache)
		he_error_free(dirs_above(s->cache));
	return s->cache;
}
