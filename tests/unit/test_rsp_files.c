/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Files of the box behind vFile packets: what is read from where, how often the box is
 * asked, and what bad packets get.  The box is a directory here.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/rsp/rsp_cache.h"
#include "host/rsp/rsp_file.h"
#include "host/rsp/rsp_parts.h"

static struct {
	char dir[64], cache[80];
	unsigned opens, reads;
	struct rsp rsp;
} self;

/* ---- the engine, as far as files need it ------------------------------------------------- */

static struct he_error *no(int os_errno)
{
	struct he_error *e = calloc(1, sizeof(*e) + 1);

	e->os_errno = os_errno;
	return e;
}

void he_error_free(struct he_error *e)
{
	free(e);
}

const char *he_cache_dir(const struct he_server *s)
{
	(void)s;
	return self.cache;
}

void he_target_info(const struct he_target *t, struct he_target_info *ret)
{
	(void)t;
	*ret = (struct he_target_info){0};
}

struct rsp_process *rsp_process_find(const struct rsp *r, uint64_t pid)
{
	(void)r;
	(void)pid;
	return NULL;
}

/* Paths of the box begin with /box; this machine has nothing there. */
static const char *real(const char *path)
{
	static char to[200];

	if (strncmp(path, "/box/", 5) != 0)
		return path;
	snprintf(to, sizeof(to), "%s/%s", self.dir, path + 5);
	return to;
}

struct he_error *he_file_stat(
    const struct he_root *r, const char *path, bool link, struct he_file_stat *ret)
{
	struct stat st;

	(void)r;
	if ((link ? lstat : stat)(real(path), &st) != 0)
		return no(errno);
	*ret = (struct he_file_stat){
	    .dev = st.st_dev,
	    .ino = st.st_ino,
	    .size = (uint64_t)st.st_size,
	    .mode = st.st_mode,
	    .links = (uint32_t)st.st_nlink,
	    .mtime = st.st_mtim.tv_sec,
	    .mtime_ns = (uint32_t)st.st_mtim.tv_nsec,
	};
	return NULL;
}

static size_t bytes(const char *path, uint64_t offset, void *buf, size_t len)
{
	int fd = open(real(path), O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? pread(fd, buf, len, (off_t)offset) : 0;

	if (fd >= 0)
		close(fd);
	return n > 0 ? (size_t)n : 0;
}

struct he_error *he_file_open(const struct he_root *r, const char *path, struct he_file_stat *ret,
    void *head, size_t len, size_t *got)
{
	struct he_error *e = he_file_stat(r, path, false, ret);

	self.opens++;
	*got = 0;
	if (!e && S_ISREG(ret->mode))
		*got = bytes(path, 0, head, len);
	return e;
}

void he_file_open_all(const struct he_root *r, struct he_file_opening *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		v[i].err = he_file_open(r, v[i].path, &v[i].st, v[i].head, v[i].len, &v[i].got);
	self.opens -= (unsigned)(n - 1);
}

struct he_error *he_file_pread(const struct he_root *r, const char *path, uint64_t dev,
    uint64_t ino, uint64_t offset, void *buf, size_t len, size_t *got)
{
	(void)r;
	(void)dev;
	(void)ino;
	self.reads++;
	*got = bytes(path, offset, buf, len);
	return NULL;
}

struct he_error *he_file_write(const struct he_root *r, const char *path,
    const struct he_file_data *d, struct he_file_stat *ret)
{
	int flags = O_WRONLY | O_CLOEXEC, fd;

	flags |= d->flags & HE_FILE_CREATE ? O_CREAT : 0;
	flags |= d->flags & HE_FILE_EMPTY ? O_TRUNC : 0;
	flags |= d->flags & HE_FILE_NEW ? O_EXCL : 0;
	fd = open(real(path), flags, d->mode);
	if (fd < 0)
		return no(errno);
	if (d->len)
		assert_int_equal(pwrite(fd, d->data, d->len, (off_t)d->offset), (ssize_t)d->len);
	close(fd);
	return he_file_stat(r, path, false, ret);
}

struct he_error *he_file_change(const struct he_root *r, const char *path, enum he_file_deed deed,
    uint32_t mode, const char *text)
{
	(void)r;
	(void)mode;
	(void)text;
	assert_int_equal(deed, HE_FILE_UNLINK);
	return unlink(real(path)) == 0 ? NULL : no(errno);
}

struct he_error *he_proc_text(const struct he_root *r, enum he_text text, char **ret, size_t *len)
{
	if (r->pid != 42 || text != HE_TEXT_SMAPS)
		return no(ESRCH);
	*ret = strdup("smaps of 42");
	*len = strlen(*ret);
	return NULL;
}

struct he_error *he_file_readlink(const struct he_root *r, const char *path, char **ret)
{
	char text[256];
	ssize_t n = readlink(real(path), text, sizeof(text) - 1);

	(void)r;
	if (n < 0)
		return no(errno);
	text[n] = 0;
	*ret = strdup(text);
	return NULL;
}

/* ---- around each test ------------------------------------------------------------------------ */

static int begin(void **state)
{
	(void)state;
	memset(&self, 0, sizeof(self));
	strcpy(self.dir, "/tmp/rspfiles.XXXXXX");
	assert_non_null(mkdtemp(self.dir));
	snprintf(self.cache, sizeof(self.cache), "%s/cache", self.dir);
	buf_init(&self.rsp.reply, RSP_REPLY);
	return 0;
}

static int end(void **state)
{
	char command[100];

	(void)state;
	rsp_files_closed(&self.rsp);
	buf_free(&self.rsp.reply);
	snprintf(command, sizeof(command), "rm -rf %s", self.dir);
	return system(command);
}

static const char *at(const char *name)
{
	static char path[160];

	snprintf(path, sizeof(path), "%s/%s", self.dir, name);
	return path;
}

static void make_file(const char *path, const void *data, size_t n)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, n, f), n);
	fclose(f);
}

