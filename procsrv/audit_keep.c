/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Bytes; whose guard it is may have made it as long as he likes. */
static const off_t SPOOL_LENGTH = (1 << 17) * sizeof(struct journal_record);

int spool_write(int fd, const struct ipc_audit *a)
{
	struct journal_record s = {.at = time(NULL), .audit = *a};
	ssize_t n;
	struct stat st;

	errno = ENOSPC;
	if (fstat(fd, &st) != 0 || st.st_size >= SPOOL_LENGTH)
		return -1;
	n = write(fd, &s, sizeof(s));
	if (n == (ssize_t)sizeof(s))
		return 0;
	/* What has no end would be the beginning of the next. */
	if (n > 0 && fstat(fd, &st) == 0)
		(void)!ftruncate(fd, st.st_size - st.st_size % (off_t)sizeof(s));
	return -1;
}

int spool_add(int own, const struct ipc_audit *a)
{
	int fd = openat(own, SPOOL_NAME, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC), err;

	if (fd < 0)
		return -1;
	err = spool_write(fd, a);
	close(fd);
	return err;
}

bool spool_next(int fd, off_t *at, struct journal_record *r)
{
	for (; *at < SPOOL_LENGTH; *at += (off_t)sizeof(*r)) {
		if (pread(fd, r, sizeof(*r), *at) != (ssize_t)sizeof(*r))
			return false;
		if (r->at != SPOOL_TAKEN)
			return true;
	}
	return false;
}

bool spool_waits(int own)
{
	int fd = openat(own, SPOOL_NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct journal_record r;
	off_t at = 0;
	bool waits = spool_next(fd, &at, &r);

	if (fd >= 0)
		close(fd);
	return waits;
}

bool spool_left(int own)
{
	int fd = openat(own, JOURNAL_NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct journal_record r;
	unsigned n = 0;
	bool left = spool_waits(own) || journal_peek_record(fd, &n, &r);

	if (fd >= 0)
		close(fd);
	return left;
}
