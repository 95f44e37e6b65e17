/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/rsp/rsp_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	BLOCK = 64 * 1024,
	STEP_MIN = 4 * BLOCK,          /* fetched at a jump, and twice as much each time ... */
	STEP_MAX = 4 * 1024 * 1024,    /* ... that it goes on there, up to this */
	WHOLE = 4 * 1024 * 1024,       /* with a build-id, files up to this come whole */
	KEPT_MAX = 512 * 1024 * 1024,  /* bytes of files that nobody has open */
	KEPT_FILES = 64,
	FILE_MAX = 1024 * 1024 * 1024, /* above, nothing is kept: each read goes to the box */
};

struct cached_file {
	struct cached_file *next;
	struct rsp_cache *cache;
	unsigned users;
	struct he_file_stat st;
	char id[CACHE_ID]; /* empty = none */
	uint8_t head[CACHE_HEAD];
	size_t head_len;
	int fd;        /* the copy, or the local file; -1 = it is too big for either */
	bool local;    /* the whole of it is here */
	bool linkable; /* the copy can get a name */
	uint8_t *have; /* of each block: is it here? */
	size_t blocks, missing;
	uint64_t next_at; /* behind what was fetched last ... */
	size_t step;      /* ... so much at once */
};

struct rsp_cache {
	char *dir;
	struct cached_file *files; /* the newest first */
	struct rsp_cache_counts counts;
};

struct rsp_cache *rsp_cache_new(const char *dir)
{
	struct rsp_cache *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->dir = dir ? strdup(dir) : NULL;
	return c;
}

static void free_file(struct cached_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	free(f->have);
	free(f);
}

void rsp_cache_free(struct rsp_cache *c)
{
	if (!c)
		return;
	while (c->files) {
		struct cached_file *f = c->files;

		c->files = f->next;
		free_file(f);
	}
	free(c->dir);
	free(c);
}

void rsp_cache_counts(const struct rsp_cache *c, struct rsp_cache_counts *ret)
{
	*ret = c->counts;
}

/* ---- what this machine has --------------------------------------------------------------- */

/* Without waiting for what only pretends to be a file. */
static int open_same(const struct cached_file *f, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	uint8_t head[CACHE_HEAD];
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == f->st.size &&
	    pread(fd, head, f->head_len, 0) == (ssize_t)f->head_len &&
	    memcmp(head, f->head, f->head_len) == 0)
		return fd;
	close(fd);
	return -1;
}

static int open_joined(
    const struct cached_file *f, const char *dir, const char *more, const char *name)
{
	char *path;
	int fd;

	if (!dir || asprintf(&path, "%s%s/%s/%s", dir, more, f->id, name) < 0)
		return -1;
	fd = open_same(f, path);
	free(path);
	return fd;
}

/* debuginfod_find_executable(3): where its client keeps what it has got. */
static int open_debuginfod(const struct cached_file *f)
{
	const char *dir = secure_getenv("DEBUGINFOD_CACHE_PATH");

	if (dir)
		return open_joined(f, dir, "", "executable");
	dir = secure_getenv("XDG_CACHE_HOME");
	if (dir)
		return open_joined(f, dir, "/debuginfod_client", "executable");
	return open_joined(f, secure_getenv("HOME"), "/.cache/debuginfod_client", "executable");
}

static int open_local(const struct cached_file *f, const char *path)
{
	int fd = -1;

	if (*f->id)
		fd = open_joined(f, f->cache->dir, "", "elf");
	if (fd < 0 && *f->id && *path == '/')
		fd = open_same(f, path);
	if (fd < 0 && *f->id)
		fd = open_debuginfod(f);
	return fd;
}

/* ---- copies ---------------------------------------------------------------------------------- */

/* In the cache's directory without a name, so that it can get one when it is whole. */
static int make_copy(struct cached_file *f)
{
	const char *dir = f->cache->dir;
	int fd = -1;

	if (*f->id && dir) {
		mkdir(dir, 0700);
		fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	}
	f->linkable = fd >= 0;
	return fd >= 0 ? fd : memfd_create("file", MFD_CLOEXEC);
}

/* Give a whole copy its name.  That another session was quicker is fine. */
static void keep(const struct cached_file *f)
{
	char from[32], *dir, *to;

	if (!f->linkable || f->missing || asprintf(&dir, "%s/%s", f->cache->dir, f->id) < 0)
		return;
	mkdir(dir, 0700);
	if (asprintf(&to, "%s/elf", dir) >= 0) {
		snprintf(from, sizeof(from), "/proc/self/fd/%d", f->fd);
		(void)!linkat(AT_FDCWD, from, AT_FDCWD, to, AT_SYMLINK_FOLLOW);
		free(to);
	}
	free(dir);
}

static bool prepare(struct cached_file *f, const char *path)
{
	f->fd = open_local(f, path);
	f->local = f->fd >= 0;
	if (f->local || f->st.size > FILE_MAX)
		return true;
	f->blocks = f->missing = (size_t)((f->st.size + BLOCK - 1) / BLOCK);
	f->have = calloc(f->blocks + 1, 1);
	f->fd = make_copy(f);
	return f->have && f->fd >= 0;
}

/* ---- opening ----------------------------------------------------------------------------------
 */

static bool same(
    const struct cached_file *f, const struct he_file_stat *st, const void *head, size_t n)
{
	return f->st.dev == st->dev && f->st.ino == st->ino && f->st.size == st->size &&
	       f->st.mtime == st->mtime && f->st.mtime_ns == st->mtime_ns &&
	       f->st.ctime == st->ctime && f->st.ctime_ns == st->ctime_ns && f->head_len == n &&
	       memcmp(f->head, head, n) == 0;
}

