/* SPDX-License-Identifier: BSD-2-Clause
 *
 * vFile packets: GDB's manual, "Host I/O Packets", with the numbers of "File-I/O".
 * (Those that LLDB adds, or means otherwise, are rsp_lldb_platform.c's.)
 */
#include "host/rsp/rsp_file.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "host/rsp/rsp_cache.h"
#include "host/rsp/rsp_parts.h"

/* ---- numbers of the protocol's own ---------------------------------------------------------- */

enum { FIO_EUNKNOWN = 9999, FIO_ENAMETOOLONG = 91 };

/* Those below 91 are Linux's. */
static const uint8_t same[] = {EPERM, ENOENT, EINTR, EIO, EBADF, EACCES, EFAULT, EBUSY, EEXIST,
    ENODEV, ENOTDIR, EISDIR, EINVAL, ENFILE, EMFILE, EFBIG, ENOSPC, ESPIPE, EROFS};

static unsigned fio_errno(int os_errno)
{
	for (size_t i = 0; i < sizeof(same); i++)
		if (same[i] == os_errno)
			return same[i];
	return os_errno == ENAMETOOLONG ? FIO_ENAMETOOLONG : FIO_EUNKNOWN;
}

static const struct {
	unsigned fio, how;
} flags[] = {
    {0x8, RSP_OPEN_APPEND}, {0x200, RSP_OPEN_CREATE}, {0x400, RSP_OPEN_EMPTY},
    {0x800, RSP_OPEN_NEW},
    /* LLDB's own; they mean something to a descriptor, which there is none of. */
    {1U << 28, 0}, /* not blocking */
    {1U << 30, 0}, /* closed by exec */
};

/* 0: they make no sense. */
static unsigned fio_flags(uint64_t fio)
{
	static const unsigned access[] = {
	    RSP_OPEN_READ, RSP_OPEN_WRITE, RSP_OPEN_READ | RSP_OPEN_WRITE};
	unsigned how = (fio & 3) < 3 ? access[fio & 3] : 0;

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (fio & flags[i].fio) {
			fio &= ~(uint64_t)flags[i].fio;
			how |= flags[i].how;
		}
	return fio < 3 ? how : 0;
}

static void put_be(struct buf *b, uint64_t v, unsigned bytes)
{
	while (bytes--)
		buf_u8(b, (uint8_t)(v >> (8 * bytes)));
}

/* struct fio_stat: big-endian, its kinds of files only three. */
static void put_stat(struct buf *b, const struct he_file_stat *st)
{
	uint32_t kind = st->mode & S_IFMT;

	if (kind != S_IFREG && kind != S_IFDIR && kind != S_IFCHR)
		kind = 0;
	put_be(b, st->dev, 4);
	put_be(b, st->ino, 4);
	put_be(b, kind | (st->mode & 0777), 4);
	put_be(b, st->links, 4);
	put_be(b, st->uid, 4);
	put_be(b, st->gid, 4);
	put_be(b, st->rdev, 4);
	put_be(b, st->size, 8);
	put_be(b, st->block_size, 8);
	put_be(b, st->blocks, 8);
	put_be(b, (uint64_t)st->atime, 4);
	put_be(b, (uint64_t)st->mtime, 4);
	put_be(b, (uint64_t)st->ctime, 4);
}

/* ---- replies -------------------------------------------------------------------------------- */

/* A result, or an errno value below zero. */
static void put_result(struct rsp *r, int64_t result)
{
	if (result < 0)
		rsp_putf(&r->reply, "F-1,%x", fio_errno((int)-result));
	else
		rsp_putf(&r->reply, "F%llx", (unsigned long long)result);
}

static void put_data(struct rsp *r, const void *data, size_t n)
{
	rsp_putf(&r->reply, "F%zx;", n);
	rsp_put_binary(&r->reply, data, n);
}

static void put_error(struct rsp *r, struct he_error *e)
{
	put_result(r, e ? -(int64_t)rsp_errno(e) : 0);
	he_error_free(e);
}

/* ---- packets -------------------------------------------------------------------------------- */

static void setfs(struct rsp *r, struct rd *args)
{
	uint64_t pid = rsp_take_hex(args);

	put_result(
	    r, rd_done(args) && pid <= INT32_MAX ? rsp_file_setfs(r, (uint32_t)pid) : -EINVAL);
}

/* GDB opens it only to see that there is such a packet. */
static const char probe[] = "just probing";

static void open_packet(struct rsp *r, struct rd *args)
{
	char *path = rsp_take_hexstr(args, HE_PATH_MAX);
	uint64_t fio, mode;
	unsigned how;

	rsp_want_char(args, ',');
	fio = rsp_take_hex(args);
	rsp_want_char(args, ',');
	mode = rsp_take_hex(args);
	how = fio_flags(fio);
	if (!path || !rd_done(args) || !how)
		put_result(r, -EINVAL);
	else if (strcmp(path, probe) == 0)
		put_result(r, -ENOENT);
	else
		put_result(r, rsp_file_open(r, path, how, (uint32_t)mode & 0777));
	free(path);
}