static void packet(const char *text, size_t n)
{
	struct rd all = rd_init(text, n);

	buf_reset(&self.rsp.reply);
	for (const struct rsp_row *row = rsp_part_file.rows; row->prefix; row++)
		if (strncmp(text, row->prefix, strlen(row->prefix)) == 0) {
			rd_span(&all, strlen(row->prefix));
			row->handle(&self.rsp, &all);
		}
	buf_u8(&self.rsp.reply, 0);
}

static const char *ask(const char *text)
{
	packet(text, strlen(text));
	return (const char *)self.rsp.reply.p;
}

/* "vFile:WHAT:PATH" with the path in hexadecimal, and more behind it. */
static const char *about(const char *what, const char *path, const char *more)
{
	char text[1024];
	size_t n = (size_t)snprintf(text, sizeof(text), "vFile:%s:", what);

	for (; *path; path++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%02x", (unsigned char)*path);
	snprintf(text + n, sizeof(text) - n, "%s", more);
	return ask(text);
}

/* All of it in small pieces, as a debugger reads. */
static void reads_as(uint64_t fd, const uint8_t *want, size_t n, size_t step)
{
	uint8_t *got = malloc(step);
	size_t done;

	for (size_t from = 0; from < n; from += step) {
		assert_int_equal(rsp_file_read(&self.rsp, fd, from, got, step, &done), 0);
		assert_int_equal(done, n - from < step ? n - from : step);
		assert_memory_equal(got, want + from, done);
	}
	free(got);
}

static uint8_t *noise(size_t n)
{
	uint8_t *p = malloc(n);

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(i * 31 + (i >> 8) * 7 + (i >> 16));
	return p;
}

/* An ELF file of that size with a build-id made of one byte. */
static uint8_t *elf(size_t n, uint8_t id)
{
	uint8_t *p = noise(n);
	struct buf b = {.p = p, .cap = n, .max = n};

	buf_raw(&b, "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0", 16);
	buf_u64(&b, 0); /* type, machine, version */
	buf_u64(&b, 0); /* entry */
	buf_u64(&b, 64);
	buf_u64(&b, 0); /* shoff */
	buf_u32(&b, 0);
	buf_u16(&b, 64);
	buf_u16(&b, 56);
	buf_u16(&b, 1);
	buf_u16(&b, 0);
	buf_u32(&b, 0);
	buf_u32(&b, 4); /* PT_NOTE */
	buf_u32(&b, 4);
	buf_u64(&b, 120);
	buf_u64(&b, 120);
	buf_u64(&b, 120);
	buf_u64(&b, 36);
	buf_u64(&b, 36);
	buf_u64(&b, 4);
	buf_u32(&b, 4);
	buf_u32(&b, 20);
	buf_u32(&b, 3);
	buf_raw(&b, "GNU", 4);
	for (unsigned i = 0; i < 20; i++)
		buf_u8(&b, id);
	assert_false(b.bad);
	return p;
}

static void kept_path(char *to, size_t size, uint8_t id)
{
	size_t n = (size_t)snprintf(to, size, "%s/", self.cache);

	for (unsigned i = 0; i < 20; i++)
		n += (size_t)snprintf(to + n, size - n, "%02x", id);
	snprintf(to + n, size - n, "/elf");
}

static int open_it(const char *path)
{
	return rsp_file_open(&self.rsp, path, RSP_OPEN_READ, 0);
}

/* ---- where bytes come from --------------------------------------------------------------------
 */

static void small_reads_are_few_questions_of_the_box(void **state)
{
	size_t n = 3 * 1024 * 1024 + 123;
	uint8_t *data = noise(n);
	int fd;

	(void)state;
	make_file(at("file"), data, n);
	fd = open_it("/box/file");
	assert_int_equal(fd, 0);
	reads_as(0, data, n, 1000);
	assert_int_equal(self.opens, 1);
	assert_in_range(self.reads, 1, 6);
	free(data);
}

static void a_jump_fetches_little_and_what_is_here_not_again(void **state)
{
	size_t n = 32 * 1024 * 1024;
	struct rsp_cache_counts counts;
	uint8_t *data = noise(n), got[64];
	size_t done;

	(void)state;
	make_file(at("file"), data, n);
	assert_int_equal(open_it("/box/file"), 0);
	for (unsigned again = 0; again < 2; again++)
		for (size_t from = 0; from < n; from += n / 4) {
			assert_int_equal(rsp_file_read(&self.rsp, 0, from, got, 64, &done), 0);
			assert_memory_equal(got, data + from, 64);
		}
	rsp_file_counts(&self.rsp, &counts);
	assert_in_range(counts.fetched, 1, 4 * 1024 * 1024);
	assert_int_equal(self.reads, 4);
	free(data);
}

static void a_file_that_was_read_is_not_fetched_again_unless_it_changed(void **state)
{
	uint8_t *data = noise(100000);
	unsigned reads;
	int fd;

	(void)state;
	make_file(at("file"), data, 100000);
	fd = open_it("/box/file");
	reads_as((uint64_t)fd, data, 100000, 5000);
	reads = self.reads;
	rsp_file_close(&self.rsp, (uint64_t)fd);
	fd = open_it("/box/file");
	reads_as((uint64_t)fd, data, 100000, 5000);
	assert_int_equal(self.reads, reads);
	rsp_file_close(&self.rsp, (uint64_t)fd);
	data[70000] ^= 1;
	unlink(at("file"));
	make_file(at("file"), data, 100000);
	/* The kernel's clock for files ticks in milliseconds: we are faster than that. */
	assert_int_equal(utimensat(AT_FDCWD, at("file"),
			     (const struct timespec[2]){{.tv_sec = 1000}, {.tv_sec = 1000}}, 0),
	    0);
	fd = open_it("/box/file");
	reads_as((uint64_t)fd, data, 100000, 5000);
	assert_true(self.reads > reads);
	free(data);
}

static void a_whole_file_with_a_build_id_is_kept_and_then_read_here(void **state)
{
	size_t n = 300000;
	uint8_t *data = elf(n, 0xab), *copy = malloc(n);
	struct rsp_cache_counts counts;
	char kept[200];

	(void)state;
	make_file(at("lib.so"), data, n);
	assert_int_equal(open_it("/box/lib.so"), 0);
	reads_as(0, data, 100, 100);
	kept_path(kept, sizeof(kept), 0xab);
	assert_int_equal(bytes(kept, 0, copy, n), n);
	assert_memory_equal(copy, data, n);
	rsp_files_closed(&self.rsp);
	self.reads = 0;
	assert_int_equal(open_it("/box/lib.so"), 0);
	reads_as(0, data, n, 4096);
	assert_int_equal(self.reads, 0);
	rsp_file_counts(&self.rsp, &counts);
	assert_int_equal(counts.local, 1);
	assert_int_equal(counts.fetched, 0);
	free(copy);
	free(data);
}

static void a_local_file_of_that_build_id_with_other_bytes_is_not_taken(void **state)
{
	size_t n = 300000;
	uint8_t *data = elf(n, 0xab);
	char kept[200], dir[200];

	(void)state;
	kept_path(kept, sizeof(kept), 0xab);
	mkdir(self.cache, 0700);
	snprintf(dir, sizeof(dir), "%.*s", (int)(strlen(kept) - 4), kept);
	mkdir(dir, 0700);
	make_file(kept, data, n - 8); /* stripped otherwise, say */
	make_file(at("lib.so"), data, n);
	assert_int_equal(open_it("/box/lib.so"), 0);
	reads_as(0, data, n, 50000);
	assert_true(self.reads > 0);
	free(data);
}

static void a_file_that_shrinks_while_it_is_open_is_an_error_not_an_end(void **state)
{
	uint8_t *data = noise(400000), got[16];
	size_t done;

	(void)state;
	make_file(at("file"), data, 400000);
	assert_int_equal(open_it("/box/file"), 0);
	assert_int_equal(truncate(at("file"), 10), 0);
	assert_int_equal(rsp_file_read(&self.rsp, 0, 390000, got, 16, &done), -EIO);
	free(data);
}

static void build_ids_of_damaged_files_are_none(void **state)
{
	uint8_t *data = elf(4096, 0x11), *cut;
	char id[CACHE_ID];

	(void)state;
	assert_true(rsp_build_id(data, 4096, id));
	assert_string_equal(id, "1111111111111111111111111111111111111111");
	for (size_t n = 0; n < 156; n++) {
		cut = malloc(n + 1);
		memcpy(cut, data, n);
		assert_false(rsp_build_id(cut, n, id));
		free(cut);
	}
	/* No byte of it can lead a reader out of the file. */
	cut = malloc(156);
	for (size_t i = 0; i < 156; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			memcpy(cut, data, 156);
			cut[i] ^= (uint8_t)(1 << bit);
			rsp_build_id(cut, 156, id);
		}
	free(cut);
	free(data);
}

/* ---- files that will be opened ------------------------------------------------------------------
 */

static const char *const expected[] = {"/box/a.so", "/box/b.so", "/box/none.so"};

/* Two libraries, and one that is not there. */
static void expect_libraries(void)
{
	for (size_t i = 0; i < 3; i++)
		rsp_file_expect(&self.rsp, expected[i]);
	make_file(at("a.so"), "first", 5);
	make_file(at("b.so"), "second", 6);
}

static uint64_t size_of(const char *path)
{
	struct he_file_stat st;
	int fd = open_it(path);

	assert_true(fd >= 0);
	assert_int_equal(rsp_file_stat(&self.rsp, (uint64_t)fd, &st), 0);
	assert_int_equal(rsp_file_close(&self.rsp, (uint64_t)fd), 0);
	return st.size;
}

static void expected_files_come_in_one_trip(void **state)
{
	(void)state;
	expect_libraries();
	rsp_file_expect(&self.rsp, "linux-vdso.so.1");
	assert_int_equal(self.opens, 0);
	assert_int_equal(size_of("/box/b.so"), 6);
	assert_int_equal(size_of("/box/a.so"), 5);
	assert_int_equal(size_of("/box/b.so"), 6);
	assert_int_equal(self.opens, 1);
	assert_int_equal(open_it("/box/none.so"), -ENOENT);
	assert_int_equal(self.opens, 1 + 1);
	assert_string_equal(ask("vFile:setfs:2a"), "F0"); /* another root */
	assert_int_equal(size_of("/box/a.so"), 5);
	assert_int_equal(self.opens, 3);
}

static void what_is_known_of_them_ends_when_something_runs_or_is_written(void **state)
{
	int fd;

	(void)state;
	expect_libraries();
	assert_int_equal(size_of("/box/a.so"), 5);
	make_file(at("a.so"), "longer", 6);
	rsp_part_file.stale(&self.rsp, NULL);
	assert_int_equal(size_of("/box/a.so"), 6);
	fd = rsp_file_open(&self.rsp, "/box/a.so", RSP_OPEN_WRITE | RSP_OPEN_EMPTY, 0);
	assert_true(fd >= 0);
	assert_int_equal(size_of("/box/a.so"), 0);
	assert_int_equal(
	    rsp_file_write(&self.rsp, (uint64_t)fd, 0, (struct span){(const uint8_t *)"xyz", 3}),
	    0);
	assert_int_equal(size_of("/box/a.so"), 3);
	assert_string_equal(about("unlink", "/box/a.so", ""), "F0");
	assert_int_equal(open_it("/box/a.so"), -ENOENT);
}

static void gdb_s_probe_asks_nothing_of_the_box(void **state)
{
	(void)state;
	assert_string_equal(about("open", "just probing", ",0,1c0"), "F-1,2");
	assert_int_equal(self.opens, 0);
}

/* ---- packets
 * ------------------------------------------------------------------------------------- */

static void packets_open_read_and_close(void **state)
{
	(void)state;
	make_file(at("file"), "ab}#$*cd", 8);
	assert_string_equal(about("open", "/box/file", ",0,0"), "F0");
	assert_string_equal(ask("vFile:pread:0,4,0"), "F4;ab}]}\3"); /* escapes are not counted */
	assert_string_equal(ask("vFile:pread:0,100,6"), "F2;cd");
	assert_string_equal(ask("vFile:pread:0,100,8"), "F0;");
	assert_string_equal(ask("vFile:close:0"), "F0");
	assert_string_equal(ask("vFile:close:0"), "F-1,9");
	assert_string_equal(ask("vFile:pread:0,4,0"), "F-1,9");
}

static void texts_of_proc_are_read_as_files(void **state)
{
	static const char *const others[] = {"/proc/42/mem", "/proc/42/smaps/", "/proc/self/smaps",
	    "/proc/-42/smaps", "/proc/99999999999999999999/smaps", "/proc//smaps", "/proc/42"};

	(void)state;
	assert_string_equal(about("open", "/proc/42/smaps", ",0,0"), "F0");
	assert_string_equal(ask("vFile:pread:0,5,0"), "F5;smaps");
	assert_string_equal(ask("vFile:pread:0,100,9"), "F2;42");
	assert_string_equal(ask("vFile:pread:0,100,b"), "F0;");
	assert_string_equal(ask("vFile:pread:0,100,ffffffffffffffff"), "F0;");
	assert_string_equal(about("open", "/proc/43/smaps", ",0,0"), "F-1,270f"); /* ESRCH */
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		about("open", others[i], ",0,0"); /* files as all others, to the box */
	assert_int_equal(self.opens, sizeof(others) / sizeof(others[0]));
}

static void packets_write_and_remove(void **state)
{
	char text[] = "vFile:pwrite:0,1,x\0y";
	uint8_t got[8];

	(void)state;
	assert_string_equal(about("open", "/box/new", ",1,180"), "F-1,2");
	assert_string_equal(about("open", "/box/new", ",601,1a4"), "F0"); /* creat, trunc, wronly */
	packet(text, sizeof(text) - 1);
	assert_string_equal((char *)self.rsp.reply.p, "F3");
	assert_string_equal(ask("vFile:pread:0,4,0"), "F-1,9");
	assert_int_equal(bytes(at("new"), 1, got, 8), 3);
	assert_memory_equal(got, "x\0y", 3);
	assert_string_equal(about("open", "/box/new", ",a01,1a4"), "F-1,11"); /* excl */
	assert_string_equal(about("unlink", "/box/new", ""), "F0");
	assert_string_equal(about("unlink", "/box/new", ""), "F-1,2");
}

static uint64_t be(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | *p++;
	return v;
}

/* Numbers of files and devices hold any byte, such as are escaped too. */
static size_t unescape(const struct buf *reply, uint8_t *to, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < reply->len && n < max; i++) {
		bool escaped = reply->p[i] == '}' && i + 1 < reply->len;

		i += escaped;
		to[n++] = escaped ? reply->p[i] ^ 0x20 : reply->p[i];
	}
	return n;
}

