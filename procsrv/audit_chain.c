/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit_chain.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/tls_compat.h"

enum { HEAD_TEXT = 96, RENAMED_OFTEN = 16 };

/* ---- lines ------------------------------------------------------------------------ */

void chain_hash(
    uint8_t hash[CHAIN_HASH], const uint8_t before[CHAIN_HASH], const char *line, size_t n)
{
	uint8_t room[CHAIN_HASH + CHAIN_LINE];

	n = n < CHAIN_LINE ? n : CHAIN_LINE;
	memcpy(room, before, CHAIN_HASH);
	memcpy(room + CHAIN_HASH, line, n);
	compat_sha256(room, CHAIN_HASH + n, hash);
}

const char *chain_text(char to[CHAIN_TEXT], const uint8_t hash[CHAIN_HASH])
{
	for (size_t i = 0; i < CHAIN_HASH; i++)
		snprintf(to + 2 * i, 3, "%02x", hash[i]);
	return to;
}

static int digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

static bool parse_hash(const char *text, uint8_t hash[CHAIN_HASH])
{
	for (size_t i = 0; i < CHAIN_HASH; i++) {
		int high = digit(text[2 * i]), low = high < 0 ? -1 : digit(text[2 * i + 1]);

		if (low < 0)
			return false;
		hash[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

bool chain_parse(const char *line, size_t n, struct chain_end *ret, size_t *body)
{
	static const char mark[] = " hash=";
	const size_t tail = sizeof(mark) - 1 + 2ul * CHAIN_HASH;
	size_t at = 2;

	if (n < tail + 4 || n >= CHAIN_LINE || memcmp(line, "n=", 2) != 0)
		return false;
	ret->n = 0;
	for (; at < 21 && line[at] >= '0' && line[at] <= '9'; at++)
		ret->n = ret->n * 10 + (uint64_t)(line[at] - '0');
	*body = n - tail;
	return at > 2 && line[at] == ' ' && memcmp(line + *body, mark, sizeof(mark) - 1) == 0 &&
	       parse_hash(line + *body + sizeof(mark) - 1, ret->hash);
}

/* ---- the two files ------------------------------------------------------------------ */

struct chain {
	int file, head;
	off_t size;
	bool torn; /* the last line has no end: its writer's machine died */
	struct chain_end end;
};

static int open_one(const char *path)
{
	struct stat st;
	int fd = open(path,
	    O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	    !(st.st_mode & 077))
		return fd;
	close(fd);
	errno = EPERM;
	return -1;
}

static int lock(int fd)
{
	while (flock(fd, LOCK_EX) != 0)
		if (errno != EINTR)
			return -1;
	return 0;
}

/* Locked, and still the one of that name: it may be renamed while we wait. */
static int open_locked(const char *path)
{
	struct stat ours, there;

	for (int i = 0; i < RENAMED_OFTEN; i++) {
		int fd = open_one(path), err;

		if (fd < 0)
			return -1;
		if (lock(fd) == 0 && fstat(fd, &ours) == 0 && stat(path, &there) == 0 &&
		    ours.st_ino == there.st_ino && ours.st_dev == there.st_dev)
			return fd;
		err = errno;
		close(fd);
		errno = err;
	}
	return -1;
}

static bool head_path(char to[CHAIN_PATH], const char *path)
{
	return snprintf(to, CHAIN_PATH, "%s.head", path) < CHAIN_PATH;
}

/* Always as long, and written at once: who reads it at the same moment finds the old one or
 * the new one. */
static bool parse_head(const char *text, ssize_t n, struct chain_end *ret)
{
	size_t body;

	return n > 1 && text[n - 1] == '\n' && chain_parse(text, (size_t)n - 1, ret, &body);
}

static size_t head_text(char text[HEAD_TEXT], const struct chain_end *end)
{
	char hash[CHAIN_TEXT];

	return (size_t)snprintf(
	    text, HEAD_TEXT, "n=%019" PRIu64 " hash=%s\n", end->n, chain_text(hash, end->hash));
}

bool chain_head(const char *path, struct chain_end *ret)
{
	char name[CHAIN_PATH], text[HEAD_TEXT];
	int fd = head_path(name, path) ? open(name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text)) : 0;

	if (fd >= 0)
		close(fd);
	return parse_head(text, n, ret);
}

/* The end of the last line that has one. */
static bool read_tail(struct chain *c, struct chain_end *ret)
{
	char text[2 * CHAIN_LINE];
	size_t want = c->size < (off_t)sizeof(text) ? (size_t)c->size : sizeof(text), body;
	ssize_t n = pread(c->file, text, want, c->size - (off_t)want);
	char *end, *begin;

	if (n <= 0)
		return false;
	c->torn = text[n - 1] != '\n';
	end = memrchr(text, '\n', (size_t)n);
	if (!end)
		return false;
	begin = memrchr(text, '\n', (size_t)(end - text));
	begin = begin ? begin + 1 : text;
	return chain_parse(begin, (size_t)(end - begin), ret, &body);
}

/* Of a head and a last line the later counts: a line that was written when the head was not
 * is one, and lines that were cut off are to be missed. */
static void read_end(struct chain *c)
{
	struct chain_end head, tail;
	char text[HEAD_TEXT];
	ssize_t n = pread(c->head, text, sizeof(text), 0);
	bool has_head = parse_head(text, n, &head), has_tail = read_tail(c, &tail);

	c->end = (struct chain_end){0};
	if (has_head)
		c->end = head;
	if (has_tail && (!has_head || tail.n > head.n))
		c->end = tail;
}

static void chain_close(struct chain *c)
{
	if (c->head >= 0)
		close(c->head);
	if (c->file >= 0)
		close(c->file);
}

static int chain_open(struct chain *c, const char *path)
{
	char name[CHAIN_PATH];
	struct stat st;
	int err;

	*c = (struct chain){.file = open_locked(path), .head = -1};
	errno = c->file < 0 ? errno : ENAMETOOLONG;
	if (c->file >= 0 && head_path(name, path))
		c->head = open_one(name);
	if (c->head >= 0 && fstat(c->file, &st) == 0) {
		fcntl(c->head, F_SETFL, 0); /* its text is replaced, not added to */
		c->size = st.st_size;
		read_end(c);
		return 0;
	}
	err = errno;
	chain_close(c);
	return err;
}

/* ---- appending -------------------------------------------------------------------- */

static void stamp(char *to, size_t size)
{
	struct timespec now;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	n = strftime(to, size, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(to + n, size - n, ".%03ldZ", now.tv_nsec / 1000000);
}

/* Times of one boot can be compared, whatever the clock did. */
static void boot_id(char to[33])
{
	char text[40] = "";
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC), n = 0;

	if (fd >= 0 && read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	if (fd >= 0)
		close(fd);
	for (const char *p = text; *p && n < 32; p++)
		if (digit(*p) >= 0)
			to[n++] = *p;
	to[n] = 0;
}

/* The line behind c->end, which it becomes.  Its length; 0 = too long. */
static size_t compose(char line[CHAIN_LINE], struct chain_end *end, const char *text)
{
	char at[40], boot[33], hash[CHAIN_TEXT];
	int n;

	stamp(at, sizeof(at));
	boot_id(boot);
	n = snprintf(
	    line, CHAIN_LINE, "n=%" PRIu64 " time=%s boot=%s %s", ++end->n, at, boot, text);
	if (n < 0 || n + (int)sizeof(" hash=\n") + 2 * CHAIN_HASH > CHAIN_LINE)
		return 0;
	chain_hash(end->hash, end->hash, line, (size_t)n);
	n += snprintf(line + n, CHAIN_LINE - (size_t)n, " hash=%s\n", chain_text(hash, end->hash));
	return (size_t)n;
}

static int write_head(struct chain *c)
{
	char text[HEAD_TEXT];
	size_t n = head_text(text, &c->end);

	errno = EIO;
	return pwrite(c->head, text, n, 0) == (ssize_t)n ? 0 : errno;
}

/* All of it, or nothing of it. */
static int write_line(struct chain *c, const char *line, size_t n)
{
	ssize_t got;
	int err;

	/* What has no end shall not become the beginning of ours. */
	if (c->torn && write(c->file, "\n", 1) != 1)
		return errno;
	c->size += c->torn;
	errno = ENOSPC;
	got = write(c->file, line, n);
	err = got == (ssize_t)n ? write_head(c) : errno;
	if (err && got > 0 && ftruncate(c->file, c->size) != 0)
		return errno;
	return err;
}

int chain_append(const char *path, const char *text, struct chain_end *end)
{
	char line[CHAIN_LINE];
	struct chain c;
	int err = chain_open(&c, path);
	size_t n;

	if (err)
		return err;
	n = compose(line, &c.end, text);
	err = n ? write_line(&c, line, n) : EMSGSIZE;
	chain_close(&c);
	if (!err)
		*end = c.end;
	return err;
}

/* Nobody else may put another file in its place, either. */
static int check_dir(const char *path, char *why, size_t size)
{
	char dir[CHAIN_PATH];
	struct stat st;
	char *slash;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (path[0] != '/' || strlen(path) + sizeof(".head") > sizeof(dir)) {
		snprintf(why, size, "%s: the record's file is named by its whole path", path);
		return -1;
	}
	slash[slash == dir] = 0;
	if (stat(dir, &st) != 0) {
		snprintf(why, size, "%s: %s: make it, for nobody else to write there", dir,
		    strerror(errno));
		return -1;
	}
	if ((st.st_uid == 0 || st.st_uid == geteuid()) && !(st.st_mode & (S_IWGRP | S_IWOTH)))
		return 0;
	snprintf(why, size, "%s: others can write there (chown it, chmod go-w)", dir);
	return -1;
}

int chain_check(const char *path, char *why, size_t size)
{
	struct chain c;
	int err;

	if (check_dir(path, why, size) != 0)
		return -1;
	err = chain_open(&c, path);
	if (!err) {
		chain_close(&c);
		return 0;
	}
	snprintf(why, size, "%s: the record cannot be written there: %s", path,
	    err == EPERM ? "it is not a file of ours that nobody else may read (chmod 600)"
			 : strerror(err));
	return -1;
}
