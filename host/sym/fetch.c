/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/sym/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/err.h"
#include "host/dirs.h"
#include "host/errtext.h"
#include "host/sym/symfind.h"

enum { CHUNK = 1024 * 1024 };

char *fetch_cached(const struct sym_source *src, const struct build_id *id)
{
	char *path;

	if (!src->cache_dir || !id->n || asprintf(&path, "%s/%s/elf", src->cache_dir, id->hex) < 0)
		return NULL;
	return path;
}

/* A file to write to; *temp its name, NULL when it has none. */
static int make_file(const struct sym_source *src, const struct build_id *id, char **temp)
{
	char *path = NULL;
	int fd;

	*temp = NULL;
	if (src->cache_dir && id->n &&
	    asprintf(&path, "%s/%s/.XXXXXX", src->cache_dir, id->hex) >= 0) {
		he_error_free(dirs_above(path)); /* what cannot be kept is read all the same */
		fd = mkostemp(path, O_CLOEXEC);  /* 0600 */
		if (fd >= 0) {
			*temp = path;
			return fd;
		}
		free(path);
	}
	return memfd_create("elf", MFD_CLOEXEC);
}

static bool write_all(int fd, const uint8_t *p, size_t n)
{
	while (n) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return false;
		p += w;
		n -= (size_t)w;
	}
	return true;
}

static void report(const struct sym_source *src, const char *what, uint64_t done, uint64_t total)
{
	if (src->progress)
		src->progress(src->arg, what, done, total);
}

struct chunk {
	uint8_t *buf;
	size_t got;
	uint64_t size; /* of the whole file */
};

static struct he_error *read_chunk(
    const struct sym_source *src, const struct module *m, uint64_t at, struct chunk *c)
{
	c->got = 0;
	return src->file_read(
	    src->arg, m->name, m->dev, m->ino, at, c->buf, CHUNK, &c->got, &c->size);
}

static struct he_error *copy_chunks(
    const struct sym_source *src, const struct module *m, uint8_t *buf, int fd)
{
	struct chunk c = {.buf = buf};
	uint64_t done = 0;

	do {
		struct he_error *e = read_chunk(src, m, done, &c);

		if (e)
			return e;
		if (c.size > SYMFIND_MAX || c.got > CHUNK)
			return he_error_new(E_TOO_BIG, "%s: too big to be fetched", m->name);
		if (!write_all(fd, buf, c.got))
			return he_error_os(errno, "cannot keep a copy of %s", m->name);
		done += c.got;
		if (c.got == 0)
			break;
		report(src, m->name, done, c.size > done ? c.size : done);
	} while (done < c.size);
	if (done < c.size)
		return he_error_new(E_CHANGED, "%s: it became shorter while it was read", m->name);
	return NULL;
}

struct he_error *fetch_file(
    const struct sym_source *src, const struct module *m, int *fd, char **temp)
{
	uint8_t *buf = malloc(CHUNK);
	struct he_error *e;

	if (!buf)
		return he_error_new(E_NOMEM, "no memory to fetch %s", m->name);
	*fd = make_file(src, &m->id, temp);
	if (*fd < 0) {
		free(buf);
		return he_error_os(errno, "cannot keep a copy of %s", m->name);
	}
	e = copy_chunks(src, m, buf, *fd);
	free(buf);
	if (e) {
		close(*fd);
		fetch_discard(*temp);
		*temp = NULL;
		*fd = -1;
	}
	return e;
}

char *fetch_keep(const struct sym_source *src, const struct build_id *id, char *temp)
{
	char *path = temp ? fetch_cached(src, id) : NULL;

	if (path && rename(temp, path) == 0) {
		free(temp);
		return path;
	}
	free(path);
	fetch_discard(temp);
	return NULL;
}

void fetch_discard(char *temp)
{
	if (temp)
		unlink(temp);
	free(temp);
}