static void a_stat_is_laid_out_as_the_protocol_has_it(void **state)
{
	uint8_t p[4 + 64];

	(void)state;
	make_file(at("file"), "12345", 5);
	chmod(at("file"), 04755);
	assert_string_equal(about("open", "/box/file", ",0,0"), "F0");
	ask("vFile:fstat:0");
	assert_int_equal(unescape(&self.rsp.reply, p, sizeof(p)), sizeof(p));
	assert_memory_equal(p, "F40;", 4);
	assert_int_equal(be(p + 4 + 8, 4), 0100755);
	assert_int_equal(be(p + 4 + 28, 8), 5);
	assert_string_equal(ask("vFile:fstat:1"), "F-1,9");
	assert_int_equal(symlink("file", at("link")), 0);
	assert_string_equal(about("readlink", "/box/link", ""), "F4;file");
	assert_string_equal(about("readlink", "/box/file", ""), "F-1,16");
}

/* Of the bits LLDB has of its own those say something of a descriptor, which there is none of;
 * links it does not want followed would be. */
static void lldb_s_bits_for_descriptors_change_nothing(void **state)
{
	(void)state;
	make_file(at("file"), "12345", 5);
	assert_string_equal(about("open", "/box/file", ",40000000,0"), "F0");
	assert_string_equal(about("open", "/box/file", ",50000000,1a4"), "F1");
	assert_string_equal(about("open", "/box/new", ",40000601,1a4"), "F2");
	assert_string_equal(about("open", "/box/file", ",20000000,0"), "F-1,16");
}

