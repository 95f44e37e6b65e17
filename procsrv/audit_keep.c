/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int spool_write(int fd, const struct ipc_audit *a)
{
	struct journal_record s = {.at = time(NULL), .audit = *a};
	ssize_t n;
	struct stat st;

	errno = ENOSPC;
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

bool spool_waits(int own)
{
	struct stat st;

	return fstatat(own, SPOOL_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_size >= (off_t)sizeof(struct journal_record);
}

bool spool_left(int own)
{
	int fd = openat(own, JOURNAL_NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct journal_record r;
	bool left = spool_waits(own) || journal_peek_record(fd, &r);

	if (fd >= 0)
		close(fd);
	return left;
}
