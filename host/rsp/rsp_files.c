/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <sys/stat.h>

#include "host/rsp/rsp_cache.h"
#include "host/rsp/rsp_file.h"
#include "host/rsp/rsp_looks.h"

enum { FILES_MAX = 64 };

struct open_file {
	char *path; /* NULL: this number is free */
	struct he_root root;
	struct he_file_stat st;
	unsigned how;
	struct cached_file *cached; /* of one that is only read */
	char *text;                 /* of one of /proc: all of it ... */
	size_t text_len;            /* ... as it was when it was opened */
};

struct rsp_files {
	struct rsp_cache *cache;
	struct rsp_looks *looks;
	uint32_t pid; /* vFile:setfs */
	struct open_file v[FILES_MAX];
};

static struct rsp_files *files_of(struct rsp *r)
{
	if (r->files)
		return r->files;
	r->files = calloc(1, sizeof(*r->files));
	if (!r->files)
		return NULL;
	r->files->cache = rsp_cache_new(he_cache_dir(r->server));
	r->files->looks = rsp_looks_new();
	if (!r->files->cache || !r->files->looks)
		rsp_files_closed(r);
	return r->files;
}

static void close_file(struct open_file *f)
{
	rsp_cache_close(f->cached);
	free(f->text);
	free(f->path);
	*f = (struct open_file){0};
}

void rsp_files_closed(struct rsp *r)
{
	struct rsp_files *files = r->files;

	if (!files)
		return;
	for (size_t i = 0; i < FILES_MAX; i++)
		close_file(&files->v[i]);
	rsp_cache_free(files->cache);
	rsp_looks_free(files->looks);
	free(files);
	r->files = NULL;
}

void rsp_files_stale(struct rsp *r, struct rsp_process *p)
{
	(void)p;
	if (r->files)
		rsp_looks_forget(r->files->looks);
}

void rsp_file_expect(struct rsp *r, const char *path)
{
	struct rsp_files *files = files_of(r);

	if (files)
		rsp_looks_expect(files->looks, path);
}

static struct open_file *by_number(struct rsp *r, uint64_t fd)
{
	struct open_file *f = r->files && fd < FILES_MAX ? &r->files->v[fd] : NULL;

	return f && f->path ? f : NULL;
}

/* Its errno below zero, and frees it. */
static int failed(struct he_error *e)
{
	int os_errno = rsp_errno(e);

	he_error_free(e);
	return -os_errno;
}

static int failed_or_ok(struct he_error *e)
{
	return e ? failed(e) : 0;
}

int rsp_file_setfs(struct rsp *r, uint32_t pid)
{
	struct rsp_files *files = files_of(r);

	if (!files)
		return -ENOMEM;
	files->pid = pid;
	return 0;
}

struct he_root rsp_file_root(struct rsp *r)
{
	struct he_root root = {.server = r->server, .pid = r->files ? r->files->pid : 0};
	struct rsp_process *p = root.pid ? rsp_process_find(r, root.pid) : NULL;
	struct he_target_info info;

	if (p) {
		he_target_info(p->t, &info);
		root.start = info.start;
	}
	return root;
}

/* ---- opening ------------------------------------------------------------------------------ */

static int open_reading(struct rsp_files *files, struct open_file *f)
{
	uint8_t head[CACHE_HEAD];
	size_t got;
	struct he_error *e = rsp_looks_open(files->looks, &f->root, f->path, &f->st, head, &got);

	if (e)
		return failed(e);
	if (!S_ISREG(f->st.mode))
		return S_ISDIR(f->st.mode) ? 0 : -EINVAL;
	/* It is there, but its bytes are not to be had: not allowed, or they are /proc's. */
	if (!got && f->st.size)
		return -EACCES;
	f->cached = rsp_cache_open(files->cache, &f->st, f->path, head, got);
	return f->cached ? 0 : -ENOMEM;
}

/* What GDB reads of /proc/PID for info proc, and to write core files.  They are no files as
 * others: who reads them by path is told of itself, so that boxes have requests of their own
 * for them. */
static const struct {
	const char *name;
	enum he_text text;
} proc_files[] = {
    {"cmdline", HE_TEXT_CMDLINE},
    {"coredump_filter", HE_TEXT_COREDUMP_FILTER},
    {"maps", HE_TEXT_MAPS},
    {"smaps", HE_TEXT_SMAPS},
    {"stat", HE_TEXT_STAT},
    {"status", HE_TEXT_STATUS},
};