static void bad_packets_get_errors(void **state)
{
	static const char *const bad[] = {"vFile:open:", "vFile:open:2f,0", "vFile:open:2g,0,0",
	    "vFile:open:2f00,0,0", "vFile:open:2f,3,0", "vFile:open:2f,ffffffffffffffffff,0",
	    "vFile:open:2f,10000,0", "vFile:close:", "vFile:close:zz", "vFile:pread:0",
	    "vFile:pread:0,1", "vFile:pread:0,11111111111111111,0", "vFile:pread:0,1,0,0",
	    "vFile:pwrite:0", "vFile:pwrite:0,0", "vFile:fstat:", "vFile:unlink:", "vFile:unlink:0",
	    "vFile:setfs:", "vFile:setfs:ffffffff", "vFile:readlink:2"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *reply = ask(bad[i]);

		if (strncmp(reply, "F-1,", 4) != 0)
			fail_msg("%s got %s", bad[i], reply);
	}
	assert_string_equal(ask("vFile:setfs:0"), "F0");
	assert_string_equal(about("open", "/no/such", ",0,0"), "F-1,2");
	assert_string_equal(ask("vFile:pread:40,1,0"), "F-1,9");
	assert_string_equal(ask("vFile:pread:ffffffffffffffff,1,0"), "F-1,9");
}

