/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "audit_chain.h"
#include "audit_line.h"

/* More than this a guard does not say between two links; who writes there may be hostile. */
enum { SPOOL_MOST = 4096 };

/* When it happened stands behind it: its place in the record is later. */
static int take_one(const char *path, const struct session_facts *f, struct journal_record *s)
{
	struct audit_line l = {.session = f->number, .key = f->key, .from = f->from};
	char why[AUDIT_WHY], text[AUDIT_TEXT + 40], at[32];
	uint8_t id[SESSION_ID] = {0};
	struct chain_end end;
	time_t t = (time_t)s->at;
	struct tm tm;
	size_t n;

	for (size_t i = 0; i < 4; i++)
		sscanf(f->id + 2 * i, "%2hhx", &id[i]); /* as much as a line shows */
	l.id = id;
	s->audit.name[sizeof(s->audit.name) - 1] = 0;
	audit_take(&l, &s->audit, why, sizeof(why));
	audit_text(text, &l);
	n = strlen(text);
	if (gmtime_r(&t, &tm) && strftime(at, sizeof(at), " at=%Y-%m-%dT%H:%M:%SZ", &tm))
		snprintf(text + n, sizeof(text) - n, "%s", at);
	return chain_append(path, text, &end);
}

/* What was taken goes, so that it is not taken again. */
static void drop_first(int fd, unsigned n)
{
	struct journal_record s;
	off_t to = 0;

	for (off_t from = (off_t)(n * sizeof(s)); pread(fd, &s, sizeof(s), from) == sizeof(s);
	     from += (off_t)sizeof(s), to += (off_t)sizeof(s))
		if (pwrite(fd, &s, sizeof(s), to) != sizeof(s))
			return;
	if (ftruncate(fd, to) != 0)
		return;
}

int spool_take(int own, const char *path, const struct session_facts *f)
{
	int fd = openat(own, SPOOL_NAME, O_RDWR | O_NOFOLLOW | O_CLOEXEC), err = 0;
	struct journal_record s;
	unsigned n = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : errno;
	while (!err && n < SPOOL_MOST &&
	       pread(fd, &s, sizeof(s), (off_t)(n * sizeof(s))) == (ssize_t)sizeof(s)) {
		err = take_one(path, f, &s);
		n += !err;
	}
	if (err || n == SPOOL_MOST)
		drop_first(fd, n);
	else if (ftruncate(fd, 0) != 0)
		err = errno;
	close(fd);
	return err;
}

int spool_take_left(int own, const char *path, const struct session_facts *f)
{
	int err = spool_take(own, path, f), fd = -1;
	struct journal_record r;

	if (!err)
		fd = openat(own, JOURNAL_NAME, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	for (unsigned n = 0; fd >= 0 && !err && n < JOURNAL_RECORDS && journal_peek_record(fd, &r);
	     n++) {
		err = take_one(path, f, &r);
		if (!err)
			err = journal_drop_record(fd);
	}
	if (fd >= 0)
		close(fd);
	return err;
}