static bool find_proc(const char *path, uint32_t *pid, enum he_text *text)
{
	static const char root[] = "/proc/";
	char *end;
	unsigned long n;

	if (strncmp(path, root, sizeof(root) - 1) != 0 || path[sizeof(root) - 1] < '0' ||
	    path[sizeof(root) - 1] > '9')
		return false;
	n = strtoul(path + sizeof(root) - 1, &end, 10);
	if (!n || n > INT32_MAX || *end++ != '/')
		return false;
	*pid = (uint32_t)n;
	for (size_t i = 0; i < sizeof(proc_files) / sizeof(proc_files[0]); i++)
		if (strcmp(end, proc_files[i].name) == 0) {
			*text = proc_files[i].text;
			return true;
		}
	return false;
}

static int open_proc(struct open_file *f, uint32_t pid, enum he_text text)
{
	const struct he_root of = {.server = f->root.server, .pid = pid};
	struct he_error *e = he_proc_text(&of, text, &f->text, &f->text_len);

	f->st.mode = S_IFREG | S_IRUSR | S_IRGRP | S_IROTH;
	return failed_or_ok(e);
}

static int open_writing(struct rsp_files *files, struct open_file *f, uint32_t mode)
{
	struct he_file_data q = {.mode = mode};

	rsp_looks_forget(files->looks);
	q.flags |= f->how & RSP_OPEN_CREATE ? HE_FILE_CREATE : 0;
	q.flags |= f->how & RSP_OPEN_EMPTY ? HE_FILE_EMPTY : 0;
	q.flags |= f->how & RSP_OPEN_CREATE && f->how & RSP_OPEN_NEW ? HE_FILE_NEW : 0;
	return failed_or_ok(he_file_write(&f->root, f->path, &q, &f->st));
}

int rsp_file_open(struct rsp *r, const char *path, unsigned how, uint32_t mode)
{
	struct rsp_files *files = files_of(r);
	struct open_file *f;
	enum he_text text;
	uint32_t pid;
	int fd = 0, ret;

	if (!files)
		return -ENOMEM;
	while (fd < FILES_MAX && files->v[fd].path)
		fd++;
	if (fd == FILES_MAX)
		return -EMFILE;
	f = &files->v[fd];
	*f = (struct open_file){.path = strdup(path), .root = rsp_file_root(r), .how = how};
	if (!f->path)
		return -ENOMEM;
	if (how & RSP_OPEN_WRITE)
		ret = open_writing(files, f, mode);
	else if (find_proc(path, &pid, &text))
		ret = open_proc(f, pid, text);
	else
		ret = open_reading(files, f);
	if (ret < 0) {
		close_file(f);
		return ret;
	}
	return fd;
}

int rsp_file_close(struct rsp *r, uint64_t fd)
{
	struct open_file *f = by_number(r, fd);

	if (!f)
		return -EBADF;
	close_file(f);
	return 0;
}

/* ---- reading and writing --------------------------------------------------------------------- */

int rsp_file_read(struct rsp *r, uint64_t fd, uint64_t offset, void *buf, size_t len, size_t *got)
{
	struct open_file *f = by_number(r, fd);
	struct he_error *e;

	if (!f || !(f->how & RSP_OPEN_READ))
		return -EBADF;
	if (S_ISDIR(f->st.mode))
		return -EISDIR;
	if (f->text) {
		size_t left = offset < f->text_len ? f->text_len - (size_t)offset : 0;

		*got = len < left ? len : left;
		memcpy(buf, f->text + (offset < f->text_len ? offset : 0), *got);
		return 0;
	}
	if (!f->cached)
		return failed_or_ok(
		    he_file_pread(&f->root, f->path, f->st.dev, f->st.ino, offset, buf, len, got));
	e = rsp_cache_read(f->cached, &f->root, f->path, offset, buf, len, got);
	if (e)
		return failed(e);
	/* Shorter than when it was opened, or there is no room for it here. */
	return !*got && len && offset < f->st.size ? -EIO : 0;
}

int rsp_file_write(struct rsp *r, uint64_t fd, uint64_t offset, struct span data)
{
	struct open_file *f = by_number(r, fd);
	struct he_file_data q;

	if (!f || !(f->how & RSP_OPEN_WRITE))
		return -EBADF;
	rsp_looks_forget(r->files->looks);
	q = (struct he_file_data){
	    .dev = f->st.dev,
	    .ino = f->st.ino,
	    .offset = f->how & RSP_OPEN_APPEND ? f->st.size : offset,
	    .data = data.p,
	    .len = data.n,
	};
	return failed_or_ok(he_file_write(&f->root, f->path, &q, &f->st));
}

int rsp_file_stat(struct rsp *r, uint64_t fd, struct he_file_stat *ret)
{
	struct open_file *f = by_number(r, fd);

	if (!f)
		return -EBADF;
	*ret = f->st;
	return 0;
}

void rsp_file_counts(const struct rsp *r, struct rsp_cache_counts *ret)
{
	*ret = (struct rsp_cache_counts){0};
	if (r->files)
		rsp_cache_counts(r->files->cache, ret);
}