/* Those nobody has open, the oldest first, until what is kept is within its bounds. */
static void shrink(struct rsp_cache *c)
{
	struct cached_file **at = &c->files;
	uint64_t sum = 0;
	unsigned kept = 0;

	while (*at) {
		struct cached_file *f = *at;

		sum += f->local ? 0 : (uint64_t)(f->blocks - f->missing) * BLOCK;
		kept += !f->users;
		if (f->users || (!f->local && sum <= KEPT_MAX && kept <= KEPT_FILES)) {
			at = &f->next;
			continue;
		}
		*at = f->next;
		free_file(f);
	}
}

struct cached_file *rsp_cache_open(struct rsp_cache *c, const struct he_file_stat *st,
    const char *path, const void *head, size_t head_len)
{
	struct cached_file *f = c->files;

	if (head_len > CACHE_HEAD)
		head_len = CACHE_HEAD;
	while (f && !same(f, st, head, head_len))
		f = f->next;
	c->counts.opened++;
	if (f) {
		f->users++;
		c->counts.local += f->local;
		return f;
	}
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	*f =
	    (struct cached_file){.cache = c, .users = 1, .st = *st, .head_len = head_len, .fd = -1};
	memcpy(f->head, head, head_len);
	if (!rsp_build_id(head, head_len, f->id))
		*f->id = 0;
	if (!prepare(f, path)) {
		free_file(f);
		return NULL;
	}
	c->counts.local += f->local;
	f->next = c->files;
	c->files = f;
	shrink(c);
	return f;
}

void rsp_cache_close(struct cached_file *f)
{
	if (!f)
		return;
	f->users--;
	shrink(f->cache);
}

/* ---- reading ------------------------------------------------------------------------------------
 */

static struct he_error *fetch(
    struct cached_file *f, const struct he_root *root, const char *path, uint64_t from, size_t len)
{
	uint8_t *buf = malloc(len);
	struct he_error *err;
	size_t got = 0, first = (size_t)(from / BLOCK);

	if (!buf)
		return NULL; /* the caller finds it missing */
	err = he_file_pread(root, path, f->st.dev, f->st.ino, from, buf, len, &got);
	f->cache->counts.fetched += got;
	if (!err && pwrite(f->fd, buf, got, (off_t)from) == (ssize_t)got)
		for (size_t i = first; i < f->blocks && (uint64_t)i * BLOCK < from + got; i++) {
			uint64_t end = (uint64_t)(i + 1) * BLOCK;

			/* Cut short by a file that shrank, a block is not here. */
			if (f->have[i] || (end > from + got && from + got < f->st.size))
				continue;
			f->have[i] = 1;
			f->missing--;
		}
	free(buf);
	if (!err && !f->missing)
		keep(f);
	return err;
}

/* How much to fetch at a block that is missing, and is wanted up to end. */
static size_t stride(struct cached_file *f, uint64_t from, uint64_t end)
{
	uint64_t n;

	f->step = from == f->next_at && f->step ? f->step * 2 : STEP_MIN;
	if (f->step > STEP_MAX)
		f->step = STEP_MAX;
	n = end - from > f->step ? end - from : f->step;
	if (n > STEP_MAX)
		n = STEP_MAX;
	if (from + n > f->st.size)
		n = f->st.size - from;
	return (size_t)n;
}

/* Up to a block that is here already. */
static size_t gap(const struct cached_file *f, size_t block, size_t n)
{
	size_t i = block;

	while (i < f->blocks && !f->have[i] && (i - block) * BLOCK < n)
		i++;
	return (i - block) * BLOCK < n ? (i - block) * BLOCK : n;
}

static struct he_error *have(struct cached_file *f, const struct he_root *root, const char *path,
    uint64_t offset, size_t len)
{
	uint64_t end = offset + len;

	if (*f->id && f->st.size <= WHOLE && f->missing == f->blocks)
		return fetch(f, root, path, 0, (size_t)f->st.size);
	for (size_t i = (size_t)(offset / BLOCK); i < f->blocks && (uint64_t)i * BLOCK < end; i++) {
		uint64_t from = (uint64_t)i * BLOCK;
		struct he_error *err;
		size_t n;

		if (f->have[i])
			continue;
		n = gap(f, i, stride(f, from, end));
		err = fetch(f, root, path, from, n);
		if (err)
			return err;
		f->next_at = from + n;
		if (!f->have[i])
			break;
	}
	return NULL;
}

/* The bytes from offset on that are here. */
static size_t present(const struct cached_file *f, uint64_t offset, size_t len)
{
	uint64_t end = offset;

	if (f->local)
		return len;
	while (end < offset + len && f->have[end / BLOCK])
		end = (end / BLOCK + 1) * BLOCK;
	return end < offset + len ? (size_t)(end - offset) : len;
}

struct he_error *rsp_cache_read(struct cached_file *f, const struct he_root *root, const char *path,
    uint64_t offset, void *buf, size_t len, size_t *got)
{
	struct he_error *err = NULL;
	ssize_t n;

	*got = 0;
	if (offset >= f->st.size || !len)
		return NULL;
	if (len > f->st.size - offset)
		len = (size_t)(f->st.size - offset);
	if (f->fd < 0)
		return he_file_pread(root, path, f->st.dev, f->st.ino, offset, buf, len, got);
	if (!f->local)
		err = have(f, root, path, offset, len);
	if (err)
		return err;
	n = pread(f->fd, buf, present(f, offset, len), (off_t)offset);
	*got = n > 0 ? (size_t)n : 0;
	return NULL;
}