static void close_packet(struct rsp *r, struct rd *args)
{
	uint64_t fd = rsp_take_hex(args);

	put_result(r, rd_done(args) ? rsp_file_close(r, fd) : -EINVAL);
}

/* A read may bring less than was asked for: what fits into a packet, with all escaped. */
static void pread_packet(struct rsp *r, struct rd *args)
{
	enum { MOST = (RSP_PACKET - 64) / 2 };
	uint64_t fd = rsp_take_hex(args), len, offset;
	uint8_t *data;
	size_t got = 0;
	int err;

	rsp_want_char(args, ',');
	len = rsp_take_hex(args);
	rsp_want_char(args, ',');
	offset = rsp_take_hex(args);
	if (len > MOST)
		len = MOST;
	data = malloc(len + 1);
	if (!rd_done(args))
		err = -EINVAL;
	else
		err = data ? rsp_file_read(r, fd, offset, data, len, &got) : -ENOMEM;
	if (err < 0)
		put_result(r, err);
	else
		put_data(r, data, got);
	free(data);
}

static void pwrite_packet(struct rsp *r, struct rd *args)
{
	uint64_t fd = rsp_take_hex(args), offset;
	struct span data;
	int err;

	rsp_want_char(args, ',');
	offset = rsp_take_hex(args);
	rsp_want_char(args, ',');
	data = rsp_take_rest(args);
	err = args->bad ? -EINVAL : rsp_file_write(r, fd, offset, data);
	put_result(r, err < 0 ? err : (int64_t)data.n);
}

static void answer_stat(struct rsp *r, const struct he_file_stat *st)
{
	uint8_t room[64];
	struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};

	put_stat(&b, st);
	put_data(r, b.p, b.len);
}

static void fstat_packet(struct rsp *r, struct rd *args)
{
	uint64_t fd = rsp_take_hex(args);
	struct he_file_stat st;
	int err = rd_done(args) ? rsp_file_stat(r, fd, &st) : -EINVAL;

	if (err < 0)
		put_result(r, err);
	else
		answer_stat(r, &st);
}

static void stat_packet(struct rsp *r, struct rd *args)
{
	char *path = rsp_take_hexstr(args, HE_PATH_MAX);
	struct he_root root = rsp_file_root(r);
	struct he_file_stat st;
	struct he_error *e;

	if (!path || !rd_done(args)) {
		put_result(r, -EINVAL);
	} else {
		e = he_file_stat(&root, path, false, &st);
		if (e)
			put_error(r, e);
		else
			answer_stat(r, &st);
	}
	free(path);
}

static void unlink_packet(struct rsp *r, struct rd *args)
{
	char *path = rsp_take_hexstr(args, HE_PATH_MAX);
	struct he_root root = rsp_file_root(r);

	rsp_files_stale(r, NULL);
	if (path && rd_done(args))
		put_error(r, he_file_change(&root, path, HE_FILE_UNLINK, 0, NULL));
	else
		put_result(r, -EINVAL);
	free(path);
}

static void readlink_packet(struct rsp *r, struct rd *args)
{
	char *path = rsp_take_hexstr(args, HE_PATH_MAX), *text;
	struct he_root root = rsp_file_root(r);
	struct he_error *e;

	if (!path || !rd_done(args)) {
		put_result(r, -EINVAL);
	} else {
		e = he_file_readlink(&root, path, &text);
		if (e) {
			put_error(r, e);
		} else {
			put_data(r, text, strlen(text));
			free(text);
		}
	}
	free(path);
}

static const struct rsp_row rows[] = {
    {"vFile:setfs:", RSP_PREFIX, setfs, "gdb 7.10"},
    {"vFile:open:", RSP_PREFIX, open_packet, "gdb 6.8"},
    {"vFile:close:", RSP_PREFIX, close_packet, "gdb 6.8"},
    {"vFile:pread:", RSP_PREFIX, pread_packet, "gdb 6.8"},
    {"vFile:pwrite:", RSP_PREFIX, pwrite_packet, "gdb 6.8: remote put"},
    {"vFile:fstat:", RSP_PREFIX, fstat_packet, "gdb 7.10"},
    {"vFile:stat:", RSP_PREFIX, stat_packet, "gdb 15"},
    {"vFile:unlink:", RSP_PREFIX, unlink_packet, "gdb 6.8: remote delete"},
    {"vFile:readlink:", RSP_PREFIX, readlink_packet, "gdb 7.6"},
    {0},
};

const struct rsp_part rsp_part_file = {
    .rows = rows,
    .stale = rsp_files_stale,
    .closed = rsp_files_closed,
};