static void numbers_of_files_run_out_and_come_back(void **state)
{
	(void)state;
	make_file(at("file"), "x", 1);
	for (int i = 0; i < 64; i++)
		assert_int_equal(open_it("/box/file"), i);
	assert_int_equal(open_it("/box/file"), -EMFILE);
	assert_int_equal(rsp_file_close(&self.rsp, 5), 0);
	assert_int_equal(open_it("/box/file"), 5);
}

#define T(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(small_reads_are_few_questions_of_the_box),
	    T(a_jump_fetches_little_and_what_is_here_not_again),
	    T(a_file_that_was_read_is_not_fetched_again_unless_it_changed),
	    T(a_whole_file_with_a_build_id_is_kept_and_then_read_here),
	    T(a_local_file_of_that_build_id_with_other_bytes_is_not_taken),
	    T(a_file_that_shrinks_while_it_is_open_is_an_error_not_an_end),
	    T(build_ids_of_damaged_files_are_none),
	    T(packets_open_read_and_close),
	    T(texts_of_proc_are_read_as_files),
	    T(packets_write_and_remove),
	    T(a_stat_is_laid_out_as_the_protocol_has_it),
	    T(lldb_s_bits_for_descriptors_change_nothing),
	    T(bad_packets_get_errors),
	    T(numbers_of_files_run_out_and_come_back),
	    T(expected_files_come_in_one_trip),
	    T(what_is_known_of_them_ends_when_something_runs_or_is_written),
	    T(gdb_s_probe_asks_nothing_of_the_box),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
